import type { DepositEvent } from '@recourse/deposits/events';
import type { EventOf, Recorded } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

export interface WithdrawalRow {
  payout_id: string;
  platform: string;
  merchant: string;
  kind: 'withdrawal' | 'closing';
  asset: string | null;
  /** What a closing takes is known when it is drawn. */
  amount: bigint | null;
  status: 'cooling-off' | 'waiting' | 'cancelled' | 'drawn' | 'paid' | 'returned';
  /** Why it was cancelled. */
  because: string | null;
  until: string;
  requested_at: string;
  /** Where it was asked for. */
  position: bigint;
}
export interface StandingRow {
  platform: string;
  merchant: string;
  status: 'open' | 'closing' | 'closed';
}
interface Tables {
  withdrawal: WithdrawalRow;
  account_standing: StandingRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);
const set = async (tx: ReadModelTx, payoutId: string, values: Partial<WithdrawalRow>): Promise<void> => {
  await of(tx).updateTable('withdrawal').set(values).where('payout_id', '=', payoutId).execute();
};
const stands = async (
  tx: ReadModelTx,
  { platform, merchant }: Omit<StandingRow, 'status'>,
  status: StandingRow['status'],
): Promise<void> => {
  await of(tx)
    .insertInto('account_standing')
    .values({ platform, merchant, status })
    .onConflict((conflict) => conflict.columns(['platform', 'merchant']).doUpdateSet({ status }))
    .execute();
};

async function ask(
  tx: ReadModelTx,
  { data, position }: Recorded<EventOf<DepositEvent, 'WithdrawalRequested' | 'ClosingRequested'>>,
  kind: WithdrawalRow['kind'],
  amount?: Money,
): Promise<void> {
  const { payoutId, platform, merchant, until, requestedAt } = data;
  const whose = { payout_id: payoutId, platform, merchant, kind };
  const wanted = { asset: amount?.asset ?? null, amount: amount?.minor ?? null };
  await of(tx)
    .insertInto('withdrawal')
    .values({ ...whose, ...wanted, status: 'cooling-off', because: null, until, requested_at: requestedAt, position })
    .execute();
}

/** Who takes his deposit back, and how far is it? */
export const withdrawals = readModel<DepositEvent>({
  name: 'withdrawals',
  version: 1,
  tables: ['withdrawal', 'account_standing'],
  create: async (tx) => {
    await sql`create table withdrawal (
      payout_id text primary key, platform text not null, merchant text not null, kind text not null, asset text, amount bigint,
      status text not null, because text, until timestamptz not null, requested_at timestamptz not null,
      position bigint not null)`.execute(tx);
    await sql`create index on withdrawal (platform, merchant, position)`.execute(tx);
    await sql`create table account_standing (
      platform text not null, merchant text not null, status text not null, primary key (platform, merchant))`.execute(tx);
  },
  on: {
    // Who left and agrees to new terms is back; who is leaving goes on leaving.
    DepositAgreed: async ({ data: { platform, merchant } }, tx) => {
      await of(tx)
        .insertInto('account_standing')
        .values({ platform, merchant, status: 'open' })
        .onConflict((conflict) =>
          conflict
            .columns(['platform', 'merchant'])
            .doUpdateSet({ status: 'open' })
            .where('account_standing.status', '=', 'closed'),
        )
        .execute();
    },
    WithdrawalRequested: (event, tx) => ask(tx, event, 'withdrawal', event.data.amount),
    ClosingRequested: async (event, tx) => {
      await stands(tx, event.data, 'closing');
      await ask(tx, event, 'closing');
    },
    WithdrawalCancelled: async ({ data }, tx) => {
      await set(tx, data.payoutId, { status: 'cancelled', because: data.because });
      await of(tx)
        .updateTable('account_standing')
        .set({ status: 'open' })
        .where('platform', '=', data.platform)
        .where('merchant', '=', data.merchant)
        .where('status', '=', 'closing')
        .execute();
    },
    CoolingOffEnded: ({ data }, tx) => set(tx, data.payoutId, { status: 'waiting' }),
    WithdrawalDrawn: ({ data }, tx) =>
      set(tx, data.payoutId, { status: 'drawn', asset: data.amount.asset, amount: data.amount.minor }),
    DrawPaid: ({ data }, tx) => set(tx, data.payoutId, { status: 'paid' }),
    DrawReturned: ({ data }, tx) => set(tx, data.payoutId, { status: 'returned' }),
    AccountClosed: async ({ data }, tx) => {
      await stands(tx, data, 'closed');
      // One that had nothing to return is over with the account.
      await of(tx)
        .updateTable('withdrawal')
        .set({ status: 'paid' })
        .where('payout_id', '=', data.payoutId)
        .where('amount', 'is', null)
        .execute();
    },
  },
});

const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

/** Newest first. */
export const listWithdrawals = (
  db: Kysely<NoTables>,
  platform: string,
  merchant: string,
  limit: number,
): Promise<WithdrawalRow[]> =>
  live(db)
    .selectFrom('withdrawal')
    .selectAll()
    .where('platform', '=', platform)
    .where('merchant', '=', merchant)
    .orderBy('position', 'desc')
    .limit(limit)
    .execute();

/** Open, also for an account that is known from before this read model. */
export async function standingOf(db: Kysely<NoTables>, platform: string, merchant: string): Promise<StandingRow['status']> {
  const row = await live(db)
    .selectFrom('account_standing')
    .select('status')
    .where('platform', '=', platform)
    .where('merchant', '=', merchant)
    .executeTakeFirst();
  return row?.status ?? 'open';
}
