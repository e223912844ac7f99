import { isAfter, type EventOf, type Instant, type Recorded } from '@recourse/eventing';
import { equals, type Money } from '@recourse/money';
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

const violation = reporter('I8');

/**
 * I8: whatever the rail did or said has an earlier TransferSubmitted with the same key, amount and payee. Keeps one
 * entry per transfer.
 */
export class WrittenIntents implements Check {
  readonly invariant = 'I8';
  readonly #intents = new Map<string, Intent>();
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
  };

  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] {
    this.#last = event.position;
    return handle(this.#on, event, ledger);
  }

  async finish({ railBooks, samePayee }: AuditContext): Promise<readonly Violation[]> {
    const found: Violation[] = [];
    for (const [rail, entries] of railBooks ?? [])
      for (const entry of entries) found.push(...(await this.#compare(rail, entry, samePayee)));
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
    if (intent === undefined) return [unwritten(this.#last, entry.key, `${text(entry.amount)} in the book of ${rail}`)];
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
