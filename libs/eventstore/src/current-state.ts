import { type Command, type Decider, type Event, fold, periodId, streamOf } from '@recourse/eventing';
import { maxLoadedEvents } from './aggregate-store.js';
import type { EventStore } from './event-store.js';
import { lastPeriodOf } from './last-period.js';

/** An aggregate as it is now, for whoever asks before a command; of an account its open period, also where nobody has begun that yet. */
export async function stateOf<C extends Command, State, E extends Event, Code extends string>(
  store: Pick<EventStore, 'readStream'>,
  decider: Decider<C, State, E, Code>,
  id: string,
): Promise<State> {
  const named = streamOf(decider.category, id);
  const read = async (stream: string): Promise<State> =>
    fold(decider, (await store.readStream<E>(stream, { limit: maxLoadedEvents })) as readonly E[]);
  const { periods } = decider;
  if (!periods) return read(named);
  const no = await lastPeriodOf(store, named);
  const state = await read(periodId(named, no));
  const following = periods.following(periods.isOpening?.(state) ? await read(periodId(named, no - 1)) : state);
  return following ? fold(decider, following) : state;
}
