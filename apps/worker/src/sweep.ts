import type { Clock } from '@recourse/eventing';
import { openWork, type Database } from '@recourse/postgres';
import type { BounceWatch } from './bounce-watch.js';

export const sweepEveryMs = 60_000;
/** Wake-ups made by one sweep, each kind; the next goes on with the rest. */
const maxWakes = 1_000;

export interface SweepTools {
  readonly database: Database;
  readonly bounces: BounceWatch;
  readonly clock: Clock;
  readonly wake: (kind: string, key: string) => Promise<void>;
}

/**
 * The queue may be emptied at any moment: this makes a wake-up again for every open payout, open question and due deadline, and
 * for payouts that may have come back.
 */
export async function sweep({ database, bounces, clock, wake }: SweepTools): Promise<number> {
  const now = await clock.now();
  const open = await openWork(database.db, now, maxWakes);
  for (const { kind, key } of open) await wake(kind, key);
  const paid = await bounces.due(now);
  for (const payoutId of paid) await wake('payout', payoutId);
  return open.length + paid.length;
}
