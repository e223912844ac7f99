import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql, type Kysely, type Transaction } from 'kysely';
import { checkpointSteps } from './checkpoint.js';

/** Table names are written with their schema: a step sees no search path of its own. */
export interface MigrationStep {
  readonly name: string;
  up(trx: Transaction<Record<never, never>>): Promise<void>;
}

/** A schema and how it came to be. Steps are only ever appended; the schema itself is created by `migrate`. */
export interface MigrationSet {
  readonly schema: string;
  readonly steps: readonly MigrationStep[];
}

export interface MigrationOptions {
  /** Default 120,000; for another process that migrates at the same time. */
  lockTimeoutMs?: number;
}

const ownSet: MigrationSet = { schema: 'recourse', steps: checkpointSteps };
/** Any constant will do; this one spells "recourse" in ASCII. */
const lockKey = 0x7265_636f_7572_7365n;
const retryMs = 100;

/**
 * Brings the schemas up to date, each step in its own transaction and once, however many processes start together.
 * Statements of a step run under the connection's statement time-out.
 * @throws Error when the database is newer than this program, its history differs, or another process holds the lock too long
 */
export async function migrate<Tables>(
  db: Kysely<Tables>,
  sets: readonly MigrationSet[],
  options: MigrationOptions = {},
): Promise<void> {
  const all = [ownSet, ...sets];
  refuseDuplicates(all);
  await db.connection().execute(async (connection) => {
    await lock(connection, options.lockTimeoutMs ?? 120_000);
    try {
      await createHistory(connection);
      for (const set of all) await refuseForeignHistory(connection, set);
      for (const set of all) await apply(connection as unknown as Kysely<Record<never, never>>, set);
    } finally {
      await sql`select pg_advisory_unlock(${lockKey}::bigint)`.execute(connection);
    }
  });
}

function refuseDuplicates(sets: readonly MigrationSet[]): void {
  const names = sets.flatMap((set) => [set.schema, ...set.steps.map((step) => `${set.schema}/${step.name}`)]);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`The migration ${twice} is named twice.`);
}

async function lock<Tables>(connection: Kysely<Tables>, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_lock(${lockKey}::bigint) as held`.execute(connection);
    if (rows[0]?.held === true) return;
    if (performance.now() > deadline) {
      throw new Error(
        `Another process has been migrating this database for more than ${String(timeoutMs)} ms; look at that process first.`,
      );
    }
    await delay(retryMs);
  }
}

async function createHistory<Tables>(connection: Kysely<Tables>): Promise<void> {
  await sql`create schema if not exists recourse`.execute(connection);
  await sql`create table if not exists recourse.migration (
    schema text not null,
    name text not null,
    position integer not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    primary key (schema, name),
    unique (schema, position)
  )`.execute(connection);
}

interface Applied {
  name: string;
  position: number;
  checksum: string;
}

async function history<Tables>(connection: Kysely<Tables>, schema: string): Promise<Applied[]> {
  const { rows } = await sql<Applied>`
    select name, position, checksum from recourse.migration where schema = ${schema} order by position`.execute(connection);
  return rows;
}

async function refuseForeignHistory<Tables>(connection: Kysely<Tables>, set: MigrationSet): Promise<void> {
  const names = set.steps.map((step) => step.name);
  for (const [index, applied] of (await history(connection, set.schema)).entries()) {
    if (!names.includes(applied.name)) {
      throw new Error(
        `The database is newer than this program: schema ${set.schema} has the migration ${applied.name}, which this version does not know. ` +
          'Run the newer version, or restore a backup from before the upgrade.',
      );
    }
    if (names[index] !== applied.name || applied.checksum !== checksum(set, index)) {
      throw new Error(
        `The migrations of schema ${set.schema} differ from those applied, first at ${applied.name}: steps are only ever appended.`,
      );
    }
  }
}

async function apply(connection: Kysely<Record<never, never>>, set: MigrationSet): Promise<void> {
  await sql`create schema if not exists ${sql.id(set.schema)}`.execute(connection);
  const done = (await history(connection, set.schema)).length;
  for (const [index, step] of set.steps.entries()) {
    if (index < done) continue;
    await connection.transaction().execute(async (trx) => {
      await step.up(trx);
      await sql`insert into recourse.migration (schema, name, position, checksum)
        values (${set.schema}, ${step.name}, ${index}, ${checksum(set, index)})`.execute(trx);
    });
  }
}

/** Of the names up to and with this one, in their order. */
function checksum(set: MigrationSet, index: number): string {
  const names = set.steps.slice(0, index + 1).map((step) => step.name);
  return createHash('sha256')
    .update(JSON.stringify([set.schema, ...names]))
    .digest('hex');
}
