import { periodId } from '@recourse/eventing';
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
