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
    } & TransferRequest)
  /** Money that moved in our account there without us. */
  | ({ readonly kind: 'Movement' } & Movement);

export interface Movement {
  /** As in the bill of its day. */
  readonly lineId: string;
  /** A refund from the rail's console, a fee beside those of transfers, or anything else. */
  readonly what: 'refund' | 'fee' | 'other';
  /** Less than nothing for what went out. */
  readonly amount: Money;
  /** What the rail says it belongs to: of a refund the payment that it gives back. */
  readonly reference?: string;
  readonly at: Instant;
}

/** A line of the rail's bill of a day: whatever changed our account there. */
export interface BillLine {
  /** Letters, digits and hyphens, 64 at most; unique on this rail for ever. */
  readonly lineId: string;
  readonly kind: 'capture' | 'transfer' | 'reversal' | 'fee' | 'refund' | 'other';
  /** Less than nothing for what went out. */
  readonly amount: Money;
  /** Our key, of transfers, their fees and what came back of them. */
  readonly key?: string;
  /** What the rail calls the payment or transfer; of a refund, the payment that it gives back. */
  readonly reference?: string;
  readonly at: Instant;
}

export interface BillQuery {
  /** Ours at the rail. */
  readonly account: string;
  /** Calendar day of Asia/Shanghai; it must be over, or its bill is not whole. */
  readonly day: string;
  /** `next` of the page before; left out for the first one. */
  readonly after?: string;
}
export interface BillPage {
  /** 500 at most. */
  readonly lines: readonly BillLine[];
  /** Where the next page begins; left out on the last one. */
  readonly next?: string;
}

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
  /** The rail's own record, captures first, then transfers, each kind in the rail's order. @throws RailError Unavailable */
  book(): AsyncIterable<BookEntry>;
  /** One page of a day's bill. @throws RailError Unavailable */
  bill(query: BillQuery): Promise<BillPage>;
}

export type RailErrorCode =
  | 'Unavailable'
  /** This transaction is in the book with another amount, receiver or time. */
  | 'CaptureDiffers'
  | 'InvalidCapture'
  /** This movement is in the book with other data. */
  | 'MovementDiffers'
  | 'InvalidMovement'
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
