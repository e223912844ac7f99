import type { DepositEvent } from '@recourse/deposits/events';
import type { Event, Recorded } from '@recourse/eventing';
import { sql, type Kysely, type RawBuilder } from 'kysely';
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
  open_cases: number;
}
export interface MovementRow {
  position: bigint;
  platform: string;
  merchant: string;
  at: string;
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

const secured = (hold: Extract<DepositEvent, { type: 'DepositHeld' }>['data']['for']): Change =>
  hold.kind === 'case' ? { case_id: hold.caseId } : { refund_id: hold.obligationId };

/** What does a merchant have here, and why did every cent of it move? */
export const depositStatement = readModel<DepositEvent>({
  name: 'deposit-statement',
  version: 1,
  tables: ['merchant_account', 'merchant_movement'],
  create: async (tx) => {
    await sql`create table merchant_account (
      platform text not null, merchant text not null, asset text not null, deposit bigint not null, held bigint not null,
      payable bigint not null, owed bigint not null, minimum bigint not null, terms_version integer not null, open_cases integer not null,
      primary key (platform, merchant))`.execute(tx);
    await sql`create table merchant_movement (
      position bigint primary key, platform text not null, merchant text not null, at timestamptz not null, kind text not null,
      deposit_change bigint not null, held_change bigint not null, payable_change bigint not null, owed_change bigint not null,
      case_id text, refund_id text, order_id text, reference text,
      deposit bigint not null, held bigint not null, payable bigint not null, owed bigint not null)`.execute(tx);
    await sql`create index on merchant_movement (platform, merchant, position)`.execute(tx);
  },
  on: {
    DepositPeriodOpened: async ({ data }, tx) => {
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
          open_cases: 0,
        })
        .execute();
    },
    DepositAgreed: async (event, tx) => {
      await of(tx)
        .updateTable('merchant_account')
        .set({ minimum: event.data.minimum.minor, terms_version: event.data.termsVersion })
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
  /** Shanghai calendar days since the obligation was opened: 0–7, 8–30, 31–90, more. */
  bucket: 'days0to7' | 'days8to30' | 'days31to90' | 'over90';
  obligations: number;
  outstanding: bigint;
}

/** What merchants of a platform, or one of them, owed at a moment, by age. */
export async function ageing(
  db: Kysely<NoTables>,
  platform: string,
  { at, merchant }: { readonly at: string; readonly merchant?: string },
): Promise<AgeingRow[]> {
  const day = (moment: RawBuilder<unknown>) => sql`(${moment} at time zone 'Asia/Shanghai')::date`;
  const { rows } = await sql<AgeingRow>`
    select merchant, asset, bucket, count(*)::int as obligations, sum(outstanding)::bigint as outstanding from (
      select merchant, asset, outstanding,
        case when days <= 7 then 'days0to7' when days <= 30 then 'days8to30' when days <= 90 then 'days31to90' else 'over90' end as bucket
      from (
        select moved.merchant, account.asset, sum(moved.owed_change) as outstanding,
          ${day(sql`${at}::timestamptz`)} - ${day(sql`min(moved.at)`)} as days
        from ${sql.id(liveSchema, 'merchant_movement')} as moved
        join ${sql.id(liveSchema, 'merchant_account')} as account using (platform, merchant)
        where moved.platform = ${platform} and moved.at <= ${at} and moved.owed_change <> 0
          ${merchant === undefined ? sql`` : sql`and moved.merchant = ${merchant}`}
        group by moved.merchant, account.asset, moved.refund_id having sum(moved.owed_change) <> 0
      ) as owed
    ) as aged group by merchant, asset, bucket order by merchant, asset, bucket`.execute(db);
  return rows;
}

/** Movements after a position, in the order of the log. */
export const listMovements = (
  db: Kysely<NoTables>,
  platform: string,
  merchant: string,
  after: bigint,
  limit: number,
): Promise<MovementRow[]> =>
  live(db)
    .selectFrom('merchant_movement')
    .selectAll()
    .where('platform', '=', platform)
    .where('merchant', '=', merchant)
    .where('position', '>', after)
    .orderBy('position')
    .limit(limit)
    .execute();
