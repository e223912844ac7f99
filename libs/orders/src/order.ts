import { type Decider, type Event, type Instant, reject } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import { closeClaim, openClaim, replaceUnit, submitClaim } from './claim.js';
import { passDeadlines } from './deadline.js';
import { freezeOrder, unfreezeOrder } from './freeze.js';
import type { FeeSchedule } from './fee-schedule.js';
import { confirmReceipt, deliverUnits, noteIncident, reportPlatformFailure, revealKey } from './delivery.js';
import { type Decision, evolve, type Order, type Paid, type StampedOrderCommand } from './order-state.js';
import { overturnRefund, revokeRefund } from './overturn.js';
import { capturePayment } from './payment.js';
import { placeOrder } from './placement.js';
import { cancelOrder } from './undelivered.js';
import { approveRefund } from './verdict.js';

export type ProductKind = 'game-card' | 'phone-top-up' | 'membership'; // S01
/** ESCROW: released on confirmation or when the after-sale window ends. ON_DELIVERY: released at delivery. K16 */
export type SettlementMode = 'ESCROW' | 'ON_DELIVERY';

/** What the offer promises after the sale; frozen into the order. S24 */
export interface AfterSalePromise {
  readonly afterSaleHours: number; // S26
  readonly deliverWithinHours: number; // K13
  /** A dead key is reissued within 24 h. S29 */
  readonly reissue: boolean;
  /** Seven-day no-reason refund of an unrevealed key. S31, K10 */
  readonly sevenDay: boolean;
}

/** The least that an offer may promise; a policy publishes it. S25 */
export interface PromiseMinimums {
  /** The after-sale window is this long at least. S26 */
  readonly afterSaleHours: number;
  /** Delivery is promised within this long at most. K13 */
  readonly deliverWithinHours: number;
}

/** Which policy judges this order: published by the platform, accepted by the buyer, identified by its hash. */
export interface PolicyReference {
  readonly id: string;
  readonly version: number;
  /** SHA-256 of the canonical JSON of the table, 64 hex. */
  readonly hash: string;
}

/** What the buyer gets, as it may stand in an event: never a key in clear, never a person's data. */
export type Delivery =
  | { readonly kind: 'key'; readonly ciphertext: string; readonly fingerprint: string; readonly masked: string }
  | { readonly kind: 'top-up'; readonly receipt: string; readonly accountReference: string };

export interface OrderLine {
  readonly product: string;
  readonly unitPrice: Money;
  readonly quantity: number;
}
/** One key or one top-up, with its part of the price after discounts and of the platform's fee. K7 */
export interface UnitPrice {
  readonly unitNo: number;
  readonly product: string;
  readonly price: Money;
  readonly fee: Money;
}

/** `revision@stream`: an event that a decision rests on. */
export type EventReference = string;

/** What the order knows of a unit when a claim names it; the dispute judges on these and on nothing else of the order. */
export interface UnitFacts {
  readonly unitNo: number;
  readonly product: string;
  readonly price: Money;
  readonly fee: Money;
  readonly escrow: 'held' | 'released';
  readonly deliveredAt?: Instant;
  readonly revealedAt?: Instant;
  /** End of the after-sale window, as it stands when the claim stops the clock. */
  readonly afterSaleEndsAt?: Instant;
  readonly sevenDayEndsAt?: Instant;
  /** Key fingerprint or top-up receipt: what a verifier asks about. */
  readonly deliveryReference?: string;
  /** The platform failed this unit, by an event of its own delivery or by a recorded incident. S11 */
  readonly platformFailure: boolean;
  /** Refunded before this claim; absent when nothing was. K7 */
  readonly refunded?: Money;
  readonly evidence: readonly EventReference[];
}

/** Evidence sent together with a claim; its content is in the vault. */
export interface ClaimEvidence {
  readonly evidenceId: string;
  readonly kind: 'order-record' | 'payment-proof' | 'chat' | 'abnormal-use' | 'screen-recording'; // S37–S40, S45
  /** It shows an activation failure. S27 */
  readonly showsActivationFailure: boolean;
  readonly content: string;
  /** When the problem showed and when it was captured, as the buyer says. S43 */
  readonly problemAt?: Instant;
  readonly capturedAt?: Instant;
  /** What the extractor finds in a chat; it decides nothing. K14 */
  readonly suggestedTags?: { readonly problemConfirmed: boolean; readonly merchantPromised?: 'reissue' | 'refund' };
}

export const claimReasons = [
  'key-invalid',
  'key-used',
  'key-expired',
  'not-credited',
  'not-delivered',
  'wrong-face-value',
  'duplicate-recharge',
  'merchant-absent',
  'platform-failure',
  'wrong-account',
  'own-cancellation',
  'dislike',
  'seven-day',
] as const; // S08 and the sentences after it, S58
export type ClaimReason = (typeof claimReasons)[number];

/** Who is at fault, as a verdict finds it. K1 */
export type Liability = 'PLATFORM' | 'MERCHANT' | 'BUYER' | 'SHARED' | 'NONE' | 'UNPROVEN';

/** One unit and one source of a refund. Amounts of a line: amount = fromEscrow, or fromFund + fromFees. */
export interface RefundLine {
  readonly unitNo: number;
  readonly source: 'escrow' | 'fund';
  readonly amount: Money;
  readonly liable: Liability;
  /** What the merchant finally bears of `amount`, net of the fee that goes back (K7): recourse when the fund pays. */
  readonly merchantShare: Money;
  /** Given back out of the platform's fees. */
  readonly fromFees: Money;
  readonly fromFund: Money;
  readonly fromEscrow: Money;
}

/** A unit on which the verdict was overturned: nobody bears it, as its refund goes, or the platform does and no longer the merchant. */
export interface OverturnedUnit {
  readonly unitNo: number;
  readonly liable: Liability;
  readonly bearer: 'platform' | 'none';
}

/** Why a refund is due. */
export type RefundGround =
  | { readonly kind: 'verdict'; readonly disputeId: string; readonly verdictId: string; readonly rule: string }
  | { readonly kind: 'cancelled-before-delivery' } // K8
  | { readonly kind: 'not-delivered-in-time' }; // K13

/**
 * Money of a payer that the order did not ask for: paid after the half hour, paid twice, paid for a cancelled order, more than
 * the total, or less than it (which pays nothing and goes back whole). K13, S70
 */
export type SurplusReason = 'late' | 'duplicate' | 'cancelled' | 'too-much' | 'too-little';

/** ON_DELIVERY: how much of the merchant's deposit his sales may yet ask for. K16 */
export interface Exposure {
  /** His deposit, held or not. */
  readonly limit: Money;
  /** Released units that may still be claimed or are, and undelivered units of orders settled at delivery; this order included. */
  readonly exposed: Money;
}
/** What keeps every release of an order back: somebody froze this order, or all of its merchant's. S65 */
export type FreezeScope = 'order' | 'merchant';
interface Freeze {
  readonly orderId: string;
  readonly platform: string;
  readonly merchant: string;
  readonly scope: FreezeScope;
  readonly reason: string;
}

export interface RefundParties {
  readonly platform: string;
  readonly merchant: string;
  readonly buyer: string;
  /** Vault reference of the buyer's account at the rail. */
  readonly payee: string;
  readonly rail: string;
}

export type OrderEvent =
  | Event<
      'OrderPlaced',
      {
        readonly orderId: string;
        readonly platform: string;
        readonly merchant: string;
        readonly buyer: string;
        readonly payee: string;
        readonly rail: string;
        /** Our account at the rail that must receive the payment. */
        readonly receiver: string;
        readonly productKind: ProductKind;
        readonly settlement: SettlementMode;
        readonly promise: AfterSalePromise;
        readonly policy: PolicyReference;
        readonly units: readonly UnitPrice[];
        readonly total: Money;
        readonly payBefore: Instant;
        readonly placedAt: Instant;
        /** The fee schedule that the units' fees follow; absent where the shop named the fee. */
        readonly feeScheduleVersion?: number;
        /** ON_DELIVERY only: what was compared when it was placed. K16 */
        readonly exposure?: Exposure;
        /** The buyer confirmed by itself that what he has opened is not taken back; it never excludes a fault. S21, K9 */
        readonly noReturnConsent?: true;
      }
    >
  | Event<
      'PaymentCaptured',
      {
        readonly orderId: string;
        readonly platform: string;
        readonly rail: string;
        readonly transaction: string;
        readonly amount: Money;
        readonly capturedAt: Instant;
        readonly deliverBefore: Instant;
      }
    >
  /** Confirmed money beyond what the order takes as payment: nobody decides on it, it goes back by itself in one payout. K13 */
  | Event<
      'SurplusCaptured',
      RefundParties & {
        /** `{orderId}.surplus.{first 16 hex of the SHA-256 of rail/transaction}`: one refund for one transaction. */
        readonly refundId: string;
        readonly orderId: string;
        readonly transaction: string;
        readonly why: SurplusReason;
        /** What goes back: the whole capture, or what is over when it was too much. */
        readonly amount: Money;
        readonly capturedAt: Instant;
        readonly bookedAt: Instant;
      }
    >
  | Event<
      'OrderCancelled',
      {
        readonly orderId: string;
        readonly by: 'buyer' | 'shop';
        readonly units: readonly number[];
        readonly cancelledAt: Instant;
      }
    >
  | Event<'DeliveryOverdue', { readonly orderId: string; readonly units: readonly number[]; readonly overdueAt: Instant }> // K13
  | Event<
      'UnitDelivered',
      {
        readonly orderId: string;
        readonly unitNo: number;
        readonly delivery: Delivery;
        readonly deliveredAt: Instant;
        readonly afterSaleEndsAt: Instant;
        readonly sevenDayEndsAt?: Instant;
      }
    >
  | Event<
      'PlatformDeliveryFailed',
      { readonly orderId: string; readonly unitNo: number; readonly incident: string; readonly failedAt: Instant }
    > // S11
  /** A recorded incident of the platform spoiled these delivered units; an undelivered one is a PlatformDeliveryFailed. S11 */
  | Event<
      'PlatformIncidentNoted',
      {
        readonly orderId: string;
        readonly units: readonly number[];
        /** `{platform}.{no}`: its stream says who recorded it. */
        readonly incidentId: string;
        readonly notedAt: Instant;
      }
    >
  | Event<'KeyRevealed', { readonly orderId: string; readonly unitNo: number; readonly revealedAt: Instant }>
  | Event<'ReceiptConfirmed', { readonly orderId: string; readonly units: readonly number[]; readonly confirmedAt: Instant }>
  | Event<
      'EscrowReleased',
      {
        readonly orderId: string;
        readonly platform: string;
        readonly merchant: string;
        readonly unitNo: number;
        readonly amount: Money;
        readonly fee: Money;
        readonly net: Money;
        readonly because: 'delivered' | 'confirmed' | 'window-ended' | 'claim-closed' | 'platform-bears' | 'unfrozen';
        /** From 2, where a part of the unit came back to escrow after it was released. */
        readonly releaseNo?: number;
      }
    >
  /** Nothing is released until it is unfrozen; refunds, claims and deliveries go on. */
  | Event<'OrderFrozen', Freeze & { readonly frozenAt: Instant }>
  | Event<'OrderUnfrozen', Freeze & { readonly unfrozenAt: Instant }>
  | Event<
      'ClaimOpened',
      {
        /** Also the dispute's id: `{orderId}.{n}`, n counting the order's claims from 1. */
        readonly claimId: string;
        readonly orderId: string;
        readonly platform: string;
        readonly merchant: string;
        readonly buyer: string;
        readonly reason: ClaimReason;
        readonly channel: string;
        readonly draft: boolean;
        readonly productKind: ProductKind;
        readonly promise: AfterSalePromise;
        readonly policy: PolicyReference;
        readonly units: readonly UnitFacts[];
        /** As the order was placed with it. S21 */
        readonly noReturnConsent?: true;
        /** What the buyer sent with the claim, so that it is judged together with it. */
        readonly evidence?: readonly ClaimEvidence[];
        readonly openedAt: Instant;
      }
    >
  | Event<
      'ClaimSubmitted',
      { readonly claimId: string; readonly orderId: string; readonly units: readonly number[]; readonly submittedAt: Instant }
    >
  | Event<
      'ClaimAttached',
      { readonly claimId: string; readonly orderId: string; readonly channel: string; readonly attachedAt: Instant }
    > // K11
  | Event<
      'ClaimClosed',
      {
        readonly claimId: string;
        readonly orderId: string;
        readonly outcome: 'refused' | 'reissued' | 'withdrawn' | 'lapsed' | 'refunded';
        /** The after-sale clock goes on with what was left when the claim stopped it. */
        readonly units: readonly { readonly unitNo: number; readonly afterSaleEndsAt?: Instant }[];
        readonly closedAt: Instant;
      }
    >
  | Event<
      'ReplacementDelivered',
      {
        readonly orderId: string;
        readonly claimId: string;
        readonly unitNo: number;
        readonly delivery: Delivery;
        readonly deliveredAt: Instant;
      }
    >
  | Event<
      'RefundApproved',
      RefundParties & {
        readonly refundId: string;
        readonly orderId: string;
        readonly ground: RefundGround;
        readonly lines: readonly RefundLine[];
        readonly total: Money;
        /** Sums over the lines, so that who funds need not add up. */
        readonly fromEscrow: Money;
        readonly fromFund: Money;
        readonly fromFees: Money;
        readonly merchantShare: Money;
        /** Units of which a part of the price is left, so that their clocks go on; absent when there is none. K7 */
        readonly unitsWithRest?: readonly number[];
        readonly approvedAt: Instant;
      }
    >
  | Event<
      'RefundFundedFromEscrow',
      RefundParties & {
        readonly refundId: string;
        readonly orderId: string;
        readonly lines: readonly { readonly unitNo: number; readonly amount: Money }[];
        readonly amount: Money;
        readonly total: Money;
        /** True when this was the last money the refund was waiting for. */
        readonly complete: boolean;
      }
    >
  /**
   * Its verdict was overturned before anything was paid: the refund is no more, and what came out of escrow is there again.
   * Whoever else funded it takes his part back by an event of his own.
   */
  | Event<
      'RefundRevoked',
      RefundParties & {
        readonly refundId: string;
        readonly orderId: string;
        readonly disputeId: string;
        /** The lines as they were approved, all of them. */
        readonly lines: readonly RefundLine[];
        readonly total: Money;
        /** Sums over the lines; `merchantShare` over the fund's lines alone, as it was reserved. */
        readonly fromEscrow: Money;
        readonly fromFund: Money;
        readonly fromFees: Money;
        readonly merchantShare: Money;
        readonly revokedAt: Instant;
      }
    >
  /** A verdict that refunds nothing: its units were refunded by another one meanwhile, or their new keys are with the buyer. */
  | Event<
      'RefundShutOut',
      {
        readonly refundId: string;
        readonly orderId: string;
        readonly disputeId: string;
        readonly units: readonly number[];
        readonly shutOutAt: Instant;
      }
    >
  /** The verdict on these units was overturned and the refund is or will be paid: the merchant is made whole once it is. */
  | Event<
      'RefundOverturned',
      RefundParties & {
        readonly refundId: string;
        readonly orderId: string;
        readonly disputeId: string;
        readonly units: readonly number[];
        /** What the buyer got or gets for these units. */
        readonly amount: Money;
        /** What the merchant would have received out of escrow for them, net of the fee. */
        readonly escrowLoss: Money;
        /** His share of what others than escrow paid for them: recovered from him, owed by him, written off, or taken from his deposit. */
        readonly recourse: Money;
        /** The buyer deceived: what he was paid he owes. Absent where he did not, or was paid nothing. */
        readonly buyerOwes?: Money;
        readonly overturnedAt: Instant;
      }
    >;

export type OrderCommand =
  | {
      readonly type: 'PlaceOrder';
      readonly orderId: string;
      readonly platform: string;
      readonly merchant: string;
      readonly buyer: string;
      readonly payee: string;
      readonly rail: string;
      readonly receiver: string;
      readonly productKind: ProductKind;
      readonly settlement: SettlementMode;
      readonly promise: AfterSalePromise;
      readonly policy: PolicyReference;
      /** The version and hash the buyer accepted before paying; must be `policy`. S24 */
      readonly consent: PolicyReference;
      /** Confirmed by itself at the purchase. S21 */
      readonly noReturnConsent?: true;
      /** What the policy that judges this order publishes as the least that an offer promises. S25 */
      readonly minimums?: PromiseMinimums;
      readonly lines: readonly OrderLine[];
      readonly discount?: Money;
      /** Platform fee on the whole order; only where no schedule is in force. */
      readonly fee?: Money;
      /** The one in force: it decides the fee of every unit. */
      readonly feeSchedule?: Pick<FeeSchedule, 'version' | 'rates'>;
      /** Needed for ON_DELIVERY: the merchant's deposit and what it must cover without this order. */
      readonly exposure?: Exposure;
    }
  /**
   * Only after the rail confirmed transaction, amount and receiver: the confirmation is what this carries. What arrived at our
   * account is never refused: it pays the order or is booked as surplus.
   */
  | {
      readonly type: 'CapturePayment';
      readonly transaction: string;
      readonly amount: Money;
      readonly receiver: string;
      readonly capturedAt: Instant;
    }
  | { readonly type: 'CancelOrder'; readonly by: 'buyer' | 'shop' }
  | { readonly type: 'DeliverUnits'; readonly deliveries: readonly { readonly unitNo: number; readonly delivery: Delivery }[] }
  | { readonly type: 'ReportPlatformFailure'; readonly unitNo: number; readonly incident: string }
  /** Units that an incident of the platform concerns; one that is refunded, or known to have failed, is passed over. S11 */
  | { readonly type: 'NoteIncident'; readonly incidentId: string; readonly units: readonly number[] }
  | { readonly type: 'RevealKey'; readonly unitNo: number }
  | { readonly type: 'ConfirmReceipt'; readonly units: readonly number[] }
  | {
      readonly type: 'OpenClaim';
      readonly units: readonly number[];
      readonly reason: ClaimReason;
      readonly channel: string;
      readonly draft: boolean;
      readonly evidence?: readonly ClaimEvidence[];
    }
  | { readonly type: 'SubmitClaim'; readonly claimId: string }
  /** Without `units`: every unit the claim still freezes. */
  | {
      readonly type: 'CloseClaim';
      readonly claimId: string;
      readonly outcome: 'refused' | 'reissued' | 'withdrawn' | 'lapsed';
      readonly units?: readonly number[];
    }
  | { readonly type: 'ReplaceUnit'; readonly claimId: string; readonly unitNo: number; readonly delivery: Delivery }
  | {
      readonly type: 'ApproveRefund';
      readonly refundId: string;
      readonly disputeId: string;
      readonly verdictId: string;
      readonly rule: string;
      readonly units: readonly {
        readonly unitNo: number;
        readonly amount: Money;
        readonly liable: Liability;
        readonly bearer: 'merchant' | 'platform';
        /** The verdict knows of the replacement under this claim and found it dead too; without it a replaced unit is not refunded. */
        readonly replacementFailed?: boolean;
      }[];
    }
  /** The verdict was overturned and the payout cancelled. What is still due is approved anew, as refund `{refundId}.r`. */
  | { readonly type: 'RevokeRefund'; readonly refundId: string; readonly units: readonly OverturnedUnit[] }
  /** The verdict was overturned, and the refund is paid or goes on to be. */
  | {
      readonly type: 'OverturnRefund';
      readonly refundId: string;
      readonly units: readonly OverturnedUnit[];
      /** He deceived and has the money: what he was paid for the units whose refund goes he owes. */
      readonly buyerOwes: boolean;
    }
  | { readonly type: 'FreezeOrder'; readonly scope: FreezeScope; readonly reason: string }
  | { readonly type: 'UnfreezeOrder'; readonly scope: FreezeScope; readonly reason: string }
  /** A deadline of this order may be over: delivery, auto-confirmation. The decider compares with the command's time. */
  | { readonly type: 'PassOrderDeadlines' };

export type OrderRejection =
  | 'OrderExists'
  | 'OrderUnknown'
  | 'NothingOrdered'
  | 'TooManyUnits'
  | 'AmountNotPositive'
  | 'AmountTooLarge'
  | 'AssetMismatch'
  | 'DiscountTooLarge'
  | 'FeeTooLarge'
  | 'FeeScheduled'
  | 'FeeMissing'
  | 'ExposureUnknown'
  | 'ExposureTooHigh'
  | 'PromiseIncomplete'
  | 'PromiseBelowMinimum'
  | 'ConsentMissing'
  | 'NotPaid'
  | 'CaptureMismatch'
  | 'TooManyCaptures'
  | 'AlreadyDelivered'
  | 'NotDelivered'
  | 'WrongDelivery'
  | 'DeliveryWindowOver'
  | 'DeliveryFailed'
  | 'OrderIsCancelled'
  | 'UnitUnknown'
  | 'NothingToReveal'
  | 'NothingToConfirm'
  | 'UnitUnderClaim'
  | 'UnitRefunded'
  | 'DraftUsed'
  | 'TooManyClaims'
  | 'ClaimUnknown'
  | 'ClaimNotSubmitted'
  | 'ClaimOver'
  | 'UnitReplaced'
  | 'ReissueOver'
  | 'RefundUnknown'
  | 'NotByVerdict'
  | 'RefundIsRevoked'
  | 'RefundIsOverturned';

type OfAnyOrder =
  'PlaceOrder' | 'CapturePayment' | 'CancelOrder' | 'FreezeOrder' | 'UnfreezeOrder' | 'RevokeRefund' | 'OverturnRefund';

function decidePaid(command: Exclude<StampedOrderCommand, { type: OfAnyOrder }>, order: Paid): Decision {
  switch (command.type) {
    case 'DeliverUnits':
      return deliverUnits(command, order);
    case 'ReportPlatformFailure':
      return reportPlatformFailure(command, order);
    case 'NoteIncident':
      return noteIncident(command, order);
    case 'RevealKey':
      return revealKey(command, order);
    case 'ConfirmReceipt':
      return confirmReceipt(command, order);
    case 'OpenClaim':
      return openClaim(command, order);
    case 'SubmitClaim':
      return submitClaim(command, order);
    case 'CloseClaim':
      return closeClaim(command, order);
    case 'ReplaceUnit':
      return replaceUnit(command, order);
    case 'ApproveRefund':
      return approveRefund(command, order);
    case 'PassOrderDeadlines':
      return passDeadlines(command, order);
  }
}

/** Stream `order-{platform}.{orderNo}`: the sale, its units, their escrow, and the claims and refunds on them. */
export const order: Decider<OrderCommand, Order, OrderEvent, OrderRejection> = {
  category: 'order',
  initial: { status: 'none', length: 0 },
  events: {
    OrderPlaced: 1,
    PaymentCaptured: 1,
    SurplusCaptured: 1,
    OrderCancelled: 1,
    DeliveryOverdue: 1,
    UnitDelivered: 1,
    PlatformDeliveryFailed: 1,
    PlatformIncidentNoted: 1,
    KeyRevealed: 1,
    ReceiptConfirmed: 1,
    EscrowReleased: 1,
    ClaimOpened: 1,
    ClaimSubmitted: 1,
    ClaimAttached: 1,
    ClaimClosed: 1,
    ReplacementDelivered: 1,
    RefundApproved: 1,
    RefundFundedFromEscrow: 1,
    RefundRevoked: 1,
    RefundOverturned: 1,
    RefundShutOut: 1,
    OrderFrozen: 1,
    OrderUnfrozen: 1,
  },
  decide: (command, state) => {
    if (command.type === 'PlaceOrder')
      return state.status === 'none' ? placeOrder(command) : reject('OrderExists', 'this order number is taken; use another one');
    if (state.status === 'none') return reject('OrderUnknown', 'there is no order of this number; place it first');
    if (command.type === 'CapturePayment') return capturePayment(command, state);
    if (command.type === 'CancelOrder') return cancelOrder(command, state);
    if (command.type === 'FreezeOrder') return freezeOrder(command, state);
    if (command.type === 'UnfreezeOrder') return unfreezeOrder(command, state);
    if (command.type === 'RevokeRefund') return revokeRefund(command, state);
    if (command.type === 'OverturnRefund') return overturnRefund(command, state);
    if (state.status === 'paid') return decidePaid(command, state);
    if (command.type === 'PassOrderDeadlines') return [];
    return state.status === 'placed'
      ? reject('NotPaid', 'the payment is not confirmed yet; wait for it')
      : reject('OrderIsCancelled', 'the order is cancelled and what was paid is refunded');
  },
  evolve,
};
