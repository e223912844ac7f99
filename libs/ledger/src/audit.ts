import type { Recorded } from '@recourse/eventing';
import { AccountFloors } from './account-floors.js';
import { BalancedPostings } from './balanced-postings.js';
import { BuyersDebts } from './buyers-debts.js';
import { EscrowUnits } from './escrow-units.js';
import type { AuditContext, Check, InvariantId, Violation } from './invariant.js';
import { Books } from './journal.js';
import type { DomainEvent } from './posting.js';
import { RecourseIdentity } from './recourse-identity.js';
import { RefundCaps } from './refund-caps.js';
import { SinglePayments } from './single-payments.js';
import { WrittenIntents } from './written-intents.js';

/** Fresh checks for one pass from the first event of the log. */
export const ledgerChecks = (): readonly Check[] => [
  new BalancedPostings(),
  new EscrowUnits(),
  new RefundCaps(),
  new AccountFloors(),
  new SinglePayments(),
  new RecourseIdentity(),
  new BuyersDebts(),
  new WrittenIntents(),
];

export interface AuditProgress {
  readonly events: number;
  /** Place of the last event that was checked. */
  readonly position: bigint;
}
export interface AuditOptions {
  /** Called after every `progressEvery` events. */
  readonly onProgress?: (progress: AuditProgress) => void;
  readonly progressEvery?: number;
  /** Violations named in the report; further ones are only counted. */
  readonly maxViolations?: number;
}

export interface AuditReport {
  readonly events: number;
  readonly position?: bigint;
  readonly violations: readonly Violation[];
  /** Every violation, named or not, by invariant; zero for an invariant that holds. */
  readonly counts: ReadonlyMap<InvariantId, number>;
  readonly books: Books;
}

/** Runs all checks over the log at once. One audit serves one pass, since the checks remember. */
export class Audit {
  readonly #books = new Books();
  readonly #violations: Violation[] = [];
  readonly #counts: Map<InvariantId, number>;
  readonly #maxViolations: number;
  readonly #progressEvery: number;
  readonly #onProgress: AuditOptions['onProgress'];
  #events = 0;
  #position: bigint | undefined;

  constructor(
    { onProgress, progressEvery = 10_000, maxViolations = 1_000 }: AuditOptions = {},
    private readonly checks: readonly Check[] = ledgerChecks(),
  ) {
    this.#counts = new Map(checks.map(({ invariant }) => [invariant, 0]));
    this.#maxViolations = maxViolations;
    this.#progressEvery = progressEvery;
    this.#onProgress = onProgress;
  }

  /**
   * @param events all events in the order of the log, from the first
   * @throws RangeError when the events are out of order, UnknownEventType for an event of a newer program
   */
  async run(
    events: AsyncIterable<Recorded<DomainEvent>> | Iterable<Recorded<DomainEvent>>,
    context: AuditContext,
  ): Promise<AuditReport> {
    for await (const event of events) this.look(event);
    return this.finish(context);
  }

  /** After the last event. */
  async finish(context: AuditContext): Promise<AuditReport> {
    for (const check of this.checks) this.#note(await check.finish(context));
    return {
      events: this.#events,
      ...(this.#position === undefined ? {} : { position: this.#position }),
      violations: this.#violations,
      counts: this.#counts,
      books: this.#books,
    };
  }

  /** The next event of the log, for callers who read it for more than this. @throws as `run` */
  look(event: Recorded<DomainEvent>): void {
    if (this.#position !== undefined && event.position <= this.#position)
      throw new RangeError(`event at ${event.position} after ${this.#position}: the log must be read in order and once`);
    const ledger = { postings: this.#books.apply(event), books: this.#books };
    for (const check of this.checks) this.#note(check.check(event, ledger));
    this.#position = event.position;
    this.#events += 1;
    if (this.#events % this.#progressEvery === 0) this.#onProgress?.({ events: this.#events, position: event.position });
  }

  #note(violations: readonly Violation[]): void {
    for (const violation of violations) {
      this.#counts.set(violation.invariant, (this.#counts.get(violation.invariant) ?? 0) + 1);
      if (this.#violations.length < this.#maxViolations) this.#violations.push(violation);
    }
  }
}
