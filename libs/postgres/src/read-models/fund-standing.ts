import type { FundEvent } from '@recourse/compensation/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

export interface FundStandingRow {
  platform: string;
  asset: string;
  /** `running`, or by what it stands still. */
  mode: string;
  mode_by: string | null;
  mode_reason: string | null;
  mode_since: string | null;
  limits_version: number;
  low_water_mark: bigint | null;
  daily_per_merchant: bigint | null;
  limits_proposed_by: string | null;
  limits_approved_by: string | null;
  /** Since when the fund's money is below its mark; null while it is not. */
  low_since: string | null;
}
/** A refund that waits beyond the daily limit of its merchant. */
export interface AsideRow {
  refund_id: string;
  platform: string;
  asset: string;
  merchant: string;
  order_id: string;
  amount: bigint;
  /** Its day in Asia/Shanghai. */
  counted_on: string;
  /** Place in the log: they are listed in the order in which they were held. */
  position: bigint;
  since: string;
}
/** A refund that waits for the word of its merchant's deposit. */
export interface HandedOverRow extends Omit<AsideRow, 'counted_on'> {
  case_id: string | null;
}
interface Tables {
  fund_standing: FundStandingRow;
  fund_aside: AsideRow;
  fund_handed_over: HandedOverRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

const change = (
  tx: ReadModelTx,
  { platform, asset }: { readonly platform: string; readonly asset: string },
  values: Partial<FundStandingRow>,
) => of(tx).updateTable('fund_standing').set(values).where('platform', '=', platform).where('asset', '=', asset).execute();

const notHandedOver = async (
  { data: { refundId } }: { readonly data: { readonly refundId: string } },
  tx: ReadModelTx,
): Promise<void> => {
  await of(tx).deleteFrom('fund_handed_over').where('refund_id', '=', refundId).execute();
};

/** May a platform's fund pay, within which limits, whom does it hold aside, and whose deposit did it ask? */
export const fundStanding = readModel<FundEvent>({
  name: 'fund-standing',
  version: 2,
  tables: ['fund_standing', 'fund_aside', 'fund_handed_over'],
  create: async (tx) => {
    await sql`create table fund_standing (
      platform text not null, asset text not null, mode text not null, mode_by text, mode_reason text, mode_since timestamptz,
      limits_version integer not null, low_water_mark bigint, daily_per_merchant bigint, limits_proposed_by text,
      limits_approved_by text, low_since timestamptz, primary key (platform, asset))`.execute(tx);
    await sql`create table fund_aside (
      refund_id text primary key, platform text not null, asset text not null, merchant text not null, order_id text not null,
      amount bigint not null, counted_on text not null, position bigint not null, since timestamptz not null)`.execute(tx);
    await sql`create index on fund_aside (platform, position)`.execute(tx);
    await sql`create table fund_handed_over (
      refund_id text primary key, platform text not null, asset text not null, merchant text not null, order_id text not null,
      case_id text, amount bigint not null, position bigint not null, since timestamptz not null)`.execute(tx);
    await sql`create index on fund_handed_over (platform, position)`.execute(tx);
  },
  on: {
    FundPeriodOpened: async ({ data }, tx) => {
      await of(tx)
        .insertInto('fund_standing')
        .values({
          platform: data.platform,
          asset: data.available.asset,
          mode: 'running',
          mode_by: null,
          mode_reason: null,
          mode_since: null,
          limits_version: 0,
          low_water_mark: null,
          daily_per_merchant: null,
          limits_proposed_by: null,
          limits_approved_by: null,
          low_since: null,
        })
        // A later period goes on as the one before it ended.
        .onConflict((conflict) => conflict.columns(['platform', 'asset']).doNothing())
        .execute();
    },
    FundPaused: async ({ data }, tx) => {
      await change(tx, data, { mode: data.kind, mode_by: data.by, mode_reason: data.reason, mode_since: data.pausedAt });
    },
    FundResumed: async ({ data }, tx) => {
      await change(tx, data, { mode: 'running', mode_by: data.by, mode_reason: data.reason, mode_since: data.resumedAt });
    },
    FundLimitsSet: async ({ data }, tx) => {
      await change(tx, data, {
        limits_version: data.version,
        low_water_mark: data.lowWaterMark?.minor ?? null,
        daily_per_merchant: data.dailyPerMerchant?.minor ?? null,
        limits_proposed_by: data.proposedBy,
        limits_approved_by: data.approvedBy,
      });
    },
    FundRanLow: async ({ data }, tx) => {
      await change(tx, data, { low_since: data.at });
    },
    FundRecovered: async ({ data }, tx) => {
      await change(tx, data, { low_since: null });
    },
    ReservationQueued: async ({ data, position, metadata }, tx) => {
      if (data.why !== 'velocity-limit') return;
      await of(tx)
        .insertInto('fund_aside')
        .values({
          refund_id: data.refundId,
          platform: data.platform,
          asset: data.fromFund.asset,
          merchant: data.merchant,
          order_id: data.orderId,
          amount: data.fromFund.minor,
          counted_on: data.countedOn ?? '',
          position,
          since: metadata.effectiveAt,
        })
        .execute();
    },
    ReservationFreed: async ({ data }, tx) => {
      await of(tx).deleteFrom('fund_aside').where('refund_id', '=', data.refundId).execute();
    },
    ReservationHandedOver: async ({ data, position, metadata }, tx) => {
      await of(tx)
        .insertInto('fund_handed_over')
        .values({
          refund_id: data.refundId,
          platform: data.platform,
          asset: data.fromFund.asset,
          merchant: data.merchant,
          order_id: data.orderId,
          case_id: data.caseId ?? null,
          amount: data.fromFund.minor,
          position,
          since: metadata.effectiveAt,
        })
        .execute();
    },
    ReservationHandedBack: notHandedOver,
    ReservationTakenOver: notHandedOver,
    ReservationWithdrawn: async (event, tx) => {
      await notHandedOver(event, tx);
      await of(tx).deleteFrom('fund_aside').where('refund_id', '=', event.data.refundId).execute();
    },
  },
});

const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

export const findFundStanding = (db: Kysely<NoTables>, platform: string): Promise<FundStandingRow[]> =>
  live(db).selectFrom('fund_standing').selectAll().where('platform', '=', platform).orderBy('asset').execute();
export const findAside = (db: Kysely<NoTables>, platform: string, refundId: string): Promise<AsideRow | undefined> =>
  live(db)
    .selectFrom('fund_aside')
    .selectAll()
    .where('platform', '=', platform)
    .where('refund_id', '=', refundId)
    .executeTakeFirst();
/** Those held aside, the oldest first. */
export const listAside = (db: Kysely<NoTables>, platform: string, limit: number): Promise<AsideRow[]> =>
  live(db).selectFrom('fund_aside').selectAll().where('platform', '=', platform).orderBy('position').limit(limit).execute();
/** Those handed over, the oldest first. */
export const listHandedOver = (db: Kysely<NoTables>, platform: string, limit: number): Promise<HandedOverRow[]> =>
  live(db).selectFrom('fund_handed_over').selectAll().where('platform', '=', platform).orderBy('position').limit(limit).execute();
export async function countAside(db: Kysely<NoTables>, platform: string): Promise<Map<string, bigint>> {
  const rows = await live(db)
    .selectFrom('fund_aside')
    .select((eb) => ['asset', eb.fn.countAll<bigint>().as('refunds')])
    .where('platform', '=', platform)
    .groupBy('asset')
    .execute();
  return new Map(rows.map(({ asset, refunds }) => [asset, refunds]));
}
