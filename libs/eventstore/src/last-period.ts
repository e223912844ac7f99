import { type Command, type Decider, type Event, fold, periodId, streamOf } from '@recourse/eventing';
import { maxLoadedEvents } from './aggregate-store.js';
import type { EventStore } from './event-store.js';

type Reads = Pick<EventStore, 'readStream'>;

const exists = async (store: Reads, account: string, no: number): Promise<boolean> =>
  (await store.readStream(periodId(account, no), { direction: 'backwards', limit: 1 })).length > 0;

/** The newest period of `{category}-{account}`, 1 if there is none yet. Doubles until it is past the end, then halves: a few reads for any age. */
export async function lastPeriodOf(store: Reads, account: string): Promise<number> {
  let there = 1;
  let missing = 2;
  while (await exists(store, account, missing)) [there, missing] = [missing, 2 * missing];
  while (missing - there > 1) {
    const middle = (there + missing) >> 1;
    if (await exists(store, account, middle)) there = middle;
    else missing = middle;
  }
  return there;
}

const openPeriodOf = async (store: Reads, account: string): Promise<string> =>
  periodId(account, await lastPeriodOf(store, account));

/** An aggregate as it is now; of an account its open period, also where nobody has begun that yet. */
export async function stateOf<C extends Command, State, E extends Event, Code extends string>(
  store: Reads,
  decider: Decider<C, State, E, Code>,
  id: string,
): Promise<State> {
  const named = streamOf(decider.category, id);
  const stream = decider.periods ? await openPeriodOf(store, named) : named;
  const state = fold(decider, (await store.readStream<E>(stream, { limit: maxLoadedEvents })) as readonly E[]);
  const following = decider.periods?.following(state);
  return following ? fold(decider, following) : state;
}
