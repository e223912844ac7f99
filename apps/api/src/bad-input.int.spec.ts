import { request } from 'node:http';
import { type Call, openMarket, startTestApi, type Market, type TestApi } from './testbed.js';

let api: TestApi;
let market: Market;
let buyer: string;
let finance: string;
let operator: string;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await market.sell('N1');
  buyer = await api.person('buyer', 'b1');
  finance = await api.person('finance', 'f1');
  operator = await api.person('operator', 'o1');
});
afterAll(() => api.close());

/** Refused with this problem, in the form of RFC 9457, and the log did not grow. */
async function expectRefused(call: Call, status: number, problem: string): Promise<void> {
  const before = await api.logEnd();
  const answer = await api.call({ ...(call.method === 'POST' ? { key: `bad-${problem}-${Math.random()}` } : {}), ...call });
  expect({ status: answer.status, type: answer.body.type, text: answer.text }).toMatchObject({
    status,
    type: `urn:recourse:problem:${problem}`,
  });
  expect(answer.headers.get('Content-Type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  expect(await api.logEnd()).toBe(before);
}

const order = (change: object): Call => ({
  method: 'POST',
  path: '/orders',
  as: api.shop,
  body: { ...market.orderBody('BAD'), ...change },
});
const complaint = (change: object): Call => ({
  method: 'POST',
  path: '/complaints',
  as: operator,
  body: {
    channel: '12315',
    number: '12315-1',
    orderNo: 'N1',
    units: [1],
    receivedAt: '2026-03-01T00:00:00.000Z',
    answerBy: '2026-03-10T00:00:00.000Z',
    summary: 'x',
    reason: 'key-invalid',
    ...change,
  },
});
const line = (change: object) =>
  order({ lines: [{ product: 'x', unitPrice: { asset: 'CNY', minor: '100' }, quantity: 1, ...change }] });
const deep = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

describe('a body that is not as it must be', () => {
  it.each<[string, () => Call]>([
    ['a number as order number', () => order({ orderNo: 17 })],
    ['an object as order number', () => order({ orderNo: { $ne: '' } })],
    ['an order number with a dot', () => order({ orderNo: 'a.b' })],
    ['an amount as number', () => order({ fee: { asset: 'CNY', minor: 250 } })],
    ['a negative amount', () => order({ fee: { asset: 'CNY', minor: '-1' } })],
    ['a fractional amount', () => order({ fee: { asset: 'CNY', minor: '2.5' } })],
    ['an amount in exponents', () => order({ fee: { asset: 'CNY', minor: '1e3' } })],
    ['an amount longer than an amount can be', () => order({ fee: { asset: 'CNY', minor: '9'.repeat(19) } })],
    ['an amount in an unknown asset', () => order({ fee: { asset: 'XYZ', minor: '1' } })],
    ['an amount with a field too many', () => order({ fee: { asset: 'CNY', minor: '1', scale: 2 } })],
    ['a list in place of an amount', () => order({ fee: [] })],
    ['null in place of an amount', () => order({ fee: null })],
    ['null in place of an optional amount', () => order({ discount: null })],
    ['a text in place of an object', () => order({ promise: 'yes' })],
    [
      'a text as a boolean',
      () => order({ promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: 'false', sevenDay: false } }),
    ],
    [
      'a fractional promise',
      () => order({ promise: { afterSaleHours: 1.5, deliverWithinHours: 24, reissue: false, sevenDay: false } }),
    ],
    ['no lines', () => order({ lines: [] })],
    ['lists in place of lines', () => order({ lines: [[]] })],
    ['null in place of a line', () => order({ lines: [null] })],
    ['a negative quantity', () => line({ quantity: -1 })],
    ['a quantity as text', () => line({ quantity: '1' })],
    ['a quantity beyond whole numbers', () => line({ quantity: 1e21 })],
    ['an unknown field', () => order({ status: 'paid' })],
    ['an unknown nested field', () => line({ price: 1 })],
    ['a prototype', () => ({ ...order({}), raw: '{"__proto__":{"orderNo":"X"}}' })],
    ['an unknown product kind', () => order({ productKind: 'horse' })],
    ['nothing at all', () => ({ method: 'POST', path: '/orders', as: api.shop })],
    [
      'units twice',
      () => ({ method: 'POST', path: '/disputes', as: buyer, body: { orderNo: 'N1', units: [1, 1], reason: 'dislike' } }),
    ],
    [
      'an unknown reason',
      () => ({ method: 'POST', path: '/disputes', as: buyer, body: { orderNo: 'N1', units: [1], reason: 'hunch' } }),
    ],
    ['a moment that never was', () => ({ method: 'GET', path: '/refunds?from=2026-02-31T00:00:00.000Z', as: finance })],
    ['a query of two values', () => ({ method: 'GET', path: '/refunds?merchant=m1&merchant=m2', as: finance })],
    ['an unknown query', () => ({ method: 'GET', path: '/refunds?colour=red', as: finance })],
    ['a page of no rows', () => ({ method: 'GET', path: '/refunds?limit=0', as: finance })],
    ['a NUL in a query', () => ({ method: 'GET', path: '/refunds?merchant=%00', as: finance })],
    ['a complaint by an unknown channel', () => complaint({ channel: 'television' })],
    ['a complaint without a deadline', () => complaint({ answerBy: undefined })],
    ['a complaint with a deadline of another calendar', () => complaint({ answerBy: '2026-02-30T00:00:00.000Z' })],
    ['a complaint whose number is a list', () => complaint({ number: ['1'] })],
    ['a complaint without a reason to claim', () => complaint({ reason: undefined })],
    ['a complaint without a word', () => complaint({ summary: '' })],
    ['complaints after one that cannot be', () => ({ method: 'GET', path: '/complaints?after=x', as: operator })],
    ['a checklist for a merchant who cannot be', () => ({ method: 'GET', path: '/checklist?merchant=a.b', as: buyer })],
    ['a statement from nowhere', () => ({ method: 'GET', path: '/deposits/m1/statement?after=-1', as: finance })],
  ])('%s is invalid input', (_, call) => expectRefused(call(), 400, 'invalid-input'));

  it('names the fields that are wrong, not their values', async () => {
    const call = order({ orderNo: 'sec ret', fee: { asset: 'CNY', minor: '-7' } });
    const { body, text } = await api.call({ ...call, key: 'faults' });
    expect(body['faults']).toMatchObject([{ field: 'orderNo' }, { field: 'fee.minor' }]);
    expect(text).not.toContain('sec ret');
  });

  it.each<[string, () => Call, number, string]>([
    ['broken JSON', () => ({ ...order({}), raw: '{"orderNo":' }), 400, 'broken-json'],
    ['a JSON text that is no object', () => ({ ...order({}), raw: '"x"' }), 400, 'broken-json'],
    ['a JSON list', () => ({ ...order({}), raw: '[]' }), 400, 'body-not-object'],
    ['a body nested without end', () => ({ ...order({}), raw: deep(5_000) }), 400, 'body-too-deep'],
    ['half a character', () => ({ ...order({}), raw: '{"orderNo":"\\ud800"}' }), 400, 'broken-text'],
    ['a NUL', () => line({ product: 'a\0b' }), 400, 'broken-text'],
    ['a body over the limit', () => line({ product: 'x'.repeat(70_000) }), 413, 'body-too-large'],
    ['another media type', () => ({ ...order({}), headers: { 'Content-Type': 'text/plain' } }), 415, 'not-json'],
    [
      'a form',
      () => ({ ...order({}), raw: 'a=1', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }),
      415,
      'not-json',
    ],
    ['an unknown encoding', () => ({ ...order({}), headers: { 'Content-Encoding': 'zstd-9' } }), 415, 'encoding-unsupported'],
    ['a page over the limit', () => ({ method: 'GET', path: '/refunds?limit=201', as: finance }), 400, 'limit-too-large'],
    ['a position that is none', () => ({ ...readN1(), headers: { 'Recourse-At-Least': '1.5' } }), 400, 'at-least-malformed'],
    [
      'a position beyond all logs',
      () => ({ ...readN1(), headers: { 'Recourse-At-Least': '9223372036854775808' } }),
      400,
      'at-least-malformed',
    ],
    ['an address that is not well encoded', () => ({ method: 'GET', path: '/orders/%E0%A4%A', as: finance }), 400, 'bad-request'],
  ])('%s has its own problem', (_, call, status, problem) => expectRefused(call(), status, problem));

  it('is not even read when it announces too much', async () => {
    const before = await api.logEnd();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const { port } = new URL(api.url);
      const headers = { Authorization: `Bearer ${api.shop}`, 'Content-Type': 'application/json', 'Content-Length': '1000000000' };
      const sent = request({ port, host: '127.0.0.1', method: 'POST', path: '/orders', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
        sent.destroy();
      });
      sent.on('error', reject);
      sent.write('{"orderNo":"');
    });
    expect(status).toBe(413);
    expect(await api.logEnd()).toBe(before);
  });
});

const readN1 = (): Call => ({ method: 'GET', path: '/orders/N1', as: finance });

describe('what is not there', () => {
  const post = (path: string, as: string, body: object = {}): Call => ({ method: 'POST', path, as, body });
  it.each<[string, () => Call, string]>([
    ['an order', () => post('/orders/NONE/payments', api.shop, { transaction: 'tx' }), 'order-unknown'],
    ['an order of a strange name', () => post('/orders/a.b/cancellation', api.shop), 'order-unknown'],
    ['a NUL as order', () => post('/orders/%00/cancellation', api.shop), 'order-unknown'],
    ['a unit', () => post('/orders/N1/units/7/reveal', buyer), 'unit-unknown'],
    ['a unit before the first', () => post('/orders/N1/units/0/reveal', buyer), 'unit-unknown'],
    ['a unit that is no number', () => post('/orders/N1/units/one/reveal', buyer), 'unit-unknown'],
    ['a dispute', () => post('/disputes/demo.N1.9/withdrawal', buyer), 'dispute-unknown'],
    ['a dispute of a strange name', () => post('/disputes/x/withdrawal', buyer), 'dispute-unknown'],
    ['a payout', () => post('/payouts/demo.none/destination', buyer, { payeeAccount: 'a' }), 'payout-unknown'],
    ['a contribution', () => post('/fund/contributions/demo.cnone/approval', finance), 'contribution-unknown'],
    ['a merchant without an account', () => post('/deposits/nobody/settlements', finance), 'account-unopened'],
    ['a refund', () => ({ method: 'GET', path: '/refunds/demo.none', as: finance }), 'refund-unknown'],
    ['a version of the policy', () => ({ method: 'GET', path: '/policies/9', as: finance }), 'policy-unknown'],
    ['a route', () => ({ method: 'GET', path: '/nowhere', as: finance }), 'not-found'],
    ['a method', () => ({ method: 'POST', path: '/refunds', as: finance }), 'not-found'],
  ])('%s is a 404', (_, call, problem) => expectRefused(call(), 404, problem));
});

describe('what the domain refuses', () => {
  it.each<[string, () => Call, number, string]>([
    [
      'an order without consent to the policy in force',
      () => order({ consent: { version: 1, hash: '0'.repeat(64) } }),
      422,
      'consent-missing',
    ],
    ['an order that costs nothing', () => line({ unitPrice: { asset: 'CNY', minor: '0' } }), 422, 'amount-not-positive'],
    ['an order in two assets', () => order({ fee: { asset: 'USD', minor: '1' } }), 422, 'asset-mismatch'],
    ['an order at a rail that is not there', () => order({ rail: 'cheque' }), 422, 'rail-unknown'],
    ['an order at a merchant without a deposit', () => order({ merchant: 'm9' }), 409, 'deposit-not-agreed'],
    ['the same order again', () => order({ orderNo: 'N1' }), 409, 'order-exists'],
    ['a delivery that is neither key nor top-up', () => deliver({}), 422, 'delivery-unclear'],
    ['a delivery that is both', () => deliver({ key: 'k', receipt: 'r' }), 422, 'delivery-unclear'],
    ['a key of blanks', () => deliver({ key: '   ' }), 422, 'key-empty'],
    ['a top-up of money the rail does not know', () => topUp('never-made'), 422, 'capture-unconfirmed'],
    ['a top-up with a payment for something else', () => topUp('tx-N1'), 409, 'owned-by-another'],
    ['a policy that is no table', () => policy({ rules: 'none' }), 422, 'policy-invalid'],
    ['a policy with a hidden barrier', () => policy(refusingTheUndelivered), 422, 'policy-invalid'],
  ])('%s is a problem of its own', (_, call, status, problem) => expectRefused(call(), status, problem));

  const deliver = (unit: object): Call => ({
    method: 'POST',
    path: '/orders/N1/deliveries',
    as: api.shop,
    body: { units: [{ unit: 1, ...unit }] },
  });
  const topUp = (transaction: string): Call => ({
    method: 'POST',
    path: '/deposits/m1/top-ups',
    as: finance,
    body: { transaction },
  });
  let operator: string;
  beforeAll(async () => {
    operator = await api.person('operator', 'o1');
  });
  const text = { zh: '规则', en: 'rules' };
  const refusal = { do: 'decide', liable: 'NONE', remedy: 'NONE', bearer: 'none' };
  const refusingTheUndelivered = {
    id: 'default',
    version: 2,
    title: text,
    rules: [
      { id: 'dislike', when: { reason: 'dislike' }, then: refusal, explanation: text, basis: ['S22'] },
      { id: 'person', when: {}, then: { do: 'review' }, explanation: text, basis: ['S16'] },
    ],
  };
  const policy = (table: object): Call => ({ method: 'POST', path: '/policies', as: operator, body: { table } });
});

describe('credentials', () => {
  const read = (as: string | undefined, headers?: Record<string, string>): Call => ({
    method: 'GET',
    path: '/orders/N1',
    ...(as === undefined ? {} : { as }),
    ...(headers === undefined ? {} : { headers }),
  });
  const flip = (text: string) => text.slice(0, -1) + (text.endsWith('A') ? 'B' : 'A');

  it('are demanded before anything else is looked at', async () => {
    await expectRefused(read(undefined), 401, 'credentials-missing');
    await expectRefused({ ...order({ orderNo: 17 }), as: 'nonsense' }, 401, 'credentials-malformed');
    await expectRefused(read(undefined, { Authorization: 'Basic YTpi' }), 401, 'credentials-malformed');
    await expectRefused(read('x'.repeat(8_100)), 401, 'credentials-malformed');
  });

  it('that are forged, expired, unknown or revoked are refused', async () => {
    const [head = '', claims = '', signature = ''] = buyer.split('.');
    const other = Buffer.from(JSON.stringify({ ...decoded(claims), role: 'finance' })).toString('base64url');
    await expectRefused(read(`${head}.${other}.${signature}`), 401, 'credentials-forged');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    await expectRefused(read(`${none}.${claims}.`), 401, 'credentials-forged');
    await expectRefused(read(flip(api.shop)), 401, 'credentials-malformed');
    await expectRefused(read(api.shop.replace(/.$/, api.shop.endsWith('0') ? '1' : '0')), 401, 'credentials-forged');
    await expectRefused(read(api.shop.replace(/^rk_.{16}/, `rk_${'0'.repeat(16)}`)), 401, 'credentials-unknown');
    const yesterday = new Date(Date.now() - 90_000_000).toISOString();
    await expectRefused(read(await api.person('buyer', 'b1', { at: yesterday })), 401, 'credentials-expired');
  });

  it('never appear in an answer or the log', async () => {
    const { text } = await api.call(read(`${buyer}x`));
    expect(text).not.toContain(buyer.slice(-20));
    expect(api.log.join('\n')).not.toContain(buyer.slice(-20));
    expect(api.log.join('\n')).not.toContain(api.shop.slice(-20));
  });
});

const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as object;

it('nothing of all this was logged as an error of ours', () => {
  expect(api.log.filter((text) => /Error|error/.test(text))).toEqual([]);
});
