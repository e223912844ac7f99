import { plusDays, plusMs } from '@recourse/eventing';
import { publishedPolicies } from '@recourse/postgres';
import { cny, defaultPolicy, openMarket, startTestApi, type Answer, type Market, type TestApi } from './testbed.js';

interface Rule {
  readonly id: string;
  readonly when: object;
  readonly then: object;
}
interface Table {
  readonly version: number;
  readonly title: { readonly zh: string; readonly en: string };
  readonly rules: readonly Rule[];
}

let api: TestApi;
let market: Market;
let buyer: string;
let operator: string;
let second: string;
let table: Table;
beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  buyer = await api.person('buyer', 'b1');
  [operator, second] = [await api.person('operator', 'o1'), await api.person('operator', 'o2')];
  table = (await defaultPolicy()) as Table;
});
afterAll(() => api.close());

const problemOf = ({ status, body }: Answer): string => `${status} ${String(body['type']).replace('urn:recourse:problem:', '')}`;
let requests = 0;
const send = (as: string, path: string, body: object) =>
  api.call({ method: 'POST', path, as, key: `policies-${(requests += 1)}`, body });
const now = async () => String((await api.get(operator, '/clock')).body['now']);
const advance = async (to: string) => api.post(operator, '/clock/advance', { to });
const reason = { zh: '修正规则', en: 'mends a rule' };

const refund = { do: 'decide', liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'merchant' };
/** The default policy in another version, with rules that come first. */
const versionOf = (version: number, ...first: Rule[]): object => ({
  ...table,
  version,
  rules: [...first.map((rule) => ({ explanation: reason, basis: ['S31'], ...rule })), ...table.rules],
});
const onDislike: Rule = { id: 'satisfaction', when: { reason: 'dislike', productKind: 'game-card' }, then: refund };
const onCancel: Rule = { id: 'changed-mind', when: { reason: 'own-cancellation', productKind: 'game-card' }, then: refund };

const list = async (query = '', as = operator) => (await api.get(as, `/policies${query}`)).body;
const statuses = async (query = '') =>
  ((await list(query))['versions'] as { version: number; status: string }[]).map(({ version, status }) => `${version} ${status}`);
const consentOf = async (merchant: string) =>
  (await api.get(api.shop, `/policies/in-force?merchant=${merchant}`)).body['consent'] as {
    id: string;
    version: number;
    hash: string;
  };
const place = (orderNo: string, consent: object) =>
  send(api.shop, '/orders', { ...market.orderBody(orderNo), settlement: 'ESCROW', consent });
const accepted = async (orderNo: string, consent: object): Promise<string> => {
  const answer = await place(orderNo, consent);
  return answer.status === 201 ? 'placed' : problemOf(answer);
};
/** What the policy says of a delivered key that the buyer merely dislikes. */
const dislikeOf = async (orderNo: string) => {
  await api.settled();
  const { body } = await api.get(buyer, `/orders/${orderNo}/units/1/eligibility`);
  const options = body['options'] as { reason: string; rule: string }[];
  return { policy: body['policy'], rule: options.find((option) => option.reason === 'dislike')?.rule };
};
const deliver = async (orderNo: string) => {
  await api.post(api.shop, '/sandbox/captures', { transaction: `tx-${orderNo}`, amount: cny(5_000) });
  await api.post(api.shop, `/orders/${orderNo}/payments`, { transaction: `tx-${orderNo}` });
  await api.post(api.shop, `/orders/${orderNo}/deliveries`, { units: [{ unit: 1, key: `KEY-OF-${orderNo}-0001` }] });
};

it('the form of a table is served to whoever writes one', async () => {
  const { body } = await api.get(await api.person('merchant', 'm1'), '/policies/schema');
  expect(body).toMatchObject({ title: expect.stringContaining('decision table'), properties: { rules: { type: 'array' } } });
});

describe("a merchant's own policy", () => {
  let from: string;

  it('never gives the buyer less than the platform’s, nor the platform more to bear, and belongs to a merchant', async () => {
    const without = { ...table, rules: table.rules.filter(({ id }) => id !== 'not-credited') };
    const worse = await send(operator, '/policies', { merchant: 'm1', table: without });
    expect(problemOf(worse)).toBe('422 worse-than-platform');
    expect(worse.body['detail']).toMatch(/rule not-credited gives FULL_REFUND .* where .*verification=NOT_CREDITED/);
    const atOurCost = versionOf(1, { ...onDislike, then: { ...refund, bearer: 'platform' } });
    expect(problemOf(await send(operator, '/policies', { merchant: 'm1', table: atOurCost }))).toBe('422 costlier-for-platform');
    const ofNobody = await send(operator, '/policies', { merchant: 'm9', table: versionOf(1, onDislike) });
    expect(problemOf(ofNobody)).toBe('409 deposit-not-agreed');
  });

  it('is announced for seven days; an order one millisecond before is under the platform’s', async () => {
    const body = { merchant: 'm1', table: versionOf(1, onDislike) };
    const tooSoon = await send(operator, '/policies', { ...body, effectiveFrom: plusDays(await now(), 6) });
    expect(problemOf(tooSoon)).toBe('422 notice-too-short');
    const { body: answer } = await api.post(operator, '/policies', body);
    from = plusDays(await now(), 7);
    expect(answer).toMatchObject({ policy: 'demo.m1', version: 1, effectiveFrom: from });
    expect(await list('?merchant=m1')).toMatchObject({ policy: 'demo.m1', inForce: null, applies: { id: 'demo', version: 1 } });
    expect(await statuses('?merchant=m1')).toEqual(['1 announced']);
    await advance(plusMs(from, -1));
    expect(await consentOf('m1')).toMatchObject({ id: 'demo', version: 1, hash: market.policyHash });
    expect(await accepted('P1', await consentOf('m1'))).toBe('placed');
  });

  it('is what an order at exactly its moment is under, and what the buyer must have accepted by its name', async () => {
    await advance(from);
    const consent = await consentOf('m1');
    expect(consent).toMatchObject({ id: 'demo.m1', version: 1 });
    expect(await statuses('?merchant=m1')).toEqual(['1 in-force']);
    expect(await accepted('P2', { version: 1, hash: market.policyHash })).toBe('422 consent-missing');
    expect(await accepted('P2', { version: consent.version, hash: consent.hash })).toBe('422 consent-missing');
    expect(await accepted('P2', consent)).toBe('placed');
    // Another merchant of the platform has none.
    expect(await consentOf('m2')).toMatchObject({ id: 'demo', version: 1 });
  });

  it('judges the orders that were placed under it, and those alone', async () => {
    for (const orderNo of ['P1', 'P2']) await deliver(orderNo);
    expect(await dislikeOf('P1')).toMatchObject({ policy: { id: 'demo' }, rule: 'dislike' });
    expect(await dislikeOf('P2')).toMatchObject({ policy: { id: 'demo.m1' }, rule: 'satisfaction' });
    for (const orderNo of ['P1', 'P2']) await api.post(buyer, '/disputes', { orderNo, units: [1], reason: 'dislike' });
    await api.settled();
    const verdictOf = async (orderNo: string) =>
      ((await api.get(buyer, `/disputes/demo.${orderNo}.1`)).body['verdicts'] as { rule: string }[]).map(({ rule }) => rule);
    expect([await verdictOf('P1'), await verdictOf('P2')]).toEqual([['dislike'], ['satisfaction']]);
  });

  it('gives way to the platform’s as soon as that is better for the buyer', async () => {
    await api.post(operator, '/policies', { table: versionOf(2, onCancel) });
    const begins = plusDays(await now(), 7);
    const behind = await send(operator, '/policies', { merchant: 'm1', table: versionOf(2, onDislike) });
    expect(problemOf(behind)).toBe('422 worse-than-platform');
    await advance(plusMs(begins, -1));
    expect(await consentOf('m1')).toMatchObject({ id: 'demo.m1', version: 1 });
    await advance(begins);
    expect(await consentOf('m1')).toMatchObject({ id: 'demo', version: 2 });
    expect(await list('?merchant=m1')).toMatchObject({ inForce: 1, overtaken: 1, applies: { id: 'demo', version: 2 } });
    expect(await accepted('P3', await consentOf('m1'))).toBe('placed');
  });
});

describe('a shorter notice', () => {
  const proposal = () => ({ merchant: 'm1', table: versionOf(2, onDislike, onCancel), reason });
  let hash: string;

  it('is proposed by one person and approved by another, who reads the table first', async () => {
    const { body } = await api.post(operator, '/policies/short-notice', proposal());
    expect(body).toMatchObject({ policy: 'demo.m1', version: 2, status: 'proposed' });
    hash = String(body['hash']);
    expect(await statuses('?merchant=m1')).toEqual(['1 in-force']);
    const { body: shown } = await api.get(second, '/policies/short-notice?merchant=m1');
    expect(shown).toMatchObject({ proposal: { version: 2, hash, reason, proposedBy: 'operator-o1', table: { version: 2 } } });
    const approve = (as: string, change: object = {}) =>
      send(as, '/policies/short-notice/approval', { merchant: 'm1', hash, ...change });
    expect(problemOf(await approve(operator))).toBe('403 same-subject');
    expect(problemOf(await approve(second, { hash: 'f'.repeat(64) }))).toBe('409 not-proposed');
    const { status, body: published } = await approve(second);
    expect([status, published]).toMatchObject([200, { policy: 'demo.m1', version: 2, hash, effectiveFrom: await now() }]);
    expect(problemOf(await approve(second))).toBe('409 not-proposed');
    expect(await consentOf('m1')).toEqual({ id: 'demo.m1', version: 2, hash });
    expect((await api.get(second, '/policies/short-notice?merchant=m1')).body['proposal']).toBeNull();
  });

  it('shows both people to those who work here, and the reason to everybody', async () => {
    const { versions } = (await list('?merchant=m1')) as { versions: unknown[] };
    expect(versions[1]).toMatchObject({
      version: 2,
      shortNotice: { reason, proposedBy: 'operator-o1', approvedBy: 'operator-o2' },
    });
    const seen = JSON.stringify(await list('?merchant=m1', buyer));
    expect(seen).toContain(reason.zh);
    expect(seen).not.toMatch(/operator-o/);
  });

  it('is withdrawn by whoever sees that it is wrong', async () => {
    const { body } = await api.post(operator, '/policies/short-notice', {
      ...proposal(),
      table: versionOf(3, onDislike, onCancel),
    });
    const other = await send(second, '/policies/short-notice', { ...proposal(), table: versionOf(3, onCancel, onDislike) });
    expect(problemOf(other)).toBe('409 already-proposed');
    await api.post(second, '/policies/short-notice/withdrawal', { merchant: 'm1', hash: body['hash'] });
    const approval = await send(second, '/policies/short-notice/approval', { merchant: 'm1', hash: body['hash'] });
    expect(problemOf(approval)).toBe('409 not-proposed');
  });
});

describe('what is announced', () => {
  it('is withdrawn until it takes effect, and stays in the list', async () => {
    const { body } = await api.post(operator, '/policies', { table: versionOf(3, onCancel) });
    const crossing = { table: versionOf(4, onCancel), reason };
    expect(problemOf(await send(operator, '/policies/short-notice', crossing))).toBe('409 crosses-announced');
    await advance(plusMs(String(body['effectiveFrom']), -1));
    await api.post(operator, '/policies/3/withdrawal', { reason });
    await advance(String(body['effectiveFrom']));
    expect(await statuses()).toEqual(['1 superseded', '2 in-force', '3 withdrawn']);
    expect((await api.get(buyer, '/policies/3')).body).toMatchObject({
      status: 'withdrawn',
      withdrawn: { reason },
      table: { version: 3 },
    });
    await api.settled();
    // What the reports compare the orders with.
    const known = await publishedPolicies(api.adapters.database.db, 'demo');
    expect(known.map(({ version }) => version)).toEqual([1, 2, 1, 2]);
    expect(known[0]).toMatchObject({ version: 1, hash: market.policyHash });
    expect(problemOf(await send(operator, '/policies/2/withdrawal', { reason }))).toBe('409 already-in-force');
    expect(problemOf(await send(operator, '/policies/9/withdrawal', { reason }))).toBe('404 policy-unknown');
  });
});

describe('the end of a merchant’s policy', () => {
  it('is announced too; from exactly then on his orders are under the platform’s, and old ones under their own', async () => {
    const { body } = await api.post(operator, '/policies/retirement', { merchant: 'm1', reason });
    const end = plusDays(await now(), 7);
    expect(body).toMatchObject({ policy: 'demo.m1', retiredFrom: end });
    expect(problemOf(await send(operator, '/policies/retirement', { merchant: 'm1', reason }))).toBe('409 already-retired');
    await advance(plusMs(end, -1));
    expect(await consentOf('m1')).toMatchObject({ id: 'demo.m1', version: 2 });
    expect(await accepted('P4', await consentOf('m1'))).toBe('placed');
    await advance(end);
    expect(await consentOf('m1')).toMatchObject({ id: 'demo', version: 2 });
    expect(await accepted('P5', await consentOf('m1'))).toBe('placed');
    expect(await statuses('?merchant=m1')).toEqual(['1 superseded', '2 retired']);
    expect(await list('?merchant=m1')).toMatchObject({
      inForce: null,
      retirements: [{ effectiveFrom: end, retiredBy: 'operator-o1' }],
    });
    expect(await dislikeOf('P2')).toMatchObject({ policy: { id: 'demo.m1', version: 1 } });
  });

  it('is the merchant’s alone: a platform is never without one', async () => {
    expect(problemOf(await send(operator, '/policies/retirement', { reason }))).toBe('400 invalid-input');
    expect(problemOf(await send(operator, '/policies/retirement', { merchant: 'm2', reason }))).toBe('404 policy-unknown');
  });
});
