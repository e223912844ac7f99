import { sql, type QueryExecutorProvider } from 'kysely';
import type { MigrationStep } from './migration.js';

/** How far a reader has come in the log; `db` is a Kysely or one of its transactions. */
export async function readCheckpoint(db: QueryExecutorProvider, reader: string): Promise<bigint | undefined> {
  const { rows } = await sql<{ position: bigint }>`select position from recourse.checkpoint where reader = ${reader}`.execute(db);
  return rows[0]?.position;
}

/**
 * Belongs into the transaction that holds what was read. It only ever moves forward, so of two instances that handle the same
 * event at once one fails and is rolled back.
 * @throws CheckpointPassed when the reader stands at `position` or behind it already
 */
export async function writeCheckpoint(trx: QueryExecutorProvider, reader: string, position: bigint): Promise<void> {
  const { numAffectedRows } = await sql`
    insert into recourse.checkpoint as c (reader, position) values (${reader}, ${position})
    on conflict (reader) do update set position = excluded.position, updated_at = now() where c.position < excluded.position`.execute(
    trx,
  );
  if (numAffectedRows !== 1n) throw new CheckpointPassed(reader, position);
}

/** Lets a reader start anew; belongs into the transaction that empties its tables. */
export async function resetCheckpoint(trx: QueryExecutorProvider, reader: string): Promise<void> {
  await sql`delete from recourse.checkpoint where reader = ${reader}`.execute(trx);
  await sql`delete from recourse.parked_event where reader = ${reader}`.execute(trx);
}

export class CheckpointPassed extends Error {
  override readonly name = 'CheckpointPassed';

  constructor(reader: string, position: bigint) {
    super(`The reader ${reader} has passed position ${String(position)} already: another instance is at work.`);
  }
}

/** An event a reader could not handle, or one that came after such an event in the same stream. */
export interface ParkedEvent {
  reader: string;
  stream: string;
  /** What is blocked until the event is handled; absent: its stream. */
  lane?: string;
  position: bigint;
  eventId: string;
  /** Why, for an operator; cut after 4,000 characters. */
  error: string;
}

const maxErrorCharacters = 4_000;

/** Belongs into the transaction that moves the checkpoint past the event; parking it again only renews the error. */
export async function park(trx: QueryExecutorProvider, event: ParkedEvent): Promise<void> {
  await sql`
    insert into recourse.parked_event (reader, stream, lane, position, event_id, error)
    values (${event.reader}, ${event.stream}, ${event.lane ?? event.stream}, ${event.position}, ${event.eventId}, ${event.error.slice(0, maxErrorCharacters)})
    on conflict (reader, position) do update set error = excluded.error, parked_at = now()`.execute(trx);
}

/** Lanes that are blocked for this reader: every later event of theirs is parked too. */
export async function parkedLanes(db: QueryExecutorProvider, reader: string): Promise<Set<string>> {
  const { rows } = await sql<{ lane: string }>`select distinct lane from recourse.parked_event where reader = ${reader}`.execute(
    db,
  );
  return new Set(rows.map((row) => row.lane));
}

/** In the order of the log, 1,000 at most; `parkedAt` is ISO 8601. */
export async function listParked(
  db: QueryExecutorProvider,
  filter: { reader?: string; lane?: string } = {},
): Promise<(Required<ParkedEvent> & { parkedAt: string })[]> {
  const { rows } = await sql<Required<ParkedEvent> & { parkedAt: string }>`
    select reader, stream, lane, position, event_id as "eventId", error, parked_at as "parkedAt" from recourse.parked_event
    where (${filter.reader ?? null}::text is null or reader = ${filter.reader ?? null})
      and (${filter.lane ?? null}::text is null or lane = ${filter.lane ?? null})
    order by position, reader limit 1000`.execute(db);
  return rows;
}

/** Belongs into the transaction that handles the event at last; false when it is not parked. */
export async function unpark(trx: QueryExecutorProvider, reader: string, position: bigint): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from recourse.parked_event where reader = ${reader} and position = ${position}`.execute(trx);
  return numAffectedRows === 1n;
}

export const checkpointSteps: readonly MigrationStep[] = [
  {
    name: 'checkpoint',
    up: async (trx) => {
      await sql`create table recourse.checkpoint (
        reader text primary key,
        position bigint not null,
        updated_at timestamptz not null default now()
      )`.execute(trx);
    },
  },
  {
    name: 'parked-event',
    up: async (trx) => {
      await sql`create table recourse.parked_event (
        reader text not null,
        stream text not null,
        lane text not null,
        position bigint not null,
        event_id text not null,
        error text not null,
        parked_at timestamptz not null default now(),
        primary key (reader, position)
      )`.execute(trx);
      await sql`create index parked_event_lane on recourse.parked_event (reader, lane)`.execute(trx);
    },
  },
];
