import { sql, type QueryExecutorProvider } from 'kysely';

/** Whatever reads the log and has a row in the table of checkpoints. */
export interface Reader {
  readonly name: string;
  readonly version: number;
}

export const projectionReader = ({ name, version }: Reader): string => `projection:${name}.v${version}`;
export const processReader = ({ name, version }: Reader): string => `process:${name}.v${version}`;
export const processorReader = (name: string): string => `processor:${name}`;

/** Gives readers that are new a checkpoint before the beginning of the log. */
export async function enlist(db: QueryExecutorProvider, readers: readonly string[]): Promise<void> {
  await sql`insert into recourse.checkpoint (reader, position) select unnest(${readers}::text[]), 0 on conflict (reader) do nothing`.execute(
    db,
  );
}

/** Checkpoints of these readers; a reader that is not enlisted is missing. */
export async function checkpointsOf(db: QueryExecutorProvider, readers: readonly string[]): Promise<Map<string, bigint>> {
  const { rows } =
    await sql<Row>`select reader, position from recourse.checkpoint where reader = any(${readers}::text[])`.execute(db);
  return new Map(rows.map((row) => [row.reader, row.position]));
}

/** The same, and nobody else moves, parks or replays for these readers until the transaction ends. */
export async function lockCheckpoints(trx: QueryExecutorProvider, readers: readonly string[]): Promise<Map<string, bigint>> {
  const { rows } = await sql<Row>`
    select reader, position from recourse.checkpoint where reader = any(${readers}::text[]) order by reader for update`.execute(
    trx,
  );
  return new Map(rows.map((row) => [row.reader, row.position]));
}

/** Forward only; belongs behind `lockCheckpoints`. */
export async function moveCheckpoints(trx: QueryExecutorProvider, readers: readonly string[], position: bigint): Promise<void> {
  await sql`
    update recourse.checkpoint set position = ${position}, updated_at = now()
    where reader = any(${readers}::text[]) and position < ${position}`.execute(trx);
}

/** Where all of them have been; 0n when one has not begun. */
export const lowest = (checkpoints: ReadonlyMap<string, bigint>, readers: readonly string[]): bigint =>
  readers
    .map((reader) => checkpoints.get(reader) ?? 0n)
    .reduce((one, other) => (other < one ? other : one), checkpoints.get(readers[0] ?? '') ?? 0n);

/** Lanes that are blocked, as `reader` and lane joined by a space. */
export async function blockedLanes(db: QueryExecutorProvider, readers: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ reader: string; lane: string }>`
    select distinct reader, lane from recourse.parked_event where reader = any(${readers}::text[])`.execute(db);
  return new Set(rows.map(({ reader, lane }) => blockOf(reader, lane)));
}

export const blockOf = (reader: string, lane: string): string => `${reader} ${lane}`;

interface Row {
  readonly reader: string;
  readonly position: bigint;
}
