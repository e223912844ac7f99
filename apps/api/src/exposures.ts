import { Inject, Injectable } from '@nestjs/common';
import { deposit } from '@recourse/deposits';
import { type Instant, plusMs } from '@recourse/eventing';
import { type EventStore, stateOf } from '@recourse/eventstore';
import { add, maxMinor, type Money, money } from '@recourse/money';
import { Problem } from '@recourse/nest';
import { payWithinMs } from '@recourse/orders';
import type { Exposure } from '@recourse/orders/events';
import { type Database, exposureOf, shownOrders } from '@recourse/postgres';
import { depositId } from '@recourse/processes';
import { databaseToken, eventStoreToken } from './tokens.js';

interface Placing {
  readonly orderId: string;
  readonly platform: string;
  readonly merchant: string;
  readonly total: Money;
  readonly at: Instant;
}

/** Placements of one merchant that the order book does not show yet. */
const maxUnshown = 1_000;

/**
 * K16: how much of a merchant's deposit his sales may yet ask for. The deposit is read from its stream; what it must cover is read
 * from the order book, and beside it this process counts every placement of its own that the book does not show yet. So within one
 * API process placements at the same time never exceed the deposit together; one that is about to be refused may count against
 * another for a moment. Several API processes do not know of each other:
 * together they can exceed it by at most what the others placed for this merchant while the order book was behind, and so can
 * escrow that was released in that time.
 */
@Injectable()
export class Exposures {
  readonly #unshown = new Map<string, Placing[]>();

  constructor(
    @Inject(databaseToken) private readonly database: Database,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
  ) {}

  /**
   * Places an order under the exposure it finds, which `place` compares.
   * @throws Problem 503 when too many placements are not shown yet, and what `place` throws
   */
  async within<T>(placing: Placing, place: (exposure: Exposure) => Promise<T>): Promise<T> {
    const { platform, merchant } = placing;
    const account = `${platform}.${merchant}`;
    const unshown = this.#unshown.get(account) ?? [];
    if (unshown.length >= maxUnshown)
      throw new Problem(503, 'exposure-unclear', 'the order book is behind with the orders of this merchant; ask again', {
        headers: { 'Retry-After': '1' },
      });
    const before = [...unshown];
    unshown.push(placing);
    this.#unshown.set(account, unshown);
    try {
      return await place(await this.exposure(placing, before));
    } catch (error) {
      // A refusal placed nothing; after any other error nobody knows.
      if (error instanceof Problem) this.forget(account, new Set([placing]));
      throw error;
    }
  }

  private async exposure(placing: Placing, before: readonly Placing[]): Promise<Exposure> {
    const { platform, merchant, total, at } = placing;
    const { asset } = total;
    const id = depositId(platform, merchant);
    const books = await stateOf(this.eventStore, deposit, id);
    if (books.status !== 'open') throw new Problem(409, 'deposit-not-agreed', 'agree a deposit with this merchant first');
    const payableSince = plusMs(at, -payWithinMs);
    // In this order: an order that comes to be shown in between is counted twice and never left out.
    const shown = await shownOrders(
      this.database.db,
      before.map(({ orderId }) => orderId),
    );
    const over = before.filter((one) => shown.has(one.orderId) || one.at < payableSince);
    this.forget(`${platform}.${merchant}`, new Set(over));
    const booked = await exposureOf(this.database.db, { platform, merchant, asset, now: at, payableSince });
    const unshown = before.filter((one) => !over.includes(one) && one.total.asset === asset);
    const exposed = unshown.reduce((minor, one) => minor + one.total.minor, booked);
    return { limit: add(books.deposit, books.held), exposed: money(exposed > maxMinor ? maxMinor : exposed, asset) };
  }

  private forget(account: string, over: ReadonlySet<Placing>): void {
    const left = (this.#unshown.get(account) ?? []).filter((one) => !over.has(one));
    if (left.length > 0) this.#unshown.set(account, left);
    else this.#unshown.delete(account);
  }
}
