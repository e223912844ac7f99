import type { FundEvent } from '@recourse/compensation/events';
import type { DepositEvent } from '@recourse/deposits/events';
import type { Money } from '@recourse/money';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

export interface FundRow {
  platform: string;
  asset: string;
  available: bigint;
  /** What merchants owe the fund or have paid back to nobody yet, and buyers for fraud. */
  advanced: bigint;
  contributed: bigint;
  reserved: bigint;
  reimbursed: bigint;
  queued: bigint;
  queue_length: number;
}
interface Tables {
  fund: FundRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

async function move(
  tx: ReadModelTx,
  platform: string,
  of: Money,
  change: Partial<Record<Exclude<keyof FundRow, 'platform' | 'asset'>, bigint>>,
): Promise<void> {
  const {
    available = 0n,
    advanced = 0n,
    contributed = 0n,
    reserved = 0n,
    reimbursed = 0n,
    queued = 0n,
    queue_length = 0n,
  } = change;
  await sql`insert into fund (platform, asset, available, advanced, contributed, reserved, reimbursed, queued, queue_length)
    values (${platform}, ${of.asset}, ${available}, ${advanced}, ${contributed}, ${reserved}, ${reimbursed}, ${queued}, ${queue_length})
    on conflict (platform, asset) do update set available = fund.available + excluded.available, advanced = fund.advanced + excluded.advanced,
      contributed = fund.contributed + excluded.contributed, reserved = fund.reserved + excluded.reserved,
      reimbursed = fund.reimbursed + excluded.reimbursed, queued = fund.queued + excluded.queued,
      queue_length = fund.queue_length + excluded.queue_length`.execute(tx);
}

/** What does a platform's compensation fund hold, what has it advanced, who waits? */
export const fundBook = readModel<FundEvent | DepositEvent>({
  name: 'fund-book',
  version: 1,
  tables: ['fund', 'fund_waiting'],
  create: async (tx) => {
    await sql`create table fund (
      platform text not null, asset text not null, available bigint not null, advanced bigint not null, contributed bigint not null,
      reserved bigint not null, reimbursed bigint not null, queued bigint not null, queue_length integer not null,
      primary key (platform, asset))`.execute(tx);
    await sql`create table fund_waiting (refund_id text primary key, amount bigint not null)`.execute(tx);
  },
  on: {
    FundPeriodOpened: ({ data }, tx) => move(tx, data.platform, data.available, {}),
    FundContributed: ({ data }, tx) =>
      move(tx, data.platform, data.amount, { available: data.amount.minor, contributed: data.amount.minor }),
    ReservationQueued: async ({ data }, tx) => {
      await sql`insert into fund_waiting (refund_id, amount) values (${data.refundId}, ${data.fromFund.minor})`.execute(tx);
      await move(tx, data.platform, data.fromFund, { queued: data.fromFund.minor, queue_length: 1n });
    },
    FundsReserved: async ({ data }, tx) => {
      const { numAffectedRows } = await sql`delete from fund_waiting where refund_id = ${data.refundId}`.execute(tx);
      const waited = numAffectedRows === 1n;
      await move(tx, data.platform, data.fromFund, {
        available: -data.fromFund.minor,
        advanced: data.merchantShare.minor,
        reserved: data.fromFund.minor,
        ...(waited ? { queued: -data.fromFund.minor, queue_length: -1n } : {}),
      });
    },
    FundReimbursed: ({ data }, tx) =>
      move(tx, data.platform, data.amount, {
        available: data.amount.minor,
        advanced: -data.amount.minor,
        reimbursed: data.amount.minor,
      }),
    BuyerFraudEstablished: ({ data }, tx) => move(tx, data.platform, data.amount, { advanced: data.amount.minor }),
    FraudRepaid: ({ data }, tx) =>
      move(tx, data.platform, data.amount, { available: data.amount.minor, advanced: -data.amount.minor }),
    RefundReturned: ({ data }, tx) => move(tx, data.platform, data.amount, { available: data.amount.minor }),
    BuyerDebtWrittenOff: async ({ data }, tx) => {
      if (data.kind === 'fraud') await move(tx, data.platform, data.amount, { advanced: -data.amount.minor });
    },
    RecourseWrittenOff: ({ data }, tx) => move(tx, data.platform, data.amount, { advanced: -data.amount.minor }),
    RecourseReinstated: ({ data }, tx) => move(tx, data.platform, data.amount, { advanced: data.amount.minor }),
  },
});

export const findFund = (db: Kysely<NoTables>, platform: string): Promise<FundRow[]> =>
  of(db).withSchema(liveSchema).selectFrom('fund').selectAll().where('platform', '=', platform).orderBy('asset').execute();
