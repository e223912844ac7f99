import { plusDays, plusHours, plusMs, type Instant } from '@recourse/eventing';
import { setVirtualClock } from '@recourse/postgres';
import {
  eventually,
  makeDataDir,
  problemOf,
  removeDataDir,
  startTestInstallation,
  type TestInstallation,
} from './test-installation.js';
import { type Cny, cny, maker, type Market, openMarket, topUpCard } from './test-market.js';

describe('the account of a merchant', () => {
  let dataDir: string;
  let house: TestInstallation;
  let market: Market;

  const post: TestInstallation['post'] = (...request) => house.post(...request);
  const refusalOf = async (...request: Parameters<TestInstallation['send']>) =>
    problemOf(await house.send(...request)).slice('409 '.length);
  /** A top-up card of 100 yuan, fee 0.50, confirmed by the buyer, so that the merchant has its price. */
  const sell = async (orderNo: string, merchant: string) => {
    await market.buy(orderNo, { ...topUpCard, merchant });
    await market.deliverTopUp(orderNo);
    await market.confirm(orderNo);
    await house.settle();
  };
  /** It was not credited: the fund pays, and the merchant owes 99.50. */
  const refund = async (orderNo: string) => {
    await market.topUpFails(orderNo);
    await market.claim(orderNo, { reason: 'not-credited' });
    await house.settle();
  };
  const account = (merchant: string) => house.read(`merchant:${merchant}`, `/deposits/${merchant}`);
  const withdrawals = async (merchant: string) =>
    (await house.read(maker, `/deposits/${merchant}/withdrawals`))['withdrawals'] as Record<string, unknown>[];
  const paidTo = async (merchant: string) =>
    (await house.transfers())
      .filter(({ payee, state }) => payee === `account-of-${merchant}` && state === 'Succeeded')
      .map(({ amount }) => Number(amount.minor));
  const pass = async (time: (now: Instant) => Instant) => house.settle(time(await house.now()));

  beforeAll(async () => {
    dataDir = await makeDataDir();
    house = await startTestInstallation(dataDir);
    market = await openMarket(house);
    await market.contribute('fund-1', 200_000);
  });
  afterAll(async () => {
    await house?.stop();
    await removeDataDir(dataDir);
  });

  it('a deposit above the minimum is withdrawn after seven days, once, to the agreed account', async () => {
    await market.agree('ada', { minimum: cny(30_000) });
    await market.topUp('ada', 'ada-1', 50_000);
    // The rail tells of the same top-up twice.
    expect(await house.send(maker, '/deposits/ada/top-ups', { transaction: 'ada-1' })).toMatchObject({ status: 409 });
    expect(await refusalOf('merchant:ada', '/deposits/ada/withdrawals', { amount: cny(20_001) })).toBe('more-than-free');
    expect(await refusalOf('merchant:ada', '/deposits/ada/withdrawals', { amount: cny(0) })).toBe('amount-not-positive');
    expect(await refusalOf('merchant:bob', '/deposits/ada/withdrawals', { amount: cny(1) })).toBe('merchant-unknown');
    const askedAt = await house.now();
    const { payoutId, until } = await post('merchant:ada', '/deposits/ada/withdrawals', { amount: cny(20_000) });
    expect(until).toBe(plusDays(askedAt, 7));
    expect(await refusalOf('merchant:ada', '/deposits/ada/withdrawals', { amount: cny(1) })).toBe('withdrawal-pending');

    await house.settle(String(until));
    expect(await withdrawals('ada')).toMatchObject([{ payoutId, status: 'cooling-off', amount: cny(20_000) }]);
    expect(await paidTo('ada')).toEqual([]);
    await house.settle(plusMs(String(until), 1));
    expect(await withdrawals('ada')).toMatchObject([{ payoutId, kind: 'withdrawal', status: 'paid' }]);
    expect(await account('ada')).toMatchObject({ deposit: cny(30_000), shortfall: cny(0), status: 'open' });
    await pass((now) => plusDays(now, 30));
    expect(await paidTo('ada')).toEqual([20_000]);
    expect(await refusalOf('merchant:ada', `/deposits/ada/withdrawals/${String(payoutId)}/cancellation`)).toBe('withdrawal-over');
  });

  it('one whose end passes while no worker runs is paid late, and once', async () => {
    await market.topUp('ada', 'ada-2', 5_000);
    const { until } = await post('merchant:ada', '/deposits/ada/withdrawals', { amount: cny(4_000) });
    await house.settle();
    process.kill(house.pids.worker, 'SIGKILL');
    await setVirtualClock(house.database.db, plusHours(String(until), 50));
    await eventually('the worker that was started again pays it', async () =>
      (await withdrawals('ada'))[0]?.['status'] === 'paid' ? true : undefined,
    );
    await house.settle();
    expect(await withdrawals('ada')).toMatchObject([{ status: 'paid', amount: cny(4_000) }, { status: 'paid' }]);
    expect(await paidTo('ada')).toEqual([20_000, 4_000]);
    expect(await account('ada')).toMatchObject({ deposit: cny(31_000) });
  });

  it('is kept by a new obligation, by an open case, or by the merchant himself', async () => {
    await market.agree('bob');
    await market.topUp('bob', 'bob-1', 30_000);
    await sell('B1', 'bob');
    const first = await post('merchant:bob', '/deposits/bob/withdrawals', { amount: cny(25_000) });
    await post('merchant:bob', `/deposits/bob/withdrawals/${String(first['payoutId'])}/cancellation`);
    await post('merchant:bob', '/deposits/bob/withdrawals', { amount: cny(25_000) });
    await refund('B1');
    expect(await withdrawals('bob')).toMatchObject([
      { status: 'cancelled', because: 'obligation' },
      { status: 'cancelled', because: 'merchant' },
    ]);
    expect(await account('bob')).toMatchObject({ deposit: cny(20_050), payable: cny(9_950), owed: cny(0), openCases: 1 });
    const refused = await refusalOf('merchant:bob', '/deposits/bob/withdrawals', { amount: cny(1) });
    expect(refused).toBe('obligation-outstanding');
    await pass((now) => plusDays(now, 8));
    expect(await paidTo('bob')).toEqual([]);
  });

  it('a merchant who leaves gets deposit and late proceeds in one payment, and finds the account closed', async () => {
    const { payoutId, until } = await post('merchant:bob', '/deposits/bob/closing');
    expect(await account('bob')).toMatchObject({ status: 'closing' });
    await house.settle(plusHours(String(until), -1));
    await sell('B2', 'bob');
    await refund('B2');
    // The refund keeps the account open beyond the cooling-off, until its verdict is final.
    await pass((now) => plusDays(now, 1));
    expect(await withdrawals('bob')).toMatchObject([{ payoutId, kind: 'closing', status: 'waiting' }, {}, {}]);
    await pass((now) => plusDays(now, 8));
    expect(await paidTo('bob')).toEqual([20_050 - 9_950 + 2 * 9_950]);
    expect(await account('bob')).toMatchObject({
      status: 'closed',
      deposit: cny(0),
      payable: cny(0),
      held: cny(0),
      owed: cny(0),
    });
    await market.capture('bob-2', 500);
    expect(await refusalOf('merchant:bob', '/deposits/bob/top-ups', { transaction: 'bob-2' })).toBe('account-closed');
    expect(await refusalOf('merchant:bob', '/deposits/bob/settlements', {})).toBe('account-closed');
    expect(await refusalOf('merchant:bob', '/deposits/bob/closing')).toBe('account-closed');
  });

  it('what he sells afterwards is credited all the same, and leaves by closing again', async () => {
    await sell('B3', 'bob');
    expect(await account('bob')).toMatchObject({ status: 'closed', payable: cny(9_950) });
    await post('merchant:bob', '/deposits/bob/closing');
    await pass((now) => plusDays(now, 8));
    expect(await paidTo('bob')).toEqual([30_000, 9_950]);
    expect(await account('bob')).toMatchObject({ status: 'closed', payable: cny(0) });
  });

  it('debts age by Shanghai days, are seen as of any moment, and a shortfall is a number', async () => {
    await market.agree('cat', { minimum: cny(5_000) });
    await market.topUp('cat', 'cat-1', 6_000);
    await sell('C1', 'cat');
    await post('merchant:cat', '/deposits/cat/settlements', {});
    await house.settle();
    const owedSince = await house.now();
    await refund('C1');
    expect(await account('cat')).toMatchObject({ deposit: cny(0), owed: cny(3_950), shortfall: cny(5_000) });
    const { movements } = await house.read('merchant:cat', '/deposits/cat/statement?limit=200');
    expect((movements as { event: string }[]).map(({ event }) => event)).toContain('DepositFellShort');

    const ageing = async (as: string, at: Instant) => house.read(as, `/recourse/ageing?at=${encodeURIComponent(at)}`);
    const young = { outstanding: cny(3_950), obligations: 1, days0to7: cny(3_950), days8to30: cny(0) };
    expect(await ageing(maker, plusMs(owedSince, -1))).toMatchObject({ totals: [], merchants: [] });
    expect(await ageing(maker, plusDays(owedSince, 7))).toMatchObject({ totals: [young] });
    expect(await ageing('merchant:cat', plusDays(owedSince, 8))).toMatchObject({
      merchants: [{ merchant: 'cat', days0to7: cny(0), days8to30: cny(3_950) }],
    });
    expect(await ageing(maker, plusDays(owedSince, 31))).toMatchObject({
      totals: [{ days31to90: cny(3_950), over90: cny(0) }],
    });
    expect(await ageing(maker, plusDays(owedSince, 91))).toMatchObject({
      totals: [{ days31to90: cny(0), over90: cny(3_950) }],
    });
    expect(await ageing('merchant:ada', plusDays(owedSince, 8))).toMatchObject({ merchants: [] });
    const foreign = await house.client.get('merchant:ada', '/recourse/ageing?merchant=cat');
    expect(foreign.status).toBe(404);
  });

  it('a debt is given up by two people, and money that comes later pays it all the same', async () => {
    const writeOff = '/recourse/demo.C1.1.v1/write-off';
    expect(await refusalOf(maker, `${writeOff}/approval`)).toBe('not-proposed');
    await post(maker, writeOff, { reason: 'the merchant does not answer' });
    expect(await refusalOf(maker, `${writeOff}/approval`)).toBe('same-subject');
    expect(await refusalOf('merchant:cat', `${writeOff}/approval`)).toBe('role-not-allowed');
    expect(await post('finance:lin', `${writeOff}/approval`)).toMatchObject({
      status: 'written-off',
      amount: cny(3_950),
      proposedBy: 'finance-chen',
      approvedBy: 'finance-lin',
    });
    await house.settle();
    expect(await account('cat')).toMatchObject({ owed: cny(0) });
    expect(await house.read(maker, '/recourse/ageing')).toMatchObject({ totals: [] });
    const advanced = async () => ((await house.read(maker, '/fund'))['funds'] as { advanced: Cny }[])[0]?.advanced;
    expect(await advanced()).toEqual(cny(0));

    // The month is over: what was given up goes on in the next period.
    await pass((now) => plusDays(now, 32));
    await market.topUp('cat', 'cat-2', 1_000);
    await house.settle();
    const periods = (await house.events()).filter(({ stream }) => stream.startsWith('deposit-demo.cat.'));
    expect(periods.findLast(({ stream }) => stream.endsWith('.0001'))).toMatchObject({ type: 'DepositPeriodClosed' });
    expect(periods.filter(({ stream }) => stream.endsWith('.0002')).map(({ type }) => type)).toEqual([
      'DepositPeriodOpened',
      'DepositCarriedForward',
      'DepositCarriedForward',
      'DepositToppedUp',
      'RecourseReinstated',
      'DepositDebited',
    ]);
    expect(await account('cat')).toMatchObject({ deposit: cny(0), owed: cny(0) });
    await sell('C2', 'cat');
    expect(await account('cat')).toMatchObject({ payable: cny(9_950 - 2_950) });
    await market.topUp('cat', 'cat-3', 5_000);
    await house.settle();
    expect(await account('cat')).toMatchObject({ deposit: cny(5_000), shortfall: cny(0) });
    const { events } = { events: await house.events() };
    const told = events.filter(({ type }) => type === 'DepositFellShort' || type === 'ShortfallCured').map(({ type }) => type);
    expect(told).toEqual(['DepositFellShort', 'ShortfallCured']);
    const refunds = (await house.read(maker, '/refunds?merchant=cat'))['refunds'];
    expect(refunds).toMatchObject([{ recovered: cny(9_950), outstanding: cny(0) }]);
  });

  it('proceeds are settled by themselves at the end of the day, once, to the agreed account', async () => {
    await market.agree('dan', { settlement: { every: 'day', minimum: cny(15_000) } });
    expect(await account('dan')).toMatchObject({ coolingOffHours: 168, settlement: { every: 'day', minimum: cny(15_000) } });
    expect(await account('cat')).toMatchObject({ settlement: null });
    await sell('D1', 'dan');
    await pass((now) => plusDays(now, 1));
    expect(await paidTo('dan')).toEqual([]);
    await sell('D2', 'dan');
    await pass((now) => plusDays(now, 3));
    expect(await paidTo('dan')).toEqual([19_900]);
    expect(await account('dan')).toMatchObject({ payable: cny(0) });
  });

  it('leaves books that verify', async () => {
    expect(await market.verify()).toMatchObject({ code: 0, holds: true, violations: [] });
  });
});
