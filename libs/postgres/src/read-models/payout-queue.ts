import type { PayoutEvent, PayoutPurpose } from '@recourse/compensation/events';
import type { DataOf, Instant } from '@recourse/eventing';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

export const payoutStatuses = [
  'requested',
  'awaiting-approval',
  'held',
  'submitted',
  'processing',
  'unknown',
  'blocked',
  'failed',
  'unclaimed',
  'succeeded',
  'reversed',
  'cancelled',
  'returned',
] as const;
export type PayoutStatus = (typeof payoutStatuses)[number];
/** Nothing is left to do with the rail, or not before a person did something. Index and query share them. */
const atRest = ['succeeded', 'unclaimed', 'awaiting-approval', 'held', 'cancelled', 'returned'] as const;

export interface PayoutRow {
  payout_id: string;
  platform: string;
  purpose: PayoutPurpose['kind'];
  merchant: string;
  buyer: string | null;
  rail: string;
  asset: string;
  amount: bigint;
  status: PayoutStatus;
  /** Why it stands there: a cause, a code of the rail, a person's reason. */
  detail: string | null;
  transfer_no: number;
  transfer_key: string | null;
  rail_transfer_id: string | null;
  requested_at: string;
  succeeded_at: string | null;
  requested_by: string | null;
  approval_limit: bigint | null;
  /** The first and the second of two people. */
  first_by: string | null;
  approved_by: string | null;
  cancel_asked: boolean;
}
/** One transfer that was paid, in the order of payment. */
export interface PaymentRow {
  payout_id: string;
  transfer_no: number;
  rail_transfer_id: string;
  paid_at: string;
  fee_asset: string | null;
  fee: bigint | null;
  reversed_at: string | null;
  reversal_code: string | null;
}
interface Tables {
  payout: PayoutRow;
  payment: PaymentRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);
const set = async (tx: ReadModelTx, payoutId: string, values: Partial<PayoutRow>): Promise<void> => {
  await of(tx).updateTable('payout').set(values).where('payout_id', '=', payoutId).execute();
};

const setPayment = async (
  tx: ReadModelTx,
  { payoutId, transferNo }: { readonly payoutId: string; readonly transferNo: number },
  values: Partial<PaymentRow>,
): Promise<void> => {
  await of(tx)
    .updateTable('payment')
    .set(values)
    .where('payout_id', '=', payoutId)
    .where('transfer_no', '=', transferNo)
    .execute();
};
const isAboveLimit = ({ amount, approvalLimit }: DataOf<PayoutEvent, 'PayoutRequested'>): boolean =>
  approvalLimit !== undefined && amount.minor > approvalLimit.minor;

/** Which payouts are open, and what happened to each? The sweep re-creates a wake-up for every open one. */
export const payoutQueue = readModel<PayoutEvent>({
  name: 'payout-queue',
  version: 2,
  tables: ['payout', 'payment'],
  create: async (tx) => {
    await sql`create table payout (
      payout_id text primary key, platform text not null, purpose text not null, merchant text not null, buyer text, rail text not null,
      asset text not null, amount bigint not null, status text not null, detail text, transfer_no integer not null, transfer_key text,
      rail_transfer_id text, requested_at timestamptz not null, succeeded_at timestamptz, requested_by text, approval_limit bigint,
      first_by text, approved_by text, cancel_asked boolean not null)`.execute(tx);
    await sql`create index on payout (requested_at) where status not in (${sql.join(atRest.map((status) => sql.lit(status)))})`.execute(
      tx,
    );
    await sql`create index on payout (succeeded_at, payout_id) where status = 'succeeded'`.execute(tx);
    await sql`create table payment (
      payout_id text not null, transfer_no integer not null, rail_transfer_id text not null, paid_at timestamptz not null, fee_asset text,
      fee bigint, reversed_at timestamptz, reversal_code text, primary key (payout_id, transfer_no))`.execute(tx);
  },
  on: {
    PayoutRequested: async ({ data }, tx) => {
      await of(tx)
        .insertInto('payout')
        .values({
          payout_id: data.payoutId,
          platform: data.platform,
          purpose: data.purpose.kind,
          merchant: data.purpose.merchant,
          buyer: data.purpose.kind === 'refund' ? data.purpose.buyer : null,
          rail: data.rail,
          asset: data.amount.asset,
          amount: data.amount.minor,
          status: isAboveLimit(data) ? 'awaiting-approval' : 'requested',
          detail: null,
          transfer_no: 0,
          transfer_key: null,
          rail_transfer_id: null,
          requested_at: data.requestedAt,
          succeeded_at: null,
          requested_by: data.requestedBy ?? null,
          approval_limit: data.approvalLimit?.minor ?? null,
          first_by: data.requestedBy ?? null,
          approved_by: null,
          cancel_asked: false,
        })
        .execute();
    },
    PayoutApprovalProposed: ({ data }, tx) =>
      set(tx, data.payoutId, { status: 'awaiting-approval', detail: null, first_by: data.proposedBy }),
    PayoutApproved: ({ data }, tx) =>
      set(tx, data.payoutId, { status: 'requested', detail: null, first_by: data.firstBy, approved_by: data.approvedBy }),
    PayoutHeld: async ({ data }, tx) => {
      await of(tx)
        .updateTable('payout')
        .set((eb) => ({ status: 'held', detail: data.reason, first_by: eb.ref('requested_by') }))
        .where('payout_id', '=', data.payoutId)
        .execute();
    },
    TransferSubmitted: ({ data }, tx) =>
      set(tx, data.payoutId, { status: 'submitted', detail: null, transfer_no: data.transferNo, transfer_key: data.key }),
    TransferProcessing: ({ data }, tx) => set(tx, data.payoutId, { status: 'processing', detail: null }),
    TransferOutcomeUnknown: ({ data }, tx) => set(tx, data.payoutId, { status: 'unknown', detail: data.cause }),
    TransferBlocked: ({ data }, tx) => set(tx, data.payoutId, { status: 'blocked', detail: `${data.why}: ${data.code}` }),
    TransferFailed: ({ data }, tx) => set(tx, data.payoutId, { status: 'failed', detail: data.code }),
    PayoutUnclaimed: ({ data }, tx) => set(tx, data.payoutId, { status: 'unclaimed', detail: data.code }),
    PayoutDestinationChanged: ({ data }, tx) => set(tx, data.payoutId, { status: 'requested', detail: null }),
    PayoutSucceeded: async ({ data }, tx) => {
      await set(tx, data.payoutId, {
        status: 'succeeded',
        detail: null,
        rail_transfer_id: data.railTransferId,
        succeeded_at: data.succeededAt,
      });
      await of(tx)
        .insertInto('payment')
        .values({
          payout_id: data.payoutId,
          transfer_no: data.transferNo,
          rail_transfer_id: data.railTransferId,
          paid_at: data.succeededAt,
          fee_asset: null,
          fee: null,
          reversed_at: null,
          reversal_code: null,
        })
        .execute();
    },
    GatewayFeeCharged: ({ data }, tx) => setPayment(tx, data, { fee_asset: data.amount.asset, fee: data.amount.minor }),
    PayoutReversed: async ({ data }, tx) => {
      await of(tx)
        .updateTable('payout')
        .set({
          // A refund that comes back after it was cancelled is not sent again; a merchant's own money is given back to him.
          status: sql<PayoutStatus>`case when cancel_asked and purpose = 'refund' then 'returned' else 'reversed' end`,
          detail: data.code,
          succeeded_at: null,
        })
        .where('payout_id', '=', data.payoutId)
        .execute();
      await setPayment(tx, data, { reversed_at: data.reversedAt, reversal_code: data.code });
    },
    PayoutCancelRequested: ({ data }, tx) => set(tx, data.payoutId, { cancel_asked: true }),
    PayoutCancelled: ({ data }, tx) => set(tx, data.payoutId, { status: 'cancelled', detail: null }),
    // In our place: nothing is left to do. Beside a payment of ours it changes nothing here.
    RefundedOutside: async ({ data }, tx) => {
      if (data.fromRefund.minor > 0n && data.stillDue.minor === 0n)
        await set(tx, data.payoutId, {
          status: 'succeeded',
          detail: 'refunded outside',
          rail_transfer_id: null,
          succeeded_at: data.recordedAt,
        });
    },
    // What was paid stays paid; what has come back, or comes back later, is not sent again.
    PayoutCancelRefused: async ({ data }, tx) => {
      await of(tx)
        .updateTable('payout')
        .set({ status: 'returned' })
        .where('payout_id', '=', data.payoutId)
        .where('status', '!=', 'succeeded')
        .execute();
    },
  },
});

const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

/** Payouts that still need the rail, oldest first. */
export async function openPayouts(db: Kysely<NoTables>, limit: number): Promise<string[]> {
  const rows = await live(db)
    .selectFrom('payout')
    .select('payout_id')
    .where('status', 'not in', atRest)
    .orderBy('requested_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.payout_id);
}
export const findPayout = (db: Kysely<NoTables>, payoutId: string): Promise<PayoutRow | undefined> =>
  live(db).selectFrom('payout').selectAll().where('payout_id', '=', payoutId).executeTakeFirst();

/** Place of a payout among those that succeeded. */
export interface PaidPlace {
  readonly succeededAt: Instant;
  readonly payoutId: string;
}

/** Payouts that succeeded at a moment or later, oldest first, page by page: their transfers may still come back. */
export async function paidPayouts(
  db: Kysely<NoTables>,
  { since, after, limit }: { readonly since: Instant; readonly after: PaidPlace | undefined; readonly limit: number },
): Promise<PaidPlace[]> {
  const rows = await live(db)
    .selectFrom('payout')
    .select(['succeeded_at', 'payout_id'])
    .where('status', '=', 'succeeded')
    .where('succeeded_at', '>=', since)
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(succeeded_at, payout_id) > (${after?.succeededAt}, ${after?.payoutId})`),
    )
    .orderBy('succeeded_at')
    .orderBy('payout_id')
    .limit(limit)
    .execute();
  return rows.flatMap(({ succeeded_at: at, payout_id: payoutId }) => (at === null ? [] : [{ succeededAt: at, payoutId }]));
}

/** What was paid, and came back, in the order of the transfers. */
export const paymentsOf = (db: Kysely<NoTables>, payoutId: string): Promise<PaymentRow[]> =>
  live(db).selectFrom('payment').selectAll().where('payout_id', '=', payoutId).orderBy('transfer_no').execute();

export interface PayoutFilter {
  readonly platform: string;
  readonly status?: PayoutStatus;
  readonly merchant?: string;
  readonly buyer?: string;
  readonly limit: number;
}

/** Newest first. */
export function listPayouts(
  db: Kysely<NoTables>,
  { platform, status, merchant, buyer, limit }: PayoutFilter,
): Promise<PayoutRow[]> {
  let query = live(db).selectFrom('payout').selectAll().where('platform', '=', platform);
  if (status !== undefined) query = query.where('status', '=', status);
  if (merchant !== undefined) query = query.where('merchant', '=', merchant);
  if (buyer !== undefined) query = query.where('buyer', '=', buyer);
  return query.orderBy('requested_at', 'desc').orderBy('payout_id').limit(limit).execute();
}
