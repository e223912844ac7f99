import { cny, openMarket, startTestApi, type TestApi } from './testbed.js';

describe('the virtual clock', () => {
  let api: TestApi;
  let operator: string;
  beforeAll(async () => {
    api = await startTestApi();
    operator = await api.person('operator', 'o1');
  });
  afterAll(() => api.close());

  const advance = (to: string, key = to) => api.call({ method: 'POST', path: '/clock/advance', as: operator, key, body: { to } });

  it('stands still until it is moved, and survives a restart', async () => {
    expect((await api.get(operator, '/clock')).body).toEqual({ now: '2026-03-01T01:00:00.000Z', clock: 'virtual' });
    await api.startReaders();
    const moved = await advance('2026-03-01T02:00:00.000Z');
    expect(moved.body).toMatchObject({ now: '2026-03-01T02:00:00.000Z' });
    await api.reopen();
    expect((await api.get(operator, '/clock')).body['now']).toBe('2026-03-01T02:00:00.000Z');
  });

  it('lets deadlines pass on its way, and what they lead to', async () => {
    const market = await openMarket(api);
    await api.post(api.shop, '/orders', market.orderBody('T1'));
    await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-T1', amount: cny(5_000) });
    await api.post(api.shop, '/orders/T1/payments', { transaction: 'tx-T1' });
    const buyer = await api.person('buyer', 'b1');

    // The very end of the 24 hours for delivery is still inside.
    await advance('2026-03-02T02:00:00.000Z');
    expect((await api.get(buyer, '/orders/T1')).body).toMatchObject({ units: [{ money: 'held' }] });

    const { body } = await advance('2026-03-05T00:00:00.000Z');
    expect((await api.get(buyer, '/orders/T1', String(body['position']))).body).toMatchObject({
      units: [{ money: 'refunded', refunded: cny(5_000) }],
    });
    const refund = await api.get(buyer, '/refunds/demo.T1.overdue');
    expect(refund.body).toMatchObject({
      ground: 'not-delivered-in-time',
      approvedAt: '2026-03-02T02:00:00.001Z',
      total: cny(5_000),
    });
  });

  it('is moved by one at a time', async () => {
    const answers = await Promise.all([advance('2026-03-06T00:00:00.000Z', 'a'), advance('2026-03-06T00:00:00.000Z', 'b')]);
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses[0]).toBe(200);
    expect([200, 409]).toContain(statuses[1]);
    expect((await api.get(operator, '/clock')).body['now']).toBe('2026-03-06T00:00:00.000Z');
  });
});

describe("the machine's clock", () => {
  it('is moved by nobody', async () => {
    const api = await startTestApi({ clock: 'machine' });
    const operator = await api.person('operator', 'o1');
    const before = new Date().toISOString();
    const { body } = await api.get(operator, '/clock');
    expect(body['clock']).toBe('machine');
    expect(String(body['now']) >= before).toBe(true);
    const answer = await api.call({
      method: 'POST',
      path: '/clock/advance',
      as: operator,
      key: 'x',
      body: { to: '2027-01-01T00:00:00.000Z' },
    });
    expect(answer.status).toBe(404);
    await api.close();
  });
});
