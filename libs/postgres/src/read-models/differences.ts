import type {
  BillLineKind,
  BookedReceipt,
  BookedTransfer,
  BuyerDebtEvent,
  ContributionEvent,
  PayoutEvent,
  ReconciliationEvent,
} from '@recourse/compensation/events';
import type { DepositEvent } from '@recourse/deposits/events';
import { money, type Money } from '@recourse/money';
import type { OrderEvent } from '@recourse/orders/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

/** Clearing: a refund's payout is asked whether it is its money. */
export const differenceStatuses = ['open', 'clearing', 'cleared', 'written-off'] as const;
export type DifferenceStatus = (typeof differenceStatuses)[number];

export interface DifferenceRow {
  difference_id: string;
  platform: string;
  rail: string;
  day: string;
  line_id: string;
  kind: BillLineKind;
  direction: 'in' | 'out';
  asset: string;
  amount: bigint;
  reference: string | null;
  order_id: string | null;
  status: DifferenceStatus;
  /** The refund that it is said, or found, to be. */
  refund_id: string | null;
  /** Why it could not be cleared, or how it ended. */
  detail: string | null;
  occurred_at: string;
  booked_at: string;
  proposed_by: string | null;
  settled_by: string | null;
  settled_at: string | null;
}
interface ReceiptRow {
  rail: string;
  transaction: string;
  platform: string;
  asset: string;
  amount: bigint;
  order_id: string | null;
}
interface TransferRow {
  key: string;
  rail: string;
  platform: string;
  payout_id: string;
  transfer_no: number;
  asset: string;
  amount: bigint;
  status: BookedTransfer['status'];
  rail_transfer_id: string | null;
  fee_asset: string | null;
  fee: bigint | null;
}
interface Tables {
  difference: DifferenceRow;
  rail_receipt: ReceiptRow;
  rail_transfer: TransferRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

const set = async (tx: ReadModelTx, differenceId: string, values: Partial<DifferenceRow>): Promise<void> => {
  await of(tx).updateTable('difference').set(values).where('difference_id', '=', differenceId).execute();
};
const setTransfer = async (tx: ReadModelTx, key: string, values: Partial<TransferRow>): Promise<void> => {
  await of(tx).updateTable('rail_transfer').set(values).where('key', '=', key).execute();
};

interface Receipt {
  readonly platform: string;
  readonly rail: string;
  readonly transaction: string;
  readonly amount: Money;
  readonly orderId?: string;
}
/** What is over of a payment is booked beside what the order takes of it. */
async function receive({ platform, rail, transaction, amount, orderId }: Receipt, tx: ReadModelTx): Promise<void> {
  await of(tx)
    .insertInto('rail_receipt')
    .values({ rail, transaction, platform, asset: amount.asset, amount: amount.minor, order_id: orderId ?? null })
    .onConflict((conflict) =>
      conflict
        .columns(['rail', 'transaction'])
        .doUpdateSet((eb) => ({ amount: eb('rail_receipt.amount', '+', eb.ref('excluded.amount')) })),
    )
    .execute();
}

/** In what do the rails' bills differ from our books, since when, and what became of it? Beside it what our books have of each line. */
export const differences = readModel<
  OrderEvent | DepositEvent | ContributionEvent | BuyerDebtEvent | PayoutEvent | ReconciliationEvent
>({
  name: 'differences',
  version: 1,
  tables: ['difference', 'rail_receipt', 'rail_transfer'],
  create: async (tx) => {
    await sql`create table difference (
      difference_id text primary key, platform text not null, rail text not null, day text not null, line_id text not null,
      kind text not null, direction text not null, asset text not null, amount bigint not null, reference text, order_id text,
      status text not null, refund_id text, detail text, proposed_by text, settled_by text, settled_at timestamptz,
      occurred_at timestamptz not null, booked_at timestamptz not null)`.execute(tx);
    await sql`create index on difference (platform, occurred_at, difference_id)`.execute(tx);
    await sql`create table rail_receipt (
      rail text not null, transaction text not null, platform text not null, asset text not null, amount bigint not null,
      order_id text, primary key (rail, transaction))`.execute(tx);
    await sql`create table rail_transfer (
      key text primary key, rail text not null, platform text not null, payout_id text not null, status text not null,
      rail_transfer_id text, fee_asset text, fee bigint, transfer_no integer not null, asset text not null,
      amount bigint not null)`.execute(tx);
  },
  on: {
    PaymentCaptured: ({ data }, tx) => receive(data, tx),
    SurplusCaptured: ({ data }, tx) => receive(data, tx),
    DepositToppedUp: ({ data }, tx) => receive(data, tx),
    ContributionApproved: ({ data }, tx) => receive(data, tx),
    BuyerDebtRepaid: ({ data }, tx) => receive(data, tx),

    TransferSubmitted: async ({ data }, tx) => {
      await of(tx)
        .insertInto('rail_transfer')
        .values({
          key: data.key,
          rail: data.rail,
          platform: data.platform,
          payout_id: data.payoutId,
          transfer_no: data.transferNo,
          asset: data.amount.asset,
          amount: data.amount.minor,
          status: 'live',
          rail_transfer_id: null,
          fee_asset: null,
          fee: null,
        })
        .onConflict((known) => known.column('key').doNothing())
        .execute();
    },
    TransferFailed: ({ data }, tx) => setTransfer(tx, data.key, { status: 'failed' }),
    PayoutSucceeded: ({ data }, tx) => setTransfer(tx, data.key, { status: 'paid', rail_transfer_id: data.railTransferId }),
    PayoutReversed: ({ data }, tx) => setTransfer(tx, data.key, { status: 'back' }),
    GatewayFeeCharged: ({ data }, tx) => setTransfer(tx, data.key, { fee_asset: data.amount.asset, fee: data.amount.minor }),

    DifferenceBooked: async ({ data }, tx) => {
      await of(tx)
        .insertInto('difference')
        .values({
          difference_id: data.differenceId,
          platform: data.platform,
          rail: data.rail,
          day: data.day,
          line_id: data.lineId,
          kind: data.kind,
          direction: data.direction,
          asset: data.amount.asset,
          amount: data.amount.minor,
          reference: data.reference ?? null,
          order_id: data.orderId ?? null,
          status: 'open',
          refund_id: null,
          detail: null,
          occurred_at: data.occurredAt,
          booked_at: data.bookedAt,
          proposed_by: null,
          settled_by: null,
          settled_at: null,
        })
        .execute();
    },
    DifferenceAssigned: ({ data }, tx) =>
      set(tx, data.differenceId, { status: 'clearing', refund_id: data.refundId, detail: null }),
    DifferenceReleased: ({ data }, tx) => set(tx, data.differenceId, { status: 'open', refund_id: null, detail: data.why }),
    DifferenceCleared: ({ data }, tx) =>
      set(tx, data.differenceId, {
        status: 'cleared',
        detail: data.into.kind === 'explained' ? data.into.reason : 'refunded outside',
        settled_by: data.by,
        settled_at: data.clearedAt,
      }),
    DifferenceWriteOffProposed: ({ data }, tx) =>
      set(tx, data.differenceId, { detail: data.reason, proposed_by: data.proposedBy }),
    DifferenceWrittenOff: ({ data }, tx) =>
      set(tx, data.differenceId, {
        status: 'written-off',
        detail: data.reason,
        settled_by: data.approvedBy,
        settled_at: data.writtenOffAt,
      }),
  },
});

const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

export interface DifferenceFilter {
  readonly platform: string;
  readonly status?: DifferenceStatus;
  readonly rail?: string;
  readonly day?: string;
  /** Differences behind this one, in the order of the rail's time. */
  readonly after?: string;
  readonly limit: number;
}

/** Oldest first. */
export function listDifferences(
  db: Kysely<NoTables>,
  { platform, status, rail, day, after, limit }: DifferenceFilter,
): Promise<DifferenceRow[]> {
  let query = live(db).selectFrom('difference').selectAll().where('platform', '=', platform);
  if (status !== undefined) query = query.where('status', '=', status);
  if (rail !== undefined) query = query.where('rail', '=', rail);
  if (day !== undefined) query = query.where('day', '=', day);
  if (after !== undefined)
    query = query.where(
      sql<boolean>`(occurred_at, difference_id) > (select occurred_at, difference_id from read.difference where difference_id = ${after})`,
    );
  return query.orderBy('occurred_at').orderBy('difference_id').limit(limit).execute();
}

export const findDifference = (db: Kysely<NoTables>, differenceId: string): Promise<DifferenceRow | undefined> =>
  live(db).selectFrom('difference').selectAll().where('difference_id', '=', differenceId).executeTakeFirst();

/** What our books have of these payments to us, by the rail's transaction. */
export async function bookedReceipts(
  db: Kysely<NoTables>,
  rail: string,
  transactions: readonly string[],
): Promise<Map<string, BookedReceipt>> {
  if (transactions.length === 0) return new Map();
  const rows = await live(db)
    .selectFrom('rail_receipt')
    .selectAll()
    .where('rail', '=', rail)
    .where('transaction', 'in', transactions)
    .execute();
  return new Map(
    rows.map(({ transaction, platform, asset, amount, order_id }) => [
      transaction,
      { platform, amount: money(amount, asset), ...(order_id === null ? {} : { orderId: order_id }) },
    ]),
  );
}

/** What our books have of these transfers, by our key. */
export async function bookedTransfers(
  db: Kysely<NoTables>,
  rail: string,
  keys: readonly string[],
): Promise<Map<string, BookedTransfer>> {
  if (keys.length === 0) return new Map();
  const rows = await live(db).selectFrom('rail_transfer').selectAll().where('rail', '=', rail).where('key', 'in', keys).execute();
  return new Map(
    rows.map(({ key, platform, payout_id, transfer_no, asset, amount, status, rail_transfer_id, fee_asset, fee }) => [
      key,
      {
        platform,
        payoutId: payout_id,
        transferNo: transfer_no,
        amount: money(amount, asset),
        status,
        ...(rail_transfer_id === null ? {} : { railTransferId: rail_transfer_id }),
        ...(fee === null || fee_asset === null ? {} : { fee: money(fee, fee_asset) }),
      },
    ]),
  );
}
