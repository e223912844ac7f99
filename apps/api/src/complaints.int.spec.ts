import { cny, openMarket, startTestApi, type Answer, type Market, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let buyer: string;
let merchant: string;
let arbitrator: string;
let finance: string;
let operator: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  buyer = await api.person('buyer', 'b1');
  merchant = await api.person('merchant', 'm1');
  arbitrator = await api.person('arbitrator', 'a1');
  finance = await api.person('finance', 'f1');
  operator = await api.person('operator', 'o1');
});
afterAll(() => api.close());

const problemOf = ({ body }: Answer): string => body.type?.replace('urn:recourse:problem:', '') ?? '';
const complaint = (orderNo: string, number: string, change: object = {}) => ({
  channel: '12315',
  number,
  orderNo,
  units: [1],
  receivedAt: '2026-03-01T00:30:00.000Z',
  answerBy: '2026-03-10T15:59:59.999Z',
  summary: '买家称卡密无效，要求退款',
  reason: 'key-invalid',
  ...change,
});
const complain = (orderNo: string, number: string, change: object = {}) =>
  api.post(arbitrator, '/complaints', complaint(orderNo, number, change));
let keys = 0;
const refused = async (orderNo: string, number: string, change: object = {}) =>
  problemOf(
    await api.call({
      method: 'POST',
      path: '/complaints',
      as: arbitrator,
      key: `key-${(keys += 1)}`,
      body: complaint(orderNo, number, change),
    }),
  );
const typesIn = async (stream: string) =>
  (await api.adapters.eventStore.readStream(stream, { limit: 500 })).map(({ type }) => type);
const claimed = (orderNo: string) => api.post(buyer, '/disputes', { orderNo, units: [1], reason: 'key-invalid' });
const advanceDays = async (days: number): Promise<void> => {
  const { body } = await api.get(operator, '/clock');
  await api.post(operator, '/clock/advance', { to: new Date(Date.parse(String(body['now'])) + days * 86_400_000).toISOString() });
};

describe('a claim in the app, a 12315 complaint and a court case', () => {
  it('are one case of the unit and are all listed with it', async () => {
    await market.sell('C1');
    await claimed('C1');
    const hotline = await complain('C1', '沪12315-2026-000123');
    expect(hotline.body).toMatchObject({ units: [{ unit: 1, disputeId: 'demo.C1.1' }] });
    const court = await complain('C1', '（2026）沪0105民初1234号', { channel: 'court', answerBy: '2026-04-01T00:00:00.000Z' });
    await api.settled();
    expect((await typesIn('order-demo.C1')).filter((type) => type.startsWith('Claim'))).toEqual([
      'ClaimOpened',
      'ClaimAttached',
      'ClaimAttached',
    ]);
    expect((await typesIn('dispute-demo.C1.1')).filter((type) => type === 'ComplaintLinked')).toHaveLength(2);
    const { body } = await api.get(arbitrator, '/disputes/demo.C1.1', String(court.body['position']));
    expect(body).toMatchObject({
      channels: [{ channel: 'app' }, { channel: '12315' }, { channel: 'court' }],
      complaints: [
        { channel: '12315', number: '****0123', status: 'received', complaintId: hotline.body['complaintId'] },
        { channel: 'court', number: '****234号', status: 'received', answerBy: '2026-04-01T00:00:00.000Z' },
      ],
    });
  });

  it('are seen by the buyer with masked numbers and by the merchant without', async () => {
    const own = await api.get(buyer, '/disputes/demo.C1.1');
    expect(own.body['complaints']).toMatchObject([{ channel: '12315', number: '****0123' }, { channel: 'court' }]);
    expect(own.text).not.toContain('000123');
    const his = await api.get(merchant, '/disputes/demo.C1.1');
    expect(his.body['channels']).toHaveLength(3);
    expect(his.body['complaints']).toMatchObject([{ channel: '12315' }, { channel: 'court' }]);
    expect(his.text).not.toContain('****');
  });

  it('end in one refund', async () => {
    await advanceDays(3);
    await api.settled();
    await complain('C1', 'WX-77', { channel: 'wechatpay' });
    await complain('C1', 'ALI-88', { channel: 'alipay' });
    await advanceDays(18);
    await api.settled();
    // The case is final now; the consumers' association comes last and finds it.
    const { body } = await complain('C1', 'CA-99', { channel: 'consumers-association' });
    expect(body).toMatchObject({ units: [{ unit: 1, disputeId: 'demo.C1.1' }] });
    await api.settled();
    const order = await typesIn('order-demo.C1');
    expect(order.filter((type) => type === 'ClaimOpened')).toHaveLength(1);
    expect(order.filter((type) => type === 'RefundApproved')).toHaveLength(1);
    const read = await api.get(arbitrator, '/disputes/demo.C1.1', String(body['position']));
    expect(read.body).toMatchObject({ status: 'final' });
    expect(read.body['complaints']).toHaveLength(5);
  });
});

describe('a complaint about a unit without a case', () => {
  it('opens a claim by its channel for the buyer, for the reason that a person chose', async () => {
    await market.sell('C2');
    const { body } = await complain('C2', '12315-2', { reason: 'key-expired' });
    expect(body).toMatchObject({ units: [{ unit: 1, disputeId: 'demo.C2.1' }] });
    const [opened] = (await api.adapters.eventStore.readStream('order-demo.C2', { limit: 100 })).filter(
      ({ type }) => type === 'ClaimOpened',
    );
    expect(opened).toMatchObject({ data: { channel: '12315', buyer: 'b1', reason: 'key-expired', draft: false } });
    const read = await api.get(buyer, '/disputes/demo.C2.1', String(body['position']));
    expect(read.body).toMatchObject({ status: 'open', channels: [{ channel: '12315' }] });
  });

  it('submits the draft it finds', async () => {
    await market.sell('C3');
    await api.post(buyer, '/disputes', { orderNo: 'C3', units: [1], reason: 'key-invalid', draft: true });
    const { body } = await complain('C3', '12315-3');
    const read = await api.get(buyer, '/disputes/demo.C3.1', String(body['position']));
    expect(read.body).toMatchObject({ status: 'open', channels: [{ channel: 'app' }, { channel: '12315' }] });
  });

  it('that was paid back before delivery is answered without a case', async () => {
    await api.post(api.shop, '/orders', market.orderBody('C4'));
    await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-C4', amount: cny(5_000) });
    await api.post(api.shop, '/orders/C4/payments', { transaction: 'tx-C4' });
    await api.post(buyer, '/orders/C4/cancellation');
    const { body } = await complain('C4', '12315-4');
    expect(body).toMatchObject({ units: [{ unit: 1, disputeId: null }] });
    const { body: read } = await api.get(operator, `/complaints/${String(body['complaintId'])}`, String(body['position']));
    expect(read).toMatchObject({
      fullNumber: '12315-4',
      summary: '买家称卡密无效，要求退款',
      status: 'received',
      isErased: false,
    });
  });
});

describe('the number of a complaint', () => {
  it('has one owner: the same complaint again is the same, that of another order is refused', async () => {
    const first = await complain('C2', '12315-2');
    const [once] = [await typesIn(`complaint-${String(first.body['complaintId'])}`)];
    expect(once).toEqual(['ComplaintReceived']);
    expect((await complain('C2', ' １２３１５-2 ')).body['complaintId']).toBe(first.body['complaintId']);
    const end = await api.logEnd();
    expect(await refused('C3', '12315-2')).toBe('complaint-differs');
    expect(await api.logEnd()).toBe(end);
  });

  it('stands in no event in clear', async () => {
    for await (const { data } of api.adapters.eventStore.readAll())
      expect(JSON.stringify(data, (_, value: unknown) => (typeof value === 'bigint' ? '' : value))).not.toMatch(
        /沪12315-2026|民初1234|要求退款/,
      );
  });

  it('is refused where it cannot be', async () => {
    expect(await refused('C3', '12315-9', { receivedAt: '2036-03-01T00:30:00.000Z' })).toBe('complaint-not-yet');
    expect(await refused('C3', '12315-9', { answerBy: '2026-02-01T00:30:00.000Z' })).toBe('deadline-backdated');
    expect(await refused('C3', '   ')).toBe('number-empty');
    expect(await refused('C3', '12315-9', { units: [2] })).toBe('unit-unknown');
    expect(await refused('C99', '12315-9')).toBe('order-unknown');
  });
});

describe('the deadline of the authority', () => {
  it('that passed while nobody looked is marked once, and the list begins with it', async () => {
    await market.sell('C5');
    const { body: now } = await api.get(operator, '/clock');
    const inHours = (hours: number) => new Date(Date.parse(String(now['now'])) + hours * 3_600_000).toISOString();
    const late = await complain('C5', '12315-5', { answerBy: inHours(5) });
    const other = await complain('C5', 'court-5', { channel: 'court', answerBy: inHours(500) });
    await advanceDays(2);
    await api.settled();
    const stream = `complaint-${String(late.body['complaintId'])}`;
    expect(await typesIn(stream)).toEqual(['ComplaintReceived', 'ComplaintBecameOverdue']);
    const listed = async (query: string) =>
      ((await api.get(finance, `/complaints${query}`)).body['complaints'] as { complaintId: string; status: string }[]).map(
        ({ complaintId, status }) => ({ complaintId, status }),
      );
    const all = await listed('');
    expect(all.findIndex(({ status }) => status !== 'overdue')).toBeGreaterThan(0);
    expect(all).toContainEqual({ complaintId: late.body['complaintId'], status: 'overdue' });
    expect(await listed('?channel=court&status=received')).toContainEqual({
      complaintId: other.body['complaintId'],
      status: 'received',
    });
    const [first] = all;
    expect(await listed(`?limit=1&after=${first?.complaintId}`)).toEqual([all[1]]);

    const answer = await api.post(operator, `/complaints/${String(late.body['complaintId'])}/answer`, { text: '已全额退款' });
    const closing = await api.post(operator, `/complaints/${String(late.body['complaintId'])}/closing`, { outcome: 'settled' });
    expect(closing.body).toMatchObject({ status: 'closed', outcome: 'settled' });
    expect(answer.body).toMatchObject({ status: 'answered' });
    await advanceDays(1);
    await api.settled();
    expect(await typesIn(stream)).toEqual([
      'ComplaintReceived',
      'ComplaintBecameOverdue',
      'ComplaintAnswered',
      'ComplaintClosed',
    ]);
    const { body } = await api.get(arbitrator, `/complaints/${String(late.body['complaintId'])}`);
    expect(body).toMatchObject({ status: 'closed', answer: '已全额退款', answeredBy: 'operator-o1', outcome: 'settled' });
  });

  it('that was over before anybody could record it is marked late, and once however often it is woken', async () => {
    await market.sell('C6');
    const { body: now } = await api.get(operator, '/clock');
    const agoDays = (days: number) => new Date(Date.parse(String(now['now'])) - days * 86_400_000).toISOString();
    const { body } = await complain('C6', '12315-6', { receivedAt: agoDays(9), answerBy: agoDays(1) });
    const stream = `complaint-${String(body['complaintId'])}`;
    await advanceDays(1);
    for (let times = 0; times < 3; times += 1) await api.adapters.queue.wake('deadline', stream);
    await advanceDays(1);
    const overdue = (await api.adapters.eventStore.readStream(stream, { limit: 10 })).slice(1);
    expect(overdue).toMatchObject([{ type: 'ComplaintBecameOverdue', data: { answerBy: agoDays(1) } }]);
    expect((await api.get(finance, '/complaints?status=overdue')).text).toContain(String(body['complaintId']));
  });
});
