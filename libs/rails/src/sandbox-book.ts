import type { Instant } from '@recourse/eventing';
import { money } from '@recourse/money';
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
  state: 'NotExecuted' | 'Processing' | 'Succeeded' | 'Failed';
  failure_class: TransferFailure['class'] | null;
  failure_code: string | null;
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

function entryOf(row: TransferRow, state: 'Processing' | 'Succeeded' | 'Failed'): BookEntry {
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
  };
}
