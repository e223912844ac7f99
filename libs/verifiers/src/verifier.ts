import type { VerificationOutcome } from '@recourse/disputes/events';
import type { ProductKind } from '@recourse/orders/events';

export interface VerificationQuestion {
  readonly productKind: ProductKind;
  readonly unitNo: number;
  /** Fingerprint of the key or receipt of the top-up: the key itself stays in the vault. */
  readonly deliveryReference: string;
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
  /** Ends within the verifier's time-out; no answer is INCONCLUSIVE, never an error of the case. @throws Error when its own records cannot be read: ask again */
  verify(question: VerificationQuestion): Promise<VerificationAnswer>;
}
