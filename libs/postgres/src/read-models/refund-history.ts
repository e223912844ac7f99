import type { FundEvent, PayoutEvent } from '@recourse/compensation/events';
import type { DepositEvent } from '@recourse/deposits/events';
import type { OrderEvent } from '@recourse/orders/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

/** Revoked: not paid, and owed no more. Overturned: paid, though it should not have been. Neither changes any more. */
export const refundStatuses = [
  'approved',
  'queued',
  'handed-over',
  'funded',
  'paying',
  'unclaimed',
  'paid',
  'reversed',
  'returned',
  'revoked',
  'overturned',
] as const;
export type RefundStatus = (typeof refundStatuses)[number];

interface RefundRow {
  refund_id: string;
  order_id: string;
  dispute_id: string | null;
  platform: string;
  merchant: string;
  buyer: string;
  rail: string;
  ground: string;
  rule: string | null;
  status: RefundStatus;
  asset: string;
  total: bigint;
  from_escrow: bigint;
  from_fund: bigint;
  /** What the merchant's deposit paid in the fund's place. */
  from_deposit: bigint;
  from_fees: bigint;
  merchant_share: bigint;
  recovered: bigint;
  outstanding: bigint;
  /** Paid to the merchant after the verdict was overturned. */
  compensated: bigint;
  approved_at: string;
  paid_at: string | null;
  rail_transfer_id: string | null;
}
interface RefundLineRow {
  refund_id: string;
  unit_no: number;
  source: string;
  amount: bigint;
  liable: string;
  merchant_share: bigint;
}
interface Tables {
  refund: RefundRow;
  refund_line: RefundLineRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);
const set = async (tx: ReadModelTx, refundId: string, values: Partial<RefundRow>): Promise<void> => {
  await of(tx).updateTable('refund').set(values).where('refund_id', '=', refundId).execute();
};
/** Nothing that comes later makes more of a refund that its verdict no longer gives. */
const proceed = async (tx: ReadModelTx, refundId: string, values: Partial<RefundRow>): Promise<void> => {
  await of(tx)
    .updateTable('refund')
    .set(values)
    .where('refund_id', '=', refundId)
    .where('status', 'not in', ['revoked', 'overturned'])
    .execute();
};
const recover = async (tx: ReadModelTx, refundId: string, amount: bigint, outstanding: bigint): Promise<void> => {
  await of(tx)
    .updateTable('refund')
    .set((eb) => ({ recovered: eb('recovered', '+', amount), outstanding }))
    .where('refund_id', '=', refundId)
    .execute();
};

const raise = async (tx: ReadModelTx, refundId: string, column: 'outstanding' | 'compensated', by: bigint): Promise<void> => {
  await of(tx)
    .updateTable('refund')
    .set((eb) => ({ [column]: eb(column, '+', by) }))
    .where('refund_id', '=', refundId)
    .execute();
};

/** Which refunds were made, why, from whose money, and what came back? */
export const refundHistory = readModel<OrderEvent | FundEvent | PayoutEvent | DepositEvent>({
  name: 'refund-history',
  version: 2,
  tables: ['refund', 'refund_line'],
  create: async (tx) => {
    await sql`create table refund (
      refund_id text primary key, order_id text not null, dispute_id text, platform text not null, merchant text not null, buyer text not null,
      rail text not null, ground text not null, rule text, status text not null, asset text not null, total bigint not null,
      from_escrow bigint not null, from_fund bigint not null, from_deposit bigint not null, from_fees bigint not null,
      merchant_share bigint not null, recovered bigint not null, outstanding bigint not null, compensated bigint not null,
      approved_at timestamptz not null, paid_at timestamptz, rail_transfer_id text)`.execute(tx);
    await sql`create index on refund (platform, approved_at, refund_id)`.execute(tx);
    await sql`create table refund_line (
      refund_id text not null, unit_no integer not null, source text not null, amount bigint not null, liable text not null,
      merchant_share bigint not null, primary key (refund_id, unit_no, source))`.execute(tx);
  },
  on: {
    RefundApproved: async ({ data }, tx) => {
      const verdict = data.ground.kind === 'verdict' ? data.ground : undefined;
      await of(tx)
        .insertInto('refund')
        .values({
          refund_id: data.refundId,
          order_id: data.orderId,
          dispute_id: verdict?.disputeId ?? null,
          platform: data.platform,
          merchant: data.merchant,
          buyer: data.buyer,
          rail: data.rail,
          ground: data.ground.kind,
          rule: verdict?.rule ?? null,
          status: 'approved',
          asset: data.total.asset,
          total: data.total.minor,
          from_escrow: data.fromEscrow.minor,
          from_fund: data.fromFund.minor,
          from_deposit: 0n,
          from_fees: data.fromFees.minor,
          merchant_share: data.merchantShare.minor,
          recovered: 0n,
          outstanding: 0n,
          compensated: 0n,
          approved_at: data.approvedAt,
          paid_at: null,
          rail_transfer_id: null,
        })
        .execute();
      await of(tx)
        .insertInto('refund_line')
        .values(
          data.lines.map((line) => ({
            refund_id: data.refundId,
            unit_no: line.unitNo,
            source: line.source,
            amount: line.amount.minor,
            liable: line.liable,
            merchant_share: line.merchantShare.minor,
          })),
        )
        .execute();
    },
    SurplusCaptured: async ({ data }, tx) => {
      await of(tx)
        .insertInto('refund')
        .values({
          refund_id: data.refundId,
          order_id: data.orderId,
          dispute_id: null,
          platform: data.platform,
          merchant: data.merchant,
          buyer: data.buyer,
          rail: data.rail,
          ground: `surplus-${data.why}`,
          rule: null,
          status: 'funded',
          asset: data.amount.asset,
          total: data.amount.minor,
          from_escrow: 0n,
          from_fund: 0n,
          from_deposit: 0n,
          from_fees: 0n,
          merchant_share: 0n,
          recovered: 0n,
          outstanding: 0n,
          compensated: 0n,
          approved_at: data.bookedAt,
          paid_at: null,
          rail_transfer_id: null,
        })
        .execute();
    },
    RefundFundedFromEscrow: async ({ data }, tx) => {
      if (data.complete) await proceed(tx, data.refundId, { status: 'funded' });
    },
    ReservationQueued: ({ data }, tx) => proceed(tx, data.refundId, { status: 'queued' }),
    ReservationHandedOver: ({ data }, tx) => proceed(tx, data.refundId, { status: 'handed-over' }),
    ReservationHandedBack: ({ data }, tx) => proceed(tx, data.refundId, { status: 'queued' }),
    RefundFundedFromDeposit: async ({ data }, tx) => {
      const fromDeposit = data.fromHeld.minor + data.fromDeposit.minor;
      await set(tx, data.refundId, { from_fund: 0n, from_deposit: fromDeposit });
      await proceed(tx, data.refundId, { status: 'funded' });
      await of(tx)
        .updateTable('refund_line')
        .set({ source: 'deposit' })
        .where('refund_id', '=', data.refundId)
        .where('source', '=', 'fund')
        .execute();
    },
    FundsReserved: ({ data }, tx) => proceed(tx, data.refundId, { status: 'funded', outstanding: data.merchantShare.minor }),
    TransferSubmitted: async ({ data }, tx) => {
      if (data.purpose.kind === 'refund') await proceed(tx, data.purpose.refundId, { status: 'paying' });
    },
    PayoutUnclaimed: ({ data }, tx) => proceed(tx, data.payoutId, { status: 'unclaimed' }),
    PayoutSucceeded: async ({ data }, tx) => {
      if (data.purpose.kind === 'refund') {
        await set(tx, data.purpose.refundId, {
          status: 'paid',
          paid_at: data.succeededAt,
          rail_transfer_id: data.railTransferId,
        });
      }
    },
    // Owed again; what was paid when stands in the payout's payments.
    PayoutReversed: async ({ data }, tx) => {
      if (data.purpose.kind !== 'refund') return;
      await proceed(tx, data.purpose.refundId, { status: 'reversed' });
      await set(tx, data.purpose.refundId, { paid_at: null, rail_transfer_id: null });
    },
    RefundRevoked: ({ data }, tx) => set(tx, data.refundId, { status: 'revoked', outstanding: 0n }),
    PayoutCancelRefused: async ({ data }, tx) => {
      if (data.purpose.kind === 'refund') await set(tx, data.purpose.refundId, { status: 'overturned' });
    },
    // Somebody paid it past us: there is no transfer of ours to name.
    RefundedOutside: async ({ data }, tx) => {
      if (data.fromRefund.minor > 0n && data.stillDue.minor === 0n)
        await set(tx, data.purpose.refundId, { status: 'paid', paid_at: data.recordedAt, rail_transfer_id: null });
    },
    DepositDebited: ({ data }, tx) => recover(tx, data.refundId, data.amount.minor, data.outstanding.minor),
    PayableDebited: ({ data }, tx) => recover(tx, data.refundId, data.amount.minor, data.outstanding.minor),
    RecourseWrittenOff: ({ data }, tx) => set(tx, data.refundId, { outstanding: 0n }),
    // The debits behind it say what is outstanding then, or it is forgiven.
    RecourseReinstated: ({ data }, tx) => raise(tx, data.refundId, 'outstanding', data.amount.minor),
    RecourseForgiven: ({ data }, tx) => raise(tx, data.refundId, 'outstanding', -data.amount.minor),
    ObligationRevoked: ({ data }, tx) => set(tx, data.refundId, { outstanding: 0n }),
    MerchantCompensated: ({ data }, tx) => raise(tx, data.refundId, 'compensated', data.amount.minor),
    RefundReturned: ({ data }, tx) => set(tx, data.refundId, { status: 'returned' }),
  },
});

export interface RefundFilter {
  readonly platform: string;
  readonly merchant?: string;
  readonly buyer?: string;
  readonly status?: string;
  readonly rule?: string;
  readonly source?: 'escrow' | 'fund' | 'deposit';
  readonly from?: string;
  readonly to?: string;
  /** Refunds after this one, in the order of approval. */
  readonly after?: string;
  readonly limit: number;
}

const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

export async function listRefunds(db: Kysely<NoTables>, filter: RefundFilter): Promise<RefundRow[]> {
  let query = live(db).selectFrom('refund').selectAll().where('platform', '=', filter.platform);
  if (filter.merchant !== undefined) query = query.where('merchant', '=', filter.merchant);
  if (filter.buyer !== undefined) query = query.where('buyer', '=', filter.buyer);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status as RefundRow['status']);
  if (filter.rule !== undefined) query = query.where('rule', '=', filter.rule);
  if (filter.source !== undefined) query = query.where(`from_${filter.source}`, '>', 0n);
  if (filter.from !== undefined) query = query.where('approved_at', '>=', filter.from);
  if (filter.to !== undefined) query = query.where('approved_at', '<', filter.to);
  if (filter.after !== undefined) {
    const after = filter.after;
    query = query.where(
      sql<boolean>`(approved_at, refund_id) > (select approved_at, refund_id from read.refund where refund_id = ${after})`,
    );
  }
  return query.orderBy('approved_at').orderBy('refund_id').limit(filter.limit).execute();
}

export async function findRefund(
  db: Kysely<NoTables>,
  refundId: string,
): Promise<(RefundRow & { lines: RefundLineRow[] }) | undefined> {
  const refund = await live(db).selectFrom('refund').selectAll().where('refund_id', '=', refundId).executeTakeFirst();
  if (refund === undefined) return undefined;
  const lines = await live(db)
    .selectFrom('refund_line')
    .selectAll()
    .where('refund_id', '=', refundId)
    .orderBy('unit_no')
    .orderBy('source')
    .execute();
  return { ...refund, lines };
}

/** Refunds of one order with their lines, in the order of approval. */
export async function refundsOfOrder(db: Kysely<NoTables>, orderId: string): Promise<(RefundRow & { lines: RefundLineRow[] })[]> {
  const rows = await live(db)
    .selectFrom('refund')
    .select('refund_id')
    .where('order_id', '=', orderId)
    .orderBy('approved_at')
    .orderBy('refund_id')
    .execute();
  const refunds = await Promise.all(rows.map((row) => findRefund(db, row.refund_id)));
  return refunds.filter((refund) => refund !== undefined);
}

export interface Totals {
  orders: bigint;
  disputes: bigint;
  refundsPaid: bigint;
  refundedMinor: bigint;
  refused: bigint;
  recoveredMinor: bigint;
  outstandingMinor: bigint;
}

/** What a platform's books say in one line. Refused counts cases whose every verdict refuses. */
export async function totalsOf(db: Kysely<NoTables>, platform: string): Promise<Totals> {
  const { rows } = await sql<Totals>`select
    (select count(*) from read.order_book where platform = ${platform}) as orders,
    (select count(*) from read.case_file where platform = ${platform}) as disputes,
    (select count(*) from read.refund where platform = ${platform} and paid_at is not null) as "refundsPaid",
    (select coalesce(sum(total), 0)::bigint from read.refund where platform = ${platform} and paid_at is not null) as "refundedMinor",
    (select count(*) from read.case_file c where platform = ${platform}
      and exists (select 1 from read.verdict v where v.dispute_id = c.dispute_id)
      and not exists (select 1 from read.verdict v, jsonb_array_elements(v.units) u where v.dispute_id = c.dispute_id and u ->> 'remedy' <> 'NONE')) as refused,
    (select coalesce(sum(recovered), 0)::bigint from read.refund where platform = ${platform}) as "recoveredMinor",
    (select coalesce(sum(outstanding), 0)::bigint from read.refund where platform = ${platform}) as "outstandingMinor"`.execute(
    db,
  );
  const [totals] = rows;
  if (totals === undefined) throw new Error('a query without from gave no row');
  return totals;
}
