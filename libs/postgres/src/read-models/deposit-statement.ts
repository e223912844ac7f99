import type { DepositEvent } from '@recourse/deposits/events';
import type { Event, Instant, Recorded } from '@recourse/eventing';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { ageBucket, type AgeBucket, shanghaiDays } from './age.js';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

export interface AccountRow {
  platform: string;
  merchant: string;
  asset: string;
  /** Free, held and payable money; `owed` is outstanding recourse of refunds. */
  deposit: bigint;
  held: bigint;
  payable: bigint;
  owed: bigint;
  minimum: bigint;
  terms_version: number;
  /** Null where the terms leave it at the usual. */
  cooling_off_hours: number | null;
  /** When proceeds leave by themselves, and the least that does; both null where they do on request only. */
  settlement_every: 'day' | 'week' | null;
  settlement_minimum: bigint | null;
  open_cases: number;
}
export interface MovementRow {
  position: bigint;
  platform: string;
  merchant: string;
  /** When it counts from; `recorded_at` is when it became known. */
  at: string;
  recorded_at: string;
  kind: string;
  deposit_change: bigint;
  held_change: bigint;
  payable_change: bigint;
  owed_change: bigint;
  /** What the movement was for: case, refund, order, transaction or payout. */
  case_id: string | null;
  refund_id: string | null;
  order_id: string | null;
  reference: string | null;
  /** Balances after the movement. */
  deposit: bigint;
  held: bigint;
  payable: bigint;
  owed: bigint;
}
interface Tables {
  merchant_account: AccountRow;
  merchant_movement: MovementRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

type Change = Partial<
  Pick<
    MovementRow,
    'deposit_change' | 'held_change' | 'payable_change' | 'owed_change' | 'case_id' | 'refund_id' | 'order_id' | 'reference'
  >
>;

async function move(event: Recorded<DepositEvent>, tx: ReadModelTx, change: Change): Promise<void> {
  const { platform, merchant } = event.data;
  const { deposit_change = 0n, held_change = 0n, payable_change = 0n, owed_change = 0n } = change;
  const after = await of(tx)
    .updateTable('merchant_account')
    .set((eb) => ({
      deposit: eb('deposit', '+', deposit_change),
      held: eb('held', '+', held_change),
      payable: eb('payable', '+', payable_change),
      owed: eb('owed', '+', owed_change),
    }))
    .where('platform', '=', platform)
    .where('merchant', '=', merchant)
    .returning(['deposit', 'held', 'payable', 'owed'])
    .executeTakeFirstOrThrow();
  await of(tx)
    .insertInto('merchant_movement')
    .values({
      position: event.position,
      platform,
      merchant,
      at: event.metadata.effectiveAt,
      recorded_at: event.metadata.recordedAt,
      kind: event.type,
      case_id: null,
      refund_id: null,
      order_id: null,
      reference: null,
      ...change,
      deposit_change,
      held_change,
      payable_change,
      owed_change,
      ...after,
    })
    .execute();
}

const overturned = 'verdict overturned';

const secured = (hold: Extract<DepositEvent, { type: 'DepositHeld' }>['data']['for']): Change =>
  hold.kind === 'case' ? { case_id: hold.caseId } : { refund_id: hold.obligationId };

/** What does a merchant have here, and why did every cent of it move? */
export const depositStatement = readModel<DepositEvent>({
  name: 'deposit-statement',
  version: 3,
  tables: ['merchant_account', 'merchant_movement'],
  create: async (tx) => {
    await sql`create table merchant_account (
      platform text not null, merchant text not null, asset text not null, deposit bigint not null, held bigint not null,
      payable bigint not null, owed bigint not null, minimum bigint not null, terms_version integer not null,
      cooling_off_hours integer, settlement_every text, settlement_minimum bigint, open_cases integer not null,
      primary key (platform, merchant))`.execute(tx);
    await sql`create table merchant_movement (
      position bigint primary key, platform text not null, merchant text not null, at timestamptz not null,
      recorded_at timestamptz not null, kind text not null,
      deposit_change bigint not null, held_change bigint not null, payable_change bigint not null, owed_change bigint not null,
      case_id text, refund_id text, order_id text, reference text,
      deposit bigint not null, held bigint not null, payable bigint not null, owed bigint not null)`.execute(tx);
    await sql`create index on merchant_movement (platform, merchant, position)`.execute(tx);
  },
  on: {
    DepositPeriodOpened: async ({ data }, tx) => {
      // The statement goes on from one period to the next.
      if (data.carried) return;
      await of(tx)
        .insertInto('merchant_account')
        .values({
          platform: data.platform,
          merchant: data.merchant,
          asset: data.deposit.asset,
          deposit: data.deposit.minor,
          held: data.held.minor,
          payable: data.payable.minor,
          owed: 0n,
          minimum: 0n,
          terms_version: 0,
          cooling_off_hours: null,
          settlement_every: null,
          settlement_minimum: null,
          open_cases: 0,
        })
        .execute();
    },
    DepositAgreed: async (event, tx) => {
      await of(tx)
        .updateTable('merchant_account')
        .set({
          minimum: event.data.minimum.minor,
          terms_version: event.data.termsVersion,
          cooling_off_hours: event.data.coolingOffHours ?? null,
          settlement_every: event.data.settlement?.every ?? null,
          settlement_minimum: event.data.settlement?.minimum.minor ?? null,
        })
        .where('platform', '=', event.data.platform)
        .where('merchant', '=', event.data.merchant)
        .execute();
      await move(event, tx, { reference: `terms ${event.data.termsVersion}` });
    },
    DepositToppedUp: (event, tx) =>
      move(event, tx, { deposit_change: event.data.amount.minor, reference: event.data.transaction }),
    PayableCredited: (event, tx) =>
      move(event, tx, {
        payable_change: event.data.amount.minor,
        order_id: event.data.orderId,
        reference: `unit ${event.data.unitNo}`,
      }),
    CaseNoted: async (event, tx) => {
      await countCases(tx, event, 1);
      await move(event, tx, { case_id: event.data.caseId, order_id: event.data.orderId });
    },
    CaseNoteEnded: async (event, tx) => {
      await countCases(tx, event, -1);
      await move(event, tx, { case_id: event.data.caseId });
    },
    DepositHeld: (event, tx) =>
      move(event, tx, {
        deposit_change: -event.data.amount.minor,
        held_change: event.data.amount.minor,
        ...secured(event.data.for),
      }),
    HoldReleased: (event, tx) =>
      move(event, tx, {
        deposit_change: event.data.amount.minor,
        held_change: -event.data.amount.minor,
        ...secured(event.data.for),
      }),
    HoldReassigned: (event, tx) => move(event, tx, { case_id: event.data.caseId, refund_id: event.data.obligationId }),
    ObligationOpened: (event, tx) =>
      move(event, tx, {
        owed_change: event.data.amount.minor,
        refund_id: event.data.refundId,
        order_id: event.data.orderId,
        case_id: event.data.caseId ?? null,
      }),
    ObligationRefundPaid: (event, tx) => move(event, tx, { refund_id: event.data.refundId }),
    DepositDebited: (event, tx) =>
      move(event, tx, {
        deposit_change: -event.data.fromDeposit.minor,
        held_change: -event.data.fromHeld.minor,
        owed_change: -event.data.amount.minor,
        refund_id: event.data.refundId,
      }),
    PayableDebited: (event, tx) =>
      move(event, tx, {
        payable_change: -event.data.amount.minor,
        owed_change: -event.data.amount.minor,
        refund_id: event.data.refundId,
      }),
    RefundFundedFromDeposit: (event, tx) =>
      move(event, tx, {
        deposit_change: -event.data.fromDeposit.minor,
        held_change: -event.data.fromHeld.minor,
        refund_id: event.data.refundId,
        order_id: event.data.orderId,
        case_id: event.data.caseId ?? null,
      }),
    DepositFundingPaid: (event, tx) => move(event, tx, { refund_id: event.data.refundId, order_id: event.data.orderId }),
    DepositFundingRevoked: (event, tx) =>
      move(event, tx, {
        deposit_change: event.data.toDeposit.minor,
        refund_id: event.data.refundId,
        order_id: event.data.orderId,
      }),
    SettlementDrawn: (event, tx) => move(event, tx, { payable_change: -event.data.amount.minor, reference: event.data.payoutId }),
    SettlementReturned: (event, tx) =>
      move(event, tx, { payable_change: event.data.amount.minor, reference: event.data.payoutId }),
    WithdrawalRequested: (event, tx) => move(event, tx, { reference: event.data.payoutId }),
    ClosingRequested: (event, tx) => move(event, tx, { reference: event.data.payoutId }),
    WithdrawalCancelled: (event, tx) =>
      move(event, tx, { reference: event.data.payoutId, refund_id: event.data.obligationId ?? null }),
    WithdrawalDrawn: (event, tx) =>
      move(event, tx, {
        deposit_change: -event.data.fromDeposit.minor,
        payable_change: -event.data.fromPayable.minor,
        reference: event.data.payoutId,
      }),
    DrawPaid: (event, tx) => move(event, tx, { reference: event.data.payoutId }),
    DrawReturned: (event, tx) =>
      move(event, tx, {
        deposit_change: event.data.toDeposit.minor,
        payable_change: event.data.toPayable.minor,
        reference: event.data.payoutId,
      }),
    AccountClosed: (event, tx) => move(event, tx, { reference: event.data.payoutId }),
    RecourseWrittenOff: (event, tx) => move(event, tx, { owed_change: -event.data.amount.minor, refund_id: event.data.refundId }),
    RecourseReinstated: (event, tx) => move(event, tx, { owed_change: event.data.amount.minor, refund_id: event.data.refundId }),
    ObligationRevoked: (event, tx) =>
      move(event, tx, { owed_change: -event.data.amount.minor, refund_id: event.data.refundId, reference: overturned }),
    RecourseForgiven: (event, tx) =>
      move(event, tx, { owed_change: -event.data.amount.minor, refund_id: event.data.refundId, reference: overturned }),
    CompensationClaimed: (event, tx) =>
      move(event, tx, {
        refund_id: event.data.refundId,
        order_id: event.data.orderId,
        case_id: event.data.caseId ?? null,
        reference: overturned,
      }),
    CompensationCredited: (event, tx) =>
      move(event, tx, {
        payable_change: event.data.amount.minor,
        refund_id: event.data.refundId,
        order_id: event.data.orderId,
        reference: overturned,
      }),
    DepositFellShort: (event, tx) => move(event, tx, { reference: `minimum ${event.data.minimum.minor}` }),
    ShortfallCured: (event, tx) => move(event, tx, { reference: `minimum ${event.data.minimum.minor}` }),
  },
});

async function countCases(
  tx: ReadModelTx,
  { data }: Event<string, { readonly platform: string; readonly merchant: string }>,
  change: number,
): Promise<void> {
  await of(tx)
    .updateTable('merchant_account')
    .set((eb) => ({ open_cases: eb('open_cases', '+', change) }))
    .where('platform', '=', data.platform)
    .where('merchant', '=', data.merchant)
    .execute();
}

const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

export const findAccount = (db: Kysely<NoTables>, platform: string, merchant: string): Promise<AccountRow | undefined> =>
  live(db)
    .selectFrom('merchant_account')
    .selectAll()
    .where('platform', '=', platform)
    .where('merchant', '=', merchant)
    .executeTakeFirst();
export const listAccounts = (db: Kysely<NoTables>, platform: string): Promise<AccountRow[]> =>
  live(db).selectFrom('merchant_account').selectAll().where('platform', '=', platform).orderBy('merchant').execute();

export interface AgeingRow {
  merchant: string;
  asset: string;
  /** Since the obligation was opened. */
  bucket: AgeBucket;
  obligations: number;
  outstanding: bigint;
}

/** What merchants of a platform, or one of them, owed at a moment, by age. */
export async function ageing(
  db: Kysely<NoTables>,
  platform: string,
  { at, merchant }: { readonly at: string; readonly merchant?: string },
): Promise<AgeingRow[]> {
  const { rows } = await sql<AgeingRow>`
    select merchant, asset, bucket, count(*)::int as obligations, sum(outstanding)::bigint as outstanding from (
      select merchant, asset, outstanding,
        ${ageBucket(sql`days`)} as bucket
      from (
        select moved.merchant, account.asset, sum(moved.owed_change) as outstanding,
          ${shanghaiDays(sql`min(moved.at)`, at)} as days
        from ${sql.id(liveSchema, 'merchant_movement')} as moved
        join ${sql.id(liveSchema, 'merchant_account')} as account using (platform, merchant)
        where moved.platform = ${platform} and moved.at <= ${at} and moved.owed_change <> 0
          ${merchant === undefined ? sql`` : sql`and moved.merchant = ${merchant}`}
        group by moved.merchant, account.asset, moved.refund_id having sum(moved.owed_change) <> 0
      ) as owed
    ) as aged group by merchant, asset, bucket order by merchant, asset, bucket`.execute(db);
  return rows;
}

/** A movement with what is known of its refund: the case, and the rule that fired. */
export interface StatedMovement extends MovementRow {
  rule: string | null;
}

interface StatementTables extends Tables {
  refund: { refund_id: string; dispute_id: string | null; rule: string | null };
}

const stated = (db: Kysely<NoTables>) =>
  tablesOf<StatementTables>(db)
    .withSchema(liveSchema)
    .selectFrom('merchant_movement as m')
    .leftJoin('refund as r', 'r.refund_id', 'm.refund_id')
    .selectAll('m')
    .select(['r.rule', sql<string | null>`coalesce(m.case_id, r.dispute_id)`.as('case_id')]);

/** Movements after a position, in the order of the log. */
export const listMovements = (
  db: Kysely<NoTables>,
  platform: string,
  merchant: string,
  after: bigint,
  limit: number,
): Promise<StatedMovement[]> =>
  stated(db)
    .where('m.platform', '=', platform)
    .where('m.merchant', '=', merchant)
    .where('m.position', '>', after)
    .orderBy('m.position')
    .limit(limit)
    .execute();

export const findMovement = (db: Kysely<NoTables>, position: bigint): Promise<StatedMovement | undefined> =>
  stated(db).where('m.position', '=', position).executeTakeFirst();

/** The numbers of an account, in minor units. */
export interface Standing {
  /** Free of holds. */
  readonly available: bigint;
  readonly held: bigint;
  /** Outstanding recourse. */
  readonly owed: bigint;
  readonly payable: bigint;
}
export type StatementLine = StatedMovement & { readonly balance: Standing };

/** By position of the log, or by the moment from which a movement counts. */
export type Bound = { readonly position: bigint } | { readonly moment: Instant };
export interface StatementRange {
  readonly platform: string;
  readonly merchant: string;
  /** At or behind it. `to` is of the same kind. */
  readonly from?: Bound;
  /** Before it, so that one statement ends where the next begins. */
  readonly to?: Bound;
  /** Only what was recorded at or before it: what was known then. */
  readonly asOf?: Bound;
  /** Position of the last line already seen. */
  readonly after?: bigint;
  readonly limit: number;
}
export interface Statement {
  /** What the account had before the first movement of the range. */
  readonly opening: Standing;
  /** In the order of the log, or for a range of moments in the order in which they count. */
  readonly lines: readonly StatementLine[];
  /** What it had after the last movement of the range, shown here or not. */
  readonly closing: Standing;
}

const changeOf = (row: MovementRow): Standing => ({
  available: row.deposit_change,
  held: row.held_change,
  owed: row.owed_change,
  payable: row.payable_change,
});
const plus = (one: Standing, other: Standing): Standing => ({
  available: one.available + other.available,
  held: one.held + other.held,
  owed: one.owed + other.owed,
  payable: one.payable + other.payable,
});
const minus = (one: Standing, other: Standing): Standing => ({
  available: one.available - other.available,
  held: one.held - other.held,
  owed: one.owed - other.owed,
  payable: one.payable - other.payable,
});

const nothing: Standing = { available: 0n, held: 0n, owed: 0n, payable: 0n };
const balanceOf = (row: MovementRow): Standing => ({
  available: row.deposit,
  held: row.held,
  owed: row.owed,
  payable: row.payable,
});

type Condition = RawBuilder<boolean>;

/** A range as conditions on a movement `m`. */
function conditionsOf({ from, to, asOf, after }: StatementRange) {
  const isByMoment = [from, to].some((bound) => bound !== undefined && 'moment' in bound);
  const before = (bound: Bound): Condition =>
    'moment' in bound ? sql<boolean>`m.at < ${bound.moment}` : sql<boolean>`m.position < ${bound.position}`;
  const recordedBy = (bound: Bound): Condition =>
    'moment' in bound ? sql<boolean>`m.recorded_at <= ${bound.moment}` : sql<boolean>`m.position <= ${bound.position}`;
  const seenAt = (last: bigint): Condition =>
    isByMoment
      ? sql<boolean>`(m.at, m.position) <= (coalesce((select at from read.merchant_movement where position = ${last}), '-infinity'), ${last})`
      : sql<boolean>`m.position <= ${last}`;
  const isBeforeRange = from === undefined ? sql<boolean>`false` : before(from);
  return {
    isByMoment,
    /** What counts is a beginning of the log, of which each movement tells the balances. */
    isBeginningOfLog: !isByMoment && !(asOf !== undefined && 'moment' in asOf),
    isKnown: asOf === undefined ? sql<boolean>`true` : recordedBy(asOf),
    isBeforeRange,
    isBeforeEnd: to === undefined ? sql<boolean>`true` : before(to),
    isBeforePage: after === undefined ? isBeforeRange : sql<boolean>`(${isBeforeRange} or ${seenAt(after)})`,
  };
}

/** The account over a range as it is known, or was at any past moment; one snapshot of the database. */
export function readStatement(db: Kysely<NoTables>, range: StatementRange): Promise<Statement> {
  const { isByMoment, isBeginningOfLog, isKnown, isBeforeRange, isBeforeEnd, isBeforePage } = conditionsOf(range);
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      const known = stated(trx).where('m.platform', '=', range.platform).where('m.merchant', '=', range.merchant).where(isKnown);
      const first = await known.orderBy('m.position').limit(1).executeTakeFirst();
      // A first period may begin with something: what the very first movement found.
      const beginning = first === undefined ? nothing : minus(balanceOf(first), changeOf(first));
      const standingAfter = async (condition: Condition): Promise<Standing> => {
        if (isBeginningOfLog) {
          const last = await known.where(condition).orderBy('m.position', 'desc').limit(1).executeTakeFirst();
          return last === undefined ? beginning : balanceOf(last);
        }
        const { rows } = await sql<Standing>`select coalesce(sum(deposit_change), 0)::bigint as available,
          coalesce(sum(held_change), 0)::bigint as held, coalesce(sum(owed_change), 0)::bigint as owed,
          coalesce(sum(payable_change), 0)::bigint as payable from read.merchant_movement m
          where platform = ${range.platform} and merchant = ${range.merchant} and ${isKnown} and ${condition}`.execute(trx);
        return plus(beginning, rows[0] ?? nothing);
      };
      const opening = await standingAfter(isBeforeRange);
      const closing = await standingAfter(isBeforeEnd);
      let balance = await standingAfter(isBeforePage);
      const page = known.where(isBeforeEnd).where(sql<boolean>`not ${isBeforePage}`);
      const rows = await (isByMoment ? page.orderBy('m.at') : page).orderBy('m.position').limit(range.limit).execute();
      const lines = rows.map((row) => ({ ...row, balance: (balance = plus(balance, changeOf(row))) }));
      return { opening, lines, closing };
    });
}
