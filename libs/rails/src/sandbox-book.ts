import type { Instant } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import type { Kysely, Selectable, Generated } from 'kysely';
import type { BookEntry, Capture, TransferFailure } from './payout-rail.js';

interface CaptureTable {
  sequence: Generated<bigint>;
  transaction: string;
  asset: string;
  minor: bigint;
  receiver: string;
  captured_at: Instant;
}

interface TransferTable {
  sequence: Generated<bigint>;
  key: string;
  asset: string;
  minor: bigint;
  payee: string;
  reference: string;
  state: 'NotExecuted' | 'Processing' | 'Succeeded' | 'Failed' | 'Reversed';
  failure_class: TransferFailure['class'] | null;
  /** Why it failed, or came back. */
  failure_code: string | null;
  fee_minor: bigint | null;
  at: Instant;
}

export interface BookTables {
  capture: CaptureTable;
  transfer: TransferTable;
}
export type TransferRow = Selectable<TransferTable>;

const pageRows = 1000;

export function railTransferIdOf(row: TransferRow): string {
  return `sandbox-transfer-${row.sequence}`;
}

export function captureOf({ transaction, asset, minor, receiver, captured_at }: Selectable<CaptureTable>): Capture {
  return { transaction, amount: money(minor, asset), receiver, capturedAt: captured_at };
}

/** Reads page by page, so an entry made while it reads may be left out. */
export async function* captures(db: Kysely<BookTables>): AsyncGenerator<BookEntry> {
  for (let after = 0n; ;) {
    const rows = await db
      .selectFrom('capture')
      .selectAll()
      .where('sequence', '>', after)
      .orderBy('sequence')
      .limit(pageRows)
      .execute();
    for (const row of rows) yield { kind: 'Capture', ...captureOf(row) };
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.sequence;
  }
}

export async function* transfers(db: Kysely<BookTables>): AsyncGenerator<BookEntry> {
  for (let after = 0n; ;) {
    const rows = await db
      .selectFrom('transfer')
      .selectAll()
      .where('sequence', '>', after)
      .orderBy('sequence')
      .limit(pageRows)
      .execute();
    for (const row of rows) if (row.state !== 'NotExecuted') yield entryOf(row, row.state);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.sequence;
  }
}

/** The fee of a transfer that was paid. */
export function feeOf({ state, fee_minor, asset }: TransferRow): { readonly fee?: Money } {
  const isPaid = state === 'Succeeded' || state === 'Reversed';
  return isPaid && fee_minor !== null ? { fee: money(fee_minor, asset) } : {};
}

function entryOf(row: TransferRow, state: Exclude<TransferRow['state'], 'NotExecuted'>): BookEntry {
  const { key, payee, reference, at } = row;
  return {
    kind: 'Transfer',
    key,
    amount: money(row.minor, row.asset),
    payee,
    reference,
    state,
    railTransferId: railTransferIdOf(row),
    at,
    ...feeOf(row),
  };
}
