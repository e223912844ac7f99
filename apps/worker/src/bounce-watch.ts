import { type Instant, isAfter, plusMs } from '@recourse/eventing';
import { paidPayouts, type Database, type PaidPlace } from '@recourse/postgres';

/** A rail may send money back so long after it paid; who is not told of it learns it by asking. */
export const bounceWindowMs = 72 * 3_600_000;
/** One round asks about each of them once, and the next begins this much later. */
export const roundMs = 3_600_000;
const maxAsked = 100;

/** Goes round the payouts that succeeded lately, a few at a time. A restart begins the round anew, which costs some questions. */
export class BounceWatch {
  #round: { readonly begunAt: Instant; readonly after: PaidPlace | undefined; readonly done: boolean } | undefined;

  constructor(
    private readonly database: Database,
    private readonly limit = maxAsked,
  ) {}

  /** @returns the payouts whose rail is to be asked now */
  async due(now: Instant): Promise<string[]> {
    const isOver = this.#round?.done !== false;
    if (isOver && this.#round !== undefined && isAfter(plusMs(this.#round.begunAt, roundMs), now)) return [];
    const { begunAt, after } = isOver || this.#round === undefined ? { begunAt: now, after: undefined } : this.#round;
    const page = await paidPayouts(this.database.db, { since: plusMs(now, -bounceWindowMs), after, limit: this.limit });
    this.#round = { begunAt, after: page.at(-1), done: page.length < this.limit };
    return page.map(({ payoutId }) => payoutId);
  }
}
