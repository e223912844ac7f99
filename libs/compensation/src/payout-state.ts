import { type DataOf, eventsOf, type Rejection } from '@recourse/eventing';
import { add, compare, isPositive, type Money, subtract, zero } from '@recourse/money';
import type { PayoutEvent, PayoutPurpose, PayoutRejection } from './payout.js';
import type { RailWord } from './rail-word.js';

export interface Place {
  readonly payoutId: string;
  readonly platform: string;
}
export interface Purposed extends Place {
  readonly purpose: PayoutPurpose;
}
export interface Subject extends Purposed {
  readonly rail: string;
  readonly amount: Money;
}
export interface Transfer {
  readonly transferNo: number;
  /** The rail's idempotency key: 32 hex, fixed for life. */
  readonly key: string;
}

interface Requested {
  readonly requested: DataOf<PayoutEvent, 'PayoutRequested'>;
  /** Where the next transfer goes: as requested, or as changed since. */
  readonly payee: string;
  /** Of every transfer so far, by number from 1. All but a live or succeeded last one have failed or came back. */
  readonly keys: readonly string[];
  /** Transfers that failed or came back since the destination was last named. */
  readonly failures: number;
  /** What the rail called the transfers that came back, by number. */
  readonly reversed: ReadonlyMap<number, string>;
  /** Transfers the rail has taken its fee for. */
  readonly charged: readonly number[];
  readonly cancellation: 'none' | 'asked' | 'refused';
  /** Said with the cancellation. */
  readonly isFraud: boolean;
  readonly outside: Outside;
}
/** What the buyer had past us: in our payment's place, and beside it. */
interface Outside {
  readonly differences: readonly string[];
  readonly fromRefund: Money;
  readonly toBuyer: Money;
}
export type Payout =
  | { readonly status: 'unrequested' }
  /** Cancelled before it was requested. */
  | ({ readonly status: 'barred' } & Purposed)
  /** Above its limit: `firstBy` is the first of the two people, `held` what one of them had against it. */
  | (Requested & {
      readonly status: 'waiting';
      readonly firstBy: string | undefined;
      readonly held: { readonly by: string; readonly reason: string } | undefined;
    })
  | (Requested & { readonly status: 'ready' | 'unclaimed' })
  /** A transfer is at the rail or may be; `word` is the last one the rail gave, none right after the intent. */
  | (Requested & { readonly status: 'live'; readonly transfer: Transfer; readonly word: LiveWord | undefined })
  | (Requested & { readonly status: 'succeeded'; readonly transfer: Transfer; readonly railTransferId: string })
  /** Refunded past us in full, where no transfer of ours pays. */
  | (Requested & { readonly status: 'outside' })
  /** Cancelled: never paid. Returned: paid, came back, and is no longer owed. Neither is ever paid again. */
  | (Requested & { readonly status: 'cancelled' | 'returned' });
export type Known = Exclude<Payout, { status: 'unrequested' | 'barred' }>;

export const event = eventsOf<PayoutEvent>();
export type LiveWord = Exclude<RailWord, { state: 'Succeeded' | 'Failed' | 'Reversed' }>;
export type Change = Exclude<PayoutEvent, { type: 'PayoutRequested' }>;
export type Decided = readonly PayoutEvent[] | Rejection<PayoutRejection>;

export const placeOf = ({ payoutId, platform }: Place): Place => ({ payoutId, platform });
export const purposedOf = ({ payoutId, platform, purpose }: Purposed): Purposed => ({ payoutId, platform, purpose });
export const subjectOf = (state: Requested): Subject => {
  const { payoutId, platform, purpose, rail } = state.requested;
  return { payoutId, platform, purpose, rail, amount: dueOf(state) };
};

/** What a transfer of this payout pays: all of it, but for what somebody paid past us in its place. */
export const dueOf = ({ requested, outside }: Requested): Money => subtract(requested.amount, outside.fromRefund);

export function evolve(state: Payout, happened: PayoutEvent): Payout {
  if (happened.type === 'PayoutRequested') return requestedState(happened.data);
  if (state.status === 'unrequested' || state.status === 'barred') return beforeRequest(happened);
  return next(state, happened);
}

/** Exactly the limit needs nobody. */
const isAbove = (amount: Money, limit: Money | undefined): boolean => limit !== undefined && compare(amount, limit) > 0;

function requestedState(requested: DataOf<PayoutEvent, 'PayoutRequested'>): Payout {
  const { payee, amount, approvalLimit, requestedBy } = requested;
  const begun: Requested = {
    requested,
    payee,
    keys: [],
    failures: 0,
    reversed: new Map(),
    charged: [],
    cancellation: 'none',
    isFraud: false,
    outside: { differences: [], fromRefund: zero(amount.asset), toBuyer: zero(amount.asset) },
  };
  return isAbove(amount, approvalLimit)
    ? { ...begun, status: 'waiting', firstBy: requestedBy, held: undefined }
    : { ...begun, status: 'ready' };
}

function beforeRequest({ type, data }: PayoutEvent): Payout {
  if (type !== 'PayoutCancelRequested' && type !== 'PayoutCancelled' && type !== 'OutsideRefundRefused')
    throw new Error(`${type} stands before PayoutRequested`);
  return { status: 'barred', payoutId: data.payoutId, platform: data.platform, purpose: data.purpose };
}

export function next(state: Known, { type, data }: Change): Known {
  const { requested, payee, keys, failures, reversed: back, charged: fees, cancellation, isFraud, outside } = state;
  const kept: Requested = { requested, payee, keys, failures, reversed: back, charged: fees, cancellation, isFraud, outside };
  switch (type) {
    case 'PayoutApprovalProposed':
      return { ...kept, status: 'waiting', firstBy: data.proposedBy, held: undefined };
    case 'PayoutHeld':
      return { ...kept, status: 'waiting', firstBy: requested.requestedBy, held: { by: data.heldBy, reason: data.reason } };
    case 'PayoutApproved':
      return { ...kept, status: 'ready' };
    case 'TransferSubmitted': {
      const { transferNo, key } = data;
      return { ...kept, status: 'live', keys: [...keys, key], transfer: { transferNo, key }, word: undefined };
    }
    case 'TransferProcessing':
      return { ...kept, status: 'live', transfer: transferOf(data), word: { state: 'Processing' } };
    case 'TransferOutcomeUnknown':
      return { ...kept, status: 'live', transfer: transferOf(data), word: { state: 'Unknown', cause: data.cause } };
    case 'TransferBlocked':
      return { ...kept, status: 'live', transfer: transferOf(data), word: { state: data.why, code: data.code } };
    case 'TransferFailed':
      return { ...kept, status: 'ready', failures: failures + 1 };
    case 'PayoutUnclaimed':
      return { ...kept, status: 'unclaimed' };
    case 'PayoutDestinationChanged':
      return { ...kept, status: 'ready', payee: data.payee, failures: 0 };
    case 'PayoutSucceeded':
      return { ...kept, status: 'succeeded', transfer: transferOf(data), railTransferId: data.railTransferId };
    case 'GatewayFeeCharged':
      return { ...state, charged: [...fees, data.transferNo] };
    case 'PayoutReversed': {
      const gone = { ...kept, failures: failures + 1, reversed: new Map(back).set(data.transferNo, data.railTransferId) };
      return { ...gone, status: cancellation === 'refused' ? 'returned' : 'ready' };
    }
    case 'PayoutCancelRequested':
      return { ...state, cancellation: 'asked', isFraud: data.isFraud === true };
    case 'PayoutCancelled':
      return { ...kept, status: 'cancelled' };
    case 'PayoutCancelRefused':
      return state.status === 'succeeded' || state.status === 'outside'
        ? { ...state, cancellation: 'refused' }
        : { ...kept, status: 'returned', cancellation: 'refused' };
    case 'PayoutReturned':
      return { ...kept, status: 'returned' };
    case 'RefundedOutside': {
      const differences = [...outside.differences, data.differenceId];
      const fromRefund = add(outside.fromRefund, data.fromRefund);
      const known = { ...state, outside: { differences, fromRefund, toBuyer: add(outside.toBuyer, data.toBuyer) } };
      return isPositive(dueOf(known)) ? known : { ...kept, outside: known.outside, status: 'outside' };
    }
    case 'OutsideRefundRefused':
      return state;
  }
}

const transferOf = ({ transferNo, key }: Transfer): Transfer => ({ transferNo, key });
