import { payout } from '@recourse/compensation';
import { systemActor } from '@recourse/eventing';
import { openAggregateStore } from '@recourse/eventstore';
import { transferKey } from '@recourse/rails';
import { randomUUID } from 'node:crypto';
import { type Answer, cny, openMarket, startTestApi, type TestApi } from './testbed.js';

const refundId = 'demo.A1.cancel';
let api: TestApi;
let finance: string;

/** The rail's word on a refund's payout, as the worker records it. */
async function pay(at: string): Promise<void> {
  const aggregates = openAggregateStore({ eventStore: api.adapters.eventStore, log: () => undefined });
  const submit = { type: 'SubmitTransfer', transferNo: 1, key: transferKey(refundId, 1) } as const;
  const word = { state: 'Succeeded', railTransferId: 'r1' } as const;
  for (const command of [submit, { type: 'RecordRailWord', transferNo: 1, word } as const]) {
    const commandId = randomUUID();
    const executed = await aggregates.execute(payout, refundId, command, {
      commandId,
      correlationId: commandId,
      actor: systemActor('payout'),
      at,
    });
    expect(executed.outcome).toBe('appended');
  }
}

beforeAll(async () => {
  api = await startTestApi();
  const market = await openMarket(api);
  await api.startReaders();
  finance = await api.person('finance', 'f1');
  const buyer = await api.person('buyer', 'b1');
  for (const orderNo of ['A1', 'A2']) {
    await api.post(api.shop, '/orders', market.orderBody(orderNo));
    await api.post(api.shop, '/sandbox/captures', { transaction: `tx-${orderNo}`, amount: cny(5_000) });
    await api.post(api.shop, `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
    await api.post(buyer, `/orders/${orderNo}/cancellation`);
  }
  await api.settled();
  await pay('2026-03-01T16:00:00.000Z');
  await api.settled();
}, 60_000);
afterAll(() => api.close());

const get = (path: string, as = finance, headers: Record<string, string> = {}): Promise<Answer> =>
  api.call({ method: 'GET', path, as, headers });
const read = async (path: string, as = finance) => {
  const answer = await get(path, as);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.body;
};
const nothing = cny(0);
const whole = { asset: 'CNY', refunds: '2', units: '2', refunded: cny(10_000), paid: cny(5_000), recovered: nothing };

it('finance reads totals with their groups, the sums of the journal and how they count', async () => {
  const body = await read('/audit/refunds?by=month,ground');
  expect(body).toMatchObject({
    basis: 'approval',
    by: ['month', 'ground'],
    groups: [
      {
        key: { month: '2026-03', ground: 'cancelled-before-delivery' },
        ...whole,
        outstanding: nothing,
        platformBorne: nothing,
        feesGivenBack: nothing,
      },
    ],
    totals: [whole],
    agrees: true,
  });
  expect(body['checks']).toContainEqual({ of: 'paid', report: cny(5_000), journal: cny(5_000), difference: nothing });
  expect(body['notes']).toMatchObject({ zh: expect.any(Array), en: expect.any(Array) });
});

it('every group leads to its refunds, each refund to its events, each event back to its refund', async () => {
  const { groups } = (await read('/audit/refunds?basis=payment&from=2026-03&by=day,rule')) as {
    groups: { key: object; each: string }[];
  };
  expect(groups.map(({ key }) => key)).toEqual([{ day: '2026-03-02', rule: null }]);
  const { refunds } = (await read(groups[0]!.each)) as { refunds: { refundId: string }[] };
  expect(refunds).toMatchObject([{ refundId, refunded: cny(5_000), paid: cny(5_000), units: '1', rule: null }]);
  const { events } = (await read(`/audit/refunds/${refundId}`)) as { events: { event: string; position: string }[] };
  expect(events.map(({ event }) => event)).toEqual([
    'RefundApproved',
    'RefundFundedFromEscrow',
    'PayoutRequested',
    'TransferSubmitted',
    'PayoutSucceeded',
  ]);
  const paid = events.at(-1)!;
  expect(paid).toMatchObject({
    movements: [{ unit: 1, source: 'escrow', bearer: 'merchant', measure: 'paid', amount: cny(5_000) }],
    postings: [{ debit: `demo/refund:${refundId}`, credit: 'demo/gateway:sandbox', amount: cny(5_000) }],
  });
  expect(await read(`/audit/events/${paid.position}`)).toMatchObject({
    event: 'PayoutSucceeded',
    refundId,
    refund: `/audit/refunds/${refundId}`,
  });
});

it('refunds of a total are read page by page', async () => {
  const first = await read('/audit/refunds/each?limit=1');
  const second = await read(`/audit/refunds/each?limit=1&after=${String(first['next'])}`);
  const ids = [first, second].flatMap((page) => (page['refunds'] as { refundId: string }[]).map((refund) => refund.refundId));
  expect(ids).toEqual([refundId, 'demo.A2.cancel']);
  expect(await read(`/audit/refunds/each?after=${String(second['next'])}`)).toEqual({ refunds: [] });
});

describe('as CSV', () => {
  it.each<[string, string, number]>([
    ['/audit/refunds?by=merchant', '商家 merchant,币种 asset,', 2],
    ['/audit/refunds?sheet=checks', '核对 check,币种 asset,', 9],
    ['/audit/refunds/each', '退款号 refund,', 3],
    ['/audit/reliability', '指标 figure,', 9],
    ['/audit/parties', '指标 figure,', 20],
    ['/audit/speed', '环节 step,', 4],
  ])('%s comes with a bilingual head for Excel, by Accept or by format', async (path, head, lines) => {
    const asked = await get(path, finance, { Accept: 'text/csv' });
    expect(asked.headers.get('Content-Type')).toBe('text/csv; charset=utf-8');
    expect(asked.headers.get('Content-Disposition')).toMatch(/^attachment; filename="[a-z-]+\.csv"$/);
    // Reading as text drops the mark.
    expect(asked.text.replace('\uFEFF', '').startsWith(head)).toBe(true);
    expect(asked.text.trimEnd().split('\r\n')).toHaveLength(lines);
    const again = await get(`${path}${path.includes('?') ? '&' : '?'}format=csv`);
    expect(again.text).toBe(asked.text);
  });
});

it('figures come with formula, numerator, denominator and events; durations in milliseconds', async () => {
  const { groups, leftOut } = (await read('/audit/parties?from=2026&to=2026')) as {
    groups: Record<string, { id: string; value: unknown }[]>;
    leftOut: object[];
  };
  expect(Object.keys(groups)).toEqual(['user', 'platform', 'merchant']);
  expect(groups['platform']!.find(({ id }) => id === 'platform-paid')).toMatchObject({
    formula: { zh: expect.stringContaining('÷') as string, en: expect.stringContaining('÷') as string },
    events: ['RefundApproved', 'PayoutSucceeded'],
    value: { numerator: '1', denominator: '2', display: '50.0%' },
  });
  expect(leftOut).toContainEqual(expect.objectContaining({ id: 'user-reviews' }));
  expect(await read('/audit/speed')).toMatchObject({ speeds: [{ count: '0', medianMs: null }, {}, {}] });
});

it('finance of another platform sees nothing', async () => {
  const other = await api.person('finance', 'f1', { platform: 'other' });
  expect(await read('/audit/refunds', other)).toMatchObject({ groups: [], totals: [], checks: [] });
  expect(await read('/audit/refunds/each', other)).toEqual({ refunds: [] });
  expect((await get('/audit/refunds/each?format=csv', other)).text.trimEnd().split('\r\n')).toHaveLength(1);
  const { events } = (await read(`/audit/refunds/${refundId}`)) as { events: { position: string }[] };
  for (const path of [`/audit/refunds/${refundId}`, ...events.map(({ position }) => `/audit/events/${position}`)])
    expect({ path, status: (await get(path, other)).status }).toEqual({ path, status: 404 });
});

it.each([
  ['/audit/refunds?from=2026-02-30', 400, 'period-invalid'],
  ['/audit/refunds?from=2026-04&to=2026-03', 400, 'period-empty'],
  ['/audit/refunds?from=2026-03-01T00:00:00.000Z', 400, 'invalid-input'],
  ['/audit/refunds?from=2026&from=2027', 400, 'invalid-input'],
  ['/audit/refunds?by=day,day', 400, 'grouping-unknown'],
  ['/audit/refunds?by=wallet', 400, 'grouping-unknown'],
  ['/audit/refunds?by=constructor', 400, 'grouping-unknown'],
  ['/audit/refunds?by=day,month,year', 400, 'invalid-input'],
  ['/audit/refunds?source=wallet', 400, 'invalid-input'],
  ['/audit/refunds?merchant=%25', 400, 'invalid-input'],
  ["/audit/refunds?rule=x'--", 400, 'invalid-input'],
  ['/audit/refunds?platform=other', 400, 'invalid-input'],
  ['/audit/refunds/each?limit=201', 400, 'limit-too-large'],
  ['/audit/refunds/each?after=../x', 400, 'invalid-input'],
  ['/audit/refunds/demo.none', 404, 'refund-unknown'],
  ['/audit/events/0', 404, 'event-unknown'],
  ['/audit/events/-1', 404, 'event-unknown'],
  ['/audit/events/99999999999999999999', 404, 'event-unknown'],
  ['/audit/speed?to=yesterday', 400, 'invalid-input'],
])('%s is refused with %i', async (path, status, problem) => {
  const answer = await get(path);
  expect({ status: answer.status, type: answer.body.type }).toEqual({ status, type: `urn:recourse:problem:${problem}` });
});
