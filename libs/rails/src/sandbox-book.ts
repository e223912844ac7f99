import { type Instant, lastMomentOf, plusMs } from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { type Kysely, type Selectable, type Generated, sql } from 'kysely';
import type { BillLine, BillPage, BillQuery, BookEntry, Capture, Movement, TransferFailure } from './payout-rail.js';

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
  /** Stays when it comes back. */
  paid_at: Instant | null;
}

interface MovementTable {
  sequence: Generated<bigint>;
  movement_id: string;
  what: Movement['what'];
  asset: string;
  minor: bigint;
  reference: string | null;
  at: Instant;
}

export interface BookTables {
  capture: CaptureTable;
  transfer: TransferTable;
  movement: MovementTable;
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

export async function* movements(db: Kysely<BookTables>): AsyncGenerator<BookEntry> {
  for (let after = 0n; ;) {
    const rows = await db
      .selectFrom('movement')
      .selectAll()
      .where('sequence', '>', after)
      .orderBy('sequence')
      .limit(pageRows)
      .execute();
    for (const row of rows) yield { kind: 'Movement', ...movementOf(row) };
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.sequence;
  }
}

const movementOf = ({ sequence, what, asset, minor, reference, at }: Selectable<MovementTable>): Movement => ({
  lineId: `movement-${sequence}`,
  what,
  amount: money(minor, asset),
  ...(reference === null ? {} : { reference }),
  at,
});

const billRows = 500;

interface BillRow {
  line_id: string;
  kind: BillLine['kind'];
  asset: string;
  minor: bigint;
  key: string | null;
  reference: string | null;
  at: Instant;
}

/** A day's bill by the names of its lines, which never change, so that a page begins behind the last one. */
export async function billPage(db: Kysely<BookTables>, { account, day, after = '' }: BillQuery): Promise<BillPage> {
  const end = plusMs(lastMomentOf(day), 1);
  const inside = (at: string) => sql`${sql.ref(at)} >= ${plusMs(end, -86_400_000)} AND ${sql.ref(at)} < ${end}`;
  const { rows } = await sql<BillRow>`
    SELECT * FROM (
      SELECT 'capture-' || sequence AS line_id, 'capture' AS kind, asset, minor, NULL AS key, transaction AS reference, captured_at AS at
        FROM sandbox_rail.capture WHERE receiver = ${account} AND ${inside('captured_at')}
      UNION ALL
      SELECT 'transfer-' || sequence, 'transfer', asset, -minor, key, 'sandbox-transfer-' || sequence, paid_at
        FROM sandbox_rail.transfer WHERE ${inside('paid_at')}
      UNION ALL
      SELECT 'fee-' || sequence, 'fee', asset, -fee_minor, key, 'sandbox-transfer-' || sequence, paid_at
        FROM sandbox_rail.transfer WHERE fee_minor IS NOT NULL AND ${inside('paid_at')}
      UNION ALL
      SELECT 'reversal-' || sequence, 'reversal', asset, minor, key, 'sandbox-transfer-' || sequence, at
        FROM sandbox_rail.transfer WHERE state = 'Reversed' AND ${inside('at')}
      UNION ALL
      SELECT 'movement-' || sequence, what, asset, minor, NULL, reference, at
        FROM sandbox_rail.movement WHERE ${inside('at')}
    ) AS bill
    WHERE line_id COLLATE "C" > ${after} ORDER BY line_id COLLATE "C" LIMIT ${billRows + 1}`.execute(db);
  const lines = rows.slice(0, billRows).map(({ line_id: lineId, kind, asset, minor, key, reference, at }): BillLine => ({
    lineId,
    kind,
    amount: money(minor, asset),
    ...(key === null ? {} : { key }),
    ...(reference === null ? {} : { reference }),
    at,
  }));
  const last = lines.at(-1);
  return rows.length > billRows && last !== undefined ? { lines, next: last.lineId } : { lines };
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
