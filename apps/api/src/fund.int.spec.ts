import { type Answer, cny, type Market, openMarket, startTestApi, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let people: { chen: string; lin: string; operator: string; buyer: string };

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  people = {
    chen: await api.person('finance', 'chen'),
    lin: await api.person('finance', 'lin'),
    operator: await api.person('operator', 'liu'),
    buyer: await api.person('buyer', 'b1'),
  };
  const agreement = { minimum: cny(0), payeeAccount: 'account-of-m2', rail: 'sandbox', termsVersion: 1 };
  await api.post(people.chen, '/deposits/m2/agreement', agreement);
});
afterAll(() => api.close());

const at = { asset: 'CNY' };
const problem = ({ body }: Answer) => body.type?.replace('urn:recourse:problem:', '');
let asked = 0;
const ask = (as: string, path: string, body: object) =>
  api.call({ method: 'POST', as, path, body, key: `asked-${(asked += 1)}-by-nobody-else` });
const fund = async () => {
  await api.settled();
  const { body } = await api.get(people.chen, '/fund');
  return (body['funds'] as Record<string, unknown>[])[0]!;
};
const aside = async () => {
  const { body } = await api.get(people.chen, '/fund/aside');
  return (body['refunds'] as { refundId: string }[]).map(({ refundId }) => refundId);
};
const advance = (to: string) => api.post(people.operator, '/clock/advance', { to });
/** Paid for, not delivered by the platform's own fault: 50.00 out of the fund. */
const owe = async (orderNo: string, merchant = 'm1') => {
  await api.post(api.shop, '/orders', { ...market.orderBody(orderNo), settlement: 'ESCROW', merchant });
  await api.post(api.shop, '/sandbox/captures', { transaction: `tx-${orderNo}`, amount: cny(5_000) });
  await api.post(api.shop, `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
  await api.post(api.shop, `/orders/${orderNo}/units/1/platform-failures`, { incident: `INC-${orderNo}` });
  await api.post(people.buyer, '/disputes', { orderNo, units: [1], reason: 'platform-failure' });
  await api.settled();
};
const contribute = async (transaction: string, minor: number) => {
  await api.post(api.shop, '/sandbox/captures', { transaction, amount: cny(minor) });
  const { body } = await api.post(people.chen, '/fund/contributions', { transaction, rail: 'sandbox', amount: cny(minor) });
  await api.post(people.lin, `/fund/contributions/${String(body['contributionId'])}/approval`);
};
/** What the fund said, in its order: the event and the order it is about. */
const periodOf = (no: string) => api.adapters.eventStore.readStream(`fund-demo.CNY.${no}`, { limit: 5_000 });
const story = async (from: number) => {
  const events = [...(await periodOf('0001')), ...(await periodOf('0002'))];
  return events.slice(from).map(({ type, data }) => {
    const { orderId, refundId } = data as { orderId?: string; refundId?: string };
    return [type, (orderId ?? refundId ?? '').split('.')[1] ?? ''].join(' ').trim();
  });
};
const said = async () => {
  await api.settled();
  return (await story(0)).length;
};

it('a pause lets refunds wait in order and money come in; the resume pays them in that order', async () => {
  const from = await said();
  await api.post(people.operator, '/fund/pause', { ...at, reason: 'an odd night' });
  await owe('P1');
  await owe('P2');
  await contribute('fund-p', 1_000);
  expect(await fund()).toMatchObject({
    available: cny(101_000),
    waiting: 2,
    queued: cny(10_000),
    mode: 'pause',
    modeBy: 'operator-liu',
    modeReason: 'an odd night',
  });
  expect(problem(await ask(people.chen, '/fund/pause', { ...at, reason: 'again' }))).toBe('already-paused');
  await api.post(people.operator, '/fund/resume', { ...at, reason: 'all is well' });
  expect(await fund()).toMatchObject({ available: cny(91_000), waiting: 0, mode: 'running', modeReason: 'all is well' });
  expect(await story(from)).toEqual([
    'FundPaused',
    'ReservationQueued P1',
    'ReservationQueued P2',
    'FundContributed',
    'FundResumed',
    'FundsReserved P1',
    'FundsReserved P2',
  ]);
  expect(api.log.join('\n')).toContain('ALARM: the fund stands still by a pause');
});

it('the kill switch is pulled by one person and ended by two', async () => {
  await api.post(people.chen, '/fund/kill-switch', { ...at, reason: 'keys leaked' });
  await owe('K1');
  expect(await fund()).toMatchObject({ mode: 'kill-switch', waiting: 1 });
  const proposed = await api.post(people.chen, '/fund/resume', { ...at, reason: 'keys replaced' });
  expect(proposed.body).toMatchObject({ mode: 'kill-switch', resume: 'proposed' });
  const alone = await ask(people.chen, '/fund/resume', { ...at, reason: 'really' });
  expect([alone.status, problem(alone)]).toEqual([403, 'same-subject']);
  expect(await fund()).toMatchObject({ mode: 'kill-switch', waiting: 1 });
  const resumed = await api.post(people.lin, '/fund/resume', { ...at, reason: 'seen the new keys' });
  expect(resumed.body).toMatchObject({ mode: 'running' });
  expect(await fund()).toMatchObject({ mode: 'running', waiting: 0, available: cny(86_000) });
  const events = await periodOf('0001');
  expect(events.find(({ type, data }) => type === 'FundResumed' && 'proposedBy' in (data as object))?.data).toMatchObject({
    proposedBy: 'finance-chen',
    by: 'finance-lin',
    reason: 'seen the new keys',
  });
});

it('two people set limits; the low-water mark is told once per crossing', async () => {
  const limits = { ...at, lowWaterMark: cny(85_000), reason: 'weekly review' };
  const { body } = await api.post(people.chen, '/fund/limits', limits);
  expect(body).toMatchObject({ version: 1, status: 'proposed' });
  expect(problem(await ask(people.chen, '/fund/limits/approval', { ...at, version: 1 }))).toBe('same-subject');
  await api.post(people.lin, '/fund/limits/approval', { ...at, version: 1 });
  expect(await fund()).toMatchObject({
    lowSince: null,
    limits: {
      version: 1,
      lowWaterMark: cny(85_000),
      dailyPerMerchant: null,
      proposedBy: 'finance-chen',
      approvedBy: 'finance-lin',
    },
  });
  const from = await said();
  await owe('L1');
  await owe('L2');
  expect((await fund())['lowSince']).not.toBeNull();
  await contribute('fund-l', 20_000);
  expect(await fund()).toMatchObject({ lowSince: null, available: cny(96_000) });
  expect(await story(from)).toEqual(['FundsReserved L1', 'FundRanLow', 'FundsReserved L2', 'FundContributed', 'FundRecovered']);
  expect(api.log.filter((line) => line.includes('the fund ran low'))).toHaveLength(1);
});

it('beyond a merchant’s daily limit refunds wait aside, until a person lifts them or the next day begins in Shanghai', async () => {
  // 09:00 in Shanghai when the test began.
  const midnight = '2026-03-01T16:00:00.000Z';
  await api.post(people.chen, '/fund/limits', { ...at, dailyPerMerchant: cny(7_000), reason: 'claims tripled' });
  await api.post(people.lin, '/fund/limits/approval', { ...at, version: 2 });
  const from = await said();
  await owe('V1');
  await owe('V2');
  await owe('V3');
  await owe('V4', 'm2');
  expect(await fund()).toMatchObject({
    available: cny(86_000),
    waiting: 2,
    aside: 2,
    limits: { version: 2, lowWaterMark: null },
  });
  const held = await aside();
  expect(held.map((refundId) => refundId.split('.')[1])).toEqual(['V2', 'V3']);

  const lifted = await ask(people.chen, `/fund/aside/${held[1]!}/lift`, { reason: 'checked with m1' });
  expect(lifted.status).toBe(200);
  expect(await fund()).toMatchObject({ available: cny(81_000), aside: 1 });
  expect(problem(await ask(people.chen, `/fund/aside/${held[1]!}/lift`, { reason: 'again' }))).toBe('not-held-aside');

  await advance('2026-03-01T15:59:59.999Z');
  expect(await aside()).toEqual([held[0]]);
  await advance(midnight);
  await api.settled();
  expect(await fund()).toMatchObject({ available: cny(76_000), aside: 0, waiting: 0 });
  expect(await story(from)).toEqual([
    'FundsReserved V1',
    'ReservationQueued V2',
    'ReservationQueued V3',
    'FundsReserved V4',
    'ReservationFreed V3',
    'FundsReserved V3',
    'FundDayOpened',
    'ReservationFreed V2',
    'FundsReserved V2',
  ]);
});

it('tells day by day whether the fund could pay what may come', async () => {
  await api.post(people.chen, '/fund/limits', { ...at, reason: 'over' });
  await api.post(people.lin, '/fund/limits/approval', { ...at, version: 3 });
  type Day = Record<string, unknown>;
  const days = async (): Promise<Day[]> => {
    await api.settled();
    return (await api.get(people.chen, '/fund/coverage?asset=CNY')).body['days'] as Day[];
  };
  // Delivered at 00:00 of 2 March and released at once; it may be claimed until the same moment of 3 March.
  await market.sell('C1');
  await market.sell('C2');
  expect(await days()).toMatchObject([
    {
      day: '2026-03-02',
      available: cny(76_000),
      exposure: cny(10_000),
      claimable: cny(10_000),
      claimed: cny(0),
      coverage: '7.6000',
    },
    // One refund was held aside over midnight.
    { day: '2026-03-01', available: cny(81_000), waiting: cny(5_000), exposure: cny(5_000), coverage: '16.2000' },
  ]);
  await api.post(people.operator, '/fund/pause', { ...at, reason: 'look first' });
  await owe('C3');
  await api.post(people.buyer, '/disputes', { orderNo: 'C1', units: [1], reason: 'key-invalid', draft: true });
  await advance('2026-03-03T02:00:00.000Z');
  await market.sell('C4');
  // The draft lapsed after 24 hours and gave its unit no more time than was left.
  const later = await days();
  expect(later).toMatchObject([
    { day: '2026-03-03', waiting: cny(5_000) },
    {
      day: '2026-03-02',
      available: cny(76_000),
      waiting: cny(5_000),
      claimed: cny(5_000),
      claimable: cny(5_000),
      exposure: cny(15_000),
      coverage: '5.0666',
    },
    { day: '2026-03-01' },
  ]);
  await api.post(people.operator, '/fund/resume', { ...at, reason: 'looked' });
  expect(await days()).toMatchObject([{ day: '2026-03-03', available: cny(71_000), waiting: cny(0) }, later[1]!, later[2]!]);
});

it('goes on in a new period when the month is over, paused as it was, with whoever waits in his place', async () => {
  await api.post(people.operator, '/fund/pause', { ...at, reason: 'the books are closed' });
  await owe('N1');
  await owe('N2', 'm2');
  const from = await said();
  await advance('2026-03-31T16:00:00.000Z');
  expect(await story(from)).toEqual([]);
  await owe('N3');
  const standing = { mode: 'pause', modeReason: 'the books are closed', available: cny(71_000), waiting: 3, queued: cny(15_000) };
  expect(await fund()).toMatchObject(standing);
  expect((await periodOf('0002'))[0]?.data).toMatchObject({ period: '0002', carried: { isPaused: true } });
  await api.post(people.operator, '/fund/resume', { ...at, reason: 'the books are open' });
  expect(await fund()).toMatchObject({ mode: 'running', available: cny(56_000), waiting: 0 });
  expect(await story(from)).toEqual([
    'FundPeriodClosed',
    'FundPeriodOpened',
    // who waits, who was reserved last, what counts against the daily limits
    'FundCarriedForward',
    'FundCarriedForward',
    'FundCarriedForward',
    'ReservationQueued N3',
    'FundResumed',
    'FundsReserved N1',
    'FundsReserved N2',
    'FundsReserved N3',
  ]);
});

it('says what is wrong with what it is asked', async () => {
  const wrong = async (path: string, body: object) => {
    const answer = await ask(people.chen, path, body);
    return [answer.status, problem(answer)];
  };
  expect(await wrong('/fund/resume', { ...at, reason: 'x' })).toEqual([409, 'not-paused']);
  expect(await wrong('/fund/pause', { ...at })).toEqual([400, 'invalid-input']);
  expect(await wrong('/fund/pause', { asset: 'XXX', reason: 'x' })).toEqual([400, 'invalid-input']);
  expect(await wrong('/fund/limits', { ...at, reason: 'x', dailyPerMerchant: cny(0) })).toEqual([422, 'amount-not-positive']);
  expect(await wrong('/fund/limits', { ...at, reason: 'x' })).toEqual([409, 'limits-unchanged']);
  const dollars = { asset: 'USD', minor: '5' };
  expect(await wrong('/fund/limits', { ...at, reason: 'x', lowWaterMark: dollars })).toEqual([422, 'asset-mismatch']);
  expect(await wrong('/fund/limits/approval', { ...at, version: 9 })).toEqual([404, 'limits-unknown']);
  expect(await wrong('/fund/aside/demo.none/lift', { reason: 'x' })).toEqual([404, 'not-held-aside']);
});
