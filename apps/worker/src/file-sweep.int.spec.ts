import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dispute, type DisputeCommand } from '@recourse/disputes';
import { startEventStoreNode, type EventStoreNode } from '@recourse/embedded-eventstore';
import { systemActor, type Instant } from '@recourse/eventing';
import { openAggregateStore, openEventStore, type EventStore } from '@recourse/eventstore';
import { openFileStore, openUploads, scopeOf, type StoredFile, type Uploads } from '@recourse/files';
import { catalogue, migrationSets } from '@recourse/nest';
import { connect, createDatabase, dropDatabase, migrate, type Database } from '@recourse/postgres';
import { createKeyFile, openVault } from '@recourse/vault';
import { sql } from 'kysely';
import { sweepFiles } from './file-sweep.js';

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const name = `sweep_${randomUUID()}`;
const at: Instant = '2026-03-01T08:00:00.000Z';
const disputeId = 'demo.o1.1';
let directory: string;
let node: EventStoreNode;
let database: Database;
let eventStore: EventStore;
let uploads: Uploads;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-sweep-'));
  node = await startEventStoreNode({ directory: join(directory, 'events') });
  database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, migrationSets);
  await createKeyFile(join(directory, 'vault.json'));
  eventStore = openEventStore({ connectionString: node.connectionString, catalogue, log: () => undefined });
  const vault = await openVault({ db: database.db, keyFile: join(directory, 'vault.json') });
  const store = await openFileStore(pathToFileURL(join(directory, 'files')).href);
  uploads = openUploads({ db: database.db, vault, store });
});
afterAll(async () => {
  await eventStore.close();
  await database.close();
  await node.stop();
  await dropDatabase(adminUrl, name);
  await rm(directory, { recursive: true, force: true });
});

const send = async (command: DisputeCommand): Promise<void> => {
  const commandId = randomUUID();
  const context = { commandId, correlationId: commandId, actor: systemActor('test', 'demo'), at };
  const { outcome } = await openAggregateStore({ eventStore, log: () => undefined }).execute(
    dispute,
    disputeId,
    command,
    context,
  );
  expect(outcome).toBe('appended');
};
const keep = async (by: 'buyer' | 'merchant', text: string): Promise<StoredFile> =>
  (await uploads.receive(scopeOf({ disputeId, by }), [Buffer.from(text)])).keep();
const isThere = async (by: 'buyer' | 'merchant', file: StoredFile): Promise<boolean> =>
  (await uploads.claim(scopeOf({ disputeId, by }), file.sha256)) !== undefined;

it('keeps the file of a piece of evidence and removes what nobody submitted, on its own side of the case', async () => {
  await send({
    type: 'OpenDispute',
    draft: true,
    openedAt: at,
    disputeId,
    orderId: 'demo.o1',
    platform: 'demo',
    merchant: 'm1',
    buyer: 'b1',
    reason: 'key-invalid',
    productKind: 'game-card',
    promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false },
    policy: { id: 'demo', version: 1, hash: 'h1' },
    units: [
      {
        unitNo: 1,
        product: 'p1',
        price: { asset: 'CNY', minor: 100n },
        fee: { asset: 'CNY', minor: 0n },
        escrow: 'held',
        platformFailure: false,
        evidence: [],
      },
    ],
  });
  const submitted = await keep('buyer', 'submitted');
  const [forgotten, sameOfMerchant] = [await keep('buyer', 'forgotten'), await keep('merchant', 'submitted')];
  const piece = { kind: 'chat', showsActivationFailure: false, content: 'person-1' } as const;
  await send({ type: 'SubmitEvidence', evidenceId: 'e1', by: 'buyer', file: submitted, ...piece });
  expect(await sweepFiles(uploads, eventStore)).toBe(0);
  await sql`update files.upload set touched_at = now() - interval '25 hours'`.execute(database.db);
  expect(await sweepFiles(uploads, eventStore)).toBe(2);
  expect(await isThere('buyer', submitted)).toBe(true);
  expect(await isThere('buyer', forgotten)).toBe(false);
  expect(await isThere('merchant', sameOfMerchant)).toBe(false);
});
