import type { Instant } from '@recourse/eventing';
import type { Money } from '@recourse/money';

/** What the rail confirms of a buyer's payment. Receiver is the account it was paid into. */
export interface Capture {
  readonly transaction: string;
  readonly amount: Money;
  readonly receiver: string;
  readonly capturedAt: Instant;
}

export interface TransferRequest {
  /** From `transferKey`: the rail's idempotency key, 32 lower-case hex characters. */
  readonly key: string;
  readonly amount: Money;
  readonly payee: string;
  /** Shown to the payee. */
  readonly reference: string;
}

/** Definite words that a transfer will never pay; only after one of them, or Reversed, may a next transfer be made. */
export interface TransferFailure {
  readonly state: 'Failed';
  readonly class: 'PayeeActionRequired' | 'RequestWrong' | 'Closed';
  readonly code: string;
}

export type TransferOutcome =
  /** `fee`: what the rail takes for it beside the amount, if it says so; more than nothing. */
  | { readonly state: 'Succeeded'; readonly railTransferId: string; readonly at: Instant; readonly fee?: Money }
  /** Definite: it had succeeded, and the money came back. */
  | {
      readonly state: 'Reversed';
      readonly railTransferId: string;
      readonly at: Instant;
      readonly code: string;
      readonly fee?: Money;
    }
  | TransferFailure
  | { readonly state: 'Processing' }
  /** Not executed; send the same key again when there is money. */
  | { readonly state: 'FundingBlocked'; readonly code: string }
  /** Not executed, nor would any other be; send the same key again when the channel works. */
  | { readonly state: 'ChannelHalted'; readonly code: string }
  /** The key was used with other parameters: our bug. Says nothing of that first transfer: stop, query, call a person. */
  | { readonly state: 'Conflict'; readonly code: string }
  /** May have been executed or may yet be: query, or send the same key and parameters again, never a new key. */
  | { readonly state: 'Unknown'; readonly cause: string };

/** NotFound may still be overtaken by a request on its way: send the same key again, never a new one. */
export type QueryOutcome = TransferOutcome | { readonly state: 'NotFound' };

export type BookEntry =
  | ({ readonly kind: 'Capture' } & Capture)
  | ({
      readonly kind: 'Transfer';
      readonly railTransferId: string;
      readonly state: 'Processing' | 'Succeeded' | 'Failed' | 'Reversed';
      /** When it was settled or came back; while it is processing, when it was accepted. */
      readonly at: Instant;
      readonly fee?: Money;
    } & TransferRequest);

/** A way out for money. The rule above all others: a response describes the request, never the money. */
export interface PayoutRail {
  readonly name: string;
  readonly isSandbox: boolean;
  /** undefined is the rail's definite word that there is none. @throws RailError Unavailable */
  findCapture(transaction: string): Promise<Capture | undefined>;
  /** Never throws and ends within the rail's time-out: what is not definite is Unknown. Same key and parameters, same transfer. */
  transfer(request: TransferRequest): Promise<TransferOutcome>;
  /** Never throws and ends within the rail's time-out. */
  query(key: string): Promise<QueryOutcome>;
  /** The rail's own record, captures first, each kind in the rail's order. @throws RailError Unavailable */
  book(): AsyncIterable<BookEntry>;
}

export type RailErrorCode =
  | 'Unavailable'
  /** This transaction is in the book with another amount, receiver or time. */
  | 'CaptureDiffers'
  | 'InvalidCapture'
  /** No transfer of this key was ever paid. */
  | 'NothingToReverse';

export class RailError extends Error {
  override readonly name = 'RailError';
  constructor(
    readonly code: RailErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
