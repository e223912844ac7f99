import { isAfter, plusMs, type EventOf, type Instant, type Recorded } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import {
  handle,
  reporter,
  text,
  type AuditContext,
  type Check,
  type Handlers,
  type Ledger,
  type RailBookEntry,
  type Violation,
} from './invariant.js';
import type { DomainEvent } from './posting.js';

interface Transfer {
  readonly key: string;
  readonly payoutId: string;
  readonly transferNo: number;
  readonly rail: string;
  outcome: 'live' | 'Failed' | 'Succeeded' | 'Reversed';
  /** Place and time of its latest event of interest here. */
  position: bigint;
  at: Instant;
}
type Ended = Exclude<Transfer['outcome'], 'live'>;
type Submission = Recorded<EventOf<DomainEvent, 'TransferSubmitted'>>;
type OutsideRefund = Recorded<EventOf<DomainEvent, 'RefundedOutside'>>;

const violation = reporter('I5');
const nameOf = ({ payoutId, transferNo }: { payoutId: string; transferNo: number }) => `transfer ${transferNo} of ${payoutId}`;

/** What ended a transfer, by what it was before. */
const follows: Readonly<Record<Ended, readonly Transfer['outcome'][]>> = {
  Failed: ['live', 'Failed'],
  Succeeded: ['live'],
  Reversed: ['Succeeded'],
};

/**
 * I5: per refund our payments net of reversals are at most what was approved, or what was captured beyond the order's price, a
 * refund is revoked only if nothing of it was paid or may yet be, and nothing is paid of it then or of one that came back for
 * good, at most one transfer of a payout is not final, one key is one transfer, the rail's book knows each payment once, and nothing is
 * sent that two people must approve and did not, or after it was cancelled. A refund made outside pays only what is unpaid while
 * no transfer of ours is live; what the buyer has beyond that is counted apart, as his debt. Keeps one entry per unpaid refund, per transfer, and
 * per payout that waits or was cancelled.
 */
export class SinglePayments implements Check {
  readonly invariant = 'I5';
  /** Approved and not paid yet, in minor units, by refund. */
  readonly #unpaid = new Map<string, Money>();
  readonly #transfers = new Map<string, Transfer>();
  readonly #latest = new Map<string, Transfer>();
  /** Payouts above their limit that two people have not approved yet, and that limit. */
  readonly #waiting = new Map<string, Money>();
  readonly #cancelled = new Set<string>();
  readonly #on: Handlers = {
    RefundApproved: ({ data: { refundId, total } }) => {
      this.#unpaid.set(refundId, total);
      return [];
    },
    RefundRevoked: (event) => this.#revoke(event),
    // Nobody approves a surplus: what came in is what goes back.
    SurplusCaptured: ({ data: { refundId, amount } }) => {
      this.#unpaid.set(refundId, amount);
      return [];
    },
    PayoutRequested: ({ data: { payoutId, amount, approvalLimit } }) => {
      if (approvalLimit !== undefined && amount.minor > approvalLimit.minor) this.#waiting.set(payoutId, approvalLimit);
      return [];
    },
    PayoutApproved: ({ position, data: { payoutId, firstBy, approvedBy } }) => {
      this.#waiting.delete(payoutId);
      return firstBy === approvedBy ? [violation(position, payoutId, `approved by ${approvedBy} alone`, 'two people')] : [];
    },
    PayoutCancelRequested: ({ data: { payoutId } }) => {
      this.#cancelled.add(payoutId);
      return [];
    },
    TransferSubmitted: (event) => [...this.#submit(event), ...this.#barrier(event)],
    TransferFailed: ({ position, data: { key } }) => this.#end(key, 'Failed', position),
    PayoutSucceeded: ({ position, data: { key, purpose, amount, succeededAt } }) => [
      ...this.#end(key, 'Succeeded', position, succeededAt),
      ...(purpose.kind === 'refund' ? this.#pay(position, purpose.refundId, amount) : []),
    ],
    PayoutReversed: ({ position, data: { key, purpose, amount, reversedAt } }) => {
      if (purpose.kind === 'refund') this.#owe(purpose.refundId, amount);
      return this.#end(key, 'Reversed', position, reversedAt);
    },
    PayoutReturned: ({ position, data: { payoutId, amount } }) => {
      this.#unpaid.delete(payoutId);
      const last = this.#latest.get(payoutId)?.outcome;
      return last === 'live' || last === 'Succeeded' || last === undefined
        ? [
            violation(
              position,
              payoutId,
              `${text(amount)} returned, the last transfer being ${last ?? 'none'}`,
              'none live or paid',
            ),
          ]
        : [];
    },
    RefundedOutside: (event) => this.#outside(event),
  };

  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] {
    return handle(this.#on, event, ledger);
  }

  finish(context: AuditContext): readonly Violation[] {
    return [...(context.railBooks ?? [])].flatMap(([rail, entries]) => this.#compare(rail, entries, context));
  }

  #submit({ position, data }: Submission): readonly Violation[] {
    const { key, payoutId, transferNo, rail, submittedAt: at } = data;
    const known = this.#transfers.get(key);
    // The same transfer may be sent to the rail again under its own key, as long as its outcome is open.
    if (known?.payoutId === payoutId && known.transferNo === transferNo && known.outcome === 'live') return [];
    if (known !== undefined)
      return [violation(position, key, nameOf(data), `a key of its own; this one is ${nameOf(known)}, ${known.outcome}`)];
    const previous = this.#latest.get(payoutId);
    const transfer: Transfer = { key, payoutId, transferNo, rail, outcome: 'live', position, at };
    this.#transfers.set(key, transfer);
    this.#latest.set(payoutId, transfer);
    const isOver = previous?.outcome === 'Failed' || previous?.outcome === 'Reversed';
    if (previous === undefined || (isOver && previous.transferNo < transferNo)) return [];
    const expected = `transfer ${previous.transferNo}, ${previous.outcome}, to have failed or come back first`;
    return [violation(position, payoutId, `transfer ${transferNo} submitted`, expected)];
  }

  #barrier({ position, data: { payoutId, transferNo } }: Submission): readonly Violation[] {
    const limit = this.#waiting.get(payoutId);
    const wrong = (expected: string) => violation(position, payoutId, `transfer ${transferNo} submitted`, expected);
    return [
      ...(limit === undefined ? [] : [wrong(`the approval of two people, being above ${text(limit)}`)]),
      ...(this.#cancelled.has(payoutId) ? [wrong('no transfer after it was cancelled')] : []),
    ];
  }

  #end(key: string, outcome: Ended, position: bigint, at?: Instant): readonly Violation[] {
    const transfer = this.#transfers.get(key);
    if (transfer === undefined) return []; // I8 names a transfer without intent
    const before = transfer.outcome;
    Object.assign(transfer, { outcome, position, at: at ?? transfer.at });
    if (follows[outcome].includes(before)) return [];
    return [
      violation(position, transfer.payoutId, `transfer ${transfer.transferNo} ${outcome}`, `${before}, as recorded before`),
    ];
  }

  #revoke({ position, data: { refundId, total } }: Recorded<EventOf<DomainEvent, 'RefundRevoked'>>): readonly Violation[] {
    const unpaid = this.#unpaid.get(refundId);
    this.#unpaid.delete(refundId);
    const last = this.#latest.get(refundId)?.outcome ?? 'Failed';
    const isSafe = last === 'Failed' && unpaid?.asset === total.asset && unpaid.minor === total.minor;
    return isSafe
      ? []
      : [
          violation(
            position,
            refundId,
            `revoked ${text(total)}, the last transfer being ${last}`,
            'a refund of which nothing was paid',
          ),
        ];
  }

  #pay(position: bigint, refundId: string, amount: Money): readonly Violation[] {
    const rest = this.#unpaid.get(refundId) ?? { asset: amount.asset, minor: 0n };
    const minor = rest.minor - amount.minor;
    if (amount.asset === rest.asset && minor > 0n) this.#unpaid.set(refundId, { asset: rest.asset, minor });
    else this.#unpaid.delete(refundId);
    return amount.asset === rest.asset && minor >= 0n
      ? []
      : [violation(position, refundId, `paid ${text(amount)}`, `at most ${text(rest)}, approved and unpaid`)];
  }

  #outside({ position, data: { payoutId, purpose, fromRefund, toBuyer, stillDue } }: OutsideRefund): readonly Violation[] {
    const { refundId } = purpose;
    const wrong = (found: string, expected: string) => violation(position, refundId, found, expected);
    const found: Violation[] = [];
    const latest = this.#latest.get(payoutId);
    if (latest?.outcome === 'live')
      found.push(wrong('refunded outside', `transfer ${latest.transferNo}, live, to be over first`));
    if (fromRefund.minor > 0n) found.push(...this.#pay(position, refundId, fromRefund));
    const rest = this.#unpaid.get(refundId) ?? { asset: stillDue.asset, minor: 0n };
    if (stillDue.asset !== rest.asset || stillDue.minor !== rest.minor)
      found.push(wrong(`${text(stillDue)} still due after a refund outside`, `${text(rest)}, approved and unpaid`));
    if (toBuyer.minor > 0n && rest.minor > 0n)
      found.push(wrong(`the buyer owes ${text(toBuyer)} of a refund outside`, `${text(rest)} to be paid by it first`));
    return found;
  }

  /** A payment that came back is owed again; a difference in assets stays for the next payment to show. */
  #owe(refundId: string, amount: Money): void {
    const minor = amount.minor + (this.#unpaid.get(refundId)?.minor ?? 0n);
    this.#unpaid.set(refundId, { asset: amount.asset, minor });
  }

  #compare(rail: string, entries: Iterable<RailBookEntry>, { now, toleranceMs }: AuditContext): Violation[] {
    const overdue = (at: Instant) => isAfter(now, plusMs(at, toleranceMs));
    const paid = new Set<string>();
    const found: Violation[] = [];
    for (const { key, state, settledAt } of entries) {
      const transfer = this.#transfers.get(key);
      if ((state !== 'Succeeded' && state !== 'Reversed') || transfer === undefined) continue;
      if (paid.has(key)) found.push(violation(transfer.position, key, 'paid twice in the book of the rail', 'one payment'));
      paid.add(key);
      const mayBeHeardYet =
        (transfer.outcome === 'live' || (transfer.outcome === 'Succeeded' && state === 'Reversed')) &&
        !overdue(settledAt ?? transfer.at);
      if (transfer.outcome !== state && !mayBeHeardYet)
        found.push(violation(transfer.position, key, `${nameOf(transfer)} is ${transfer.outcome}`, `${state}, as ${rail} says`));
    }
    for (const { key, outcome, at, position, ...transfer } of this.#transfers.values())
      if (transfer.rail === rail && (outcome === 'Succeeded' || outcome === 'Reversed') && !paid.has(key) && overdue(at))
        found.push(violation(position, key, `${nameOf(transfer)} is ${outcome}`, `a payment in the book of ${rail}`));
    return found;
  }
}
