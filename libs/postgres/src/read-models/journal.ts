import { parseAccount, postingsOf, referencesOf, type DomainEvent, type JournalRow } from '@recourse/ledger';
import type { Recorded } from '@recourse/eventing';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

interface Tables {
  journal: {
    position: bigint;
    line: number;
    platform: string;
    event_type: string;
    stream: string;
    debit: string;
    credit: string;
    asset: string;
    amount: bigint;
    /** What the event is about, as far as it says so. */
    order_id: string | null;
    case_id: string | null;
    refund_id: string | null;
    reference: string | null;
    recorded_at: string;
    effective_at: string;
  };
  /** Credits minus debits of an account; it stays here when it comes back to zero. */
  balance: { account: string; asset: string; platform: string; kind: string; amount: bigint };
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);
const platformOf = (account: string): string => account.slice(0, account.indexOf('/'));

async function post(event: Recorded<DomainEvent>, tx: ReadModelTx): Promise<void> {
  const postings = postingsOf(event);
  if (postings.length === 0) return;
  const { orderId = null, caseId = null, refundId = null, reference = null } = referencesOf(event);
  await of(tx)
    .insertInto('journal')
    .values(
      postings.map(({ debit, credit, amount }, line) => ({
        position: event.position,
        line,
        platform: platformOf(debit),
        event_type: event.type,
        stream: event.stream,
        debit,
        credit,
        asset: amount.asset,
        amount: amount.minor,
        order_id: orderId,
        case_id: caseId,
        refund_id: refundId,
        reference,
        recorded_at: event.metadata.recordedAt,
        effective_at: event.metadata.effectiveAt,
      })),
    )
    .execute();
  // One row per account, since a statement may not change a row twice.
  const changes = new Map<string, Tables['balance']>();
  for (const { debit, credit, amount } of postings)
    for (const [account, change] of [
      [debit, -amount.minor],
      [credit, amount.minor],
    ] as const) {
      const key = `${amount.asset} ${account}`;
      const { asset } = amount;
      const row = changes.get(key) ?? {
        account,
        asset,
        platform: platformOf(account),
        kind: parseAccount(account).kind,
        amount: 0n,
      };
      changes.set(key, { ...row, amount: row.amount + change });
    }
  await of(tx)
    .insertInto('balance')
    .values([...changes.values()])
    .onConflict((conflict) =>
      conflict
        .columns(['account', 'asset'])
        .doUpdateSet((eb) => ({ amount: eb('balance.amount', '+', eb.ref('excluded.amount')) })),
    )
    .execute();
}

/** Every type of event that moves money, in the order of the table of postings. */
export const postingTypes = [
  'PaymentCaptured',
  'SurplusCaptured',
  'EscrowReleased',
  'RefundFundedFromEscrow',
  'RefundRevoked',
  'PayableCredited',
  'DepositToppedUp',
  'DepositHeld',
  'HoldReleased',
  'DepositDebited',
  'PayableDebited',
  'RefundFundedFromDeposit',
  'DepositFundingRevoked',
  'SettlementDrawn',
  'SettlementReturned',
  'WithdrawalDrawn',
  'DrawReturned',
  'RecourseWrittenOff',
  'RecourseReinstated',
  'RecourseForgiven',
  'CompensationCredited',
  'FundContributed',
  'FundsReserved',
  'ReservationRevoked',
  'FundReimbursed',
  'MerchantCompensated',
  'RefundReturned',
  'BuyerFraudEstablished',
  'FraudRepaid',
  'DoublePaymentRepaid',
  'BuyerDebtWrittenOff',
  'PayoutSucceeded',
  'PayoutReversed',
  'GatewayFeeCharged',
  'RefundedOutside',
  'DifferenceBooked',
  'DifferenceCleared',
  'DifferenceWrittenOff',
] as const satisfies readonly DomainEvent['type'][];

/** Which postings does each event make? It must never skip one: a halted stream raises an alarm. */
export const journal = readModel<DomainEvent>({
  name: 'journal',
  version: 2,
  tables: ['journal', 'balance'],
  create: async (tx) => {
    await sql`create table journal (
      position bigint not null, line integer not null, platform text not null, event_type text not null, stream text not null,
      debit text not null, credit text not null, asset text not null, amount bigint not null check (amount > 0),
      order_id text, case_id text, refund_id text, reference text,
      recorded_at timestamptz not null, effective_at timestamptz not null, primary key (position, line))`.execute(tx);
    // An account's lines are found from either side, in the order of the log and by the time they were recorded.
    await sql`create index on journal (debit, position)`.execute(tx);
    await sql`create index on journal (credit, position)`.execute(tx);
    await sql`create index on journal (debit, recorded_at)`.execute(tx);
    await sql`create index on journal (credit, recorded_at)`.execute(tx);
    await sql`create index on journal (recorded_at)`.execute(tx);
    await sql`create index on journal (platform, event_type, position)`.execute(tx);
    await sql`create index on journal (refund_id) where refund_id is not null`.execute(tx);
    await sql`create table balance (account text collate "C" not null, asset text not null, platform text not null, kind text not null,
      amount bigint not null, primary key (account, asset))`.execute(tx);
    await sql`create index on balance (platform, account, asset)`.execute(tx);
  },
  on: Object.fromEntries(postingTypes.map((type) => [type, post])),
});

export interface Balance {
  account: string;
  asset: string;
  /** Credits minus debits. */
  amount: bigint;
}

/** Accounts of a platform, or of all, by name. */
export const balances = (db: Kysely<NoTables>, platform?: string): Promise<Balance[]> => {
  const query = of(db)
    .withSchema(liveSchema)
    .selectFrom('balance')
    .select(['account', 'asset', 'amount'])
    .orderBy('account')
    .orderBy('asset');
  return (platform === undefined ? query : query.where('platform', '=', platform)).execute();
};

const pageRows = 1_000;

/** The stored journal up to a position, in order of position and line, as rows are now: page by page, without a snapshot. */
export async function* journalRows(db: Kysely<NoTables>, upTo: bigint): AsyncGenerator<JournalRow> {
  let last = { position: -1n, line: 0 };
  for (;;) {
    const rows = await of(db)
      .withSchema(liveSchema)
      .selectFrom('journal')
      .select(['position', 'line', 'debit', 'credit', 'asset', 'amount'])
      .where('position', '<=', upTo)
      .where(sql<boolean>`(position, line) > (${last.position}, ${last.line})`)
      .orderBy('position')
      .orderBy('line')
      .limit(pageRows)
      .execute();
    for (const { asset, amount, ...row } of rows) yield { ...row, amount: { asset, minor: amount } };
    const end = rows.at(-1);
    if (end === undefined) return;
    last = end;
  }
}
