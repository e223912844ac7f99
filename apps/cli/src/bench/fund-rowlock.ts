import { Pool, type PoolClient } from 'pg';
import { answered } from './fund-answers.js';
import type { Load } from './fund-subject.js';
import type { Round } from './report.js';
import { requireDurability } from './sql.js';

export const sweptConnections = [1, 2, 4, 8, 16, 32] as const;

const amountMinor = 4_750;
const plentyMinor = 1_000_000_000_000;
const merchants = 97;
const queryTimeoutMs = 30_000;

/**
 * The reservation as most would write it in SQL: one transaction that locks the fund's account, checks and changes the
 * balances and books its entry. It leaves out what the subject does besides: inputs that outlive a crash, order, history.
 */
export async function openRowLock(databaseUrl: string) {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: Math.max(...sweptConnections),
    query_timeout: queryTimeoutMs,
    application_name: 'recourse-bench-rowlock',
  });
  pool.on('error', () => undefined);
  await requireDurability(pool);
  for (const statement of schema) await pool.query(statement);
  let refunds = 0;

  const transfer = async (client: PoolClient, refundId: string): Promise<void> => {
    const owed = owedTo(refundId);
    await client.query('begin');
    try {
      const { rows } = await client.query<{ balance: string }>({
        name: 'lock',
        text: "select balance from bench_rowlock.account where id = 'fund:available' for update",
      });
      if (Number(rows[0]?.balance ?? 0) < amountMinor) throw new Error('the fund of the SQL transfer is empty');
      await client.query({
        name: 'change',
        text: "update bench_rowlock.account set balance = balance + case id when 'fund:available' then -$1::bigint else $1 end where id in ('fund:available', $2)",
        values: [amountMinor, owed],
      });
      await client.query({
        name: 'book',
        text: `insert into bench_rowlock.entry (refund_id, debit, credit, amount) values ($1, 'fund:available', $2, $3)`,
        values: [refundId, owed, amountMinor],
      });
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  };

  return {
    /** So many requesters share so many connections. @throws Error also when money is missing afterwards */
    async reserve({ waiting, refunds: count }: Load, connections: number): Promise<Round> {
      const clients = await Promise.all(Array.from({ length: connections }, () => pool.connect()));
      const free = [...clients];
      const queue: ((client: PoolClient) => void)[] = [];
      const ask = async (refundId: string): Promise<void> => {
        const client = free.pop() ?? (await new Promise<PoolClient>((resolve) => queue.push(resolve)));
        await transfer(client, refundId);
        const next = queue.shift();
        if (next) next(client);
        else free.push(client);
      };
      const refundIds = Array.from({ length: count }, () => String((refunds += 1)));
      const round = await answered({ waiting, refundIds, ask }).finally(() => {
        for (const client of clients) client.release();
      });
      await this.check();
      return round;
    },
    async check(): Promise<void> {
      const { rows } = await pool.query<{ left: string; all: string; entries: string }>(
        `select (select balance from bench_rowlock.account where id = 'fund:available') as left,
          (select sum(balance) from bench_rowlock.account) as all, (select count(*) from bench_rowlock.entry) as entries`,
      );
      const { left, all, entries } = rows[0] ?? {};
      if (Number(entries) !== refunds || Number(left) !== plentyMinor - refunds * amountMinor || Number(all) !== plentyMinor)
        throw new Error(`the SQL transfer booked ${entries} of ${refunds} refunds; the fund has ${left} and all have ${all}`);
    },
    close: () => pool.end(),
  };
}
export type RowLock = Awaited<ReturnType<typeof openRowLock>>;

const owedTo = (refundId: string): string => `refunds:${Number(refundId) % merchants}`;

const schema: readonly string[] = [
  'drop schema if exists bench_rowlock cascade',
  'create schema bench_rowlock',
  'create table bench_rowlock.account (id text primary key, balance bigint not null check (balance >= 0))',
  `create table bench_rowlock.entry (
    refund_id text primary key, debit text not null references bench_rowlock.account, credit text not null references bench_rowlock.account,
    amount bigint not null check (amount > 0), at timestamptz not null default now())`,
  `insert into bench_rowlock.account
    select 'refunds:' || no, 0 from generate_series(0, ${merchants - 1}) no union all select 'fund:available', ${plentyMinor}`,
];
