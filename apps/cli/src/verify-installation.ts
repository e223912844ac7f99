import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Log } from '@recourse/eventstore';
import { openEventStore } from '@recourse/eventstore';
import { catalogue } from '@recourse/nest';
import { connect, existingVirtualClock, machineClock } from '@recourse/postgres';
import { openSandboxRail } from '@recourse/rails';
import { openVault } from '@recourse/vault';
import { startStores } from './installation.js';
import { Progress } from './progress.js';
import { findRunning } from './running.js';
import { printReport, verify, type VerifyReport } from './verify.js';

export interface Stores {
  readonly databaseUrl: string;
  readonly eventStoreUrl: string;
  readonly keyFile: string;
}

const quiet: Log = () => undefined;

/** Verifies what these stores hold, under the clock the installation lives by. */
export async function verifyStores({ databaseUrl, eventStoreUrl, keyFile }: Stores, progress?: Progress): Promise<VerifyReport> {
  const database = connect(databaseUrl, { applicationName: 'recourse-verify', maxConnections: 2 });
  const eventStore = openEventStore({ connectionString: eventStoreUrl, catalogue, log: quiet });
  try {
    const clock = (await existingVirtualClock(database.db)) ?? machineClock;
    const rail = openSandboxRail({ db: database.db, now: () => clock.now() });
    const vault = await openVault({ db: database.db, keyFile });
    const head = Number(await eventStore.lastPosition());
    return await verify(
      { eventStore, databaseUrl, rails: [rail], vault, clock },
      { onProgress: ({ position }) => progress?.show(Number(position), head) },
    );
  } finally {
    progress?.clear();
    await eventStore.close();
    await database.close();
  }
}

export interface VerifyCommand {
  readonly dataDir: string;
  readonly json: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
}

/** `recourse verify`: beside a running installation, on one at rest, or on the stores that the environment names. @returns the exit code */
export async function runVerify({ dataDir, json, environment, say, complain }: VerifyCommand): Promise<number> {
  let stop: () => Promise<void> = () => Promise.resolve();
  try {
    const opened = await storesOf(resolve(dataDir), environment);
    stop = opened.stop;
    const report = await verifyStores(opened, json ? undefined : new Progress('verifying'));
    printReport(report, json ? 'json' : 'table', (text) => say(text.trimEnd()));
    return report.holds ? 0 : 1;
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    return 2;
  } finally {
    await stop();
  }
}

/** The stores of an installation: those the environment names, those of a running one, or its embedded ones, started for the while. */
export async function storesOf(
  dataDir: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Stores & { stop(): Promise<void> }> {
  const keyFile = environment['RECOURSE_KEY_FILE'] ?? join(dataDir, 'keys', 'vault.json');
  const named = { databaseUrl: environment['DATABASE_URL'], eventStoreUrl: environment['EVENTSTORE_URL'] };
  if (named.databaseUrl !== undefined && named.eventStoreUrl !== undefined) {
    return { databaseUrl: named.databaseUrl, eventStoreUrl: named.eventStoreUrl, keyFile, stop: () => Promise.resolve() };
  }
  const running = await findRunning(dataDir);
  if (running !== undefined) return { ...running, keyFile, stop: () => Promise.resolve() };
  await access(join(dataDir, 'eventstore')).catch(() => {
    throw new Error(`there is no installation in ${dataDir}`);
  });
  return { ...(await startStores(dataDir)), keyFile };
}
