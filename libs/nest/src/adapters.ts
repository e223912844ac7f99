import type { Clock } from '@recourse/eventing';
import { openEventStore, type EventStore, type Log } from '@recourse/eventstore';
import { migrations as identityMigrations } from '@recourse/identity';
import {
  clockMigrations,
  connect,
  liveSchema,
  machineClock,
  migrate,
  readModelMigrations,
  virtualClock,
  type Database,
  type MigrationSet,
} from '@recourse/postgres';
import { openQueue, type WakeUps } from '@recourse/queue';
import { migrations as railMigrations, openSandboxRail, type PayoutRail, type SandboxRail } from '@recourse/rails';
import { migrations as vaultMigrations, openVault, type Vault } from '@recourse/vault';
import { migrations as verifierMigrations, openSandboxVerifier, type SandboxVerifier } from '@recourse/verifiers';
import { migrations as webhookMigrations } from '@recourse/webhooks';
import { catalogue } from './deciders.js';
import type { Environment } from './environment.js';
import { idempotencyMigrations } from './idempotency.js';

/** Every schema of an installation. */
export const migrationSets: readonly MigrationSet[] = [
  clockMigrations,
  idempotencyMigrations,
  vaultMigrations,
  identityMigrations,
  railMigrations,
  verifierMigrations,
  readModelMigrations,
  webhookMigrations,
];

/** What an app works with, opened from one environment; a profile is connection strings. */
export interface Adapters {
  readonly database: Database;
  /** The same database with the read models first in its search path. */
  readonly readDatabase: Database;
  readonly eventStore: EventStore;
  readonly queue: WakeUps;
  readonly vault: Vault;
  readonly sandboxRail: SandboxRail;
  readonly rails: ReadonlyMap<string, PayoutRail>;
  readonly sandboxVerifier: SandboxVerifier;
  readonly clock: Clock;
  /** Moved by the clock route only. */
  readonly isClockVirtual: boolean;
  close(): Promise<void>;
}

export const queueName = 'recourse';

/** Migrates and opens; what was opened is closed again when something cannot be. @throws Error that says which part cannot be had */
export async function openAdapters(environment: Environment, app: string, log: Log): Promise<Adapters> {
  const onError = (error: Error) => log('warn', 'a database connection broke', { error: error.message });
  const database = connect(environment.databaseUrl, { applicationName: app, onError });
  const readDatabase = connect(environment.databaseUrl, {
    applicationName: `${app}-read`,
    maxConnections: 4,
    searchPath: liveSchema,
    onError,
  });
  const closers: (() => Promise<void>)[] = [() => readDatabase.close(), () => database.close()];
  const close = async () => {
    for (const closer of closers.splice(0)) await closer();
  };
  try {
    await migrate(database.db, migrationSets);
    const isClockVirtual = environment.virtualClockStart !== undefined;
    const clock =
      environment.virtualClockStart === undefined ? machineClock : await virtualClock(database.db, environment.virtualClockStart);
    const queue = await openQueue({
      url: environment.queueUrl,
      name: queueName,
      onError: (error, wakeUp) => log('warn', 'a wake-up failed', { error: error.message, ...wakeUp }),
    });
    closers.unshift(() => queue.close());
    const eventStore = openEventStore({ connectionString: environment.eventStoreUrl, catalogue, log });
    closers.unshift(() => eventStore.close());
    const vault = await openVault({ db: database.db, keyFile: environment.keyFile });
    const sandboxRail = openSandboxRail({ db: database.db, now: () => clock.now() });
    const sandboxVerifier = openSandboxVerifier({ db: database.db });
    const rails = new Map<string, PayoutRail>([[sandboxRail.name, sandboxRail]]);
    return {
      database,
      readDatabase,
      eventStore,
      queue,
      vault,
      sandboxRail,
      rails,
      sandboxVerifier,
      clock,
      isClockVirtual,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
