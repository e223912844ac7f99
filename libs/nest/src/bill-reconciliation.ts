import { compareBill, reconciliationId } from '@recourse/compensation';
import type { PayoutCommand, ReconciliationCommand, ReconciliationEvent } from '@recourse/compensation/events';
import { type CommandOf, type Event, instantOf, isAfter, isInstant, type Instant, lastMomentOf } from '@recourse/eventing';
import { type EventStore, waitUntil } from '@recourse/eventstore';
import { bookedReceipts, bookedTransfers, type Database, differences as readModel } from '@recourse/postgres';
import type { PayoutRail } from '@recourse/rails';

export interface ReconcileParts {
  readonly database: Database;
  readonly eventStore: Pick<EventStore, 'lastPosition'>;
  readonly rail: Pick<PayoutRail, 'name' | 'bill'>;
  /** Ours at the rail. */
  readonly account: string;
  /** Sends a command to a payout. `part` is the same whenever the same page is read again. @throws for a refusal */
  hear(payoutId: string, command: CommandOf<PayoutCommand, 'RecordRailWord'>, part: string): Promise<void>;
  /** Sends a command to a reconciliation, and gives the events of it. @throws for a refusal */
  book(id: string, command: CommandOf<ReconciliationCommand, 'BookDifferences'>): Promise<readonly Event[]>;
}
export interface ReconcileRequest {
  readonly platform: string;
  readonly day: string;
  readonly subject: string;
  readonly now: Instant;
  /** `next` of the page before; left out for the first one. */
  readonly after?: string;
}
export interface PageReport {
  readonly lines: number;
  /** Lines that the books have, or have learnt from the bill now. */
  readonly agreed: number;
  /** Of these, what the bill said that no answer had said before. */
  readonly heard: number;
  /** Differences booked now; those of an earlier run are not booked again. */
  readonly booked: number;
  /** Differences of an earlier run that the books explain by now. */
  readonly explained: number;
  /** Of other platforms of this installation. */
  readonly elsewhere: number;
  readonly next?: string;
}

/** Why a bill cannot be read now: `DayNotOver`, `DayUnknown`, or `NotCaughtUp`, after which to ask again. */
export class BillNotReadable extends Error {
  override readonly name = 'BillNotReadable';
  constructor(
    readonly code: 'DayUnknown' | 'DayNotOver' | 'NotCaughtUp',
    message: string,
  ) {
    super(message);
  }
}

const dayShape = /^\d{4}-\d{2}-\d{2}$/;
/** How long the read model may take to come to the end of the log, or what came last would be booked as a difference. */
const catchUpMs = 5_000;

/**
 * Reads one page of the rail's bill of a day, lets the payouts hear what it says of their transfers, and books what differs from
 * the books. Reading it again changes nothing but what the books have learnt since.
 * @throws BillNotReadable, RailError Unavailable, and what `hear` and `book` throw
 */
export async function reconcilePage(parts: ReconcileParts, request: ReconcileRequest): Promise<PageReport> {
  const { database, eventStore, rail, account } = parts;
  const { platform, day, subject, now, after } = request;
  demandOver(day, now);
  const page = await rail.bill({ account, day, ...(after === undefined ? {} : { after }) });
  if (!(await waitUntil(database, [readModel], await eventStore.lastPosition(), catchUpMs)))
    throw new BillNotReadable('NotCaughtUp', 'the books are not up to date yet; ask again');
  const named = (of: 'key' | 'reference') => [...new Set(page.lines.flatMap((line) => line[of] ?? []))];
  const compared = compareBill(platform, page.lines, {
    receipts: await bookedReceipts(database.db, rail.name, named('reference')),
    transfers: await bookedTransfers(database.db, rail.name, named('key')),
  });
  for (const { lineId, payoutId, transferNo, word } of compared.words)
    await parts.hear(payoutId, { type: 'RecordRailWord', transferNo, word }, `${payoutId}/${lineId}`);
  const { differences: lines, agreed } = compared;
  const command = { type: 'BookDifferences', platform, rail: rail.name, day, lines, agreed, subject } as const;
  const events = (await parts.book(reconciliationId(rail.name, day), command)) as readonly ReconciliationEvent[];
  return {
    lines: page.lines.length,
    agreed: agreed.length,
    heard: compared.words.length,
    booked: events.filter(({ type }) => type === 'DifferenceBooked').length,
    explained: events.filter(({ type }) => type === 'DifferenceCleared').length,
    elsewhere: compared.elsewhere,
    ...(page.next === undefined ? {} : { next: page.next }),
  };
}

function demandOver(day: string, now: Instant): void {
  const start = `${day}T00:00:00.000Z`;
  // There is no 31 February, though a lenient reader makes 3 March of it.
  if (!dayShape.test(day) || !isInstant(start) || instantOf(Date.parse(start)) !== start)
    throw new BillNotReadable('DayUnknown', 'a day is written like 2026-03-01');
  if (!isAfter(now, lastMomentOf(day)))
    throw new BillNotReadable('DayNotOver', `${day} is not over in Shanghai; its bill is whole when it is`);
}
