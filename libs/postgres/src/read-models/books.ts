import type { Instant } from '@recourse/eventing';
import { RunningAccount, type AccountMovement, type Posting } from '@recourse/ledger';
import { money, type Money } from '@recourse/money';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { readCheckpoint } from '../checkpoint.js';
import { journal } from './journal.js';
import type { NoTables } from './read-model.js';

/**
 * A part of the journal: its lines up to a log position and, with a time, of these only the ones recorded by then, or
 * effective by then. Servers stamp events before they append them, so a log is only nearly in the order of its times; a time
 * asks each line, whatever stands around it. Lines never change, so one cut gives one answer for ever.
 */
export interface Cut {
  readonly position: bigint;
  readonly recordedBy?: Instant;
  readonly effectiveBy?: Instant;
}

/** A line of the journal, with what its event says it is about. */
export interface JournalLine {
  readonly position: bigint;
  /** Counts the postings of the event, from 0. */
  readonly line: number;
  readonly platform: string;
  readonly event_type: string;
  readonly stream: string;
  readonly debit: string;
  readonly credit: string;
  readonly asset: string;
  readonly amount: bigint;
  readonly order_id: string | null;
  readonly case_id: string | null;
  readonly refund_id: string | null;
  readonly reference: string | null;
  readonly recorded_at: Instant;
  readonly effective_at: Instant;
}

export type JournalPlace = Pick<JournalLine, 'position' | 'line'>;

export interface JournalFilter {
  readonly platform?: string;
  /** On either side. */
  readonly account?: string;
  readonly eventType?: string;
  /** Only lines that do not belong to this cut. */
  readonly from?: Cut;
  readonly to: Cut;
  /** Only lines behind this one. */
  readonly after?: JournalPlace;
  readonly limit: number;
}

export interface AccountBalance {
  readonly account: string;
  readonly asset: string;
  readonly platform: string;
  readonly kind: string;
  /** Credits minus debits. */
  readonly amount: bigint;
}

/** The balances of all accounts of a kind. */
export interface KindBalance {
  readonly platform: string;
  readonly kind: string;
  readonly asset: string;
  /** Those that are not at zero. */
  readonly accounts: bigint;
  /** The sum of those that stand in debit, and of those that stand in credit. */
  readonly debits: bigint;
  readonly credits: bigint;
}

/** How far in the log the books are; 0n before the first event. */
export const booksPosition = async (db: Kysely<NoTables>): Promise<bigint> =>
  (await readCheckpoint(db, `projection:${journal.name}.v${journal.version}`)) ?? 0n;

export type CutTime = 'recorded' | 'effective';

/**
 * The cut at a log position, at a moment (what was recorded by then, or is effective by then), or at the end of the books.
 * @param booksAt where the books are, beyond which a cut cannot reach
 */
export function cutAt(at: bigint | Instant | undefined, time: CutTime, booksAt: bigint): Cut {
  if (typeof at === 'bigint') return { position: at < booksAt ? at : booksAt };
  if (at === undefined) return { position: booksAt };
  return time === 'recorded' ? { position: booksAt, recordedBy: at } : { position: booksAt, effectiveBy: at };
}

const within = ({ position, recordedBy, effectiveBy }: Cut): RawBuilder<unknown> =>
  allOf(
    sql`position <= ${position}`,
    recordedBy === undefined ? undefined : sql`recorded_at <= ${recordedBy}::timestamptz`,
    effectiveBy === undefined ? undefined : sql`effective_at <= ${effectiveBy}::timestamptz`,
  );
// Nothing takes effect after it is recorded, so what is effective later is recorded later too: an index is kept for that.
const beyond = ({ position, recordedBy, effectiveBy }: Cut): RawBuilder<unknown> => {
  const later = [
    sql`position > ${position}`,
    ...(recordedBy === undefined ? [] : [sql`recorded_at > ${recordedBy}::timestamptz`]),
    ...(effectiveBy === undefined
      ? []
      : [sql`(recorded_at > ${effectiveBy}::timestamptz and effective_at > ${effectiveBy}::timestamptz)`]),
  ];
  return sql`(${sql.join(later, sql` or `)})`;
};
const allOf = (...conditions: readonly (RawBuilder<unknown> | undefined)[]): RawBuilder<unknown> =>
  sql.join(
    conditions.filter((condition) => condition !== undefined),
    sql` and `,
  );
const ofPlatform = (platform: string | undefined) => (platform === undefined ? undefined : sql`platform = ${platform}`);

/** Lines in the order of the log, whatever selects them. One account's are read from its own indexes. */
export async function journalPage(db: Kysely<NoTables>, filter: JournalFilter): Promise<JournalLine[]> {
  const { platform, account, eventType, from, to, after, limit } = filter;
  const wanted = allOf(
    ofPlatform(platform),
    eventType === undefined ? undefined : sql`event_type = ${eventType}`,
    from === undefined ? undefined : beyond(from),
    within(to),
    after === undefined
      ? undefined
      : sql`position >= ${after.position} and (position > ${after.position} or line > ${after.line})`,
  );
  const lines = (condition: RawBuilder<unknown>) => sql`
    (select position, line, platform, event_type, stream, debit, credit, asset, amount, order_id, case_id, refund_id, reference,
      recorded_at, effective_at from read.journal where ${condition} order by position, line limit ${limit})`;
  const selected =
    account === undefined
      ? lines(wanted)
      : sql`${lines(sql`debit = ${account} and ${wanted}`)} union all ${lines(sql`credit = ${account} and ${wanted}`)}`;
  const { rows } = await sql<JournalLine>`
    select * from (${selected}) as selected order by position, line limit ${limit}`.execute(db);
  return rows;
}

/** What a balance was at a cut: what it is now without the lines beyond, so that a recent past is as cheap as the present. */
const amountAt = (cut: Cut, account: RawBuilder<unknown> = sql`b.account`): RawBuilder<unknown> => {
  const beyondOn = (side: 'debit' | 'credit') => sql`coalesce((
    select sum(amount) from read.journal where ${sql.ref(side)} = ${account} and asset = b.asset and ${beyond(cut)}), 0)`;
  return sql`(b.amount + ${beyondOn('debit')} - ${beyondOn('credit')})::bigint`;
};

/** One account, an entry per asset that ever moved on it; none for an account that nothing was posted to. */
export async function accountBalances(db: Kysely<NoTables>, account: string, cut: Cut): Promise<AccountBalance[]> {
  // The name is written out: a planner that does not see it takes every account for an average one.
  const { rows } = await sql<AccountBalance>`
    select account, asset, platform, kind, ${amountAt(cut, sql`${account}`)} as amount from read.balance as b
    where account = ${account} order by asset`.execute(db);
  return rows;
}

export interface BalanceFilter {
  readonly platform?: string;
  readonly kind?: string;
  readonly after?: Pick<AccountBalance, 'account' | 'asset'>;
  /** Accounts looked at, those at zero among them. */
  readonly limit: number;
}

/** The next accounts by name, those at zero too: what a page costs is bounded by its size and what came since. */
export async function balancePage(db: Kysely<NoTables>, filter: BalanceFilter, cut: Cut): Promise<AccountBalance[]> {
  const { platform, kind, after, limit } = filter;
  const wanted = allOf(
    sql`true`,
    ofPlatform(platform),
    kind === undefined ? undefined : sql`kind = ${kind}`,
    after === undefined ? undefined : sql`(account, asset) > (${after.account}, ${after.asset})`,
  );
  const { rows } = await sql<AccountBalance>`
    select account, asset, platform, kind, ${amountAt(cut)} as amount
    from (select * from read.balance where ${wanted} order by account, asset limit ${limit}) as b
    order by account, asset`.execute(db);
  return rows;
}

/** Every kind of account that was ever used; one pass over the balances and over the lines beyond the cut. */
export async function kindBalances(db: Kysely<NoTables>, platform: string | undefined, cut: Cut): Promise<KindBalance[]> {
  const wanted = allOf(sql`true`, ofPlatform(platform));
  const { rows } = await sql<KindBalance>`
    with moved as (
      select account, asset, sum(change) as change from (
        select debit as account, asset, amount as change from read.journal where ${wanted} and ${beyond(cut)}
        union all
        select credit, asset, -amount from read.journal where ${wanted} and ${beyond(cut)}
      ) as lines group by account, asset
    ), standing as (
      select platform, kind, asset, b.amount + coalesce(moved.change, 0) as amount
      from (select * from read.balance where ${wanted}) as b left join moved using (account, asset)
    )
    select platform, kind, asset, count(*) filter (where amount <> 0) as accounts,
      coalesce(-sum(amount) filter (where amount < 0), 0)::bigint as debits,
      coalesce(sum(amount) filter (where amount > 0), 0)::bigint as credits
    from standing group by platform, kind, asset order by platform, kind, asset`.execute(db);
  return rows;
}

/** What moved on one account behind `from` and no later than a line, credits minus debits by asset. */
async function movedUpTo(
  db: Kysely<NoTables>,
  account: string,
  { from, to, upTo }: { readonly from?: Cut; readonly to: Cut; readonly upTo: JournalPlace },
): Promise<Map<string, bigint>> {
  const wanted = allOf(
    from === undefined ? undefined : beyond(from),
    within(to),
    sql`position <= ${upTo.position} and (position < ${upTo.position} or line <= ${upTo.line})`,
  );
  const { rows } = await sql<{ asset: string; amount: bigint }>`
    select asset, sum(change)::bigint as amount from (
      select asset, -amount as change from read.journal where debit = ${account} and ${wanted}
      union all
      select asset, amount from read.journal where credit = ${account} and ${wanted}
    ) as lines group by asset`.execute(db);
  return new Map(rows.map(({ asset, amount }) => [asset, amount]));
}

export type StatementEntry = Omit<JournalLine, 'amount'> & AccountMovement;
export interface StatementPage {
  /** At `from`, by asset, on the account's normal side. */
  readonly opening: readonly Money[];
  readonly lines: readonly StatementEntry[];
  /** At `to`, whether or not its lines are on this page. */
  readonly closing: readonly Money[];
}

/**
 * One account between two cuts, of which the first is part of the second; undefined for one that nothing was ever posted to.
 * @throws UnknownAccount for a name that is not in the chart, MoneyError OutOfRange
 */
export async function statementPage(
  db: Kysely<NoTables>,
  account: string,
  page: Pick<JournalFilter, 'from' | 'to' | 'after' | 'limit'>,
): Promise<StatementPage | undefined> {
  const { from, to, after } = page;
  const standing = async (cut: Cut): Promise<[asset: string, minor: bigint][]> =>
    (await accountBalances(db, account, cut)).map(({ asset, amount }) => [asset, amount]);
  const closing = await standing(to);
  if (closing.length === 0) return undefined;
  const opening = from === undefined ? closing.map(([asset]): [string, bigint] => [asset, 0n]) : await standing(from);
  const moved = after === undefined ? undefined : await movedUpTo(db, account, { ...(from && { from }), to, upTo: after });
  const running = new RunningAccount(
    account,
    opening.map(([asset, minor]) => [asset, minor + (moved?.get(asset) ?? 0n)]),
  );
  const lines = await journalPage(db, { ...page, account });
  return {
    opening: new RunningAccount(account, opening).balances,
    lines: lines.map((line) => ({ ...line, ...running.move(postingOf(line)) })),
    closing: new RunningAccount(account, closing).balances,
  };
}

const postingOf = ({ debit, credit, amount, asset }: JournalLine): Posting => ({ debit, credit, amount: money(amount, asset) });
