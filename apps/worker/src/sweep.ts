import type { Clock } from '@recourse/eventing';
import { openWork, type Database } from '@recourse/postgres';

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
  const open = await openWork(database.db, await clock.now(), maxWakes);
  for (const { kind, key } of open) await wake(kind, key);
  return open.length;
}
