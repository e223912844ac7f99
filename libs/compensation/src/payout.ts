import { type Decider, type Event, type Instant, reject } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import { type OutsideRefusal, recordRefundedOutside } from './outside-refund.js';
import { approvePayout, holdPayout } from './payout-approval.js';
import { cancelPayout } from './payout-cancellation.js';
import { requestPayout } from './payout-request.js';
import { event, evolve, type Payout, type Place, type Purposed, type Subject, type Transfer } from './payout-state.js';
import { type RailWord, recordRailWord } from './rail-word.js';
import { submitTransfer } from './transfer.js';

/** What is paid: a refund out of refund:{id}, or a settlement or withdrawal out of outgoing:{id}. */
export type PayoutPurpose =
  | {
      readonly kind: 'refund';
      readonly refundId: string;
      readonly orderId: string;
      readonly buyer: string;
      readonly merchant: string;
    }
  | { readonly kind: 'settlement' | 'withdrawal'; readonly merchant: string };
type RefundPurpose = Extract<PayoutPurpose, { kind: 'refund' }>;

export type PayoutEvent =
  | Event<
      'PayoutRequested',
      Subject & {
        readonly payee: string;
        readonly requestedAt: Instant;
        /** Whoever asked for it; absent for what the house pays by itself, such as a refund. */
        readonly requestedBy?: string;
        /** In force when it was requested: an amount above it waits for two people. Absent: no limit. */
        readonly approvalLimit?: Money;
      }
    >
  /** The first of two people agrees to what nobody in particular asked for. */
  | Event<'PayoutApprovalProposed', Place & { readonly amount: Money; readonly proposedBy: string; readonly proposedAt: Instant }>
  /** Two people stand behind it: whoever asked for it or agreed first, and another. */
  | Event<
      'PayoutApproved',
      Place & {
        readonly amount: Money;
        readonly approvalLimit: Money;
        readonly firstBy: string;
        readonly approvedBy: string;
        readonly approvedAt: Instant;
      }
    >
  /** Sent back with a reason: it stays owed, waits, and needs its approvals anew. */
  | Event<'PayoutHeld', Place & { readonly reason: string; readonly heldBy: string; readonly heldAt: Instant }>
  /** The intent, stored before the rail is called. */
  | Event<'TransferSubmitted', Subject & Transfer & { readonly payee: string; readonly submittedAt: Instant }>
  | Event<'TransferProcessing', Transfer & { readonly payoutId: string }>
  | Event<'TransferOutcomeUnknown', Transfer & { readonly payoutId: string; readonly cause: string }>
  | Event<
      'TransferBlocked',
      Transfer & { readonly payoutId: string; readonly why: 'FundingBlocked' | 'ChannelHalted'; readonly code: string }
    >
  /** The rail's definite word that this transfer will never pay. */
  | Event<
      'TransferFailed',
      Transfer & {
        readonly payoutId: string;
        readonly failure: 'PayeeActionRequired' | 'RequestWrong' | 'Closed';
        readonly code: string;
      }
    >
  /** Still owed; a new destination reopens it. */
  | Event<'PayoutUnclaimed', { readonly payoutId: string; readonly code: string }>
  | Event<'PayoutDestinationChanged', { readonly payoutId: string; readonly payee: string; readonly changedAt: Instant }>
  | Event<'PayoutSucceeded', Subject & Transfer & { readonly railTransferId: string; readonly succeededAt: Instant }>
  /** What the rail takes for a transfer, out of our account there and not out of what is paid. */
  | Event<'GatewayFeeCharged', Place & Transfer & { readonly rail: string; readonly amount: Money; readonly chargedAt: Instant }>
  /** A transfer that succeeded came back: the money is in refund:{id} or outgoing:{id} again. */
  | Event<
      'PayoutReversed',
      Subject & Transfer & { readonly railTransferId: string; readonly code: string; readonly reversedAt: Instant }
    >
  /** No transfer follows any more. May stand before PayoutRequested. Answered once no transfer is live. */
  | Event<
      'PayoutCancelRequested',
      Purposed & {
        readonly reason: string;
        /** The payee deceived: should he be paid and it come back, it pays what he owes. */
        readonly isFraud?: true;
        readonly requestedBy: string;
        readonly requestedAt: Instant;
      }
    >
  /** Nothing was paid, nor will be: whoever funded it takes the money back. */
  | Event<'PayoutCancelled', Purposed & { readonly cancelledAt: Instant }>
  /** The answer when a transfer has paid. Should it come back, the money goes out no more. */
  | Event<'PayoutCancelRefused', Purposed & { readonly railTransferId: string; readonly refusedAt: Instant }>
  /**
   * A refund that was paid, asked to be cancelled, and is back: the money lies in refund:{id} and goes out no more. Once per
   * payout. What comes back of a merchant's own money is cancelled after all, and his again.
   */
  | Event<
      'PayoutReturned',
      Subject & {
        /** It came back from a buyer who deceived, after he was known to have it: it pays what he owes. */
        readonly isFraud?: true;
        readonly returnedAt: Instant;
      }
    >
  /**
   * Somebody refunded the buyer past us. What was not paid yet counts as paid by it, out of refund:{id}; what was paid already he
   * has twice and owes.
   */
  | Event<
      'RefundedOutside',
      Place & {
        readonly purpose: RefundPurpose;
        /** The one it was made on. */
        readonly rail: string;
        readonly fromRefund: Money;
        readonly toBuyer: Money;
        /** What refund:{id} has still to pay afterwards; nothing more is sent when it is nothing. */
        readonly stillDue: Money;
        /** The line of the rail's bill that shows it. */
        readonly differenceId: string;
        readonly recordedAt: Instant;
      }
    >
  /** The answer when a difference cannot be this refund, or not now. */
  | Event<
      'OutsideRefundRefused',
      Purposed & { readonly differenceId: string; readonly why: OutsideRefusal; readonly refusedAt: Instant }
    >;

export type PayoutCommand =
  | {
      readonly type: 'RequestPayout';
      readonly payoutId: string;
      readonly platform: string;
      readonly purpose: PayoutPurpose;
      readonly rail: string;
      readonly payee: string;
      readonly amount: Money;
      /** A person's subject; left out for what the house pays by itself. */
      readonly requestedBy?: string;
      /** In the amount's asset; left out: no limit. */
      readonly approvalLimit?: Money;
    }
  | { readonly type: 'ApprovePayout'; readonly subject: string }
  | { readonly type: 'HoldPayout'; readonly subject: string; readonly reason: string }
  /** Also before it is requested. */
  | {
      readonly type: 'CancelPayout';
      readonly payoutId: string;
      readonly platform: string;
      readonly purpose: PayoutPurpose;
      readonly subject: string;
      readonly reason: string;
      readonly isFraud?: true;
    }
  /** `key` is the one the rail adapter derives from payout id and transfer number. */
  | { readonly type: 'SubmitTransfer'; readonly transferNo: number; readonly key: string }
  | { readonly type: 'RecordRailWord'; readonly transferNo: number; readonly word: RailWord }
  | { readonly type: 'ChangeDestination'; readonly payee: string }
  /** Answered by RefundedOutside or OutsideRefundRefused. */
  | {
      readonly type: 'RecordRefundedOutside';
      readonly differenceId: string;
      readonly rail: string;
      readonly amount: Money;
    };

export type PayoutRejection =
  | 'PayoutUnknown'
  | 'PayoutDiffers'
  | 'AmountNotPositive'
  | 'AssetMismatch'
  | 'AwaitingApproval'
  | 'NotAwaitingApproval'
  | 'SameSubject'
  | 'PayoutIsCancelled'
  | 'TransferLive'
  | 'NotNextTransfer'
  | 'WrongKey'
  | 'Unclaimed'
  | 'TransferUnknown'
  | 'AlreadySucceeded'
  | 'RailContradictsItself'
  | 'NotUnclaimed';

/**
 * Stream `payout-{refund or settlement id}`. A transfer follows another only after the rail's definite word that the other
 * failed or came back, so that two are never live and the payee is paid once.
 */
export const payout: Decider<PayoutCommand, Payout, PayoutEvent, PayoutRejection> = {
  category: 'payout',
  initial: { status: 'unrequested' },
  events: {
    PayoutRequested: 1,
    PayoutApprovalProposed: 1,
    PayoutApproved: 1,
    PayoutHeld: 1,
    TransferSubmitted: 1,
    TransferProcessing: 1,
    TransferOutcomeUnknown: 1,
    TransferBlocked: 1,
    TransferFailed: 1,
    PayoutUnclaimed: 1,
    PayoutDestinationChanged: 1,
    PayoutSucceeded: 1,
    GatewayFeeCharged: 1,
    PayoutReversed: 1,
    PayoutCancelRequested: 1,
    PayoutCancelled: 1,
    PayoutCancelRefused: 1,
    PayoutReturned: 1,
    RefundedOutside: 1,
    OutsideRefundRefused: 1,
  },
  decide: (command, state) => {
    if (command.type === 'RequestPayout') return requestPayout(command, command.at, state);
    if (command.type === 'CancelPayout') return cancelPayout(command, command.at, state);
    if (command.type === 'RecordRefundedOutside') return recordRefundedOutside(command, command.at, state);
    if (state.status === 'unrequested' || state.status === 'barred')
      return reject('PayoutUnknown', 'no payout with this id was requested');
    switch (command.type) {
      case 'ApprovePayout':
        return approvePayout(command.subject, command.at, state);
      case 'HoldPayout':
        return holdPayout(command, command.at, state);
      case 'SubmitTransfer':
        return submitTransfer(command, command.at, state);
      case 'RecordRailWord':
        return recordRailWord(command, command.at, state);
      case 'ChangeDestination': {
        if (state.status === 'succeeded' || state.status === 'outside') return reject('AlreadySucceeded', 'this payout is paid');
        if (state.status !== 'unclaimed')
          return reject('NotUnclaimed', 'the destination changes only when the present one cannot be paid');
        const { payoutId } = state.requested;
        return [event('PayoutDestinationChanged', { payoutId, payee: command.payee, changedAt: command.at })];
      }
    }
  },
  evolve,
};
