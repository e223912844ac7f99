import { postingsOf, type DomainEvent, type JournalRow } from '@recourse/ledger';
import type { Recorded } from '@recourse/eventing';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

interface Tables {
  journal: {
    position: bigint;
    line: number;
    event_type: string;
    stream: string;
    debit: string;
    credit: string;
    asset: string;
    amount: bigint;
    effective_at: string;
  };
  /** Credits minus debits of an account. */
  balance: { account: string; asset: string; amount: bigint };
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

async function post(event: Recorded<DomainEvent>, tx: ReadModelTx): Promise<void> {
  const postings = postingsOf(event);
  if (postings.length === 0) return;
  await of(tx)
    .insertInto('journal')
    .values(
      postings.map(({ debit, credit, amount }, line) => ({
        position: event.position,
        line,
        event_type: event.type,
        stream: event.stream,
        debit,
        credit,
        asset: amount.asset,
        amount: amount.minor,
        effective_at: event.metadata.effectiveAt,
      })),
    )
    .execute();
  for (const { debit, credit, amount } of postings) {
    for (const [account, change] of [
      [debit, -amount.minor],
      [credit, amount.minor],
    ] as const) {
      await sql`insert into balance (account, asset, amount) values (${account}, ${amount.asset}, ${change})
        on conflict (account, asset) do update set amount = balance.amount + excluded.amount`.execute(tx);
    }
  }
}

/** Which postings does each event make? It must never skip one: a halted stream raises an alarm. */
const postingTypes = [
  'PaymentCaptured',
  'SurplusCaptured',
  'EscrowReleased',
  'RefundFundedFromEscrow',
  'PayableCredited',
  'DepositToppedUp',
  'DepositHeld',
  'HoldReleased',
  'DepositDebited',
  'PayableDebited',
  'SettlementDrawn',
  'SettlementReturned',
  'WithdrawalDrawn',
  'DrawReturned',
  'RecourseWrittenOff',
  'RecourseReinstated',
  'FundContributed',
  'FundsReserved',
  'FundReimbursed',
  'PayoutSucceeded',
  'PayoutReversed',
  'GatewayFeeCharged',
] as const satisfies readonly DomainEvent['type'][];

export const journal = readModel<DomainEvent>({
  name: 'journal',
  version: 1,
  tables: ['journal', 'balance'],
  create: async (tx) => {
    await sql`create table journal (
      position bigint not null, line integer not null, event_type text not null, stream text not null, debit text not null,
      credit text not null, asset text not null, amount bigint not null check (amount > 0), effective_at timestamptz not null,
      primary key (position, line))`.execute(tx);
    await sql`create index on journal (debit, position)`.execute(tx);
    await sql`create index on journal (credit, position)`.execute(tx);
    await sql`create table balance (account text not null, asset text not null, amount bigint not null, primary key (account, asset))`.execute(
      tx,
    );
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
  const query = of(db).withSchema(liveSchema).selectFrom('balance').selectAll().orderBy('account').orderBy('asset');
  return (
    platform === undefined ? query : query.where('account', 'like', `${platform.replaceAll(/[%_\\]/g, '\\$&')}/%`)
  ).execute();
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
