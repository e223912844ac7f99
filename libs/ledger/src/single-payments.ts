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
  outcome: 'live' | 'Failed' | 'Succeeded';
  /** Place and time of its latest event of interest here. */
  position: bigint;
  at: Instant;
}
type Submission = Recorded<EventOf<DomainEvent, 'TransferSubmitted'>>;

const violation = reporter('I5');
const nameOf = ({ payoutId, transferNo }: { payoutId: string; transferNo: number }) => `transfer ${transferNo} of ${payoutId}`;

/**
 * I5: per refund our payments are at most what was approved, or what was captured beyond the order's price, at most one transfer of a payout is not final, one key is
 * one transfer, and the rail's book knows each payment once. Keeps one entry per unpaid refund and one per transfer.
 */
export class SinglePayments implements Check {
  readonly invariant = 'I5';
  /** Approved and not paid yet, in minor units, by refund. */
  readonly #unpaid = new Map<string, Money>();
  readonly #transfers = new Map<string, Transfer>();
  readonly #latest = new Map<string, Transfer>();
  readonly #on: Handlers = {
    RefundApproved: ({ data: { refundId, total } }) => {
      this.#unpaid.set(refundId, total);
      return [];
    },
    // Nobody approves a surplus: what came in is what goes back.
    SurplusCaptured: ({ data: { refundId, amount } }) => {
      this.#unpaid.set(refundId, amount);
      return [];
    },
    TransferSubmitted: (event) => this.#submit(event),
    TransferFailed: ({ position, data: { key } }) => this.#end(key, 'Failed', position),
    PayoutSucceeded: ({ position, data: { key, purpose, amount, succeededAt } }) => [
      ...this.#end(key, 'Succeeded', position, succeededAt),
      ...(purpose.kind === 'refund' ? this.#pay(position, purpose.refundId, amount) : []),
    ],
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
    if (previous === undefined || (previous.outcome === 'Failed' && previous.transferNo < transferNo)) return [];
    const expected = `transfer ${previous.transferNo}, ${previous.outcome}, to have failed first`;
    return [violation(position, payoutId, `transfer ${transferNo} submitted`, expected)];
  }

  #end(key: string, outcome: 'Failed' | 'Succeeded', position: bigint, at?: Instant): readonly Violation[] {
    const transfer = this.#transfers.get(key);
    if (transfer === undefined) return []; // I8 names a transfer without intent
    const before = transfer.outcome;
    Object.assign(transfer, { outcome, position, at: at ?? transfer.at });
    if (before === 'live' || (before === 'Failed' && outcome === 'Failed')) return [];
    return [
      violation(position, transfer.payoutId, `transfer ${transfer.transferNo} ${outcome}`, `${before}, as recorded before`),
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

  #compare(rail: string, entries: Iterable<RailBookEntry>, { now, toleranceMs }: AuditContext): Violation[] {
    const overdue = (at: Instant) => isAfter(now, plusMs(at, toleranceMs));
    const paid = new Set<string>();
    const found: Violation[] = [];
    for (const { key, state, settledAt } of entries) {
      const transfer = this.#transfers.get(key);
      if (state !== 'Succeeded' || transfer === undefined) continue;
      if (paid.has(key)) found.push(violation(transfer.position, key, 'paid twice in the book of the rail', 'one payment'));
      paid.add(key);
      const inTime = transfer.outcome === 'live' && !overdue(settledAt ?? transfer.at);
      if (transfer.outcome !== 'Succeeded' && !inTime)
        found.push(violation(transfer.position, key, `${nameOf(transfer)} is ${transfer.outcome}`, `Succeeded, as ${rail} says`));
    }
    for (const { key, outcome, at, position, ...transfer } of this.#transfers.values())
      if (transfer.rail === rail && outcome === 'Succeeded' && !paid.has(key) && overdue(at))
        found.push(violation(position, key, `${nameOf(transfer)} is Succeeded`, `a payment in the book of ${rail}`));
    return found;
  }
}
