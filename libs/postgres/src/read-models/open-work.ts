import type { Instant } from '@recourse/eventing';
import type { Kysely } from 'kysely';
import { openVerifications } from './case-file.js';
import { dueStreams } from './deadlines.js';
import { openPayouts } from './payout-queue.js';
import type { NoTables } from './read-model.js';

/** A wake-up that must not be missing. */
export interface OpenWork {
  readonly kind: 'deadline' | 'payout' | 'verification';
  readonly key: string;
}

/** What waits for a job: deadlines that are over, payouts that still need the rail, questions to verifiers; at most `limit` of each kind. */
export async function openWork(db: Kysely<NoTables>, now: Instant, limit: number): Promise<OpenWork[]> {
  const work = (kind: OpenWork['kind'], keys: readonly string[]) => keys.map((key) => ({ kind, key }));
  return [
    ...work('deadline', await dueStreams(db, now, limit)),
    ...work('payout', await openPayouts(db, limit)),
    ...work('verification', await openVerifications(db, limit)),
  ];
}
