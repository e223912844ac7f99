import { randomUUID } from 'node:crypto';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startEventStoreNode, type EventStoreNode } from '@recourse/embedded-eventstore';
import { eventsOf, systemActor } from '@recourse/eventing';
import { openEventStore, waitUntil, type EventStore } from '@recourse/eventstore';
import { createDevelopmentKeys, developmentIssuer } from '@recourse/identity';
import { money } from '@recourse/money';
import { catalogue } from '@recourse/nest';
import type { OrderEvent } from '@recourse/orders';
import { connect, createDatabase, dropDatabase, findOrder, readModels, type Database } from '@recourse/postgres';
import { createKeyFile } from '@recourse/vault';

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const name = `standby_${randomUUID()}`;
const workers: ChildProcess[] = [];
let directory: string;
let node: EventStoreNode;
let database: Database;
let store: EventStore;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-standby-'));
  node = await startEventStoreNode({ directory: join(directory, 'events') });
  const url = await createDatabase(adminUrl, name);
  database = connect(url);
  store = openEventStore({ connectionString: node.connectionString, catalogue, log: () => undefined });
  const keyFile = join(directory, 'vault.json');
  await createKeyFile(keyFile);
  const { jwksFile } = await createDevelopmentKeys(join(directory, 'keys'));
  environment = {
    ...process.env,
    DATABASE_URL: url,
    EVENTSTORE_URL: node.connectionString,
    REDIS_URL: url,
    RECOURSE_KEY_FILE: keyFile,
    RECOURSE_FILES: pathToFileURL(join(directory, 'files')).href,
    RECOURSE_JWKS: jwksFile,
    RECOURSE_ISSUER: developmentIssuer,
  };
});
afterAll(async () => {
  for (const worker of workers) {
    if (worker.exitCode !== null || worker.signalCode !== null) continue;
    worker.kill('SIGKILL');
    await once(worker, 'exit');
  }
  await store.close();
  await database.close();
  await node.stop();
  await dropDatabase(adminUrl, name);
  await rm(directory, { recursive: true, force: true });
});

/** A worker process; `leads` settles when it says that it does its work. */
function startWorker(): { process: ChildProcess; leads: Promise<void>; isLeading: () => boolean } {
  const worker = fork(program, { env: environment, stdio: ['ignore', 'pipe', 'ignore', 'ipc'], execArgv: [] });
  workers.push(worker);
  let leading = false;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  if (worker.stdout) {
    createInterface({ input: worker.stdout }).on('line', (line) => {
      if (!line.startsWith('{"ready"')) return;
      leading = true;
      resolve(undefined);
    });
  }
  worker.once('exit', (code) => reject(new Error(`the worker ended with ${code ?? 'a signal'}`)));
  promise.catch(() => undefined);
  return { process: worker, leads: promise, isLeading: () => leading };
}

const placed = (orderId: string) =>
  eventsOf<OrderEvent>()('OrderPlaced', {
    orderId,
    platform: 'demo',
    merchant: 'm1',
    buyer: 'b1',
    payee: 'person-1',
    rail: 'sandbox',
    receiver: 'recourse-platform',
    productKind: 'game-card',
    settlement: 'ESCROW',
    promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false },
    policy: { id: 'demo', version: 1, hash: 'h' },
    units: [{ unitNo: 1, product: 'card', price: money(100n), fee: money(1n) }],
    total: money(100n),
    payBefore: '2026-03-01T00:30:00.000Z',
    placedAt: '2026-03-01T00:00:00.000Z',
  });

/** Waits until the read models show it, which takes an active worker. */
async function isShown(orderId: string): Promise<boolean> {
  const at = '2026-03-01T00:00:00.000Z';
  const metadata = {
    commandId: randomUUID(),
    correlationId: 'c',
    actor: systemActor('test'),
    schemaVersion: 1,
    recordedAt: at,
    effectiveAt: at,
  };
  const outcome = await store.append(`order-${orderId}`, 'no_stream', [placed(orderId)], [metadata]);
  if (outcome.status !== 'appended' || outcome.position === undefined) throw new Error('the order was not appended');
  await waitUntil(database, readModels, outcome.position, 40_000);
  return (await findOrder(database.db, orderId)) !== undefined;
}

it('one worker is active, and when it is killed the standby goes on', async () => {
  const first = startWorker();
  await first.leads;
  const second = startWorker();
  expect(await isShown('demo.1')).toBe(true);
  expect(second.isLeading()).toBe(false);

  first.process.kill('SIGKILL');
  await second.leads;
  expect(await isShown('demo.2')).toBe(true);
}, 120_000);
