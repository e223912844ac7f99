import type { EventOf, Instant, Recorded } from '@recourse/eventing';
import { format, isAsset, type Money } from '@recourse/money';
import type { Books } from './journal.js';
import type { DomainEvent, Posting } from './posting.js';

/** What the ledger checks of design §7; I7 and I9 are checked where verdicts and projections live. */
export const invariants = {
  I1: 'the journal is what the events post, and it balances',
  I2: 'captured is released, refunded from escrow or held, and nothing is held past its release',
  I3: 'no unit is refunded beyond its price',
  I4: 'no account with floor zero is below zero',
  I5: 'a refund is paid once',
  I6: 'what the fund laid out is recovered, outstanding, written off or borne by the platform',
  I8: 'every transfer was written down before it was made, or is a listed difference',
} as const;
export type InvariantId = keyof typeof invariants;

/** A row that breaks an invariant: which thing, at which event, what is there and what should be. */
export interface Violation {
  readonly invariant: InvariantId;
  /** Account, unit, refund, payout, transfer key or merchant. */
  readonly subject: string;
  /** The event's place in the log; for something seen only outside the log, the last place that was read. */
  readonly position: bigint;
  readonly found: string;
  readonly expected: string;
}

/** The log up to and including the event that is being checked. */
export interface Ledger {
  /** What this event posted. */
  readonly postings: readonly Posting[];
  /** All balances after it. */
  readonly books: Books;
}

/** One transfer as the rail's own book has it. */
export interface RailBookEntry {
  /** The rail's idempotency key, as in TransferSubmitted. */
  readonly key: string;
  readonly amount: Money;
  /** Reversed: paid, and come back. */
  readonly state: 'Succeeded' | 'Failed' | 'Pending' | 'Reversed';
  /** The receiving account in the rail's words. */
  readonly payee?: string;
  readonly takenAt?: Instant;
  readonly settledAt?: Instant;
}

/** Money that moved in the rail's own book past us: a refund from its console, a fee, a receipt. */
export interface RailMovement {
  /** As the rail's bill names it, and DifferenceBooked after it. */
  readonly lineId: string;
  /** Less than nothing for what went out. */
  readonly amount: Money;
  readonly at: Instant;
}

/** What the checks need to know that is not in the log. */
export interface AuditContext {
  readonly now: Instant;
  /** How late the house may be with what is due: a release, a rail's word that is not recorded yet. */
  readonly toleranceMs: number;
  /** Whole books, one per rail, each read before the log is; rails without a book are checked in the log only. */
  readonly railBooks?: ReadonlyMap<string, Iterable<RailBookEntry>>;
  /** By rail: what its book has past us, for rails that tell. */
  readonly railMovements?: ReadonlyMap<string, Iterable<RailMovement>>;
  /** Whether a vault reference and the rail's payee are the same account; without it payees are not compared. */
  readonly samePayee?: (reference: string, payee: string) => boolean | Promise<boolean>;
}

/** Looks at one event after the other, in the order of the log; `finish` says what only the end can tell. */
export interface Check {
  readonly invariant: InvariantId;
  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[];
  finish(context: AuditContext): readonly Violation[] | Promise<readonly Violation[]>;
}

/** A check by event type; the others pass by. */
export type Handlers = {
  readonly [Type in DomainEvent['type']]?: (event: Recorded<EventOf<DomainEvent, Type>>, ledger: Ledger) => readonly Violation[];
};
export const handle = (handlers: Handlers, event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] => {
  // The key is the event's own type, so the handler found is made for this event.
  const handler = handlers[event.type] as Check['check'] | undefined;
  return handler?.(event, ledger) ?? [];
};

/** `12.34 CNY`, as violations show amounts; an asset that does not exist is shown in its minor units. */
export const text = (amount: Money): string =>
  isAsset(amount.asset) ? `${format(amount)} ${amount.asset}` : `${amount.minor} minor units of ${amount.asset}`;

/** Never throws, whatever the assets: a check names what is wrong and goes on. */
export const addsUp = (total: Money, parts: readonly Money[]): boolean =>
  parts.every((part) => part.asset === total.asset) && parts.reduce((minor, part) => minor + part.minor, 0n) === total.minor;

export const reporter =
  (invariant: InvariantId) =>
  (position: bigint, subject: string, found: string, expected: string): Violation => ({
    invariant,
    subject,
    position,
    found,
    expected,
  });
