import type { Clock } from '@recourse/eventing';
import { dueStreams, openPayouts, openVerifications, type Database } from '@recourse/postgres';

export const sweepEveryMs = 60_000;
/** Wake-ups made by one sweep, each kind; the next goes on with the rest. */
const maxWakes = 1_000;

export interface SweepTools {
  readonly database: Database;
  readonly clock: Clock;
  readonly wake: (kind: string, key: string) => Promise<void>;
}

/** The queue may be emptied at any moment: this makes a wake-up again for every open payout, open question and due deadline. */
export async function sweep({ database, clock, wake }: SweepTools): Promise<number> {
  const due = await dueStreams(database.db, await clock.now(), maxWakes);
  const payouts = await openPayouts(database.db, maxWakes);
  const verifications = await openVerifications(database.db, maxWakes);
  for (const stream of due) await wake('deadline', stream);
  for (const payoutId of payouts) await wake('payout', payoutId);
  for (const disputeId of verifications) await wake('verification', disputeId);
  return due.length + payouts.length + verifications.length;
}
