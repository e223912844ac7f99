import { isAfter, lastMomentOf, plusMs, shanghaiDay, type EventOf, type Instant, type Recorded } from '@recourse/eventing';
import { equals, type Money } from '@recourse/money';
import {
  addsUp,
  handle,
  reporter,
  text,
  type AuditContext,
  type Check,
  type Handlers,
  type Ledger,
  type RailBookEntry,
  type RailMovement,
  type Violation,
} from './invariant.js';
import type { DomainEvent } from './posting.js';

interface Intent {
  readonly rail: string;
  readonly amount: Money;
  /** Vault reference. */
  readonly payee: string;
  readonly submittedAt: Instant;
  readonly position: bigint;
}
type Word = 'TransferProcessing' | 'TransferOutcomeUnknown' | 'TransferBlocked' | 'TransferFailed' | 'GatewayFeeCharged';
type Payment = Recorded<EventOf<DomainEvent, 'PayoutSucceeded' | 'PayoutReversed'>>;

type Difference = EventOf<DomainEvent, 'DifferenceBooked'>['data'];
interface Listed extends Pick<Difference, 'rail' | 'lineId' | 'direction' | 'amount'> {
  /** The refund that took it. */
  takenBy?: string;
  isSettled: boolean;
}
type OutsideRefund = Recorded<EventOf<DomainEvent, 'RefundedOutside'>>;
type Settlement = Recorded<EventOf<DomainEvent, 'DifferenceCleared' | 'DifferenceWrittenOff'>>;

const violation = reporter('I8');

/**
 * I8: whatever the rail did or said has an earlier TransferSubmitted with the same key, amount and payee, or is listed as a
 * difference, which one refund may take, and which ends once. Keeps one entry per transfer and per difference.
 */
export class WrittenIntents implements Check {
  readonly invariant = 'I8';
  readonly #intents = new Map<string, Intent>();
  readonly #differences = new Map<string, Listed>();
  /** Ids of differences by the key of ours that the rail names. */
  readonly #byKey = new Map<string, string>();
  #last = 0n;
  readonly #on: Handlers = {
    TransferSubmitted: ({ position, data: { key, rail, amount, payee, submittedAt } }) => {
      const intent = this.#intents.get(key);
      if (intent === undefined) this.#intents.set(key, { rail, amount, payee, submittedAt, position });
      else if (intent.rail !== rail || intent.payee !== payee || !equals(intent.amount, amount))
        return [violation(position, key, `submitted again as ${text(amount)}`, `${text(intent.amount)}, same rail and payee`)];
      return [];
    },
    TransferProcessing: (event) => this.#word(event),
    TransferOutcomeUnknown: (event) => this.#word(event),
    TransferBlocked: (event) => this.#word(event),
    TransferFailed: (event) => this.#word(event),
    GatewayFeeCharged: (event) => this.#word(event),
    PayoutSucceeded: (event) => this.#payment(event, 'paid'),
    PayoutReversed: (event) => this.#payment(event, 'came back with'),
    DifferenceBooked: ({ position, data: { differenceId, rail, lineId, direction, amount, key } }) => {
      if (this.#differences.has(differenceId))
        return [violation(position, differenceId, 'a difference booked twice', 'one difference of a line')];
      this.#differences.set(differenceId, { rail, lineId, direction, amount, isSettled: false });
      if (key !== undefined) this.#byKey.set(`${rail} ${key}`, differenceId);
      return [];
    },
    RefundedOutside: (event) => this.#take(event),
    DifferenceCleared: (event) => this.#settle(event),
    DifferenceWrittenOff: (event) => this.#settle(event),
  };

  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] {
    this.#last = event.position;
    return handle(this.#on, event, ledger);
  }

  async finish({ railBooks, railMovements, samePayee, now, toleranceMs }: AuditContext): Promise<readonly Violation[]> {
    const found: Violation[] = [];
    for (const [rail, entries] of railBooks ?? [])
      for (const entry of entries) found.push(...(await this.#compare(rail, entry, samePayee)));
    for (const [rail, movements] of railMovements ?? []) {
      const listed = new Map([...this.#differences.values()].flatMap((one) => (one.rail === rail ? [[one.lineId, one]] : [])));
      for (const movement of movements)
        // A day is reconciled when its bill is whole.
        if (isAfter(now, plusMs(lastMomentOf(shanghaiDay(movement.at)), toleranceMs)))
          found.push(...this.#list(rail, movement, listed.get(movement.lineId)));
    }
    return found;
  }

  #list(rail: string, { lineId, amount: { asset, minor } }: RailMovement, difference: Listed | undefined): readonly Violation[] {
    const amount = { asset, minor: -minor };
    if (minor >= 0n || (difference?.direction === 'out' && equals(difference.amount, amount))) return [];
    const expected = 'a listed difference of this line and amount';
    return [violation(this.#last, lineId, `${text(amount)} went out past us in the book of ${rail}`, expected)];
  }

  #take({ position, data: { purpose, rail, fromRefund, toBuyer, differenceId } }: OutsideRefund): readonly Violation[] {
    const wrong = (found: string, expected: string) => violation(position, differenceId, found, expected);
    const difference = this.#differences.get(differenceId);
    if (difference === undefined) return [wrong(`taken for refund ${purpose.refundId}`, 'a difference that was booked before')];
    const found: Violation[] = [];
    if (difference.takenBy !== undefined || difference.isSettled)
      found.push(wrong(`taken for refund ${purpose.refundId}`, `one end; it went to ${difference.takenBy ?? 'another'}`));
    if (difference.rail !== rail || difference.direction !== 'out' || !addsUp(difference.amount, [fromRefund, toBuyer]))
      found.push(wrong(`${text(fromRefund)} and ${text(toBuyer)} taken on ${rail}`, `${text(difference.amount)} that went out`));
    difference.takenBy = purpose.refundId;
    return found;
  }

  #settle({ position, type, data }: Settlement): readonly Violation[] {
    const wrong = (found: string, expected: string) => violation(position, data.differenceId, found, expected);
    const difference = this.#differences.get(data.differenceId);
    if (difference === undefined) return [wrong(type, 'a difference that was booked before')];
    const found: Violation[] = [];
    if (difference.isSettled) found.push(wrong(type, 'one end; it was cleared or written off before'));
    if (difference.direction !== data.direction || difference.rail !== data.rail || !equals(difference.amount, data.amount))
      found.push(wrong(`${type} of ${text(data.amount)}`, `${text(difference.amount)}, as booked`));
    if (type === 'DifferenceWrittenOff' && data.proposedBy === data.approvedBy)
      found.push(wrong(`written off by ${data.approvedBy} alone`, 'two people'));
    const refundId = type === 'DifferenceCleared' && data.into.kind === 'refunded-outside' ? data.into.refundId : undefined;
    if (difference.takenBy !== refundId)
      found.push(wrong(`${type} for ${refundId ?? 'no refund'}`, `RefundedOutside of ${difference.takenBy ?? 'it'} before`));
    difference.isSettled = true;
    return found;
  }

  #word({ position, type, data }: Recorded<EventOf<DomainEvent, Word>>): readonly Violation[] {
    return this.#intents.has(data.key) ? [] : [unwritten(position, data.key, type)];
  }

  #payment({ position, type, data: { key, rail, amount } }: Payment, what: string): readonly Violation[] {
    const intent = this.#intents.get(key);
    if (intent === undefined) return [unwritten(position, key, type)];
    return intent.rail === rail && equals(intent.amount, amount)
      ? []
      : [violation(position, key, `${what} ${text(amount)} on ${rail}`, `${text(intent.amount)} on ${intent.rail}`)];
  }

  async #compare(rail: string, entry: RailBookEntry, samePayee: AuditContext['samePayee']): Promise<readonly Violation[]> {
    const intent = this.#intents.get(entry.key);
    if (intent === undefined) {
      const listed = this.#differences.get(this.#byKey.get(`${rail} ${entry.key}`) ?? '');
      const isListed = listed?.direction === 'out' && equals(listed.amount, entry.amount);
      return isListed ? [] : [unwritten(this.#last, entry.key, `${text(entry.amount)} in the book of ${rail}`)];
    }
    const differs = (found: string, expected: string) => violation(intent.position, entry.key, found, expected);
    const found: Violation[] = [];
    if (intent.rail !== rail) found.push(differs(`a transfer on ${rail}`, `a transfer on ${intent.rail}`));
    if (!equals(intent.amount, entry.amount)) found.push(differs(`${text(entry.amount)} on ${rail}`, text(intent.amount)));
    if (entry.takenAt !== undefined && isAfter(intent.submittedAt, entry.takenAt))
      found.push(differs(`taken by ${rail} at ${entry.takenAt}`, `after its intent of ${intent.submittedAt}`));
    if (entry.payee !== undefined && samePayee !== undefined && !(await samePayee(intent.payee, entry.payee)))
      found.push(differs(`another payee on ${rail}`, `payee ${intent.payee}`));
    return found;
  }
}

const unwritten = (position: bigint, key: string, what: string): Violation =>
  violation(position, key, what, 'an earlier TransferSubmitted with this key');
