import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DepositEvent } from '@recourse/deposits/events';
import { plusHours, plusMs, systemActor, type Instant, type Recorded } from '@recourse/eventing';
import { money } from '@recourse/money';
import {
  connect,
  createDatabase,
  depositStatement,
  dropDatabase,
  inSchema,
  liveSchema,
  migrate,
  park,
  readModelMigrations,
  unpark,
  type Database,
} from '@recourse/postgres';
import { createKeyFile, migrations as vaultMigrations, openVault, type Vault } from '@recourse/vault';
import { sql } from 'kysely';
import {
  disableEndpoint,
  enableEndpoint,
  endpointsToServe,
  findEndpoint,
  listMessages,
  migrations,
  registerEndpoint,
  replayMessages,
  rotateSecret,
  serveEndpoint,
  startDispatcher,
  type DeliveryTools,
} from './index.js';
import { answer, hang, hangUp, startReceiver, type Received, type Receiver } from './receiver.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const name = `webhooks_${randomUUID()}`;
const start = '2026-03-01T01:00:00.000Z';
const cny = (minor: number) => money(BigInt(minor), 'CNY');
let directory: string;
let database: Database;
let vault: Vault;
let receiver: Receiver;
let now: Instant;
let tools: DeliveryTools;
let merchant: string;
let position = 0n;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'webhooks-'));
  database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, [vaultMigrations, readModelMigrations, migrations]);
  await createKeyFile(join(directory, 'keys.json'));
  vault = await openVault({ db: database.db, keyFile: join(directory, 'keys.json') });
});
afterAll(async () => {
  await database.close();
  await dropDatabase(adminUrl, name);
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  receiver = await startReceiver();
  now = start;
  tools = { db: database.db, vault, now: () => Promise.resolve(now), allowLoopback: true, timeoutMs: 2_000 };
  merchant = `m${randomBytes(4).toString('hex')}`;
  const nothing = cny(0);
  await happens('DepositPeriodOpened', { period: '0001', deposit: nothing, held: nothing, payable: nothing, openedAt: start });
});
afterEach(() => receiver.close());

type Facts<Type extends DepositEvent['type']> = Omit<Extract<DepositEvent, { type: Type }>['data'], 'platform' | 'merchant'>;

/** The event as the worker's projection handles it. */
async function happens<Type extends DepositEvent['type']>(type: Type, facts: Facts<Type>): Promise<bigint> {
  position += 10n;
  const at = position;
  await project(recorded(type, facts, at));
  return at;
}
function recorded(type: string, facts: object, at: bigint): Recorded {
  const metadata = {
    commandId: randomUUID(),
    correlationId: randomUUID(),
    actor: systemActor('test'),
    schemaVersion: 1,
    recordedAt: now,
    effectiveAt: now,
  };
  const data = { platform: 'demo', merchant, ...facts };
  return { type, data, id: randomUUID(), stream: `deposit-demo.${merchant}.0001`, revision: 0n, position: at, metadata };
}
const project = (event: Recorded) =>
  database.db.transaction().execute(async (trx) => {
    await inSchema(trx, liveSchema);
    await depositStatement.on[event.type]?.(event, trx);
  });
const topUp = (minor: number) =>
  happens('DepositToppedUp', { amount: cny(minor), rail: 'sandbox', transaction: `tx-${minor}`, toppedUpAt: now });

let registrations = 0;
async function register(url = receiver.url, after = position): Promise<{ endpointId: string; secret: string }> {
  registrations += 1;
  const endpointId = `ep${registrations}`;
  const secret = await registerEndpoint(tools, { endpointId, platform: 'demo', merchant, url, after, by: 'finance-f1' });
  return { endpointId, secret: secret! };
}
const endpoint = (endpointId: string) => findEndpoint(tools, { platform: 'demo', merchant }, endpointId);
const never = new AbortController().signal;
const serve = (endpointId: string, signal = never) => serveEndpoint(tools, endpointId, signal);
const messages = (endpointId: string) => listMessages(database.db, { endpointId, after: 0n, limit: 1_000 });
const positions = (received: readonly Received[]) => received.map(({ body }) => BigInt(body.data.position));

/** Standard Webhooks as its specification has it, written without ours. */
async function isSigned({ headers, raw }: Received, secret: string): Promise<boolean> {
  const key = await crypto.subtle.importKey(
    'raw',
    Uint8Array.from(atob(secret.replace('whsec_', '')), (character) => character.charCodeAt(0)),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  );
  const content = new TextEncoder().encode(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${raw}`);
  const checks = String(headers['webhook-signature'])
    .split(' ')
    .filter((one) => one.startsWith('v1,'))
    .map((one) =>
      crypto.subtle.verify(
        'HMAC',
        key,
        Uint8Array.from(atob(one.slice(3)), (character) => character.charCodeAt(0)),
        content,
      ),
    );
  return (await Promise.all(checks)).some(Boolean);
}

describe('a debit notice', () => {
  it('tells the merchant what moved, why, and what he has now, signed with the secret that was shown once', async () => {
    const { endpointId, secret } = await register();
    await topUp(500);
    await happens('CaseNoted', { caseId: 'demo.o1.1', orderId: 'demo.o1', exposure: cny(200), notedAt: now });
    const debited = await happens('DepositDebited', {
      obligationId: 'demo.o1.1.v1',
      refundId: 'demo.o1.1.v1',
      fromHeld: cny(0),
      fromDeposit: cny(200),
      amount: cny(200),
      outstanding: cny(0),
      debitedAt: now,
    });
    expect(await endpointsToServe(tools, 10)).toContain(endpointId);
    await serve(endpointId);
    expect(receiver.received.map(({ body }) => body.type)).toEqual(['deposit.topped_up', 'deposit.debited']);
    const [, debit] = receiver.received;
    expect(debit?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': `msg_${endpointId}_${debited}`,
      'webhook-timestamp': String(Date.parse(start) / 1_000),
    });
    expect(debit?.body.data).toMatchObject({
      position: String(debited),
      event: 'DepositDebited',
      merchant,
      refund: 'demo.o1.1.v1',
      change: { available: { asset: 'CNY', minor: '-200' }, owed: { asset: 'CNY', minor: '-200' } },
      balance: { available: { asset: 'CNY', minor: '300' }, held: { asset: 'CNY', minor: '0' } },
      links: { refund: '/refunds/demo.o1.1.v1' },
    });
    expect(await Promise.all(receiver.received.map((one) => isSigned(one, secret)))).toEqual([true, true]);
    expect(await isSigned({ ...debit!, raw: debit!.raw.replace('200', '201') }, secret)).toBe(false);
    expect(await endpointsToServe(tools, 10)).not.toContain(endpointId);
  });

  it('keeps the secret out of the tables', async () => {
    const { secret, endpointId } = await register();
    const { rows } = await sql<{
      row: string;
    }>`select e::text as row from webhooks.endpoint e where endpoint_id = ${endpointId}`.execute(database.db);
    expect(rows[0]?.row).not.toContain(secret.slice(6, 20));
  });

  it('is signed with the old secret too for 24 hours after a rotation', async () => {
    const { endpointId, secret } = await register();
    const { secret: fresh, previousValidUntil } = await rotateSecret(tools, { endpointId, by: 'finance-f1', request: 'r1' });
    expect(previousValidUntil).toBe(plusHours(start, 24));
    const checks = async () => {
      await topUp(100);
      await serve(endpointId);
      const last = receiver.received.at(-1)!;
      return [await isSigned(last, secret), await isSigned(last, fresh)];
    };
    now = previousValidUntil;
    expect(await checks()).toEqual([true, true]);
    now = plusMs(now, 1);
    expect(await checks()).toEqual([false, true]);
  });
});

describe('a change of the secret', () => {
  it('whose answer was lost is asked for again: the secret in use stays valid', async () => {
    const { endpointId, secret } = await register();
    const change = { endpointId, by: 'finance-f1', request: 'r1' };
    const { secret: lost } = await rotateSecret(tools, change);
    const { secret: fresh } = await rotateSecret(tools, change);
    await topUp(1);
    await serve(endpointId);
    const [message] = receiver.received;
    expect(await Promise.all([secret, lost, fresh].map((one) => isSigned(message!, one)))).toEqual([true, false, true]);
  });
});

describe('a receiver that does not take it', () => {
  it.each([
    ['answers 500', answer(500), { status: 500, error: null }],
    ['sends it elsewhere', answer(302, { location: 'http://169.254.169.254/' }), { status: 302, error: null }],
    ['hangs', hang, { status: null, error: 'no answer within 300 ms' }],
    ['hangs up', hangUp, { status: null, error: 'ECONNRESET' }],
  ] as const)('%s: the message comes again under the same id', async (_, behaviour, expected) => {
    tools = { ...tools, timeoutMs: 300 };
    const { endpointId } = await register();
    await topUp(100);
    receiver.next(behaviour);
    await serve(endpointId);
    now = plusMs(now, 4_000);
    await serve(endpointId);
    expect(receiver.received).toHaveLength(1);
    now = plusMs(now, 2_000);
    await serve(endpointId);
    const [first, second] = receiver.received;
    expect(second?.id).toBe(first?.id);
    expect(second?.raw).toBe(first?.raw);
    expect(await messages(endpointId)).toMatchObject([
      {
        status: 'delivered',
        attempts: [
          { attempt_no: 1, ...expected },
          { attempt_no: 2, status: 204, error: null },
        ],
      },
    ]);
  });

  it('is slow, within its time: the message has arrived', async () => {
    const { endpointId } = await register();
    await topUp(100);
    receiver.next((response) => setTimeout(() => answer(200)(response, response.req), 100));
    await serve(endpointId);
    expect(await messages(endpointId)).toMatchObject([{ status: 'delivered', tries: 0 }]);
  });

  it('answers without end: only its status is taken', async () => {
    const { endpointId } = await register();
    await topUp(100);
    receiver.next((response) => {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', pour);
      response.on('error', () => undefined);
      pour();
    });
    await serve(endpointId);
    expect(await messages(endpointId)).toMatchObject([{ status: 'delivered' }]);
  });

  it('is not here: the reason is kept and the message too', async () => {
    const gone = await startReceiver();
    await gone.close();
    const { endpointId } = await register(gone.url);
    await topUp(100);
    await serve(endpointId);
    expect(await messages(endpointId)).toMatchObject([{ status: 'pending', tries: 1, attempts: [{ error: 'ECONNREFUSED' }] }]);
  });

  it('speaks no TLS where https was registered: nothing is told in the clear', async () => {
    const { endpointId } = await register(receiver.url.replace('http:', 'https:'));
    await topUp(100);
    await serve(endpointId);
    expect(receiver.received).toHaveLength(0);
    expect((await messages(endpointId))[0]?.attempts[0]?.error).toMatch(/SSL|EPROTO/);
  });

  it('is at an address that became private: nothing is sent', async () => {
    const { endpointId } = await register('http://localhost:9/hook');
    await topUp(100);
    tools = { ...tools, allowLoopback: false };
    await serve(endpointId);
    expect((await messages(endpointId))[0]?.attempts[0]?.error).toContain('https');
  });

  it('does not hold up what comes after: first attempts are made in the order of the log', async () => {
    const { endpointId } = await register();
    const told = [await topUp(1), await topUp(2), await topUp(3)];
    receiver.next(answer(500), answer(204), answer(503));
    await serve(endpointId);
    expect(positions(receiver.received)).toEqual(told);
    now = plusMs(now, 6_000);
    const later = await topUp(4);
    await serve(endpointId);
    expect(positions(receiver.received)).toEqual([...told, told[0], told[2], later]);
  });

  it('is left alone after five failures in a row, and is told everything when it is back', async () => {
    receiver.always(answer(500));
    const { endpointId } = await register();
    const told: bigint[] = [];
    for (let n = 1; n <= 8; n += 1) told.push(await topUp(n));
    await serve(endpointId);
    expect(positions(receiver.received)).toEqual(told.slice(0, 5));
    await serve(endpointId);
    expect(receiver.received).toHaveLength(5);
    expect(await endpointsToServe(tools, 10)).not.toContain(endpointId);
    receiver.always(answer(204));
    now = plusMs(now, 5_000);
    await serve(endpointId);
    expect(new Set(positions(receiver.received.slice(5)))).toEqual(new Set(told));
    expect((await messages(endpointId)).every(({ status }) => status === 'delivered')).toBe(true);
  });

  it('takes nothing for more than three days: it is disabled, says why, and loses nothing when it is enabled', async () => {
    receiver.always(answer(500));
    const { endpointId } = await register();
    const first = await topUp(1);
    const until = plusHours(start, 24 * 4);
    for (; (await endpoint(endpointId))?.enabled === true && now < until; now = plusHours(now, 1)) await serve(endpointId);
    expect(await endpoint(endpointId)).toMatchObject({
      enabled: false,
      disabled_because: `nothing was accepted since ${start}; at last: the receiver answered 500`,
      changed_by: 'system:webhooks',
    });
    expect(now > plusHours(start, 72)).toBe(true);
    const second = await topUp(2);
    receiver.always(answer(204));
    await serve(endpointId);
    const sent = receiver.received.length;
    await enableEndpoint(tools, { platform: 'demo', merchant }, { endpointId, by: 'merchant-m1' });
    await serve(endpointId);
    expect(positions(receiver.received.slice(sent))).toEqual([second]);
    expect(await messages(endpointId)).toMatchObject([
      { position: first, status: 'failed', tries: 10 },
      { position: second, status: 'delivered' },
    ]);
    await replayMessages(database.db, (await endpoint(endpointId))!, { from: first, limit: 1 }, now);
    await serve(endpointId);
    expect(positions(receiver.received.slice(sent))).toEqual([second, first]);
  });

  it('refuses one message for good and takes the others: it stays enabled', async () => {
    const { endpointId } = await register();
    const poison = await topUp(1);
    receiver.always((response, request) => {
      const status = request.headers['webhook-id'] === `msg_${endpointId}_${poison}` ? 500 : 204;
      answer(status)(response, request);
    });
    for (let n = 2; now < plusHours(start, 24 * 5); now = plusHours(now, 4)) {
      await topUp((n += 1));
      await serve(endpointId);
    }
    expect((await endpoint(endpointId))?.enabled).toBe(true);
    const [first, ...others] = await messages(endpointId);
    expect(first).toMatchObject({ position: poison, status: 'failed', tries: 10 });
    expect(others.every(({ status }) => status === 'delivered')).toBe(true);
  });

  it('answers 410: it is gone, and is disabled at once', async () => {
    const { endpointId } = await register();
    await topUp(1);
    receiver.next(answer(410));
    await serve(endpointId);
    expect(await endpoint(endpointId)).toMatchObject({
      enabled: false,
      disabled_because: 'the receiver answered 410: it is gone',
    });
  });
});

describe('what is told', () => {
  it('begins where the endpoint was registered, unless it is replayed from before', async () => {
    const early = await topUp(1);
    const { endpointId } = await register();
    const late = await topUp(2);
    await serve(endpointId);
    expect(positions(receiver.received)).toEqual([late]);
    const replayed = await replayMessages(database.db, (await endpoint(endpointId))!, { from: early, limit: 100 }, now);
    expect(replayed).toEqual({ queued: 2 });
    await serve(endpointId);
    expect(positions(receiver.received)).toEqual([late, early, late]);
    expect(receiver.received[2]?.id).toBe(receiver.received[0]?.id);
  });

  it('is replayed page by page', async () => {
    const { endpointId } = await register();
    const told = [await topUp(1), await topUp(2), await topUp(3)];
    await serve(endpointId);
    const known = (await endpoint(endpointId))!;
    const page = await replayMessages(database.db, known, { from: told[0]!, limit: 2 }, now);
    expect(page).toEqual({ queued: 2, next: told[1]! + 1n });
    expect(await replayMessages(database.db, known, { from: page.next!, limit: 2 }, now)).toEqual({ queued: 1 });
  });

  it('waits while the endpoint is disabled', async () => {
    const { endpointId } = await register();
    await disableEndpoint(tools, { endpointId, by: 'merchant-m1', because: 'maintenance' });
    const missed = await topUp(1);
    await serve(endpointId);
    expect(receiver.received).toHaveLength(0);
    await enableEndpoint(tools, { platform: 'demo', merchant }, { endpointId, by: 'merchant-m1' });
    await serve(endpointId);
    expect(positions(receiver.received)).toEqual([missed]);
  });

  it('goes to each endpoint of the merchant, and to nobody else', async () => {
    const [one, other] = [await register(`${receiver.url}/one`), await register(`${receiver.url}/other`)];
    const mine = merchant;
    await topUp(1);
    merchant = 'somebody-else';
    await happens('DepositPeriodOpened', { period: '0001', deposit: cny(0), held: cny(0), payable: cny(0), openedAt: now });
    await topUp(2);
    merchant = mine;
    await serve(one.endpointId);
    await serve(other.endpointId);
    expect(receiver.received.map(({ path }) => path)).toEqual(['/hook/one', '/hook/other']);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(2);
  });

  it('is not sent again when the statement is built anew', async () => {
    const { endpointId } = await register();
    const events = [
      recorded('DepositToppedUp', { amount: cny(1), rail: 'sandbox', transaction: 't1', toppedUpAt: now }, position + 10n),
    ];
    position += 10n;
    for (const event of events) await project(event);
    await serve(endpointId);
    const rebuilt = await topUp(2);
    await sql`delete from read.merchant_movement where merchant = ${merchant}`.execute(database.db);
    now = plusMs(now, 6_000);
    await serve(endpointId);
    for (const event of events) await project(event);
    await serve(endpointId);
    await project(recorded('DepositToppedUp', { amount: cny(2), rail: 'sandbox', transaction: 't2', toppedUpAt: now }, rebuilt));
    await serve(endpointId);
    expect(positions(receiver.received)).toEqual([events[0]!.position, rebuilt]);
  });

  it('waits for an event that the statement cannot show yet', async () => {
    const { endpointId } = await register();
    const reader = `projection:${depositStatement.name}.v${depositStatement.version}`;
    const parked = position + 5n;
    const stream = `deposit-demo.${merchant}.0001`;
    await park(database.db, { reader, stream, position: parked, eventId: randomUUID(), error: 'broken' });
    const later = await topUp(2);
    await serve(endpointId);
    expect(receiver.received).toHaveLength(0);
    await project(recorded('DepositToppedUp', { amount: cny(1), rail: 'sandbox', transaction: 't', toppedUpAt: now }, parked));
    await unpark(database.db, reader, parked);
    await serve(endpointId);
    expect(positions(receiver.received)).toEqual([parked, later]);
  });
});

describe('the dispatcher', () => {
  const dispatch = () => startDispatcher({ ...tools, log: () => undefined, everyMs: 20 });
  const settled = async (endpointId: string, count: number) => {
    for (const giveUpAt = performance.now() + 30_000; performance.now() < giveUpAt;) {
      const delivered = (await messages(endpointId)).filter(({ status }) => status === 'delivered');
      if (delivered.length === count) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`not all of ${count} messages arrived`);
  };

  it('loses nothing when it is killed while a message is on its way, and repeats it under the same id', async () => {
    const { endpointId } = await register();
    const told = [await topUp(1), await topUp(2), await topUp(3)];
    receiver.next(answer(204), hang);
    const killed = dispatch();
    await receiver.until(2);
    await killed.stop();
    expect((await messages(endpointId)).map(({ status }) => status)).toEqual(['delivered', 'pending', 'pending']);
    const second = dispatch();
    await settled(endpointId, 3);
    await second.stop();
    expect(positions(receiver.received)).toEqual([told[0], told[1], told[1], told[2]]);
    expect(receiver.received[2]?.id).toBe(receiver.received[1]?.id);
  });

  it('sends to others while one hangs', async () => {
    const slow = await startReceiver();
    slow.always(hang);
    const hanging = await register(slow.url);
    const quick = await register();
    await topUp(1);
    const dispatcher = dispatch();
    await slow.until(1);
    await settled(quick.endpointId, 1);
    await dispatcher.stop();
    await slow.close();
    expect(await messages(hanging.endpointId)).toMatchObject([{ status: 'pending', tries: 0 }]);
  });
});
