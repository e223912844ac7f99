import { randomUUID } from 'node:crypto';
import { buyerDebt } from '@recourse/compensation';
import { type Role, systemActor } from '@recourse/eventing';
import { openAggregateStore } from '@recourse/eventstore';
import { fromJson, money } from '@recourse/money';
import { cny, defaultPolicy, openMarket, startTestApi, type Answer, type Call, type TestApi } from './testbed.js';

type Person = Exclude<Role, 'shop' | 'system'>;
const people = ['buyer', 'merchant', 'arbitrator', 'finance', 'operator'] as const satisfies readonly Person[];

interface Operation {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly roles: readonly string[];
  /** A POST that reads. */
  readonly isQuestion: boolean;
}

let api: TestApi;
let operations: Operation[];
let inPath: Readonly<Record<string, string>>;
let bodies: Readonly<Record<string, object>>;

/** Operations of the OpenAPI document; a new route is in it by itself. */
async function documented(): Promise<Operation[]> {
  const { body } = await api.call({ method: 'GET', path: '/docs/openapi.json' });
  const paths = body['paths'] as Record<string, Record<string, { 'x-roles'?: string[]; 'x-reads'?: boolean }>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase() as Operation['method'],
      path,
      roles: operation['x-roles'] ?? [],
      isQuestion: operation['x-reads'] === true,
    })),
  );
}

const isOpen = ({ path }: Operation): boolean => path.startsWith('/health/');
const nameOf = ({ method, path }: Operation): string => `${method} ${path}`;

/** A buyer who owes what he was refunded. */
async function owe(refundId: string): Promise<void> {
  const { eventStore, clock } = api.adapters;
  const commandId = randomUUID();
  const context = { commandId, correlationId: commandId, actor: systemActor('test', 'demo'), at: await clock.now() };
  const whose = { debtId: refundId, platform: 'demo', buyer: 'b1', merchant: 'm1', refundId, kind: 'fraud' } as const;
  const command = { type: 'OpenBuyerDebt', ...whose, amount: money(5_000n) } as const;
  await openAggregateStore({ eventStore, log: () => undefined }).execute(buyerDebt, refundId, command, context);
}

const uploadText = (as: string, raw: string) =>
  api.call({
    method: 'POST',
    path: '/disputes/demo.N1.1/files',
    as,
    key: 'text',
    raw,
    headers: { 'Content-Type': 'text/plain' },
  });

async function approvalPosition(): Promise<bigint | undefined> {
  for await (const event of api.adapters.eventStore.readAll()) if (event.type === 'RefundApproved') return event.position;
  return undefined;
}

function callOf(operation: Operation, as: string | undefined, key?: string): Call {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => inPath[name] ?? `missing-${name}`);
  const body = bodies[nameOf(operation)];
  return {
    method: operation.method,
    path,
    ...(as === undefined ? {} : { as }),
    ...(key === undefined ? {} : { key }),
    ...(body === undefined ? {} : { body }),
  };
}

const feeRate = { basisPoints: 500, minimum: cny(0), maximum: cny(500) };
const feeSchedule = { version: 1, rates: { 'game-card': feeRate, 'phone-top-up': feeRate, membership: feeRate } };

beforeAll(async () => {
  api = await startTestApi();
  const market = await openMarket(api);
  await api.startReaders();
  const buyer = await api.person('buyer', 'b1');
  await market.sell('N1');
  const evidence = [{ kind: 'chat', showsActivationFailure: true, text: 'secret-evidence' }];
  await api.post(buyer, '/disputes', { orderNo: 'N1', units: [1], reason: 'key-invalid', draft: true, evidence });
  const { body: file } = await uploadText(buyer, '商家：secret-evidence');
  const { body: piece } = await api.post(buyer, '/disputes/demo.N1.1/evidence', {
    kind: 'chat',
    showsActivationFailure: false,
    text: 'more',
    file: file['sha256'],
  });
  // Cancelled before delivery: there is a refund and a payout.
  await api.post(api.shop, '/orders', market.orderBody('N2'));
  await api.post(api.shop, '/sandbox/captures', { transaction: 'tx-N2', amount: cny(5_000) });
  await api.post(api.shop, '/orders/N2/payments', { transaction: 'tx-N2' });
  await api.post(buyer, '/orders/N2/cancellation');
  await api.post(await api.person('finance', 'f1'), '/fees', feeSchedule);
  await owe('demo.N2.cancel');
  // A payment of yesterday that nobody here was told of.
  const unknown = { transaction: 'tx-unknown', amount: fromJson(cny(7)), receiver: 'recourse-platform' };
  await api.adapters.sandboxRail.recordCapture({ ...unknown, capturedAt: '2026-02-28T03:00:00.000Z' });
  await api.post(await api.person('finance', 'f1'), '/reconciliation/sandbox/2026-02-28', {});
  await api.settled();
  const { body: listed } = await api.get(await api.person('finance', 'f1'), '/reconciliation/differences');
  const complaint = {
    channel: '12315',
    number: '12315-N1',
    orderNo: 'N1',
    units: [1],
    receivedAt: '2026-03-01T00:00:00.000Z',
    answerBy: '2026-03-10T00:00:00.000Z',
    summary: 'secret-evidence',
    reason: 'key-invalid',
  };
  const { body: complained } = await api.post(await api.person('arbitrator', 'a1'), '/complaints', complaint);
  const { body: endpoint } = await api.post(await api.person('merchant', 'm1'), '/deposits/m1/webhooks', {
    url: 'https://m1.example/hook',
  });
  inPath = {
    orderNo: 'N1',
    unit: '1',
    disputeId: 'demo.N1.1',
    verdictId: 'demo.N1.1.v1',
    no: 'I1',
    evidenceId: String(piece['evidenceId']),
    complaintId: String(complained['complaintId']),
    merchant: 'm1',
    endpoint: String(endpoint['endpointId']),
    contributionId: market.contributionId,
    payoutId: 'demo.N2.cancel',
    refundId: 'demo.N2.cancel',
    debtId: 'demo.N2.cancel',
    version: '1',
    position: String(await approvalPosition()),
    account: 'fund:available',
    rail: 'sandbox',
    day: '2026-02-28',
    differenceId: (listed as unknown as { differences: { differenceId: string }[] }).differences[0]!.differenceId,
  };
  bodies = {
    'POST /orders': market.orderBody('S1'),
    'POST /orders/{orderNo}/payments': { transaction: 'tx-N1' },
    'POST /orders/{orderNo}/deliveries': { units: [{ unit: 1, key: 'ANOTHER-KEY-0001' }] },
    'POST /orders/{orderNo}/units/{unit}/platform-failures': { incident: 'INC-1' },
    'POST /orders/{orderNo}/units/{unit}/reveal': {},
    'POST /orders/{orderNo}/receipt': { units: [1] },
    'POST /orders/{orderNo}/cancellation': {},
    'POST /orders/{orderNo}/units/{unit}/replacement': { dispute: 'demo.N1.1', key: 'ANOTHER-KEY-0002' },
    'POST /disputes': { orderNo: 'N1', units: [1], reason: 'key-invalid' },
    'POST /disputes/{disputeId}/submission': {},
    'POST /disputes/{disputeId}/withdrawal': {},
    'POST /disputes/{disputeId}/evidence': { kind: 'chat', showsActivationFailure: false, text: 'x' },
    'POST /disputes/{disputeId}/evidence/{evidenceId}/tags': { problemConfirmed: true, merchantPromised: 'refund' },
    'POST /disputes/{disputeId}/files': {},
    'POST /disputes/{disputeId}/answer': { answer: 'contested' },
    'POST /disputes/{disputeId}/person': {},
    'POST /disputes/{disputeId}/replacement-check': { works: true },
    'POST /disputes/{disputeId}/decision': {
      units: [{ unit: 1, liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' }],
      explanation: { zh: '商家责任', en: 'the merchant is liable' },
    },
    'POST /disputes/{disputeId}/verdicts/{verdictId}/override': {
      units: [{ unit: 1, liable: 'BUYER', remedy: 'NONE', bearer: 'none' }],
      isFraud: false,
      explanation: { zh: '复核', en: 'a second look' },
    },
    'POST /disputes/{disputeId}/verdicts/{verdictId}/override/withdrawal': {},
    'POST /disputes/{disputeId}/verdicts/{verdictId}/override/approval': {},
    'POST /disputes/{disputeId}/verdicts/{verdictId}/appeal': { reason: '事实不对' },
    'POST /disputes/{disputeId}/verdicts/{verdictId}/appeal/withdrawal': {},
    'POST /disputes/{disputeId}/verdicts/{verdictId}/appeal/ruling': {
      explanation: { zh: '维持', en: 'upheld' },
    },
    'POST /complaints': complaint,
    'POST /complaints/{complaintId}/answer': { text: 'x' },
    'POST /complaints/{complaintId}/closing': { outcome: 'rejected' },
    'POST /incidents': {
      no: 'I2',
      title: { zh: '故障', en: 'a failure' },
      system: 'delivery',
      from: '2026-03-01T00:30:00.000Z',
      orders: [{ orderNo: 'N1', units: [1] }],
    },
    'POST /incidents/{no}/orders': { orders: [{ orderNo: 'N1', units: [1] }] },
    'POST /incidents/{no}/end': { until: '2026-03-01T00:30:00.000Z' },
    'POST /incidents/{no}/retraction': { reason: 'mischief' },
    'POST /eligibility/query': { units: [{ orderNo: 'N1', unit: 1 }] },
    'POST /triage': { pasted: '商家：马上给您补发' },
    'POST /payouts/{payoutId}/approval': {},
    'POST /payouts/{payoutId}/hold': { reason: 'who is this?' },
    'POST /payouts/{payoutId}/cancellation': { reason: 'not any more' },
    'POST /sandbox/reversals': { payoutId: 'demo.N2.cancel', transferNo: 1 },
    'POST /payouts/{payoutId}/destination': { payeeAccount: 'account-of-a-thief' },
    'POST /deposits/{merchant}/agreement': {
      minimum: cny(1),
      payeeAccount: 'account-of-a-thief',
      rail: 'sandbox',
      termsVersion: 7,
    },
    'POST /deposits/{merchant}/top-ups': { transaction: 'tx-N1' },
    'POST /deposits/{merchant}/settlements': {},
    'POST /deposits/{merchant}/withdrawals': { amount: cny(1) },
    'POST /deposits/{merchant}/withdrawals/{payoutId}/cancellation': {},
    'POST /deposits/{merchant}/closing': {},
    'POST /recourse/{refundId}/write-off': { reason: 'mischief' },
    'POST /recourse/{refundId}/write-off/approval': {},
    'POST /buyer-debts/{debtId}/repayments': { transaction: 'tx-N1', rail: 'sandbox' },
    'POST /buyer-debts/{debtId}/write-off': { reason: 'mischief' },
    'POST /buyer-debts/{debtId}/write-off/approval': {},
    'POST /deposits/{merchant}/webhooks': { url: 'https://thief.example/hook' },
    'POST /deposits/{merchant}/webhooks/{endpoint}/secret': {},
    'POST /deposits/{merchant}/webhooks/{endpoint}/disabling': { reason: 'to keep it quiet' },
    'POST /deposits/{merchant}/webhooks/{endpoint}/enabling': {},
    'POST /deposits/{merchant}/webhooks/{endpoint}/replays': { from: '0' },
    'POST /fund/contributions': { transaction: 'tx-N1', rail: 'sandbox', amount: cny(5_000) },
    'POST /fund/contributions/{contributionId}/approval': {},
    'POST /fund/pause': { asset: 'CNY', reason: 'mischief' },
    'POST /fund/kill-switch': { asset: 'CNY', reason: 'mischief' },
    'POST /fund/resume': { asset: 'CNY', reason: 'mischief' },
    'POST /fund/limits': { asset: 'CNY', reason: 'mischief', dailyPerMerchant: cny(1) },
    'POST /fund/limits/approval': { asset: 'CNY', version: 1 },
    'POST /fund/aside/{refundId}/lift': { reason: 'mischief' },
    'POST /orders/{orderNo}/freeze': { reason: 'why' },
    'POST /orders/{orderNo}/unfreeze': { reason: 'why' },
    'POST /merchants/{merchant}/freeze': { reason: 'why' },
    'POST /merchants/{merchant}/unfreeze': { reason: 'why' },
    'POST /fees': feeSchedule,
    'POST /policies': { table: { ...(await defaultPolicy()), version: 2 } },
    'POST /policies/short-notice': { table: { ...(await defaultPolicy()), version: 2 }, reason: { zh: '恶意', en: 'mischief' } },
    'POST /policies/short-notice/approval': { hash: 'a'.repeat(64) },
    'POST /policies/short-notice/withdrawal': { hash: 'a'.repeat(64) },
    'POST /policies/{version}/withdrawal': { reason: { zh: '恶意', en: 'mischief' } },
    'POST /policies/retirement': { merchant: 'm1', reason: { zh: '恶意', en: 'mischief' } },
    'POST /clock/advance': { to: '2026-03-01T00:00:00.000Z' },
    'POST /sandbox/captures': { transaction: 'tx-of-a-stranger', amount: cny(1) },
    'POST /sandbox/movements': { movementId: 'console-1', what: 'refund', direction: 'out', amount: cny(1) },
    'POST /reconciliation/{rail}/{day}': {},
    'POST /reconciliation/differences/{differenceId}/refund': { refundId: 'demo.N2.cancel' },
    'POST /reconciliation/differences/{differenceId}/write-off': { reason: 'mischief' },
    'POST /reconciliation/differences/{differenceId}/write-off/approval': {},
    'POST /sandbox/verifications': { receipt: 'receipt-of-a-stranger', outcome: 'UNUSED' },
  };
  operations = await documented();
});
afterAll(() => api.close());

const problemOf = ({ body }: Answer): string => body.type?.replace('urn:recourse:problem:', '') ?? '';

describe('the OpenAPI document', () => {
  it('is one of OpenAPI 3.1, and its page is served under a policy that lets it work', async () => {
    const { body } = await api.call({ method: 'GET', path: '/docs/openapi.json' });
    expect(body['openapi']).toBe('3.1.0');
    const page = await api.call({ method: 'GET', path: '/docs' });
    expect(page.status).toBe(200);
    expect(page.headers.get('Content-Security-Policy')).toContain("script-src 'self'");
    expect(page.text).not.toMatch(/<script>/);
    expect((await api.call({ method: 'GET', path: '/docs/swagger-ui-bundle.js' })).status).toBe(200);
  });

  it('has every route of this test, and this test every route', () => {
    const names = operations.map(nameOf);
    expect(operations.length).toBeGreaterThan(35);
    const writes = operations.filter(({ method }) => method === 'POST').map(nameOf);
    expect(Object.keys(bodies).toSorted()).toEqual(writes.toSorted());
    const unfilled = names.filter((name) =>
      [...name.matchAll(/\{(\w+)\}/g)].some(([, parameter]) => inPath[parameter ?? ''] === undefined),
    );
    expect(unfilled).toEqual([]);
  });

  it('names for every route who may call it', () => {
    expect(operations.filter((operation) => !isOpen(operation) && operation.roles.length === 0).map(nameOf)).toEqual([]);
    expect(operations.filter(isOpen).map(nameOf)).toEqual(['GET /health/live', 'GET /health/ready']);
  });
});

it('every route is for the roles it names, for nobody else, and never without credentials', async () => {
  const credentials: Record<string, string> = { shop: api.shop };
  const parties = { buyer: 'b1', merchant: 'm1', arbitrator: 'a1', finance: 'f1', operator: 'o1' };
  for (const role of people) credentials[role] = await api.person(role, parties[role]);
  const wrong: string[] = [];
  for (const operation of operations) {
    if (isOpen(operation)) continue;
    const nobody = await api.call(callOf(operation, undefined, 'nobody'));
    if (problemOf(nobody) !== 'credentials-missing')
      wrong.push(`nobody may ${nameOf(operation)}: ${nobody.status} ${nobody.text}`);
    for (const [role, as] of Object.entries(credentials)) {
      // A write without an Idempotency-Key gets past credentials, role and body, and no further.
      const answer = await api.call(callOf(operation, as));
      const reads = operation.method === 'GET' || operation.isQuestion;
      const allowed = reads ? answer.status === 200 : problemOf(answer) === 'idempotency-key-missing';
      const ok = operation.roles.includes(role) ? allowed : problemOf(answer) === 'role-not-allowed';
      if (!ok) wrong.push(`${role} ${nameOf(operation)}: ${answer.status} ${answer.text}`);
    }
  }
  expect(wrong).toEqual([]);
});

describe('another party', () => {
  const ofDemo = async (): Promise<number> => {
    let count = 0;
    for await (const event of api.adapters.eventStore.readAll()) {
      if (event.stream.includes('demo') || event.metadata.actor.platform === 'demo') count += 1;
    }
    return count;
  };

  /** What only the parties of these things may see. */
  const private_ = /demo\.N|"b1"|secret-evidence|KEY-OF|account-of-b1|account-of-m1|m1\.example/;

  async function tryEverything(as: string, label: string): Promise<string[]> {
    const wrong: string[] = [];
    for (const operation of operations) {
      if (isOpen(operation)) continue;
      const answer = await api.call(callOf(operation, as, `${label} ${nameOf(operation)}`.replaceAll(' ', '_')));
      const said = `${label} ${nameOf(operation)}: ${answer.status} ${answer.text}`;
      if (answer.status >= 500) wrong.push(said);
      else if (answer.status < 300 && private_.test(answer.text)) wrong.push(said);
    }
    return wrong;
  }

  it('of the same platform changes nothing and sees nothing', async () => {
    const before = await ofDemo();
    const wrong: string[] = [];
    for (const role of ['buyer', 'merchant'] as const) {
      wrong.push(...(await tryEverything(await api.person(role, `${role[0]}2`), `another ${role}`)));
    }
    expect(wrong).toEqual([]);
    expect(await ofDemo()).toBe(before);
  });

  it('of another platform changes nothing and sees nothing, whatever the role and however it is called', async () => {
    const before = await ofDemo();
    const wrong = await tryEverything(api.otherShop, 'the shop of another platform');
    const parties = { buyer: 'b1', merchant: 'm1', arbitrator: 'a1', finance: 'f1', operator: 'o1' };
    for (const role of people) {
      wrong.push(...(await tryEverything(await api.person(role, parties[role], { platform: 'other' }), `${role} elsewhere`)));
    }
    expect(wrong).toEqual([]);
    expect(await ofDemo()).toBe(before);
  });

  it('asking for a thing by its id gets the answer of a thing that is not there', async () => {
    const elsewhere = await api.person('finance', 'f1', { platform: 'third' });
    const buyer = await api.person('buyer', 'b2');
    for (const [as, path, problem] of [
      [buyer, '/orders/N1', 'order-unknown'],
      [buyer, '/disputes/demo.N1.1', 'dispute-unknown'],
      [buyer, '/refunds/demo.N2.cancel', 'refund-unknown'],
      [buyer, '/payouts/demo.N2.cancel', 'payout-unknown'],
      [await api.person('merchant', 'm2'), '/deposits/m1', 'merchant-unknown'],
      [elsewhere, '/refunds/demo.N2.cancel', 'refund-unknown'],
      [elsewhere, `/fund/contributions/${inPath['contributionId'] ?? ''}`, 'contribution-unknown'],
      [elsewhere, '/deposits/m1/statement', 'account-unopened'],
    ] as const) {
      const answer = await api.get(as, path);
      expect({ path, status: answer.status, problem: problemOf(answer) }).toEqual({ path, status: 404, problem });
    }
  });
});

it('a contribution is never approved by the one who proposed it', async () => {
  const finance = await api.person('finance', 'f1');
  await api.post(api.shop, '/sandbox/captures', { transaction: 'fund-2', amount: cny(100) });
  const { body } = await api.post(finance, '/fund/contributions', { transaction: 'fund-2', rail: 'sandbox', amount: cny(100) });
  const approval = {
    method: 'POST',
    path: `/fund/contributions/${String(body['contributionId'])}/approval`,
    key: 'self',
  } as const;
  expect(problemOf(await api.call({ ...approval, as: finance }))).toBe('same-subject');
  const another = await api.call({ ...approval, as: await api.person('finance', 'f1', { sub: 'finance-f3' }) });
  expect(another.status).toBe(200);
});
