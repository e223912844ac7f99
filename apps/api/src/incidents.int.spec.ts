import { cny, openMarket, startTestApi, type Answer, type Market, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let buyer: string;
let merchant: string;
let operator: string;
let finance: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  buyer = await api.person('buyer', 'b1');
  merchant = await api.person('merchant', 'm1');
  operator = await api.person('operator', 'o1');
  finance = await api.person('finance', 'f1');
});
afterAll(() => api.close());

const problemOf = ({ status, body }: Answer): string => `${status} ${body.type?.replace('urn:recourse:problem:', '') ?? ''}`;
const incident = (no: string, orderNo: string, change: object = {}) => ({
  no,
  title: { zh: '激活网关中断', en: 'the activation gateway was down' },
  system: 'activation-gateway',
  from: '2026-03-01T00:30:00.000Z',
  orders: [{ orderNo, units: [1] }],
  ...change,
});
const refused = async (path: string, body: object): Promise<string> =>
  problemOf(await api.call({ method: 'POST', path, as: operator, key: `bad-${Math.random()}`, body }));
interface Explained {
  readonly units: readonly { readonly status: string; readonly facts: readonly Fact[] }[];
  readonly path: readonly {
    readonly rule: string;
    readonly does: string;
    readonly passedOver: readonly { readonly rule: string }[];
  }[];
  readonly verdicts: readonly { readonly rule: string; readonly refundId?: string; readonly person?: string }[];
}
interface Fact {
  readonly fact: string;
  readonly value: string;
  readonly burden: string;
  readonly from: readonly { readonly reference: string; readonly type: string; readonly actor: object }[];
}
const explained = async (as: string, disputeId: string): Promise<Explained> => {
  const answer = await api.get(as, `/disputes/${disputeId}/explanation`);
  expect([answer.status, answer.text]).toEqual([200, answer.text]);
  return answer.body as unknown as Explained;
};
const factIn = ({ units }: Explained, fact: string): Fact | undefined => units[0]?.facts.find((one) => one.fact === fact);

describe('a claim that the platform failed', () => {
  beforeAll(async () => {
    await market.sell('P1', { settlement: 'ESCROW' });
    await api.post(buyer, '/disputes', { orderNo: 'P1', units: [1], reason: 'platform-failure' });
    await api.settled();
  });

  it('proves none: a person looks at it', async () => {
    const told = await explained(buyer, 'demo.P1.1');
    expect(told).toMatchObject({
      status: 'submitted',
      units: [{ status: 'under-review', next: { who: 'arbitrator' } }],
      verdicts: [],
    });
    expect(factIn(told, 'platformFailure')).toMatchObject({ value: 'no', burden: 'platform' });
    expect(told.path.map(({ rule, does }) => [rule, does])).toEqual([['platform-failure-unproven', 'review']]);
    expect(told.path[0]?.passedOver).toContainEqual(
      expect.objectContaining({
        rule: 'platform-failure',
        since: expect.objectContaining({ fact: 'platformFailure', value: 'no', asked: ['yes'] }),
      }),
    );
  });

  it('is decided by the rule once an operator has put the incident on record, and the platform bears it', async () => {
    await api.post(operator, '/incidents', incident('I1', 'P1'));
    await api.settled();
    const told = await explained(finance, 'demo.P1.1');
    expect(told.verdicts).toMatchObject([{ rule: 'platform-failure', decidedBy: 'rule', refundId: 'demo.P1.1.v1' }]);
    expect(factIn(told, 'platformFailure')).toMatchObject({
      value: 'yes',
      from: [
        { type: 'PlatformIncidentNoted' },
        { type: 'IncidentRecorded', reference: '0@incident-demo.I1', actor: { role: 'operator', subject: 'operator-o1' } },
      ],
    });
    const { body } = await api.get(finance, '/refunds/demo.P1.1.v1');
    expect(body).toMatchObject({ rule: 'platform-failure', lines: [{ source: 'fund', liable: 'PLATFORM' }] });
  });

  it('is explained to its parties without the names of staff, and to nobody else', async () => {
    const [ofBuyer, ofMerchant] = [
      await api.get(buyer, '/disputes/demo.P1.1/explanation'),
      await api.get(merchant, '/disputes/demo.P1.1/explanation'),
    ];
    expect(ofBuyer.text).not.toMatch(/operator-o1|ciphertext|KEY-OF/);
    expect(ofBuyer.text).toContain('tx-P1');
    expect(ofMerchant.text).not.toMatch(/tx-P1|operator-o1/);
    const stranger = await api.get(await api.person('buyer', 'b2'), '/disputes/demo.P1.1/explanation');
    expect(problemOf(stranger)).toBe('404 dispute-unknown');
    expect(problemOf(await api.get(finance, '/disputes/demo.P1.9/explanation'))).toBe('404 dispute-unknown');
  });

  it('is attested from the platform’s own events: order, payment, delivery, reveal', async () => {
    const { body } = await api.get(buyer, '/disputes/demo.P1.1/explanation');
    const at = { position: expect.stringMatching(/^\d+$/), eventId: expect.any(String), at: expect.any(String) };
    expect(body['attested']).toMatchObject({
      order: { ...at, orderId: 'demo.P1', products: ['50元游戏点卡'], total: cny(5_000) },
      payment: { ...at, rail: 'sandbox', transaction: 'tx-P1', amount: cny(5_000) },
      units: [{ delivered: { ...at, kind: 'key' }, revealed: at, failed: { ...at, incident: 'demo.I1' }, replaced: [] }],
    });
  });

  it('is told the same after the order’s keys and the buyer were erased', async () => {
    const before = await explained(finance, 'demo.P1.1');
    await api.adapters.vault.shred({ kind: 'order', id: 'demo.P1' });
    expect(await explained(finance, 'demo.P1.1')).toEqual(before);
  });
});

it('an incident that is recorded first is known to every later claim, and a unit that never came has failed', async () => {
  await market.sell('P2');
  await api.post(api.shop, '/orders', market.orderBody('P3'));
  await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-P3', amount: cny(5_000) });
  await api.post(api.shop, '/orders/P3/payments', { transaction: 'tx-P3' });
  await api.post(operator, '/incidents', incident('I2', 'P2'));
  await api.post(operator, '/incidents/I2/orders', {
    orders: [
      { orderNo: 'P3', units: [1] },
      { orderNo: 'P2', units: [1] },
    ],
  });
  await api.settled();
  for (const [orderNo, reason, source] of [
    ['P2', 'key-invalid', 'PlatformIncidentNoted'],
    ['P3', 'not-delivered', 'PlatformDeliveryFailed'],
  ] as const) {
    await api.post(buyer, '/disputes', { orderNo, units: [1], reason });
    await api.settled();
    const told = await explained(finance, `demo.${orderNo}.1`);
    expect(told.verdicts).toMatchObject([{ rule: 'platform-failure' }]);
    expect(factIn(told, 'platformFailure')?.from.map(({ type }) => type)).toContain(source);
  }
});

it('incidents are listed with whom they concern and who answers for them', async () => {
  await api.post(operator, '/incidents/I1/end', { until: '2026-03-01T00:45:00.000Z' });
  const { body } = await api.post(operator, '/incidents/I2/retraction', { reason: 'it was another gateway' });
  const listed = await api.get(finance, '/incidents', String(body['position']));
  expect(listed.body).toMatchObject({
    incidents: [
      {
        incidentId: 'demo.I1',
        until: '2026-03-01T00:45:00.000Z',
        orders: 1,
        units: 1,
        recordedBy: 'operator-o1',
        retraction: null,
      },
      {
        incidentId: 'demo.I2',
        until: null,
        orders: 2,
        units: 2,
        retraction: { reason: 'it was another gateway', by: 'operator-o1' },
      },
    ],
  });
});

it('an incident that cannot be, or concerns nobody, is refused', async () => {
  await market.sell('P4');
  expect(await refused('/incidents', incident('I9', 'P4', { from: '2026-03-09T00:00:00.000Z' }))).toBe(
    '422 incident-period-invalid',
  );
  expect(await refused('/incidents', incident('I9', 'P4', { until: '2026-02-01T00:00:00.000Z' }))).toBe(
    '422 incident-period-invalid',
  );
  expect(await refused('/incidents', incident('I9', 'NONE'))).toBe('404 order-unknown');
  expect(await refused('/incidents', incident('I9', 'P4', { orders: [{ orderNo: 'P4', units: [2] }] }))).toBe('404 unit-unknown');
  expect(await refused('/incidents', incident('I9', 'P4', { orders: [] }))).toBe('400 invalid-input');
  expect(await refused('/incidents', incident('I9', 'P4', { title: { zh: '', en: 'x' } }))).toBe('400 invalid-input');
  expect(await refused('/incidents', incident('I1', 'P4'))).toBe('409 incident-exists');
  expect(await refused('/incidents/I8/end', { until: '2026-03-01T00:45:00.000Z' })).toBe('404 incident-unknown');
  expect(await refused('/incidents/I.8/end', { until: '2026-03-01T00:45:00.000Z' })).toBe('404 incident-unknown');
  expect(await refused('/incidents/I1/end', { until: '2026-03-01T00:46:00.000Z' })).toBe('409 incident-has-ended');
  expect(await refused('/incidents/I2/orders', { orders: [{ orderNo: 'P4', units: [1] }] })).toBe('409 incident-is-retracted');
});
