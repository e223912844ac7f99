import { randomBytes } from 'node:crypto';
import type { Recorded } from '@recourse/eventing';
import { projectionReader } from '@recourse/eventstore';
import type { Violation } from '@recourse/ledger';
import { inSchema, liveSchema, type AnyReadModel, type Database, type NoTables, type ReadModelTx } from '@recourse/postgres';
import { sql, type Kysely, type RawBuilder } from 'kysely';

export interface ProjectionViolation extends Omit<Violation, 'invariant'> {
  readonly invariant: 'I9';
}

interface Log {
  readAll(): AsyncIterable<Recorded>;
}

export interface VerifyProjectionsParts {
  /** Its statements may take minutes: whole tables are copied and joined. */
  readonly database: Database;
  /** Read once, to its end, after the live rows were looked at. */
  readonly eventStore: Log;
  readonly readModels: readonly AnyReadModel[];
}

export interface VerifyProjectionsOptions {
  /** Default 20: rows named per table; further ones are only counted. The same for parked streams per projection. */
  readonly maxNamed?: number;
  /** Called after every batch of events. */
  readonly onProgress?: (progress: { readonly events: number; readonly position: bigint }) => void;
}

export interface ProjectionsReport {
  readonly violations: readonly ProjectionViolation[];
  /** Every violation, named or not. */
  readonly count: number;
  readonly tables: number;
  /** Rows that the log leads to, in all tables. */
  readonly rows: number;
}

/** A read model at one moment of the database. */
interface Fold {
  readonly model: AnyReadModel;
  /** Its checkpoint: how far the log has to be folded. */
  readonly upTo: bigint;
  /** Streams that stand still for it, with the first position that is not folded. */
  readonly parked: Map<string, bigint>;
}

interface Rebuild {
  readonly connection: Kysely<NoTables>;
  /** Holds the rebuilt tables under their own names, and the copies of the live ones. */
  readonly schema: string;
  readonly folds: readonly Fold[];
  readonly findings: Findings;
}

const batchEvents = 500;
const maxTextCharacters = 500;
/** Any constant will do; this one spells "veri" in ASCII. */
const lockClass = 0x7665_7269;
const copyOf = (table: string): string => `live_${table}`;

/**
 * I9: every read model equals the fold of the log up to its own checkpoint. One short snapshot copies the live tables
 * together with their checkpoints, so a system that moves on gives no false alarm; the log is folded into tables of a schema
 * that is dropped at the end, and both are compared row by row. Memory is one batch of events; disk is twice the read models.
 * @throws StoreUnavailable, UnknownEventType, and the database's errors
 */
export async function verifyProjections(
  { database, eventStore, readModels }: VerifyProjectionsParts,
  { maxNamed = 20, onProgress }: VerifyProjectionsOptions = {},
): Promise<ProjectionsReport> {
  const schema = `verify_${randomBytes(6).toString('hex')}`;
  return database.db.connection().execute(async (connection) => {
    await dropLeftovers(connection);
    await sql`select pg_advisory_lock(${lockClass}::int, hashtext(${schema}))`.execute(connection);
    try {
      const findings = new Findings(maxNamed);
      const folds = await look(connection, schema, readModels, findings);
      await rebuild({ connection, schema, folds, findings }, eventStore, onProgress);
      return await compare({ connection, schema, folds, findings });
    } finally {
      // Without a connection there is no lock either, and the next run drops the schema.
      await drop(connection, schema).catch(() => undefined);
    }
  });
}

/** Schemas of runs that were killed: nobody holds their lock. */
async function dropLeftovers(connection: Kysely<NoTables>): Promise<void> {
  const { rows } = await sql<{ schema: string }>`
    select nspname as schema from pg_namespace where nspname ~ '^verify_[0-9a-f]{12}$'`.execute(connection);
  for (const { schema } of rows) {
    const lock = await sql<{ free: boolean }>`
      select pg_try_advisory_lock(${lockClass}::int, hashtext(${schema})) as free`.execute(connection);
    if (lock.rows[0]?.free === true) await drop(connection, schema);
  }
}

async function drop(connection: Kysely<NoTables>, schema: string): Promise<void> {
  await sql`drop schema if exists ${sql.id(schema)} cascade`.execute(connection);
  await sql`select pg_advisory_unlock(${lockClass}::int, hashtext(${schema}))`.execute(connection);
}

/**
 * All checkpoints, parked events and rows as of one snapshot. It ends before the log is folded: a snapshot that is held, or
 * one long transaction, keeps every old version of a row that changes with each event, and time would grow with their square.
 */
function look(
  connection: Kysely<NoTables>,
  schema: string,
  readModels: readonly AnyReadModel[],
  findings: Findings,
): Promise<Fold[]> {
  return connection
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      await sql`create schema ${sql.id(schema)}`.execute(trx);
      await inSchema(trx, schema);
      const folds: Fold[] = [];
      for (const model of readModels) {
        await model.create(trx);
        for (const table of model.tables) {
          // None of this belongs into the write-ahead log, and so to replicas.
          await sql`alter table ${sql.id(schema, table)} set unlogged`.execute(trx);
          await sql`create unlogged table ${sql.id(schema, copyOf(table))} as select * from ${sql.id(liveSchema, table)}`.execute(
            trx,
          );
        }
        folds.push(await foldOf(trx, model, findings));
      }
      return folds;
    });
}

async function foldOf(trx: ReadModelTx, model: AnyReadModel, findings: Findings): Promise<Fold> {
  const reader = projectionReader(model);
  const checkpoint = await sql<{ position: bigint }>`
    select position from recourse.checkpoint where reader = ${reader}`.execute(trx);
  const { rows } = await sql<{ stream: string; position: bigint; events: bigint; error: string }>`
    select stream, min(position) as position, count(*) as events,
      left((array_agg(error order by position))[1], ${maxTextCharacters}) as error
    from recourse.parked_event where reader = ${reader} group by stream order by 2`.execute(trx);
  const upTo = checkpoint.rows[0]?.position ?? 0n;
  findings.note(
    rows.length,
    rows.map(({ stream, position, events, error }) => ({
      subject: `${model.name} ${stream}`,
      position,
      found: `${events} parked: ${error}`,
      expected: 'no parked event',
    })),
    { subject: model.name, position: upTo, found: 'further parked streams' },
  );
  return { model, upTo, parked: new Map(rows.map(({ stream, position }) => [stream, position])) };
}

async function rebuild(to: Rebuild, eventStore: Log, onProgress: VerifyProjectionsOptions['onProgress']): Promise<void> {
  let events = 0;
  let batch: Recorded[] = [];
  const flush = async () => {
    const last = batch.at(-1);
    if (last === undefined) return;
    // A batch that fails is done again with a savepoint before each step, which only tells the failing one apart.
    await foldBatch(to, batch, false).catch(() => foldBatch(to, batch, true));
    events += batch.length;
    batch = [];
    onProgress?.({ events, position: last.position });
  };
  for await (const event of eventStore.readAll()) {
    batch.push(event);
    if (batch.length === batchEvents) await flush();
  }
  await flush();
}

function foldBatch(
  { connection, schema, folds, findings }: Rebuild,
  events: readonly Recorded[],
  careful: boolean,
): Promise<void> {
  return connection.transaction().execute(async (trx) => {
    await inSchema(trx, schema);
    for (const event of events)
      for (const fold of folds) {
        const handler = isFolded(fold, event) ? fold.model.on[event.type] : undefined;
        if (handler === undefined) continue;
        if (!careful) {
          await handler(event, trx);
          continue;
        }
        const error = await attempt(trx, () => handler(event, trx));
        if (error === undefined) continue;
        fold.parked.set(event.stream, event.position);
        findings.note(1, [
          {
            subject: `${fold.model.name} ${event.stream}`,
            position: event.position,
            found: `${event.type} cannot be folded: ${error}`.slice(0, maxTextCharacters),
            expected: 'rows',
          },
        ]);
      }
  });
}

const isFolded = ({ upTo, parked }: Fold, { position, stream }: Recorded): boolean =>
  position <= upTo && position < (parked.get(stream) ?? position + 1n);

/** What went wrong, if the transaction is still usable; a broken connection fails the savepoint too. */
async function attempt(trx: ReadModelTx, work: () => Promise<void>): Promise<string | undefined> {
  await sql`savepoint handler`.execute(trx);
  try {
    await work();
    await sql`release savepoint handler`.execute(trx);
    return undefined;
  } catch (error) {
    await sql`rollback to savepoint handler`.execute(trx);
    return error instanceof Error ? error.message : String(error);
  }
}

async function compare(rebuilt: Rebuild): Promise<ProjectionsReport> {
  const { connection, schema, folds, findings } = rebuilt;
  let rows = 0;
  for (const { model, upTo } of folds)
    for (const table of model.tables) {
      const { rows: counted } = await sql<{ rows: bigint }>`
        select count(*) as rows from ${sql.id(schema, table)}`.execute(connection);
      rows += Number(counted[0]?.rows ?? 0n);
      const keys = await primaryKey(connection, schema, table);
      const differing = await differences(rebuilt, table, keys);
      const name = `${liveSchema}.${table}`;
      findings.note(
        Number(differing[0]?.total ?? 0n),
        differing.map((row) => ({ ...explained(name, keys, row), position: upTo })),
        { subject: name, position: upTo, found: 'further rows' },
      );
    }
  return { ...findings.result(), tables: folds.flatMap(({ model }) => model.tables).length, rows };
}

async function primaryKey(connection: Kysely<NoTables>, schema: string, table: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
    where i.indisprimary and i.indrelid = format('%I.%I', ${schema}::text, ${table}::text)::regclass
    order by array_position(i.indkey::int2[], a.attnum)`.execute(connection);
  // Without one, rows could not be told apart.
  if (rows.length === 0) throw new Error(`the table ${table} has no primary key`);
  return rows.map(({ name }) => name);
}

/** Both rows as text by column: amounts exact, no row where there is none. */
interface Difference {
  readonly live: Row | null;
  readonly built: Row | null;
  /** Of all rows that differ. */
  readonly total: bigint;
}
type Row = Readonly<Record<string, string | null>>;

async function differences(
  { connection, schema, findings }: Rebuild,
  table: string,
  keys: readonly string[],
): Promise<Difference[]> {
  const each = (piece: (key: RawBuilder<unknown>) => RawBuilder<unknown>, separator: RawBuilder<unknown>) =>
    sql.join(
      keys.map((key) => piece(sql.id(key))),
      separator,
    );
  const texts = (row: string) => sql`(select jsonb_object_agg(key, value) from jsonb_each_text(${sql.id(row)}))`;
  const { rows } = await sql<Difference>`
    select total, ${texts('live')} as live, ${texts('built')} as built from (
      select to_jsonb(live) as live, to_jsonb(built) as built, count(*) over () as total
      from ${sql.id(schema, copyOf(table))} as live full join ${sql.id(schema, table)} as built
        on ${each((key) => sql`live.${key} = built.${key}`, sql` and `)}
      where to_jsonb(live) is distinct from to_jsonb(built)
      order by ${each((key) => sql`coalesce(live.${key}, built.${key})`, sql`, `)}
      limit ${findings.maxNamed}
    ) as differing`.execute(connection);
  return rows;
}

function explained(table: string, keys: readonly string[], { live, built }: Difference) {
  const columns = Object.keys({ ...built, ...live }).filter((column) => live?.[column] !== built?.[column]);
  const place = keys.map((key) => `${key}=${(live ?? built)?.[key]}`).join(' ');
  const show = (row: Row | null) =>
    row === null
      ? 'no row'
      : columns
          .map((column) => `${column}=${row[column] ?? 'null'}`)
          .join(' ')
          .slice(0, maxTextCharacters);
  return { subject: `${table} ${place}`, found: show(live), expected: show(built) };
}

type Finding = Omit<ProjectionViolation, 'invariant'>;

/** Names a few of each kind and counts all. */
class Findings {
  readonly #violations: ProjectionViolation[] = [];
  #count = 0;

  constructor(readonly maxNamed: number) {}

  /** @param total how many there are, of which `found` are at hand; `rest` stands for those that are not named */
  note(total: number, found: readonly Finding[], rest?: Omit<Finding, 'expected'>): void {
    this.#count += total;
    const named = found.slice(0, this.maxNamed);
    this.#violations.push(...named.map((finding) => ({ invariant: 'I9' as const, ...finding })));
    if (rest !== undefined && total > named.length)
      this.#violations.push({ invariant: 'I9', ...rest, found: `${total - named.length} ${rest.found}`, expected: 'none' });
  }

  result(): Pick<ProjectionsReport, 'violations' | 'count'> {
    return { violations: this.#violations, count: this.#count };
  }
}
