import type { PayoutEvent } from '@recourse/compensation/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

export interface PayoutRow {
  payout_id: string;
  platform: string;
  purpose: 'refund' | 'settlement' | 'withdrawal';
  merchant: string;
  buyer: string | null;
  rail: string;
  asset: string;
  amount: bigint;
  status: 'requested' | 'submitted' | 'processing' | 'unknown' | 'blocked' | 'failed' | 'unclaimed' | 'succeeded';
  detail: string | null;
  transfer_no: number;
  transfer_key: string | null;
  rail_transfer_id: string | null;
  requested_at: string;
  succeeded_at: string | null;
}
interface Tables {
  payout: PayoutRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);
const set = async (tx: ReadModelTx, payoutId: string, values: Partial<PayoutRow>): Promise<void> => {
  await of(tx).updateTable('payout').set(values).where('payout_id', '=', payoutId).execute();
};

/** Which payouts are open, and what happened to each? The sweep re-creates a wake-up for every open one. */
export const payoutQueue = readModel<PayoutEvent>({
  name: 'payout-queue',
  version: 1,
  tables: ['payout'],
  create: async (tx) => {
    await sql`create table payout (
      payout_id text primary key, platform text not null, purpose text not null, merchant text not null, buyer text, rail text not null,
      asset text not null, amount bigint not null, status text not null, detail text, transfer_no integer not null, transfer_key text,
      rail_transfer_id text, requested_at timestamptz not null, succeeded_at timestamptz)`.execute(tx);
    await sql`create index on payout (requested_at) where status not in ('succeeded', 'unclaimed')`.execute(tx);
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
          status: 'requested',
          detail: null,
          transfer_no: 0,
          transfer_key: null,
          rail_transfer_id: null,
          requested_at: data.requestedAt,
          succeeded_at: null,
        })
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
    PayoutSucceeded: ({ data }, tx) =>
      set(tx, data.payoutId, {
        status: 'succeeded',
        detail: null,
        rail_transfer_id: data.railTransferId,
        succeeded_at: data.succeededAt,
      }),
  },
});

const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

/** Payouts that still need the rail, oldest first. */
export async function openPayouts(db: Kysely<NoTables>, limit: number): Promise<string[]> {
  const rows = await live(db)
    .selectFrom('payout')
    .select('payout_id')
    .where('status', 'not in', ['succeeded', 'unclaimed'])
    .orderBy('requested_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.payout_id);
}
export const findPayout = (db: Kysely<NoTables>, payoutId: string): Promise<PayoutRow | undefined> =>
  live(db).selectFrom('payout').selectAll().where('payout_id', '=', payoutId).executeTakeFirst();
export interface PayoutFilter {
  readonly platform: string;
  readonly merchant?: string;
  readonly buyer?: string;
  readonly limit: number;
}

/** Newest first. */
export function listPayouts(db: Kysely<NoTables>, { platform, merchant, buyer, limit }: PayoutFilter): Promise<PayoutRow[]> {
  let query = live(db).selectFrom('payout').selectAll().where('platform', '=', platform);
  if (merchant !== undefined) query = query.where('merchant', '=', merchant);
  if (buyer !== undefined) query = query.where('buyer', '=', buyer);
  return query.orderBy('requested_at', 'desc').orderBy('payout_id').limit(limit).execute();
}
