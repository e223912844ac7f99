import type { Clock, Recorded } from '@recourse/eventing';
import { projectionReader, type EventStore } from '@recourse/eventstore';
import {
  Audit,
  JournalComparison,
  invariants,
  type AuditContext,
  type DomainEvent,
  type RailBookEntry,
  type RailMovement,
  type Violation,
} from '@recourse/ledger';
import { connect, journal, journalRows, readCheckpoint, readModels, type Database } from '@recourse/postgres';
import type { BookEntry, PayoutRail } from '@recourse/rails';
import { VaultError, type Vault } from '@recourse/vault';
import { VerdictAudit, type VerdictViolation } from './verify-verdicts.js';
import { verifyProjections, type ProjectionViolation } from './verify-projections.js';

/** What is checked: design §7. */
export const verified = {
  ...invariants,
  I7: 'every verdict follows from the events before it and from its policy',
  I9: 'every read model is the fold of the log',
} as const;
export type VerifiedInvariant = keyof typeof verified;
const verifiedInvariants = (Object.keys(verified) as VerifiedInvariant[]).toSorted();

/** A running installation or one at rest; nothing of it is written but tables of a schema that is dropped again. */
export interface VerifyParts {
  readonly eventStore: Pick<EventStore, 'readAll' | 'readStream' | 'lastPosition'>;
  readonly databaseUrl: string;
  readonly rails: Iterable<Pick<PayoutRail, 'name' | 'book'>>;
  readonly vault: Pick<Vault, 'readPerson'>;
  /** The installation's clock: what is due is compared with it. */
  readonly clock: Clock;
}

export interface VerifyProgress {
  readonly events: number;
  readonly position: bigint;
}
export interface VerifyOptions {
  readonly onProgress?: (progress: VerifyProgress) => void;
  /** Default 300,000: how late the house may be with a release, or with recording the rail's word. */
  readonly toleranceMs?: number;
  /** Default 1,000: violations named of each of log, verdicts and journal; further ones are only counted. */
  readonly maxViolations?: number;
}

export interface VerifyReport {
  readonly holds: boolean;
  readonly violations: readonly (Violation | VerdictViolation | ProjectionViolation)[];
  /** Every violation, named or not. */
  readonly counts: Readonly<Record<VerifiedInvariant, number>>;
  readonly events: number;
  /** Of the last event; 0n in an empty log. */
  readonly position: bigint;
  /** In the books of all rails. */
  readonly transfers: number;
  /** Transfers whose payee was erased since, so that he could not be compared. */
  readonly erasedPayees: number;
  readonly tables: number;
  readonly rows: number;
  readonly durationMs: number;
}

/** For one statement over whole tables. */
const statementTimeoutMs = 600_000;

/**
 * Checks I1 to I9 on everything there is. Memory grows with the number of transfers and with what is open, not with
 * the length of the log.
 * @throws StoreUnavailable, UnknownEventType, UnreadableEvent, RailError, VaultError (no key), and the database's errors
 */
export async function verify(
  parts: VerifyParts,
  { onProgress, toleranceMs = 300_000, maxViolations = 1_000 }: VerifyOptions = {},
): Promise<VerifyReport> {
  const startedMs = performance.now();
  const { databaseUrl, eventStore } = parts;
  const database = connect(databaseUrl, { applicationName: 'recourse-verify', maxConnections: 2, statementTimeoutMs });
  try {
    // The clock first, then the books, then the log: whatever is in a book has its intent in the log by then, and whatever is
    // due by the clock has happened in both, if the house is not late.
    const now = await parts.clock.now();
    const { railBooks, railMovements } = await readBooks(parts.rails);
    const { samePayee, erased } = payeesOf(parts.vault);
    const checks = new Audit({ maxViolations });
    const verdicts = new VerdictAudit(eventStore, maxViolations);
    const stored = await journalAudit(database, maxViolations);
    const passing = { readAll: () => passed(eventStore, checks, verdicts, stored) };
    const projections = await verifyProjections(
      { database, eventStore: passing, readModels },
      onProgress === undefined ? {} : { onProgress },
    );
    await verdicts.finish();
    await stored.finish();
    const audit = await checks.finish({ now, toleranceMs, railBooks, railMovements, samePayee });
    const transfers = [...railBooks.values()].reduce((sum, book) => sum + book.length, 0);
    const counted: Partial<Record<VerifiedInvariant, number>> = {
      ...Object.fromEntries(audit.counts),
      I1: (audit.counts.get('I1') ?? 0) + stored.count,
      I7: verdicts.count,
      I9: projections.count,
    };
    const counts = Object.fromEntries(verifiedInvariants.map((id) => [id, counted[id] ?? 0])) as VerifyReport['counts'];
    return {
      holds: verifiedInvariants.every((id) => counts[id] === 0),
      violations: [...audit.violations, ...verdicts.violations, ...stored.violations, ...projections.violations].toSorted(
        (one, other) => one.invariant.localeCompare(other.invariant),
      ),
      counts,
      events: audit.events,
      position: audit.position ?? 0n,
      transfers,
      erasedPayees: erased(),
      tables: projections.tables,
      rows: projections.rows,
      durationMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    await database.close();
  }
}

/**
 * One reading of the log feeds every check: each event passes the audit and the journal on its way to the read models. What
 * comes while it runs is only passed by, which is quick, or it would follow a busy system for ever.
 */
async function* passed(
  eventStore: VerifyParts['eventStore'],
  audit: Audit,
  verdicts: VerdictAudit,
  stored: JournalAudit,
): AsyncGenerator<Recorded<DomainEvent>> {
  const head = await eventStore.lastPosition();
  for await (const event of eventStore.readAll<DomainEvent>()) {
    // A read that is left before its end keeps the connection from closing.
    if (event.position > head) continue;
    audit.look(event);
    await verdicts.look(event);
    await stored.look(event);
    yield event;
  }
}

async function readBooks(rails: VerifyParts['rails']) {
  const railBooks = new Map<string, RailBookEntry[]>();
  const railMovements = new Map<string, RailMovement[]>();
  for (const rail of rails) {
    const book: RailBookEntry[] = [];
    const movements: RailMovement[] = [];
    for await (const entry of rail.book()) {
      if (entry.kind === 'Transfer') book.push(bookEntry(entry));
      if (entry.kind === 'Movement') movements.push(entry);
    }
    railBooks.set(rail.name, book);
    railMovements.set(rail.name, movements);
  }
  return { railBooks, railMovements };
}

/** The rail's moment is that of acceptance as long as the transfer is processed, and of its end from then on. */
function bookEntry({ key, amount, payee, state, at }: Extract<BookEntry, { kind: 'Transfer' }>): RailBookEntry {
  return state === 'Processing'
    ? { key, amount, payee, state: 'Pending', takenAt: at }
    : { key, amount, payee, state, settledAt: at };
}

/** An erased person counts as the rail's payee: nobody can tell any more. One the vault never held does not. */
function payeesOf(vault: VerifyParts['vault']) {
  let erased = 0;
  const samePayee: AuditContext['samePayee'] = async (reference, payee) => {
    try {
      return (await vault.readPerson(reference))['account'] === payee;
    } catch (error) {
      if (!(error instanceof VaultError) || error.code === 'KeyFileMismatch') throw error;
      if (error.code === 'Shredded') erased += 1;
      return error.code === 'Shredded';
    }
  };
  return { samePayee, erased: () => erased };
}

interface JournalAudit {
  readonly violations: readonly Violation[];
  readonly count: number;
  look(event: Recorded<DomainEvent>): Promise<void>;
  finish(): Promise<void>;
}

/** I1, the stored journal: as far as its projection has come, since rows and checkpoint are written together. */
async function journalAudit({ db }: Database, maxViolations: number): Promise<JournalAudit> {
  const upTo = (await readCheckpoint(db, projectionReader(journal))) ?? 0n;
  const comparison = new JournalComparison(journalRows(db, upTo));
  const violations: Violation[] = [];
  let count = 0;
  const note = (violation: Violation) => {
    count += 1;
    if (violations.length < maxViolations) violations.push(violation);
  };
  return {
    violations,
    get count() {
      return count;
    },
    look: async (event) => {
      if (event.position <= upTo) for (const violation of await comparison.take(event)) note(violation);
    },
    finish: async () => {
      for await (const violation of comparison.finish()) note(violation);
      await comparison.close();
    },
  };
}

/** The report for people, or as JSON with positions as text. */
export function printReport(report: VerifyReport, form: 'table' | 'json', write: (text: string) => void): void {
  if (form === 'json') {
    write(`${JSON.stringify(report, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value), 2)}\n`);
    return;
  }
  const { counts, violations, events, position, transfers, erasedPayees, tables, rows, durationMs } = report;
  const width = Math.max(...verifiedInvariants.map((id) => String(counts[id]).length));
  const total = verifiedInvariants.reduce((sum, id) => sum + counts[id], 0);
  const lines = [
    `${events} events up to position ${position}, ${transfers} transfers at the rails, ${rows} rows of ${tables} tables; ${Math.round(durationMs / 100) / 10} s`,
    ...(erasedPayees === 0 ? [] : [`${erasedPayees} transfers went to a payee who was erased since and could not be compared`]),
    '',
    'violations',
    ...verifiedInvariants.map((id) => `  ${id}  ${String(counts[id]).padStart(width)}  ${verified[id]}`),
    '',
    ...violations.flatMap(({ invariant, subject, position: at, found, expected }) => [
      `${invariant}  ${subject}  at ${at}`,
      `    found     ${found}`,
      `    expected  ${expected}`,
    ]),
    total === 0 ? 'everything holds' : `${total} violations${total > violations.length ? ', the first of each kind named' : ''}`,
  ];
  write(`${lines.join('\n')}\n`);
}
