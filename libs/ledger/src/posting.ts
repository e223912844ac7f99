import type {
  BuyerDebtEvent,
  ContributionEvent,
  FundControlEvent,
  FundEvent,
  PayoutEvent,
  PayoutPurpose,
  ReconciliationEvent,
} from '@recourse/compensation/events';
import type { DepositEvent } from '@recourse/deposits/events';
import type { ComplaintEvent, DisputeEvent, IncidentEvent, PolicyEvent } from '@recourse/disputes/events';
import { UnknownEventType, type Event, type UniqueEvent } from '@recourse/eventing';
import { isZero, type Money } from '@recourse/money';
import type { FeeEvent, OrderEvent } from '@recourse/orders/events';
import { formatAccount } from './accounts.js';

/** Every event of the log. */
export type DomainEvent =
  | OrderEvent
  | FeeEvent
  | DisputeEvent
  | ComplaintEvent
  | PolicyEvent
  | IncidentEvent
  | DepositEvent
  | FundEvent
  | FundControlEvent
  | ContributionEvent
  | PayoutEvent
  | BuyerDebtEvent
  | ReconciliationEvent
  | UniqueEvent;

/** The same amount on both sides, by account name; amounts are positive. */
export interface Posting {
  readonly debit: string;
  readonly credit: string;
  readonly amount: Money;
}

const escrow = (platform: string, order: string) => formatAccount({ platform, kind: 'escrow', owner: order });
const refund = (platform: string, refundId: string) => formatAccount({ platform, kind: 'refund', owner: refundId });
const outgoing = (platform: string, payoutId: string) => formatAccount({ platform, kind: 'outgoing', owner: payoutId });
const gateway = (platform: string, rail: string) => formatAccount({ platform, kind: 'gateway', owner: rail });
const available = (platform: string) => formatAccount({ platform, kind: 'available' });
const advanced = (platform: string) => formatAccount({ platform, kind: 'advanced' });
const fees = (platform: string) => formatAccount({ platform, kind: 'fees' });
const suspense = (platform: string, rail: string) => formatAccount({ platform, kind: 'suspense', owner: rail });
const gatewayCost = (platform: string) => formatAccount({ platform, kind: 'gateway-cost' });
const losses = (platform: string) => formatAccount({ platform, kind: 'losses' });
const owedBy = ({ platform, buyer: owner }: { readonly platform: string; readonly buyer: string }) =>
  formatAccount({ platform, kind: 'owed', owner });

type MerchantMoney = 'settling' | 'payable' | 'deposit' | 'held' | 'recourse';
const merchant = (of: { readonly platform: string; readonly merchant: string }, kind: MerchantMoney) =>
  formatAccount({ platform: of.platform, kind, owner: of.merchant });

const paidFrom = (of: { readonly platform: string; readonly payoutId: string; readonly purpose: PayoutPurpose }) =>
  of.purpose.kind === 'refund' ? refund(of.platform, of.purpose.refundId) : outgoing(of.platform, of.payoutId);

const posting = (debit: string, credit: string, amount: Money): Posting => ({ debit, credit, amount });
// An event names amounts that may be nothing, such as a fee; a posting of nothing is no posting.
const moved = (...postings: Posting[]): readonly Posting[] => postings.filter(({ amount }) => !isZero(amount));
const nothing: readonly Posting[] = [];

/**
 * What an event does to the accounts, read from the event alone. The order is fixed: it numbers the journal's lines.
 * @throws UnknownEventType for an event of a newer program
 */
export function postingsOf(event: DomainEvent): readonly Posting[] {
  switch (event.type) {
    case 'PaymentCaptured': {
      const { platform, rail, orderId, amount } = event.data;
      return moved(posting(gateway(platform, rail), escrow(platform, orderId), amount));
    }
    case 'SurplusCaptured': {
      const { platform, rail, refundId, amount } = event.data;
      return moved(posting(gateway(platform, rail), refund(platform, refundId), amount));
    }
    case 'EscrowReleased': {
      const { platform, orderId, net, fee } = event.data;
      const source = escrow(platform, orderId);
      return moved(posting(source, merchant(event.data, 'settling'), net), posting(source, fees(platform), fee));
    }
    case 'RefundFundedFromEscrow': {
      const { platform, orderId, refundId, amount } = event.data;
      return moved(posting(escrow(platform, orderId), refund(platform, refundId), amount));
    }
    case 'RefundRevoked': {
      const { platform, orderId, refundId, fromEscrow } = event.data;
      return moved(posting(refund(platform, refundId), escrow(platform, orderId), fromEscrow));
    }

    case 'PayableCredited':
      return moved(posting(merchant(event.data, 'settling'), merchant(event.data, 'payable'), event.data.amount));
    case 'DepositToppedUp':
      return moved(posting(gateway(event.data.platform, event.data.rail), merchant(event.data, 'deposit'), event.data.amount));
    case 'DepositHeld':
      return moved(posting(merchant(event.data, 'deposit'), merchant(event.data, 'held'), event.data.amount));
    case 'HoldReleased':
      return moved(posting(merchant(event.data, 'held'), merchant(event.data, 'deposit'), event.data.amount));
    case 'DepositDebited': {
      const recourse = merchant(event.data, 'recourse');
      return moved(
        posting(merchant(event.data, 'held'), recourse, event.data.fromHeld),
        posting(merchant(event.data, 'deposit'), recourse, event.data.fromDeposit),
      );
    }
    case 'PayableDebited':
      return moved(posting(merchant(event.data, 'payable'), merchant(event.data, 'recourse'), event.data.amount));
    case 'RefundFundedFromDeposit': {
      const { platform, refundId, fromHeld, fromDeposit, fromFees } = event.data;
      const target = refund(platform, refundId);
      return moved(
        posting(merchant(event.data, 'held'), target, fromHeld),
        posting(merchant(event.data, 'deposit'), target, fromDeposit),
        posting(fees(platform), target, fromFees),
      );
    }
    case 'DepositFundingRevoked': {
      const { platform, refundId, toDeposit, toFees } = event.data;
      const source = refund(platform, refundId);
      return moved(posting(source, merchant(event.data, 'deposit'), toDeposit), posting(source, fees(platform), toFees));
    }
    case 'SettlementDrawn': {
      const { platform, payoutId, amount } = event.data;
      return moved(posting(merchant(event.data, 'payable'), outgoing(platform, payoutId), amount));
    }
    case 'SettlementReturned': {
      const { platform, payoutId, amount } = event.data;
      return moved(posting(outgoing(platform, payoutId), merchant(event.data, 'payable'), amount));
    }
    case 'WithdrawalDrawn': {
      const { platform, payoutId, fromDeposit, fromPayable } = event.data;
      const target = outgoing(platform, payoutId);
      return moved(
        posting(merchant(event.data, 'deposit'), target, fromDeposit),
        posting(merchant(event.data, 'payable'), target, fromPayable),
      );
    }
    case 'DrawReturned': {
      const { platform, payoutId, toDeposit, toPayable } = event.data;
      const source = outgoing(platform, payoutId);
      return moved(
        posting(source, merchant(event.data, 'deposit'), toDeposit),
        posting(source, merchant(event.data, 'payable'), toPayable),
      );
    }
    case 'RecourseWrittenOff':
      return moved(posting(advanced(event.data.platform), merchant(event.data, 'recourse'), event.data.amount));
    case 'RecourseReinstated':
      return moved(posting(merchant(event.data, 'recourse'), advanced(event.data.platform), event.data.amount));
    case 'RecourseForgiven':
      return moved(posting(advanced(event.data.platform), merchant(event.data, 'recourse'), event.data.amount));
    case 'CompensationCredited':
      return moved(posting(merchant(event.data, 'settling'), merchant(event.data, 'payable'), event.data.amount));

    case 'FundContributed':
      return moved(posting(gateway(event.data.platform, event.data.rail), available(event.data.platform), event.data.amount));
    case 'FundsReserved': {
      const { platform, refundId, fromFund, fromFees, merchantShare } = event.data;
      const target = refund(platform, refundId);
      return moved(
        posting(available(platform), target, fromFund),
        posting(fees(platform), target, fromFees),
        posting(merchant(event.data, 'recourse'), advanced(platform), merchantShare),
      );
    }
    case 'ReservationRevoked': {
      const { platform, refundId, fromFund, fromFees, merchantShare } = event.data;
      const source = refund(platform, refundId);
      return moved(
        posting(source, available(platform), fromFund),
        posting(source, fees(platform), fromFees),
        posting(advanced(platform), merchant(event.data, 'recourse'), merchantShare),
      );
    }
    case 'FundReimbursed':
      return moved(posting(advanced(event.data.platform), available(event.data.platform), event.data.amount));

    case 'MerchantCompensated':
      return moved(posting(available(event.data.platform), merchant(event.data, 'settling'), event.data.amount));
    case 'BuyerFraudEstablished':
      return moved(posting(owedBy(event.data), advanced(event.data.platform), event.data.amount));
    case 'FraudRepaid': {
      const { platform, refundId, rail, amount } = event.data;
      const source = rail === undefined ? refund(platform, refundId) : gateway(platform, rail);
      return moved(posting(source, owedBy(event.data), amount), posting(advanced(platform), available(platform), amount));
    }
    case 'RefundReturned': {
      const { platform, refundId, amount } = event.data;
      return moved(posting(refund(platform, refundId), available(platform), amount));
    }
    case 'DoublePaymentRepaid':
      return moved(posting(gateway(event.data.platform, event.data.rail), owedBy(event.data), event.data.amount));
    case 'BuyerDebtWrittenOff': {
      const { platform, kind, amount } = event.data;
      return moved(posting(kind === 'fraud' ? advanced(platform) : losses(platform), owedBy(event.data), amount));
    }

    case 'PayoutSucceeded':
      return moved(posting(paidFrom(event.data), gateway(event.data.platform, event.data.rail), event.data.amount));
    case 'PayoutReversed':
      return moved(posting(gateway(event.data.platform, event.data.rail), paidFrom(event.data), event.data.amount));
    case 'GatewayFeeCharged': {
      const { platform, rail, amount } = event.data;
      return moved(posting(gatewayCost(platform), gateway(platform, rail), amount));
    }
    case 'RefundedOutside': {
      const { platform, purpose, rail, fromRefund, toBuyer } = event.data;
      const target = gateway(platform, rail);
      return moved(
        posting(refund(platform, purpose.refundId), target, fromRefund),
        posting(owedBy({ platform, buyer: purpose.buyer }), target, toBuyer),
      );
    }

    case 'DifferenceBooked': {
      const { platform, rail, direction, amount } = event.data;
      const [open, account] = [suspense(platform, rail), gateway(platform, rail)];
      return moved(direction === 'out' ? posting(open, account, amount) : posting(account, open, amount));
    }
    case 'DifferenceCleared': {
      const { platform, rail, direction, amount } = event.data;
      const [open, account] = [suspense(platform, rail), gateway(platform, rail)];
      return moved(direction === 'out' ? posting(account, open, amount) : posting(open, account, amount));
    }
    case 'DifferenceWrittenOff': {
      const { platform, rail, direction, amount } = event.data;
      const [open, loss] = [suspense(platform, rail), losses(platform)];
      return moved(direction === 'out' ? posting(loss, open, amount) : posting(open, loss, amount));
    }

    case 'OrderPlaced':
    case 'OrderCancelled':
    case 'DeliveryOverdue':
    case 'UnitDelivered':
    case 'PlatformDeliveryFailed':
    case 'PlatformIncidentNoted':
    case 'KeyRevealed':
    case 'ReceiptConfirmed':
    case 'ClaimOpened':
    case 'ClaimSubmitted':
    case 'ClaimAttached':
    case 'ClaimClosed':
    case 'ReplacementDelivered':
    case 'RefundApproved':
    case 'RefundOverturned':
    case 'RefundShutOut':
    case 'OrderFrozen':
    case 'OrderUnfrozen':
    case 'FeeSchedulePublished':
      return nothing;
    case 'DisputeDrafted':
    case 'DisputeSubmitted':
    case 'DraftLapsed':
    case 'EvidenceSubmitted':
    case 'IncidentAttested':
    case 'EvidenceTagged':
    case 'MerchantPromised':
    case 'VerificationRequested':
    case 'VerificationRecorded':
    case 'ReissueAwaited':
    case 'ReissueMissed':
    case 'BuyerCheckAwaited':
    case 'ReplacementRefused':
    case 'ResolvedByReissue':
    case 'MerchantAnswerAwaited':
    case 'MerchantAnswered':
    case 'MerchantStayedSilent':
    case 'EvidenceAwaited':
    case 'EvidencePhaseEnded':
    case 'PersonRequested':
    case 'VerdictVoided':
    case 'ReviewStarted':
    case 'ReviewEscalated':
    case 'VerdictReached':
    case 'VerdictBecameFinal':
    case 'VerdictOverrideProposed':
    case 'VerdictOverrideWithdrawn':
    case 'VerdictOverturned':
    case 'ComplaintLinked':
    case 'CasePackExported':
    case 'AppealLodged':
    case 'AppealWithdrawn':
    case 'AppealEscalated':
    case 'AppealRuled':
    case 'DisputeWithdrawn':
    case 'PolicyPublished':
    case 'PolicyShortNoticeProposed':
    case 'PolicyShortNoticeWithdrawn':
    case 'PolicyWithdrawn':
    case 'PolicyRetired':
    case 'IncidentRecorded':
    case 'IncidentWidened':
    case 'IncidentEnded':
    case 'IncidentRetracted':
      return nothing;
    case 'ComplaintReceived':
    case 'ComplaintAnswered':
    case 'ComplaintBecameOverdue':
    case 'ComplaintClosed':
      return nothing;
    case 'DepositPeriodOpened':
    case 'DepositCarriedForward':
    case 'DepositPeriodClosed':
    case 'DepositAgreed':
    case 'CaseNoted':
    case 'CaseNoteEnded':
    case 'HoldReassigned':
    case 'ObligationOpened':
    case 'ObligationRefundPaid':
    case 'HandOverDeclined':
    case 'DepositFundingPaid':
    case 'SettlementScheduled':
    case 'SettlementSkipped':
    case 'WithdrawalRequested':
    case 'ClosingRequested':
    case 'WithdrawalCancelled':
    case 'CoolingOffEnded':
    case 'DrawPaid':
    case 'AccountClosed':
    case 'WriteOffProposed':
    case 'ObligationRevoked':
    case 'CompensationClaimed':
    case 'DepositFellShort':
    case 'ShortfallCured':
      return nothing;
    case 'FundPeriodOpened':
    case 'FundCarriedForward':
    case 'FundPeriodClosed':
    case 'ReservationQueued':
    case 'ReservationFreed':
    case 'CompensationQueued':
    case 'ReservationHandedOver':
    case 'ReservationTakenOver':
    case 'ReservationHandedBack':
    case 'HandOversRenewed':
    case 'HandOverEnded':
    case 'HandOverRevoked':
    case 'ReservationWithdrawn':
    case 'FundPaused':
    case 'FundResumed':
    case 'FundLimitsSet':
    case 'FundDayOpened':
    case 'FundRanLow':
    case 'FundRecovered':
    case 'FundPauseOrdered':
    case 'FundResumeProposed':
    case 'FundResumeOrdered':
    case 'FundLimitsProposed':
    case 'FundLimitsApproved':
    case 'FundHoldLiftOrdered':
    case 'FundDayBegan':
    case 'ContributionProposed':
    case 'ContributionApproved':
      return nothing;
    case 'PayoutRequested':
    case 'PayoutApprovalProposed':
    case 'PayoutApproved':
    case 'PayoutHeld':
    case 'TransferSubmitted':
    case 'TransferProcessing':
    case 'TransferOutcomeUnknown':
    case 'TransferBlocked':
    case 'TransferFailed':
    case 'PayoutUnclaimed':
    case 'PayoutDestinationChanged':
    case 'PayoutCancelRequested':
    case 'PayoutCancelled':
    case 'PayoutCancelRefused':
    case 'PayoutReturned':
    case 'BuyerDebtOpened':
    case 'BuyerDebtRepaid':
    case 'BuyerDebtReturned':
    case 'DebtWriteOffProposed':
    case 'DebtWriteOffApproved':
    case 'OutsideRefundRefused':
    case 'DifferenceAssigned':
    case 'DifferenceReleased':
    case 'DifferenceWriteOffProposed':
    case 'UniqueClaimed':
      return nothing;
  }
  throw new UnknownEventType((event satisfies never as Event).type);
}
