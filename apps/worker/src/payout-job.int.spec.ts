import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { maxFailures, payout, type PayoutCommand, type PayoutEvent } from '@recourse/compensation';
import { startEventStoreNode, type EventStoreNode } from '@recourse/embedded-eventstore';
import { plusMs, systemActor, type Instant, type Recorded } from '@recourse/eventing';
import {
  openAggregateStore,
  openEventStore,
  runProjections,
  waitUntil,
  type AggregateStore,
  type EventStore,
  type Executed,
} from '@recourse/eventstore';
import { money, type Money } from '@recourse/money';
import { aggregateStoreProvider, catalogue, handlersFor, migrationSets } from '@recourse/nest';
import { connect, createDatabase, dropDatabase, liveSchema, migrate, payoutQueue, type Database } from '@recourse/postgres';
import { openSandboxRail, transferKey, type BookEntry, type SandboxRail } from '@recourse/rails';
import { createKeyFile, openVault, type Vault } from '@recourse/vault';
import { openSandboxVerifier } from '@recourse/verifiers';
import { BounceWatch, bounceWindowMs, roundMs } from './bounce-watch.js';
import { payoutCommands, SubmitTransfer } from './commands.js';
import type { JobTools } from './jobs.js';
import { runPayout } from './payout-job.js';

@Module({})
class PayoutModule {
  static of(aggregates: AggregateStore): DynamicModule {
    return {
      module: PayoutModule,
      imports: [CqrsModule.forRoot()],
      providers: [aggregateStoreProvider(aggregates), ...handlersFor(payout, ...payoutCommands)],
    };
  }
}

const adminUrl = process.env['TEST_POSTGRES_URL'] ?? '';
const name = `payouts_${randomUUID()}`;
const apps: INestApplicationContext[] = [];
const alarms: string[] = [];
let now: Instant = '2026-03-01T08:00:00.000Z';
let directory: string;
let node: EventStoreNode;
let database: Database;
let eventStore: EventStore;
let aggregates: AggregateStore;
let rail: SandboxRail;
let vault: Vault;
let first: JobTools;
let second: JobTools;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-payouts-'));
  node = await startEventStoreNode({ directory: join(directory, 'events') });
  database = connect(await createDatabase(adminUrl, name));
  await migrate(database.db, migrationSets);
  const keyFile = join(directory, 'vault.json');
  await createKeyFile(keyFile);
  const log = () => undefined;
  eventStore = openEventStore({ connectionString: node.connectionString, catalogue, log });
  aggregates = openAggregateStore({ eventStore, log });
  vault = await openVault({ db: database.db, keyFile });
  rail = openSandboxRail({ db: database.db, now: () => Promise.resolve(now) });
  // Two workers, each with warm state of its own.
  first = await worker();
  second = await worker();

  async function worker(): Promise<JobTools> {
    const app = await NestFactory.createApplicationContext(PayoutModule.of(openAggregateStore({ eventStore, log })), {
      logger: false,
    });
    await app.init();
    apps.push(app);
    return {
      commands: app.get(CommandBus),
      eventStore,
      clock: { now: () => Promise.resolve(now) },
      rails: new Map([[rail.name, rail]]),
      vault,
      verifier: openSandboxVerifier({ db: database.db }),
      alarm: (what) => alarms.push(what),
    };
  }
});
afterAll(async () => {
  for (const app of apps) await app.close();
  await eventStore.close();
  await database.close();
  await node.stop();
  await dropDatabase(adminUrl, name);
  await rm(directory, { recursive: true, force: true });
});

const amount = money(100n);
const send = async (payoutId: string, command: PayoutCommand): Promise<Executed> => {
  const commandId = randomUUID();
  return aggregates.execute(payout, payoutId, command, {
    commandId,
    correlationId: commandId,
    actor: systemActor('test'),
    at: now,
  });
};
const purpose = { kind: 'settlement', merchant: 'm1' } as const;
/** A settlement that waits for its job. @returns its id */
const requested = async (account = 'account-of-m1', approvalLimit?: Money): Promise<string> => {
  const payoutId = `demo.m1.${randomUUID()}`;
  const payee = await vault.storePerson({ account });
  const limited = approvalLimit === undefined ? {} : { approvalLimit };
  await send(payoutId, {
    type: 'RequestPayout',
    payoutId,
    platform: 'demo',
    purpose,
    rail: 'sandbox',
    payee,
    amount,
    ...limited,
  });
  return payoutId;
};
const cancel = (payoutId: string) =>
  send(payoutId, { type: 'CancelPayout', payoutId, platform: 'demo', purpose, subject: 'operator-1', reason: 'asked for' });
const eventsOf = (payoutId: string): Promise<readonly Recorded<PayoutEvent>[]> =>
  eventStore.readStream<PayoutEvent>(`payout-${payoutId}`, { limit: 5_000 });
const typesOf = async (payoutId: string) => (await eventsOf(payoutId)).map(({ type }) => type);
const bookOf = async (payoutId: string) => {
  const found: BookEntry[] = [];
  for await (const entry of rail.book()) if (entry.kind === 'Transfer' && entry.reference === payoutId) found.push(entry);
  return found.map((entry) => (entry.kind === 'Transfer' ? entry.state : entry.kind));
};
const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, make));

it('two workers that submit at the same moment make one transfer', async () => {
  const payouts = await times(8, () => requested());
  await Promise.all(payouts.flatMap((payoutId) => [runPayout(first, payoutId), runPayout(second, payoutId)]));
  for (const payoutId of payouts) {
    expect(await typesOf(payoutId)).toEqual(['PayoutRequested', 'TransferSubmitted', 'PayoutSucceeded']);
    expect(await bookOf(payoutId)).toEqual(['Succeeded']);
  }
});

it('an approval and a cancellation in the same millisecond end without a transfer, whichever comes first', async () => {
  const payouts = await times(8, () => requested('account-of-m1', money(99n)));
  for (const payoutId of payouts) {
    await runPayout(first, payoutId);
    await send(payoutId, { type: 'ApprovePayout', subject: 'finance-1' });
    await Promise.all([send(payoutId, { type: 'ApprovePayout', subject: 'finance-2' }), cancel(payoutId)]);
    await Promise.all([runPayout(first, payoutId), runPayout(second, payoutId)]);
    expect((await typesOf(payoutId)).filter((type) => type !== 'PayoutApproved')).toEqual([
      'PayoutRequested',
      'PayoutApprovalProposed',
      'PayoutCancelRequested',
      'PayoutCancelled',
    ]);
    expect(await bookOf(payoutId)).toEqual([]);
  }
});

it('a cancellation and a transfer at the same moment end in one of the two: paid and refused, or cancelled and unpaid', async () => {
  const payouts = await times(8, () => requested());
  await Promise.all(payouts.flatMap((payoutId) => [runPayout(first, payoutId), cancel(payoutId)]));
  for (const payoutId of payouts) {
    await runPayout(second, payoutId);
    const types = await typesOf(payoutId);
    const book = await bookOf(payoutId);
    expect(types).toContain(book.length === 1 ? 'PayoutCancelRefused' : 'PayoutCancelled');
    expect(book).toEqual(types.includes('PayoutSucceeded') ? ['Succeeded'] : []);
  }
});

it('a reversal while both workers ask about the transfer is recorded once, and the money goes out once more', async () => {
  const payoutId = await requested();
  await runPayout(first, payoutId);
  await Promise.all([
    runPayout(first, payoutId),
    rail.reverse(transferKey(payoutId, 1), 'CLOSED'),
    runPayout(second, payoutId),
    runPayout(first, payoutId),
  ]);
  await runPayout(second, payoutId);
  expect(await typesOf(payoutId)).toEqual([
    'PayoutRequested',
    'TransferSubmitted',
    'PayoutSucceeded',
    'PayoutReversed',
    'TransferSubmitted',
    'PayoutSucceeded',
  ]);
  expect(await bookOf(payoutId)).toEqual(['Reversed', 'Succeeded']);
});

it('a worker killed between the reversal and the next transfer leaves it to the next one', async () => {
  const payoutId = await requested();
  await runPayout(first, payoutId);
  await rail.reverse(transferKey(payoutId, 1), 'CLOSED');
  const killed = new Error('killed');
  const dying = {
    execute: (command: object) =>
      command instanceof SubmitTransfer ? Promise.reject(killed) : first.commands.execute(command as never),
  } as unknown as CommandBus;
  await expect(runPayout({ ...first, commands: dying }, payoutId)).rejects.toBe(killed);
  expect((await typesOf(payoutId)).at(-1)).toBe('PayoutReversed');
  expect(await bookOf(payoutId)).toEqual(['Reversed']);
  await runPayout(second, payoutId);
  expect((await typesOf(payoutId)).slice(-2)).toEqual(['TransferSubmitted', 'PayoutSucceeded']);
  expect(await bookOf(payoutId)).toEqual(['Reversed', 'Succeeded']);
});

it('an account that sends everything back is given up after so many transfers', async () => {
  const payoutId = await requested('sandbox-bounced-m1');
  for (let run = 0; run <= maxFailures + 1; run += 1) await runPayout(first, payoutId);
  expect(await bookOf(payoutId)).toEqual(Array(maxFailures).fill('Reversed'));
  expect((await typesOf(payoutId)).slice(-2)).toEqual(['PayoutReversed', 'PayoutUnclaimed']);
});

it('a fee is recorded once, however often the rail is asked', async () => {
  const payoutId = await requested('sandbox-fee-m1');
  for (let run = 0; run < 3; run += 1) await runPayout(first, payoutId);
  const events = await eventsOf(payoutId);
  expect(events.map(({ type }) => type)).toEqual([
    'PayoutRequested',
    'TransferSubmitted',
    'PayoutSucceeded',
    'GatewayFeeCharged',
  ]);
  expect(events.at(-1)).toMatchObject({ data: { amount: money(10n), transferNo: 1 } });
});

it('who was not told that a transfer came back learns it within a round of questions', async () => {
  const readDatabase = connect(adminUrl.replace(/\/[^/?]*(?=$|\?)/, `/${name}`), { searchPath: liveSchema });
  const running = await runProjections({ eventStore, database: readDatabase, projections: [payoutQueue], log: () => undefined });
  const shown = async () => waitUntil(database, [payoutQueue], await eventStore.lastPosition(), 30_000);
  try {
    now = plusMs(now, bounceWindowMs + 1);
    const lately = await times(5, async () => {
      const payoutId = await requested();
      await runPayout(first, payoutId);
      return payoutId;
    });
    expect(await shown()).toBe(true);
    const watch = new BounceWatch(database, 2);
    const round = [await watch.due(now), await watch.due(now), await watch.due(now)];
    // Those of the tests before are out of the window.
    expect(round.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(round.flat().toSorted()).toEqual(lately.toSorted());
    expect(await watch.due(plusMs(now, roundMs - 1))).toEqual([]);
    expect(await watch.due(plusMs(now, roundMs))).toHaveLength(2);
    expect(await new BounceWatch(database, 2).due(plusMs(now, bounceWindowMs + 1))).toEqual([]);

    const [bounced = ''] = lately;
    await rail.reverse(transferKey(bounced, 1), 'CLOSED');
    for (const payoutId of await new BounceWatch(database).due(now)) await runPayout(second, payoutId);
    expect(await bookOf(bounced)).toEqual(['Reversed', 'Succeeded']);
  } finally {
    await running.stop();
    await readDatabase.close();
  }
  expect(alarms).toEqual([]);
});
