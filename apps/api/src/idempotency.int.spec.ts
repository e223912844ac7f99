import type { EventStore } from '@recourse/eventstore';
import { sql } from 'kysely';
import { cny, openMarket, startTestApi, type Market, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let finance: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  finance = await api.person('finance', 'f1');
});
afterAll(() => api.close());

const place = (orderNo: string, key: string, change: object = {}) =>
  api.call({ method: 'POST', path: '/orders', as: api.shop, key, body: { ...market.orderBody(orderNo), ...change } });
const remembered = async (key: string) => {
  const { rows } = await sql<{ status: number | null }>`select status from edge.request where key = ${key}`.execute(
    api.adapters.database.db,
  );
  return rows;
};
const eventsOf = async (stream: string): Promise<string[]> => {
  const store: EventStore = api.adapters.eventStore;
  return (await store.readStream(stream, { limit: 100 })).map(({ type }) => type);
};

describe('an Idempotency-Key', () => {
  it('is demanded of every write, in its shape', async () => {
    const missing = await api.call({ method: 'POST', path: '/orders', as: api.shop, body: market.orderBody('K0') });
    expect(missing.body.type).toBe('urn:recourse:problem:idempotency-key-missing');
    const malformed = await place('K0', 'x'.repeat(129));
    expect(malformed.body.type).toBe('urn:recourse:problem:idempotency-key-malformed');
  });

  it('leads to the first answer again, marked as such, however the input is spelt', async () => {
    const first = await place('K1', 'first');
    expect(first.headers.has('Idempotency-Replayed')).toBe(false);
    const end = await api.logEnd();
    const reordered = Object.fromEntries(Object.entries(market.orderBody('K1')).toReversed());
    for (const path of ['/orders', '/Orders/']) {
      const again = await api.call({ method: 'POST', path, as: api.shop, key: 'first', body: reordered });
      expect(again.status).toBe(201);
      expect(again.body).toEqual(first.body);
      expect(again.headers.get('Idempotency-Replayed')).toBe('true');
      expect(again.headers.get('Recourse-Position')).toBe(first.body['position']);
    }
    expect(await api.logEnd()).toBe(end);
  });

  it('with other input is refused', async () => {
    const other = await place('K1b', 'first');
    expect(other.status).toBe(422);
    expect(other.body.type).toBe('urn:recourse:problem:idempotency-key-reused');
  });

  it('belongs to its client and its route', async () => {
    const { body } = await place('K2', 'mine');
    const elsewhere = await api.call({ method: 'POST', path: '/orders/K2/cancellation', as: api.shop, key: 'mine' });
    expect(elsewhere.status).toBe(200);
    const stranger = await api.call({
      method: 'POST',
      path: '/orders',
      as: api.otherShop,
      key: 'mine',
      body: market.orderBody('K2'),
    });
    expect(stranger.status).not.toBe(201);
    expect(stranger.body).not.toEqual(body);
  });

  it('of a refusal is free again, since the reason may be cured', async () => {
    await place('K3', 'k3');
    const pay = {
      method: 'POST',
      path: '/orders/K3/payments',
      as: api.shop,
      key: 'pay-k3',
      body: { transaction: 'tx-K3' },
    } as const;
    expect((await api.call(pay)).body.type).toBe('urn:recourse:problem:capture-unconfirmed');
    expect(await remembered('pay-k3')).toEqual([]);
    await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-K3', amount: cny(5_000) });
    const cured = await api.call(pay);
    expect(cured.status).toBe(200);
    expect(cured.headers.has('Idempotency-Replayed')).toBe(false);
  });

  it('has one effect when the process dies between the append and the answer', async () => {
    const first = await place('K4', 'crash');
    const stream = await eventsOf('order-demo.K4');
    // What a crash leaves behind: the event is stored, the answer is not.
    await sql`update edge.request set status = null, answer = null where key = 'crash'`.execute(api.adapters.database.db);
    await api.reopen();
    const again = await place('K4', 'crash');
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.has('Idempotency-Replayed')).toBe(false);
    expect(await eventsOf('order-demo.K4')).toEqual(stream);
    expect((await place('K4', 'crash')).headers.get('Idempotency-Replayed')).toBe('true');
  });

  it('has one effect when a process dies in the middle of several commands', async () => {
    await api.post(api.shop, '/sandbox/captures', { transaction: 'top-up-crash', amount: cny(1_000) });
    const topUp = () =>
      api.call({
        method: 'POST',
        path: '/deposits/m1/top-ups',
        as: finance,
        key: 'top-up-crash',
        body: { transaction: 'top-up-crash' },
      });
    expect((await topUp()).status).toBe(200);
    const stream = await eventsOf('deposit-demo.m1.0001');
    await sql`delete from edge.request where key = 'top-up-crash'`.execute(api.adapters.database.db);
    await api.reopen();
    expect((await topUp()).status).toBe(200);
    expect(await eventsOf('deposit-demo.m1.0001')).toEqual(stream);
    const receiptOnceMore = await api.call({
      method: 'POST',
      path: '/deposits/m1/top-ups',
      as: finance,
      key: 'another-key',
      body: { transaction: 'top-up-crash' },
    });
    expect(receiptOnceMore.body.type).toBe('urn:recourse:problem:owned-by-another');
  });

  it('sent many times at once has one effect', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => place('K5', 'at-once')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body['position'])).size).toBe(1);
    expect(await eventsOf('order-demo.K5')).toEqual(['OrderPlaced']);
  });

  it('leaves no personal data behind when the request is refused', async () => {
    const people = async () => {
      const { rows } = await sql<{ known: bigint }>`select count(*) as known from vault.person`.execute(api.adapters.database.db);
      return rows[0]?.known;
    };
    const before = await people();
    expect((await place('K1', 'k1-again')).body.type).toBe('urn:recourse:problem:order-exists');
    expect((await place('K6', 'k6', { fee: cny(999_999) })).body.type).toBe('urn:recourse:problem:fee-too-large');
    expect(await people()).toBe(before);
  });
});
