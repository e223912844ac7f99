import type { Money } from '@recourse/money';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { NoTables } from '../read-models/read-model.js';
import {
  all,
  isSelective,
  partConditions,
  refundConditions,
  refundGroupings,
  type RefundGrouping,
  type RefundSelection,
} from './refund-selection.js';

/** Sums over parts of refunds, in one asset. */
export interface RefundAmounts {
  /** Approved, paid or not. */
  readonly refunded: Money;
  /** Net of what came back. */
  readonly paid: Money;
  /** Taken from merchants. */
  readonly recovered: Money;
  /** Still owed by merchants. */
  readonly outstanding: Money;
  /** Paid by the fund and neither recovered nor owed any more. */
  readonly platformBorne: Money;
  /** Out of the platform's fees. K7 */
  readonly feesGivenBack: Money;
}
export interface RefundGroup extends RefundAmounts {
  /** One value for each grouping; null where a refund has none, such as a rule without a verdict. */
  readonly key: readonly (string | null)[];
  readonly asset: string;
  /** Refunds and units with money in this group; one in several groups counts in each. */
  readonly refunds: bigint;
  readonly units: bigint;
}
/** A sum of this report beside the same sum of the journal. */
export interface JournalCheck {
  readonly of: string;
  readonly report: Money;
  readonly journal: Money;
  /** report − journal; zero in sound books. */
  readonly difference: Money;
}
export interface RefundReport {
  readonly by: readonly RefundGrouping[];
  readonly groups: readonly RefundGroup[];
  /** Of everything that was selected, one for each asset. */
  readonly totals: readonly RefundGroup[];
  /** Of all parts of the selected refunds: the journal does not know which unit, source or bearer a payment was for. */
  readonly checks: readonly JournalCheck[];
  readonly agrees: boolean;
  /** The log position up to which the tables were filled. */
  readonly position: bigint;
}

/** More groups than this are refused. */
export const maxGroups = 10_000;

export class AuditTooLarge extends Error {
  override readonly name = 'AuditTooLarge';
}

const measure = (name: string) => sql`coalesce(sum(m.amount) filter (where m.measure = ${name}), 0)`;
const fromSource = (source: string) =>
  sql`coalesce(sum(m.amount) filter (where m.measure = 'funded' and m.source = ${source}), 0)`;

/** Numerics as text: no sum of bigints overflows here. */
export const amountColumns = sql`
  (${measure('approved')})::text as refunded, (${measure('paid')})::text as paid, (${measure('recovered')})::text as recovered,
  (${measure('owed')})::text as outstanding,
  (${fromSource('fund')} - ${measure('recovered')} + ${measure('compensated')} - ${measure('owed')})::text as platform_borne,
  (${fromSource('fees')})::text as fees_given_back`;
const amountNames = ['refunded', 'paid', 'recovered', 'outstanding', 'platform_borne', 'fees_given_back'] as const;
export interface AmountTexts {
  readonly asset: string;
  readonly refunded: string;
  readonly paid: string;
  readonly recovered: string;
  readonly outstanding: string;
  readonly platform_borne: string;
  readonly fees_given_back: string;
}
export function amountsOf(row: AmountTexts): RefundAmounts {
  const amount = (text: string): Money => ({ asset: row.asset, minor: BigInt(text) });
  return {
    refunded: amount(row.refunded),
    paid: amount(row.paid),
    recovered: amount(row.recovered),
    outstanding: amount(row.outstanding),
    platformBorne: amount(row.platform_borne),
    feesGivenBack: amount(row.fees_given_back),
  };
}

/** All of one moment of the database: nothing that is told contradicts anything else. */
export const asOneMoment = <T>(db: Kysely<NoTables>, work: (db: Kysely<NoTables>) => Promise<T>): Promise<T> =>
  db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      // These queries have dozens of small expressions: compiling them takes longer than they run.
      await sql`set local jit = off`.execute(trx);
      // Two tables of sums for each of some hundred thousand refunds stay in memory; more goes to disk and takes longer.
      await sql`set local work_mem = '64MB'`.execute(trx);
      return work(trx);
    });

/** How far the tables of an audit were filled at that moment. */
export async function auditedUpTo(db: Kysely<NoTables>): Promise<bigint> {
  const { rows } = await sql<{ position: bigint | null }>`
    select min(position) as position from recourse.checkpoint where reader ~ '^projection:(journal|refund-history|refund-audit)\\.v'`.execute(
    db,
  );
  return rows[0]?.position ?? 0n;
}

/**
 * Totals over any selection, by two groupings at most, and whether they are those of the journal.
 * @throws AuditTooLarge above `maxGroups`
 */
export function refundReport(
  db: Kysely<NoTables>,
  selection: RefundSelection,
  by: readonly RefundGrouping[] = [],
): Promise<RefundReport> {
  return asOneMoment(db, async (trx) => {
    const totals = await groupsOf(trx, selection, []);
    const groups = by.length === 0 ? totals : await groupsOf(trx, selection, by);
    if (groups.length > maxGroups)
      throw new AuditTooLarge(`there are more than ${maxGroups} groups; narrow the period, or group by a month`);
    const checks = await checksOf(trx, selection);
    const agrees = checks.every(({ difference }) => difference.minor === 0n);
    return { by, groups, totals, checks, agrees, position: await auditedUpTo(trx) };
  });
}

type GroupRow = AmountTexts & Record<'refunds' | 'units', bigint> & Record<'key_0' | 'key_1', string | null>;

async function groupsOf(db: Kysely<NoTables>, selection: RefundSelection, by: readonly RefundGrouping[]): Promise<RefundGroup[]> {
  const [first, second] = by.map((name): RawBuilder<unknown> => refundGroupings[name](selection));
  // Counted level by level: a hash of each costs a fraction of sorting everything for `count(distinct …)`.
  const sums = (of: readonly string[]) => sql.join(of.map((name) => sql`sum(${sql.id(name)})::text as ${sql.id(name)}`));
  const { rows } = await sql<GroupRow>`
    select asset, key_0, key_1, count(*) as refunds, sum(units)::bigint as units, ${sums(amountNames)} from (
      select asset, key_0, key_1, count(*) as units, ${sql.join(amountNames.map((name) => sql`sum(${sql.id(name)}::numeric) as ${sql.id(name)}`))} from (
        select r.asset, ${first ?? sql`null`} as key_0, ${second ?? sql`null`} as key_1, m.refund_id, ${amountColumns}
        from read.refund_movement m join read.refund r on r.refund_id = m.refund_id
        where ${all([...refundConditions(selection), ...partConditions(selection)])}
        group by 1, 2, 3, 4, m.unit_no) as unit
      group by asset, key_0, key_1, refund_id) as refund
    group by 1, 2, 3 order by 2 nulls first, 3 nulls first, 1 limit ${maxGroups + 1}`.execute(db);
  return rows.map((row) => ({
    key: [row.key_0, row.key_1].slice(0, by.length),
    asset: row.asset,
    refunds: row.refunds,
    units: row.units,
    ...amountsOf(row),
  }));
}

/** A sum of movements and what the same events posted, in the accounts' own words. */
const checked = {
  'funded from escrow': { report: fromSource('escrow'), journal: moved('escrow:', 'refund:') },
  'funded by the fund': { report: fromSource('fund'), journal: moved('fund:available', 'refund:') },
  'fees given back': { report: fromSource('fees'), journal: moved('platform:fees', 'refund:') },
  'funded from deposits': { report: fromSource('deposit'), journal: moved('merchant:', 'refund:') },
  // What comes from a gateway into a refund is a transfer that came back, unless the buyer paid too much: his order says that.
  paid: { report: measure('paid'), journal: moved('refund:', 'gateway:', sql`j.stream not like 'order-%'`) },
  recovered: {
    report: measure('recovered'),
    journal: sql`coalesce(sum(j.amount) filter (where j.credit like '%:recourse' and j.debit ~ ':(held|deposit|payable)$'), 0)`,
  },
  compensated: { report: measure('compensated'), journal: moved('fund:available', 'merchant:') },
  outstanding: {
    report: measure('owed'),
    journal: sql`coalesce(sum(j.amount) filter (where j.debit like '%:recourse'), 0)
      - coalesce(sum(j.amount) filter (where j.credit like '%:recourse'), 0)`,
  },
} as const;

/** What went from accounts that begin so to those that begin so, less what went back. `j` is read.journal, its accounts without the platform. */
function moved(from: string, to: string, only: RawBuilder<unknown> = sql`true`) {
  const is = (account: RawBuilder<unknown>, begin: string) => sql`starts_with(${account}, ${begin})`;
  const sum = (debit: string, credit: string) =>
    sql`coalesce(sum(j.amount) filter (where ${is(sql`j.debit`, debit)} and ${is(sql`j.credit`, credit)} and ${only}), 0)`;
  return sql`${sum(from, to)} - ${sum(to, from)}`;
}

async function checksOf(db: Kysely<NoTables>, selection: RefundSelection): Promise<JournalCheck[]> {
  const entries = Object.entries(checked);
  const columns = (side: 'report' | 'journal') =>
    sql.join(entries.map(([, sums], index) => sql`(${sums[side]})::text as ${sql.id(`sum_${index}`)}`));
  type Sums = Record<string, string> & { asset: string };
  const report = await sql<Sums>`select r.asset, ${columns('report')}
    from read.refund_movement m join read.refund r on r.refund_id = m.refund_id
    where ${all(refundConditions(selection))} group by r.asset`.execute(db);
  // Without a selection no table of this report stands between the journal and its sum.
  const events = isSelective(selection)
    ? sql`and j.position in (select e.position from read.refund_event e join read.refund r on r.refund_id = e.refund_id
        where ${all(refundConditions(selection))})`
    : sql``;
  // `offset 0` keeps the names from being cut anew for every sum.
  const journal = await sql<Sums>`select j.asset, ${columns('journal')} from (
      select j.asset, j.stream, j.amount, split_part(j.debit, '/', 2) as debit, split_part(j.credit, '/', 2) as credit
      from read.journal j where starts_with(j.debit, ${`${selection.platform}/`}) ${events} offset 0) as j
    where j.debit like 'refund:%' or j.credit like 'refund:%' or j.debit like '%:recourse' or j.credit like '%:recourse'
      or (j.debit = 'fund:available' and j.credit like '%:settling')
    group by j.asset`.execute(db);
  const assets = [...new Set([...report.rows, ...journal.rows].map(({ asset }) => asset))].toSorted();
  return assets.flatMap((asset) => {
    const sumOf = ({ rows }: { rows: Sums[] }, index: number) =>
      BigInt(rows.find((row) => row.asset === asset)?.[`sum_${index}`] ?? 0);
    return entries.map(([of], index): JournalCheck => {
      const [told, booked] = [sumOf(report, index), sumOf(journal, index)];
      const amount = (minor: bigint): Money => ({ asset, minor });
      return { of, report: amount(told), journal: amount(booked), difference: amount(told - booked) };
    });
  });
}
