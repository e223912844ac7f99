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
  /** Paid to merchants for verdicts that were overturned. */
  compensated: bigint;
  /** Refunds that came back and are owed no more. */
  returned: bigint;
  /** Refunds and compensations that wait. */
  queued: bigint;
  queue_length: number;
  /** Waits for the word of the merchants' deposits, besides what is queued. */
  handed_over: bigint;
  handed_over_refunds: number;
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
    compensated = 0n,
    returned = 0n,
    queued = 0n,
    queue_length = 0n,
    handed_over = 0n,
    handed_over_refunds = 0n,
  } = change;
  await sql`insert into fund (platform, asset, available, advanced, contributed, reserved, reimbursed, compensated, returned, queued,
      queue_length, handed_over, handed_over_refunds)
    values (${platform}, ${of.asset}, ${available}, ${advanced}, ${contributed}, ${reserved}, ${reimbursed}, ${compensated}, ${returned},
      ${queued}, ${queue_length}, ${handed_over}, ${handed_over_refunds})
    on conflict (platform, asset) do update set available = fund.available + excluded.available, advanced = fund.advanced + excluded.advanced,
      contributed = fund.contributed + excluded.contributed, reserved = fund.reserved + excluded.reserved,
      reimbursed = fund.reimbursed + excluded.reimbursed, compensated = fund.compensated + excluded.compensated,
      returned = fund.returned + excluded.returned, queued = fund.queued + excluded.queued,
      queue_length = fund.queue_length + excluded.queue_length, handed_over = fund.handed_over + excluded.handed_over,
      handed_over_refunds = fund.handed_over_refunds + excluded.handed_over_refunds`.execute(tx);
}

const inLine = (minor: bigint, refunds: 1n | -1n) => ({ queued: minor, queue_length: refunds });
const atDeposit = (minor: bigint, refunds: 1n | -1n) => ({ handed_over: minor, handed_over_refunds: refunds });
/** It waits no more; undefined if it did not, else where it waited. */
async function stopWaiting(tx: ReadModelTx, refundId: string): Promise<{ is_handed_over: boolean } | undefined> {
  const { rows } = await sql<{ is_handed_over: boolean }>`delete from fund_waiting where refund_id = ${refundId}
    returning is_handed_over`.execute(tx);
  return rows[0];
}
const handOver = (tx: ReadModelTx, refundId: string, is: boolean) =>
  sql`update fund_waiting set is_handed_over = ${is} where refund_id = ${refundId}`.execute(tx);

/** What does a platform's compensation fund hold, what has it advanced, who waits? */
export const fundBook = readModel<FundEvent | DepositEvent>({
  name: 'fund-book',
  version: 2,
  tables: ['fund', 'fund_waiting'],
  create: async (tx) => {
    await sql`create table fund (
      platform text not null, asset text not null, available bigint not null, advanced bigint not null, contributed bigint not null,
      reserved bigint not null, reimbursed bigint not null, compensated bigint not null, returned bigint not null, queued bigint not null,
      queue_length integer not null, handed_over bigint not null, handed_over_refunds integer not null,
      primary key (platform, asset))`.execute(tx);
    // By refund, or by compensation/{refund}: both may wait at once.
    await sql`create table fund_waiting (
      refund_id text primary key, amount bigint not null, is_handed_over boolean not null)`.execute(tx);
  },
  on: {
    FundPeriodOpened: ({ data }, tx) => move(tx, data.platform, data.available, {}),
    FundContributed: ({ data }, tx) =>
      move(tx, data.platform, data.amount, { available: data.amount.minor, contributed: data.amount.minor }),
    ReservationQueued: async ({ data }, tx) => {
      await sql`insert into fund_waiting (refund_id, amount, is_handed_over)
        values (${data.refundId}, ${data.fromFund.minor}, false)`.execute(tx);
      await move(tx, data.platform, data.fromFund, inLine(data.fromFund.minor, 1n));
    },
    ReservationHandedOver: async ({ data: { refundId, platform, fromFund } }, tx) => {
      await handOver(tx, refundId, true);
      await move(tx, platform, fromFund, { ...inLine(-fromFund.minor, -1n), ...atDeposit(fromFund.minor, 1n) });
    },
    ReservationHandedBack: async ({ data: { refundId, platform, fromFund } }, tx) => {
      await handOver(tx, refundId, false);
      await move(tx, platform, fromFund, { ...inLine(fromFund.minor, 1n), ...atDeposit(-fromFund.minor, -1n) });
    },
    ReservationTakenOver: async ({ data: { refundId, platform, fromFund } }, tx) => {
      await stopWaiting(tx, refundId);
      await move(tx, platform, fromFund, atDeposit(-fromFund.minor, -1n));
    },
    ReservationWithdrawn: async ({ data: { refundId, platform, fromFund } }, tx) => {
      const waited = await stopWaiting(tx, refundId);
      await move(tx, platform, fromFund, (waited?.is_handed_over === true ? atDeposit : inLine)(-fromFund.minor, -1n));
    },
    // Reserved is net of it.
    ReservationRevoked: ({ data: { platform, fromFund, merchantShare } }, tx) =>
      move(tx, platform, fromFund, {
        available: fromFund.minor,
        advanced: -merchantShare.minor,
        reserved: -fromFund.minor,
      }),
    FundsReserved: async ({ data }, tx) => {
      const waited = await stopWaiting(tx, data.refundId);
      await move(tx, data.platform, data.fromFund, {
        available: -data.fromFund.minor,
        advanced: data.merchantShare.minor,
        reserved: data.fromFund.minor,
        ...(waited ? inLine(-data.fromFund.minor, -1n) : {}),
      });
    },
    FundReimbursed: ({ data }, tx) =>
      move(tx, data.platform, data.amount, {
        available: data.amount.minor,
        advanced: -data.amount.minor,
        reimbursed: data.amount.minor,
      }),
    CompensationQueued: async ({ data }, tx) => {
      await sql`insert into fund_waiting (refund_id, amount, is_handed_over)
        values (${`compensation/${data.refundId}`}, ${data.amount.minor}, false)`.execute(tx);
      await move(tx, data.platform, data.amount, { queued: data.amount.minor, queue_length: 1n });
    },
    MerchantCompensated: async ({ data }, tx) => {
      const waiting = `compensation/${data.refundId}`;
      const { numAffectedRows } = await sql`delete from fund_waiting where refund_id = ${waiting}`.execute(tx);
      await move(tx, data.platform, data.amount, {
        available: -data.amount.minor,
        compensated: data.amount.minor,
        ...(numAffectedRows === 1n ? { queued: -data.amount.minor, queue_length: -1n } : {}),
      });
    },
    RefundReturned: ({ data }, tx) =>
      move(tx, data.platform, data.amount, { available: data.amount.minor, returned: data.amount.minor }),
    BuyerFraudEstablished: ({ data }, tx) => move(tx, data.platform, data.amount, { advanced: data.amount.minor }),
    FraudRepaid: ({ data }, tx) =>
      move(tx, data.platform, data.amount, { available: data.amount.minor, advanced: -data.amount.minor }),
    BuyerDebtWrittenOff: async ({ data }, tx) => {
      if (data.kind === 'fraud') await move(tx, data.platform, data.amount, { advanced: -data.amount.minor });
    },
    RecourseWrittenOff: ({ data }, tx) => move(tx, data.platform, data.amount, { advanced: -data.amount.minor }),
    RecourseForgiven: ({ data }, tx) => move(tx, data.platform, data.amount, { advanced: -data.amount.minor }),
    RecourseReinstated: ({ data }, tx) => move(tx, data.platform, data.amount, { advanced: data.amount.minor }),
  },
});

export const findFund = (db: Kysely<NoTables>, platform: string): Promise<FundRow[]> =>
  of(db).withSchema(liveSchema).selectFrom('fund').selectAll().where('platform', '=', platform).orderBy('asset').execute();
