import type { VerificationOutcome } from '@recourse/disputes/events';
import { isAfter, plusMs, type Instant } from '@recourse/eventing';
import type { ProductKind } from '@recourse/orders/events';
import type { Fields } from './fields.js';
import type { VerificationQuestion } from './verifier.js';

/** What one record says of a unit. */
export type Finding =
  /** `since`: when what it says came about. */
  | { readonly is: 'settled'; readonly outcome: Exclude<VerificationOutcome, 'INCONCLUSIVE'>; readonly since?: Instant }
  /** It settles nothing and will not. */
  | { readonly is: 'doubtful'; readonly why: string }
  /** It will settle something later. */
  | { readonly is: 'pending' };

/** A kind of record that somebody outside keeps: where it is asked for, and what it means. */
export interface RecordSource {
  readonly name: 'card-activation' | 'carrier-record' | 'membership-entitlement';
  readonly productKind: ProductKind;
  /** Behind the address of whoever keeps the records. */
  readonly path: string;
  /** @throws Unreadable */
  read(record: Fields, question: VerificationQuestion): Finding;
}

export const settled = (outcome: Extract<Finding, { is: 'settled' }>['outcome'], since?: Instant): Finding => ({
  is: 'settled',
  outcome,
  ...(since === undefined ? {} : { since }),
});
export const doubtful = (why: string): Finding => ({ is: 'doubtful', why });

/** How far the clock of a source may be ahead of ours. */
const maxAheadMs = 120_000;
export const isYetToCome = (moment: Instant, { askedAt }: VerificationQuestion): boolean =>
  isAfter(moment, plusMs(askedAt, maxAheadMs));
const wasSeenBy = (moment: Instant, { revealedAt }: VerificationQuestion): boolean =>
  revealedAt !== undefined && !isAfter(revealedAt, moment);

/**
 * A key that was used before the buyer could have seen it was used by somebody else: before its delivery, or between delivery and
 * reveal, when it lay closed in the vault. From the very millisecond of the reveal on it was in the buyer's hands. S53
 */
export function usedAt(moment: Instant, question: VerificationQuestion): Finding {
  if (isYetToCome(moment, question)) return doubtful('it was used at a moment that is yet to come');
  return settled(wasSeenBy(moment, question) ? 'ACTIVATED_AFTER_REVEAL' : 'ACTIVATED_BEFORE_SALE', moment);
}

/** Whose fault it is that a key expired in the hands of the buyer is not for a record to say. S28 */
export function expiredAt(moment: Instant, question: VerificationQuestion): Finding {
  if (isYetToCome(moment, question)) return doubtful('it expired at a moment that is yet to come');
  return wasSeenBy(moment, question)
    ? doubtful('it was good when it was revealed, and has expired since')
    : settled('EXPIRED', moment);
}
