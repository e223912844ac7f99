import { Pool, type PoolClient } from 'pg';
import type { RefundKind } from './journey.js';
import { merchants } from './market.js';
import type { Round } from './report.js';

export const connectionCounts = [1, 8, 16] as const;
export type ConnectionCount = (typeof connectionCounts)[number];

const escrows = 4_096;
const priceMinor = 5_000;
const plentyMinor = 1_000_000_000_000;
const queryTimeoutMs = 30_000;

/**
 * The ledger as most would write it in SQL, on the PostgreSQL of the installation: accounts with balances, one transaction per
 * refund that locks the accounts which may not go below zero, checks and changes them, and books its entries. It leaves out
 * what the subject does besides: the rail's book, the outbox or queue that a real one needs, history and read models.
 */
export async function openSqlLedger(databaseUrl: string) {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: Math.max(...connectionCounts),
    query_timeout: queryTimeoutMs,
    application_name: 'recourse-bench-sql',
  });
  pool.on('error', () => undefined);
  await requireDurability(pool);
  for (const statement of schema) await pool.query(statement);
  let refunds = 0;

  const refund = async (client: PoolClient, kind: RefundKind): Promise<void> => {
    const no = (refunds += 1);
    const refundId = `refund-${no}`;
    const entries = kind === 'escrow' ? fromEscrow(no) : fromFund(no);
    await client.query('begin');
    try {
      const locked = entries.locked.map(({ id }) => id);
      const { rows } = await client.query<{ id: string; balance: string }>({
        name: 'lock',
        text: 'select id, balance from bench_sql.account where id = any($1) order by id for update',
        values: [locked],
      });
      const covered = entries.locked.every(({ id, needs }) => Number(rows.find((row) => row.id === id)?.balance ?? 0) >= needs);
      if (!covered) throw new Error('an account of the SQL ledger is empty');
      await client.query({
        name: 'change',
        text: `update bench_sql.account a set balance = a.balance + c.change
          from unnest($1::text[], $2::bigint[]) c (id, change) where a.id = c.id`,
        values: [locked, entries.locked.map(({ change }) => change)],
      });
      await client.query({
        name: 'refund',
        text: 'insert into bench_sql.refund (id, source, amount) values ($1, $2, $3)',
        values: [refundId, kind, priceMinor],
      });
      await client.query({
        name: 'book',
        text: `insert into bench_sql.entry (refund_id, debit, credit, amount)
          select $1, * from unnest($2::text[], $3::text[], $4::bigint[])`,
        values: [
          refundId,
          entries.postings.map(({ debit }) => debit),
          entries.postings.map(({ credit }) => credit),
          entries.postings.map(() => priceMinor),
        ],
      });
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  };

  return {
    /** So many connections refund one after the other until the time is over. */
    async refunds(kind: RefundKind, connections: ConnectionCount, forMs: number): Promise<Round> {
      const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()));
      const latenciesMs: number[] = [];
      const startedAt = performance.now();
      try {
        await Promise.all(
          clients.map(async (client) => {
            while (performance.now() - startedAt < forMs) {
              const begunAt = performance.now();
              await refund(client, kind);
              latenciesMs.push(performance.now() - begunAt);
            }
          }),
        );
      } finally {
        for (const client of clients) client.release();
      }
      return { perSecond: (latenciesMs.length * 1_000) / (performance.now() - startedAt), latenciesMs };
    },
    close: () => pool.end(),
  };
}
export type SqlLedger = Awaited<ReturnType<typeof openSqlLedger>>;

const fromEscrow = (no: number) => ({
  locked: [{ id: `escrow-${no % escrows}`, needs: priceMinor, change: -priceMinor }],
  postings: [
    { debit: `escrow-${no % escrows}`, credit: `refund-${no}` },
    { debit: `refund-${no}`, credit: 'gateway' },
  ],
});

/** The fund advances and the deposit pays it back; in one transaction the fund's balance comes out as it was, and must cover all the same. */
const fromFund = (no: number) => {
  const deposit = `deposit-${merchants[no % merchants.length] ?? ''}`;
  return {
    locked: [
      { id: 'fund', needs: priceMinor, change: 0 },
      { id: deposit, needs: priceMinor, change: -priceMinor },
    ],
    postings: [
      { debit: 'fund', credit: `refund-${no}` },
      { debit: 'recourse', credit: 'advanced' },
      { debit: `refund-${no}`, credit: 'gateway' },
      { debit: deposit, credit: 'recourse' },
      { debit: 'advanced', credit: 'fund' },
    ],
  };
};

const schema: readonly string[] = [
  'drop schema if exists bench_sql cascade',
  'create schema bench_sql',
  'create table bench_sql.account (id text primary key, balance bigint not null check (balance >= 0))',
  'create table bench_sql.refund (id text primary key, source text not null, amount bigint not null, at timestamptz not null default now())',
  `create table bench_sql.entry (
    id bigint generated always as identity primary key, refund_id text not null references bench_sql.refund,
    debit text not null, credit text not null, amount bigint not null check (amount > 0))`,
  'create index on bench_sql.entry (refund_id)',
  `insert into bench_sql.account
    select 'escrow-' || no, ${plentyMinor} from generate_series(0, ${escrows - 1}) no
    union all select 'fund', ${plentyMinor}
    union all select 'deposit-' || merchant, ${plentyMinor} from unnest(string_to_array('${merchants.join()}', ',')) merchant`,
];

export async function requireDurability(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit')",
  );
  const lax = rows.filter(({ setting }) => setting !== 'on').map(({ name }) => name);
  if (lax.length > 0) throw new Error(`the SQL ledger would not be durable: ${lax.join(' and ')} is not on`);
}
