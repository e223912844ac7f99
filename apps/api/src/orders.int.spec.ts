import { money } from '@recourse/money';
import { cny, openMarket, startTestApi, type Market, type TestApi } from './testbed.js';

const key = 'STAR-7788-9900-WXYZ';
let api: TestApi;
let market: Market;
let buyer: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  buyer = await api.person('buyer', 'b1');
});
afterAll(() => api.close());

describe('an order, without a worker', () => {
  it('is placed, paid, delivered and revealed, and only the reveal shows the key', async () => {
    const answers = [await api.post(api.shop, '/orders', market.orderBody('N1'))];
    expect(answers[0]?.status).toBe(201);
    expect(answers[0]?.body).toMatchObject({
      orderId: 'demo.N1',
      total: { asset: 'CNY', minor: '5000' },
      receiver: 'recourse-platform',
    });
    answers.push(
      await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-N1', amount: { asset: 'CNY', minor: '5000' } }),
    );
    answers.push(await api.post(api.shop, '/orders/N1/payments', { transaction: 'tx-N1' }));
    answers.push(await api.post(api.shop, '/orders/N1/deliveries', { units: [{ unit: 1, key: ` ${key} ` }] }));
    expect(answers.at(-1)?.body).toMatchObject({ units: [{ unit: 1, key: '****WXYZ' }] });
    expect(answers.at(-1)?.status).toBe(200);
    expect(BigInt(String(answers.at(-1)?.body['position']))).toBe(await api.logEnd());

    const revealed = await api.post(buyer, '/orders/N1/units/1/reveal');
    expect(revealed.body).toMatchObject({ orderId: 'demo.N1', unit: 1, key });
    for (const { text } of answers) expect(text).not.toContain(key);
    expect(api.log.join('\n')).not.toContain(key);
  });

  it('keeps the key out of events and remembered answers', async () => {
    const stored: string[] = [];
    for await (const event of api.adapters.eventStore.readAll()) {
      stored.push(JSON.stringify(event, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
    }
    expect(stored.length).toBeGreaterThan(5);
    expect(stored.join('\n')).not.toContain(key);
    const remembered = await api.adapters.database.db
      .selectFrom('edge.request' as never)
      .selectAll()
      .execute();
    expect(remembered.length).toBeGreaterThan(5);
    expect(JSON.stringify(remembered)).not.toContain(key);
  });

  it('shows the key again under the same Idempotency-Key', async () => {
    const reveal = { method: 'POST', path: '/orders/N1/units/1/reveal', as: buyer, key: 'again' } as const;
    const [first, second] = [await api.call(reveal), await api.call(reveal)];
    expect(second.headers.get('Idempotency-Replayed')).toBe('true');
    expect(second.body).toEqual(first.body);
    expect(second.body['key']).toBe(key);
    for (const { headers } of [first, second]) {
      expect(headers.get('Cache-Control')).toBe('no-store');
      expect(headers.has('ETag')).toBe(false);
    }
  });

  it('says what became of a payment, also when it is told again: it paid, it goes back, or both in part', async () => {
    const report = async (orderNo: string, transaction: string, minor: number) => {
      await api.post(api.shop, '/sandbox/captures', { transaction, amount: cny(minor) });
      const [{ body }, again] = [
        await api.post(api.shop, `/orders/${orderNo}/payments`, { transaction }),
        await api.post(api.shop, `/orders/${orderNo}/payments`, { transaction }),
      ];
      expect(again.body).toMatchObject({ paid: body['paid'] });
      expect(again.body['goesBack']).toEqual(body['goesBack']);
      return body;
    };
    const goesBack = (why: string, minor: number) => ({
      why,
      amount: cny(minor),
      refund: expect.stringMatching(/^demo\.N2\.surplus\.[0-9a-f]{16}$/) as string,
    });
    await api.post(api.shop, '/orders', market.orderBody('N2'));
    expect(await report('N2', 'tx-N2-little', 4_999)).toMatchObject({ paid: false, goesBack: goesBack('too-little', 4_999) });
    expect(await report('N2', 'tx-N2-much', 5_001)).toMatchObject({ paid: true, goesBack: goesBack('too-much', 1) });
    expect(await report('N2', 'tx-N2-twice', 5_000)).toMatchObject({ paid: false, goesBack: goesBack('duplicate', 5_000) });
    await api.post(api.shop, '/orders', market.orderBody('N3'));
    await api.post(api.shop, '/orders/N3/cancellation');
    expect(await report('N3', 'tx-N3', 5_000)).toMatchObject({ paid: false, goesBack: { why: 'cancelled' } });
    expect((await report('N2', 'tx-N2-much', 5_001))['paid']).toBe(true);
  });

  it('refuses what the rail says went to another account, or is in another asset, and books nothing', async () => {
    await api.post(api.shop, '/orders', market.orderBody('N5'));
    const capturedAt = '2026-03-01T01:00:00.000Z';
    const ours = { receiver: 'recourse-platform', amount: money(5_000n), capturedAt };
    await api.adapters.sandboxRail.recordCapture({ ...ours, transaction: 'tx-N5-person', receiver: 'a-person' });
    await api.adapters.sandboxRail.recordCapture({ ...ours, transaction: 'tx-N5-usd', amount: money(5_000n, 'USD') });
    const end = await api.logEnd();
    for (const transaction of ['tx-N5-person', 'tx-N5-usd']) {
      const path = '/orders/N5/payments';
      const answer = await api.call({ method: 'POST', path, as: api.shop, key: transaction, body: { transaction } });
      expect(answer.body.type).toBe('urn:recourse:problem:capture-mismatch');
    }
    expect(await api.logEnd()).toBe(end);
  });

  it('refuses a payment the rail does not know, one used before, and a key delivered before', async () => {
    await api.post(api.shop, '/orders', market.orderBody('N4'));
    const pay = (transaction: string) =>
      api.call({ method: 'POST', path: '/orders/N4/payments', as: api.shop, key: transaction, body: { transaction } });
    expect((await pay('never-made')).body.type).toBe('urn:recourse:problem:capture-unconfirmed');
    expect((await pay('tx-N1')).body.type).toBe('urn:recourse:problem:owned-by-another');
    await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-N4', amount: { asset: 'CNY', minor: '5000' } });
    await api.post(api.shop, '/orders/N4/payments', { transaction: 'tx-N4' });
    const again = {
      method: 'POST',
      path: '/orders/N4/deliveries',
      as: api.shop,
      key: 'again',
      body: { units: [{ unit: 1, key }] },
    } as const;
    expect((await api.call(again)).body.type).toBe('urn:recourse:problem:owned-by-another');
  });

  it('opens one dispute for a claim sent twice, also under another Idempotency-Key', async () => {
    const claim = {
      orderNo: 'N1',
      units: [1],
      reason: 'key-invalid',
      evidence: [{ kind: 'chat', showsActivationFailure: true, text: '激活失败' }],
    };
    const first = await api.post(buyer, '/disputes', claim);
    expect(first.body).toMatchObject({ disputeId: 'demo.N1.1', status: 'submitted' });
    const end = await api.logEnd();
    const second = await api.post(buyer, '/disputes', claim);
    expect(second.body).toMatchObject({ disputeId: 'demo.N1.1', status: 'submitted' });
    expect(await api.logEnd()).toBe(end);
    const events = await api.adapters.eventStore.readStream('dispute-demo.N1.1', { limit: 100 });
    expect(events.map(({ type }) => type)).toEqual(['DisputeSubmitted', 'EvidenceSubmitted']);
  });
});
