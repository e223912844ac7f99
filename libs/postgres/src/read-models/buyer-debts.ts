import type { BuyerDebtEvent } from '@recourse/compensation/events';
import type { Instant } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import { sql, type Kysely } from 'kysely';
import { ageBucket, type AgeBucket, shanghaiDays } from './age.js';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

/** `amount` = `outstanding` + `repaid` + `returned` + `written_off`. */
export interface BuyerDebtRow {
  debt_id: string;
  platform: string;
  buyer: string;
  merchant: string;
  refund_id: string;
  kind: 'fraud' | 'double-payment';
  asset: string;
  amount: bigint;
  outstanding: bigint;
  repaid: bigint;
  returned: bigint;
  written_off: bigint;
  /** From when it ages: where it was opened, or opened again after it was over. */
  opened_at: string;
  /** Of the write-off that waits for a second person, or was approved last. */
  write_off_reason: string | null;
  write_off_proposed_by: string | null;
  write_off_approved_by: string | null;
}
interface Tables {
  buyer_debt: BuyerDebtRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);
const ofDebt = (tx: ReadModelTx, debtId: string) => of(tx).updateTable('buyer_debt').where('debt_id', '=', debtId);
const noWriteOff = { write_off_reason: null, write_off_proposed_by: null, write_off_approved_by: null };

async function lower(
  tx: ReadModelTx,
  { debtId, amount: { minor } }: { readonly debtId: string; readonly amount: Money },
  by: 'repaid' | 'returned' | 'written_off',
): Promise<void> {
  await ofDebt(tx, debtId)
    .set((eb) => ({ outstanding: eb('outstanding', '-', minor), [by]: eb(by, '+', minor) }))
    .execute();
}

/** Which buyers owe what for a refund they got by deceit or twice, and since when? */
export const buyerDebtBook = readModel<BuyerDebtEvent>({
  name: 'buyer-debt-book',
  version: 1,
  tables: ['buyer_debt'],
  create: async (tx) => {
    await sql`create table buyer_debt (
      debt_id text primary key, platform text not null, buyer text not null, merchant text not null, refund_id text not null,
      kind text not null, asset text not null, amount bigint not null, outstanding bigint not null, repaid bigint not null,
      returned bigint not null, written_off bigint not null, opened_at timestamptz not null,
      write_off_reason text, write_off_proposed_by text, write_off_approved_by text)`.execute(tx);
    await sql`create index on buyer_debt (platform, opened_at, debt_id) where outstanding > 0`.execute(tx);
  },
  on: {
    BuyerDebtOpened: async ({ data }, tx) => {
      const { debtId, platform, buyer, merchant, refundId, kind, amount, outstanding, openedAt } = data;
      await of(tx)
        .insertInto('buyer_debt')
        .values({
          debt_id: debtId,
          platform,
          buyer,
          merchant,
          refund_id: refundId,
          kind,
          asset: amount.asset,
          amount: amount.minor,
          outstanding: outstanding.minor,
          repaid: 0n,
          returned: 0n,
          written_off: 0n,
          opened_at: openedAt,
          ...noWriteOff,
        })
        .onConflict((conflict) =>
          conflict.column('debt_id').doUpdateSet((eb) => ({
            amount: eb('buyer_debt.amount', '+', amount.minor),
            outstanding: outstanding.minor,
            opened_at: sql<string>`case when buyer_debt.outstanding = 0 then excluded.opened_at else buyer_debt.opened_at end`,
            ...noWriteOff,
          })),
        )
        .execute();
    },
    BuyerDebtRepaid: ({ data }, tx) => lower(tx, data, 'repaid'),
    BuyerDebtReturned: ({ data }, tx) => lower(tx, data, 'returned'),
    DebtWriteOffProposed: async ({ data }, tx) => {
      await ofDebt(tx, data.debtId)
        .set({ write_off_reason: data.reason, write_off_proposed_by: data.proposedBy, write_off_approved_by: null })
        .execute();
    },
    DebtWriteOffApproved: async ({ data }, tx) => {
      await lower(tx, data, 'written_off');
      await ofDebt(tx, data.debtId).set({ write_off_approved_by: data.approvedBy }).execute();
    },
  },
});

export interface AgedDebtRow extends BuyerDebtRow {
  /** Shanghai calendar days since it was opened. */
  days: number;
  bucket: AgeBucket;
}
const aged = (db: Kysely<NoTables>, at: Instant) => {
  const days = shanghaiDays(sql`opened_at`, at);
  return of(db)
    .withSchema(liveSchema)
    .selectFrom('buyer_debt')
    .selectAll()
    .select([days.as('days'), ageBucket(days).as('bucket')]);
};

/** Open debts of a platform, the oldest first. */
export const listBuyerDebts = (db: Kysely<NoTables>, platform: string, at: Instant, limit: number): Promise<AgedDebtRow[]> =>
  aged(db, at)
    .where('platform', '=', platform)
    .where('outstanding', '>', 0n)
    .orderBy('opened_at')
    .orderBy('debt_id')
    .limit(limit)
    .execute();

export const findBuyerDebt = (
  db: Kysely<NoTables>,
  platform: string,
  debtId: string,
  at: Instant,
): Promise<AgedDebtRow | undefined> =>
  aged(db, at).where('platform', '=', platform).where('debt_id', '=', debtId).executeTakeFirst();

export interface BuyerDebtAge {
  asset: string;
  bucket: AgeBucket;
  debts: number;
  outstanding: bigint;
}
/** All open debts of a platform, summed by age. */
export async function buyerDebtAges(db: Kysely<NoTables>, platform: string, at: Instant): Promise<BuyerDebtAge[]> {
  const { rows } = await sql<BuyerDebtAge>`
    select asset, ${ageBucket(shanghaiDays(sql`opened_at`, at))} as bucket, count(*)::int as debts,
      sum(outstanding)::bigint as outstanding
    from ${sql.id(liveSchema, 'buyer_debt')} where platform = ${platform} and outstanding > 0
    group by asset, bucket order by asset, bucket`.execute(db);
  return rows;
}
