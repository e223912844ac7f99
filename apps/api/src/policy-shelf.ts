import { Inject, Injectable } from '@nestjs/common';
import { policiesFrom, policyIdOf, policyInForce, shortfallOf, type PublishedPolicy } from '@recourse/disputes';
import type { PolicyEvent, PolicyTable, Whose } from '@recourse/disputes/events';
import type { Instant, Recorded } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { maxStreamEvents } from './edge.js';
import { eventStoreToken } from './tokens.js';

/** Pairs of tables whose comparison is remembered; the oldest is forgotten. */
const maxRemembered = 1_000;

/** What an order placed at a moment is under. */
export interface Applicable {
  /** Undefined before the platform has published anything. */
  readonly policy: PublishedPolicy | undefined;
  /** The merchant's own version in force that the platform's has overtaken: it would give the buyer less. */
  readonly overtaken?: PublishedPolicy;
}

/** Which policy applies, of a platform and of each merchant there. */
@Injectable()
export class PolicyShelf {
  readonly #fallsShort = new Map<string, boolean>();

  constructor(@Inject(eventStoreToken) private readonly eventStore: EventStore) {}

  eventsOf(whose: Whose): Promise<readonly Recorded<PolicyEvent>[]> {
    return this.eventStore.readStream<PolicyEvent>(`policy-${policyIdOf(whose)}`, { limit: maxStreamEvents });
  }

  /** The merchant's own policy, as long as it gives the buyer no less than the platform's does at that moment; else the platform's. */
  async inForce({ platform, merchant }: Whose, at: Instant): Promise<Applicable> {
    if (merchant === undefined) return { policy: policyInForce(await this.eventsOf({ platform }), at) };
    const [ofPlatform, ofMerchant] = await Promise.all([this.eventsOf({ platform }), this.eventsOf({ platform, merchant })]);
    const [standard, own] = [policyInForce(ofPlatform, at), policyInForce(ofMerchant, at)];
    if (standard === undefined || own === undefined) return { policy: standard };
    return this.fallsShort(standard, own) ? { policy: standard, overtaken: own } : { policy: own };
  }

  /** The platform's tables that a merchant's may not fall short of: the one in force and those announced. */
  async standards(platform: string, at: Instant): Promise<readonly PolicyTable[]> {
    return policiesFrom(await this.eventsOf({ platform }), at).map(({ table }) => table);
  }

  private fallsShort(standard: PublishedPolicy, own: PublishedPolicy): boolean {
    // Proven when it was published, unless the platform's came later.
    if (own.standards?.includes(standard.hash) === true) return false;
    const pair = `${standard.hash} ${own.hash}`;
    const known = this.#fallsShort.get(pair);
    if (known !== undefined) return known;
    const answer = shortfallOf(standard.table, own.table) !== undefined;
    const [oldest] = this.#fallsShort.keys();
    if (oldest !== undefined && this.#fallsShort.size >= maxRemembered) this.#fallsShort.delete(oldest);
    this.#fallsShort.set(pair, answer);
    return answer;
  }
}
