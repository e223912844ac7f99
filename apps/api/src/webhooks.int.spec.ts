import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { machineClock } from '@recourse/postgres';
import { startDispatcher } from '@recourse/webhooks';
import { sql } from 'kysely';
import { type Answer, cny, type Market, openMarket, startTestApi, type TestApi } from './testbed.js';

interface Message {
  readonly headers: IncomingHttpHeaders;
  readonly raw: string;
  readonly body: { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
}

let api: TestApi;
let market: Market;
let finance: string;
let merchant: string;
let server: Server;
let url: string;
let dispatcher: ReturnType<typeof startDispatcher>;
const got: Message[] = [];
let heard: (() => void) | undefined;

beforeAll(async () => {
  api = await startTestApi();
  market = await openMarket(api);
  await api.startReaders();
  await api.settled();
  finance = await api.person('finance', 'f1');
  merchant = await api.person('merchant', 'm1');
  server = createServer((request, response) => {
    void (async () => {
      let raw = '';
      for await (const chunk of request.setEncoding('utf8')) raw += String(chunk);
      got.push({ headers: request.headers, raw, body: JSON.parse(raw) as Message['body'] });
      response.writeHead(200).end();
      heard?.();
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const { database, vault } = api.adapters;
  // As the worker starts it.
  const now = () => machineClock.now();
  dispatcher = startDispatcher({ db: database.db, vault, now, allowLoopback: true, log: () => undefined, everyMs: 50 });
});
afterAll(async () => {
  await dispatcher.stop();
  server.closeAllConnections();
  server.close();
  await api.close();
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => (heard = resolve));
}
const problemOf = (answer: Answer) => answer.body.type?.replace('urn:recourse:problem:', '');
const register = (as: string, key: string, to = url) =>
  api.call({ method: 'POST', path: '/deposits/m1/webhooks', as, key, body: { url: to } });

describe('an endpoint', () => {
  it('is registered by its merchant; the secret is shown once, and is in no table as it is', async () => {
    const first = await register(merchant, 'register');
    expect(first.status).toBe(201);
    const { endpointId, secret } = first.body as { endpointId: string; secret: string };
    expect(secret).toMatch(/^whsec_/);
    const again = await register(merchant, 'register');
    expect(again.headers.get('Idempotency-Replayed')).toBe('true');
    expect(again.body).toMatchObject({ endpointId });
    expect(again.body).not.toHaveProperty('secret');
    const { rows } = await sql<{ text: string }>`select string_agg(t, ' ') as text from (
      select r::text as t from edge.request r union all select e::text from webhooks.endpoint e) as all_rows`.execute(
      api.adapters.database.db,
    );
    expect(rows[0]?.text).not.toContain(secret.slice(6));
    expect((await api.get(merchant, '/deposits/m1/webhooks')).body).toMatchObject({
      merchant: 'm1',
      endpoints: [{ endpointId, url, enabled: true, changedBy: 'merchant-m1' }],
    });
    await api.post(merchant, `/deposits/m1/webhooks/${endpointId}/disabling`, { reason: 'not needed' });
  });

  it.each([
    ['http://shop.example/hook', 'url-not-https'],
    ['https://192.168.0.1/hook', 'address-not-public'],
    ['https://a:b@shop.example/hook', 'url-has-credentials'],
    ['no url', 'url-malformed'],
  ])('at %s is refused', async (to, problem) => {
    const answer = await register(merchant, `bad-${problem}`, to);
    expect({ status: answer.status, problem: problemOf(answer) }).toEqual({ status: 422, problem });
  });

  it('of another merchant is nobody else’s business', async () => {
    const m2 = await api.person('merchant', 'm2');
    expect(problemOf(await register(m2, 'foreign'))).toBe('merchant-unknown');
    expect(problemOf(await api.get(m2, '/deposits/m1/webhooks'))).toBe('merchant-unknown');
    const unknown = await api.get(finance, '/deposits/m1/webhooks/ep_000000000000000000000000/messages');
    expect(problemOf(unknown)).toBe('endpoint-unknown');
    const unopened = await api.call({ method: 'POST', path: '/deposits/m9/webhooks', as: finance, key: 'm9', body: { url } });
    expect(problemOf(unopened)).toBe('account-unopened');
  });

  it('is one of five at most', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(String((await register(merchant, `many-${n}`)).body['endpointId']));
    expect(problemOf(await register(merchant, 'many-5'))).toBe('too-many-endpoints');
    for (const id of ids) await api.post(merchant, `/deposits/m1/webhooks/${id}/disabling`, { reason: 'too many' });
  });
});

it('a dead key is refunded, and the merchant is told of every step that moves his money, in order, signed, with rule and links', async () => {
  const { body } = await register(finance, 'real');
  const { endpointId, secret } = body as { endpointId: string; secret: string };
  const path = `/deposits/m1/webhooks/${endpointId}`;
  const buyer = await api.person('buyer', 'b1');
  await market.sell('W1', { key: 'KEY-OF-W1-0001' });
  await api.post(api.shop, '/sandbox/verifications', { key: 'KEY-OF-W1-0001', outcome: 'INVALID' });
  await api.post(buyer, '/disputes', { orderNo: 'W1', units: [1], reason: 'key-invalid' });
  await until(() => got.some(({ body: { type } }) => type === 'deposit.held'));
  await api.post(api.shop, '/sandbox/captures', { transaction: 'more-m1', amount: cny(700) });
  await api.post(finance, '/deposits/m1/top-ups', { transaction: 'more-m1' });
  await until(() => got.some(({ body: { data } }) => data['reference'] === 'more-m1'));
  const positions = got.map(({ body: { data } }) => BigInt(String(data['position'])));
  expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)));
  for (const { headers, raw } of got) {
    const signedContent = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${raw}`;
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signedContent).digest('base64')}`);
    expect(raw).not.toMatch(/KEY-OF|account-of|whsec_/);
  }
  const held = got.find(({ body: { type } }) => type === 'deposit.held');
  expect(held?.body.data).toMatchObject({
    event: 'DepositHeld',
    dispute: 'demo.W1.1',
    change: { held: cny(5_000) },
    links: { dispute: '/disputes/demo.W1.1' },
  });

  const told = await api.get(merchant, `${path}/messages`);
  const messages = told.body['messages'] as { id: string; position: string; status: string; attempts: { answered: number }[] }[];
  expect(messages.map(({ position }) => position)).toEqual([...new Set(positions.map(String))]);
  expect(messages.at(-1)?.id).toBe(got.at(-1)?.headers['webhook-id']);
  expect((await api.get(merchant, `${path}/messages?limit=1`)).body).toMatchObject({ next: messages[0]?.position });

  // Every link of a message leads somewhere for him.
  for (const link of Object.values(held?.body.data['links'] as Record<string, string>).filter((to) => !to.endsWith('/evidence')))
    expect((await api.get(merchant, link)).status).toBe(200);

  const before = got.length;
  const replay = await api.post(merchant, `${path}/replays`, { from: messages[0]?.position });
  expect(replay.body).toMatchObject({ queued: messages.length });
  await until(() => got.length >= before + messages.length);
  expect(new Set(got.slice(before).map(({ headers }) => headers['webhook-id']))).toEqual(new Set(messages.map(({ id }) => id)));
});

it('a secret is changed, and both are valid for a day', async () => {
  const { body } = await api.get(merchant, '/deposits/m1/webhooks');
  const [endpoint] = (body['endpoints'] as { endpointId: string; enabled: boolean }[]).filter(({ enabled }) => enabled);
  const path = `/deposits/m1/webhooks/${endpoint?.endpointId ?? ''}`;
  const { body: rotated } = await api.post(finance, `${path}/secret`);
  expect(rotated['secret']).toMatch(/^whsec_/);
  const before = got.length;
  await api.post(merchant, `${path}/replays`, { from: '0' });
  await until(() => got.length > before);
  expect(String(got.at(-1)?.headers['webhook-signature']).split(' ')).toHaveLength(2);
});
