import type { VerificationOutcome } from '@recourse/disputes/events';
import type { Instant } from '@recourse/eventing';
import type { ProductKind } from '@recourse/orders/events';

/** What was said of the same key or top-up before. */
export interface EarlierAnswer {
  readonly outcome: VerificationOutcome;
  readonly queriedAt: Instant;
}

export interface VerificationQuestion {
  readonly productKind: ProductKind;
  readonly unitNo: number;
  /** Fingerprint of the key or receipt of the top-up: the key itself stays in the vault. */
  readonly deliveryReference: string;
  /** When the buyer first saw the key, by the clock of the house; left out: he has not. */
  readonly revealedAt?: Instant;
  /** Now, by the clock of the house: what happened later is no answer. */
  readonly askedAt: Instant;
  /** Oldest first; an answer that cannot be true together with one of them is none. Default none. */
  readonly earlier?: readonly EarlierAnswer[];
}

export interface VerificationAnswer {
  readonly outcome: VerificationOutcome;
  /** Who said so. */
  readonly source: string;
  /** SHA-256 of the raw answer, 64 hex. */
  readonly resultHash: string;
  /** The answer as it came, for the evidence store. */
  readonly raw?: string;
}

/** Knows what became of a key or a top-up: the issuer, the carrier, the platform's own records. S53 */
export interface Verifier {
  /**
   * Ends within the verifier's time-out. An answer that settles nothing is INCONCLUSIVE, never an error of the case. S49
   * @throws VerifierUnavailable when nobody answered, so that nothing is known yet: ask again later
   * @throws Error when its own records cannot be read: ask again
   */
  verify(question: VerificationQuestion, signal?: AbortSignal): Promise<VerificationAnswer>;
}

/** A source that is away for a minute must not turn every case of that minute into a quarrel, so this is no answer. */
export class VerifierUnavailable extends Error {
  override readonly name = 'VerifierUnavailable';
  constructor(
    readonly source: string,
    reason: string,
    /** To ask sooner is of no use; 0: nothing is known about that. */
    readonly retryAfterMs = 0,
  ) {
    super(`${source} gave no answer: ${reason}`);
  }
}
