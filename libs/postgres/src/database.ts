import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool, types } from 'pg';

export interface DatabaseOptions {
  /** Default 10; further callers wait. */
  maxConnections?: number;
  /** Default 30,000; a longer statement is cancelled. */
  statementTimeoutMs?: number;
  /** Default 10,000; for a new connection and for a free one of the pool. */
  connectionTimeoutMs?: number;
  /** Schema that unqualified names mean; default is PostgreSQL's. A lower-case identifier. */
  searchPath?: string;
  /** Seen in `pg_stat_activity`. */
  applicationName?: string;
  /** Told of connections that broke while nobody used them; the pool replaces them. */
  onError?: (error: Error) => void;
}

/** `bigint` columns are JS bigints, `numeric` strings, `timestamptz` ISO 8601 strings with milliseconds and Z. */
export interface Database<Tables = Record<never, never>> {
  readonly db: Kysely<Tables>;
  /** Waits for statements in flight, 10 s at most. */
  close(): Promise<void>;
}

const closeTimeoutMs = 10_000;
const idleTransactionTimeoutMs = 60_000;
/** What the client waits beyond the server's own time-out before it gives the connection up. */
const answerGraceMs = 5_000;

/** Connects lazily: a wrong address fails at the first statement. */
export function connect<Tables = Record<never, never>>(
  connectionString: string,
  options: DatabaseOptions = {},
): Database<Tables> {
  const { maxConnections = 10, statementTimeoutMs = 30_000, connectionTimeoutMs = 10_000 } = options;
  let closed: Promise<void> | undefined;
  const pool = new Pool({
    connectionString,
    max: maxConnections,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + answerGraceMs,
    idle_in_transaction_session_timeout: idleTransactionTimeoutMs,
    connectionTimeoutMillis: connectionTimeoutMs,
    keepAlive: true,
    application_name: options.applicationName ?? 'recourse',
    options: `-c TimeZone=UTC -c DateStyle=ISO${searchPathOf(options.searchPath)}`,
    types: columnTypes,
  });
  // Without a listener an idle connection that breaks would end the process.
  pool.on('error', (error) => {
    if (closed === undefined) options.onError?.(error);
  });
  // Nor does the pool listen to one in use: its statements fail, and that is enough.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { db, close: () => (closed ??= within(closeTimeoutMs, 'Closing the database', db.destroy())) };
}

function searchPathOf(schema: string | undefined): string {
  if (schema === undefined) return '';
  if (!/^[a-z_]+$/.test(schema)) throw new RangeError(`${schema} is not a lower-case identifier`);
  return ` -c search_path=${schema}`;
}

const parsers = new Map<number, (text: string) => unknown>([
  [types.builtins.INT8, BigInt],
  [types.builtins.TIMESTAMPTZ, isoTime],
  // int8[] and timestamptz[]
  [1016, arrayOf(BigInt)],
  [1185, arrayOf(isoTime)],
]);

const columnTypes: { getTypeParser: typeof types.getTypeParser } = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format ?? 'text') === 'text'
      ? (parsers.get(oid) ?? types.getTypeParser(oid))
      : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};

/** PostgreSQL writes `2026-01-02 03:04:05.678901+00`; `infinity` stays as it is. */
function isoTime(text: string): string {
  const time = new Date(text.replace(' ', 'T').replace(/\+00$/, 'Z'));
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

/** Of values that need no quotes inside an array but may be in them. */
function arrayOf<T>(parse: (text: string) => T): (text: string) => (T | null)[] {
  return (text) =>
    text === '{}'
      ? []
      : text
          .slice(1, -1)
          .split(',')
          .map((item) => (item === 'NULL' ? null : parse(item.replaceAll('"', ''))));
}

/** @throws Error when the database exists already or `adminUrl` may not create one */
export async function createDatabase(adminUrl: string, name: string): Promise<string> {
  await asAdmin(adminUrl, (client) => client.query(`create database ${client.escapeIdentifier(name)}`));
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

/** Ends the connections to it first; nothing happens when it does not exist. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await asAdmin(adminUrl, (client) => client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`));
}

async function asAdmin(adminUrl: string, act: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000, query_timeout: 60_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await act(client);
  } finally {
    await client.end();
  }
}

async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${String(timeoutMs)} ms.`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
