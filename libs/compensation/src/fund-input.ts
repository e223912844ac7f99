import { type DataOf, eventsOf, type Instant } from '@recourse/eventing';
import { add, compare, isZero, type Money, sum } from '@recourse/money';
import type { OwedByBuyer } from './buyer-debt.js';
import type { FundEvent, FundInput, Reservation } from './fund.js';
import { limitsOf } from './fund-control.js';
import { answered, renewed } from './fund-hand-over.js';
import { counted, freed, isPaidAtOnce, paid } from './fund-line.js';
import { type Change, compensationOf, keyOf, later, type Open, spentOn } from './fund-state.js';

const event = eventsOf<FundEvent>();

export function concernsFund({ type, data }: FundInput): boolean {
  // What comes back from a buyer who deceived pays his debt first, and is told by that.
  if (type === 'PayoutReturned') return data.purpose.kind === 'refund' && data.isFraud === undefined;
  if (type === 'RefundOverturned') return data.buyerOwes !== undefined && !isZero(data.buyerOwes);
  return (type !== 'RefundApproved' && type !== 'RefundRevoked') || !isZero(data.fromFund) || !isZero(data.fromFees);
}
/** It means nothing to a fund that nobody has asked anything of. */
export function concernsWaitingOnly({ type }: FundInput): boolean {
  switch (type) {
    case 'RefundRevoked':
    case 'RefundFundedFromDeposit':
    case 'HandOverDeclined':
    case 'DepositFundingPaid':
    case 'DepositToppedUp':
    case 'FundHoldLiftOrdered':
    case 'FundDayBegan':
      return true;
    case 'RefundApproved':
    case 'ContributionApproved':
    case 'DepositDebited':
    case 'PayableDebited':
    case 'CompensationClaimed':
    case 'PayoutReturned':
    case 'RefundOverturned':
    case 'BuyerDebtRepaid':
    case 'BuyerDebtReturned':
    case 'DebtWriteOffApproved':
    case 'FundPauseOrdered':
    case 'FundResumeOrdered':
    case 'FundLimitsApproved':
      return false;
  }
}
export const assetOf = ({ data }: FundInput): string =>
  'asset' in data ? data.asset : 'amount' in data ? data.amount.asset : data.total.asset;

/** The input's own event; what else follows is `onwardFrom`. */
export function effectOf(input: FundInput, state: Open, at: Instant): readonly Change[] {
  switch (input.type) {
    case 'RefundApproved': {
      const wanted = { ...reservationOf(input.data), ...counted(state, at) };
      const entry = { kind: 'reservation', wanted } as const;
      if (state.numbers.has(keyOf(entry)) || state.handedOver.has(wanted.refundId)) return [];
      if (isBeyondLimit(state, wanted)) return [event('ReservationQueued', { ...wanted, why: 'velocity-limit' })];
      if (state.isPaused) return [event('ReservationQueued', { ...wanted, why: 'paused' })];
      return isPaidAtOnce(state, entry) ? paid(entry) : [event('ReservationQueued', wanted)];
    }
    // No daily limit: it bounds what the fund lays out for a merchant's refunds, and this is what he is owed.
    case 'CompensationClaimed': {
      const wanted = compensationOf(input.data);
      const entry = { kind: 'compensation', wanted } as const;
      if (state.numbers.has(keyOf(entry))) return [];
      if (state.isPaused) return [event('CompensationQueued', { ...wanted, why: 'paused' })];
      return isPaidAtOnce(state, entry) ? paid(entry) : [event('CompensationQueued', wanted)];
    }
    case 'PayoutReturned': {
      const { platform, purpose, amount } = input.data;
      if (purpose.kind !== 'refund') return [];
      const { merchant, buyer, refundId } = purpose;
      return [event('RefundReturned', { platform, asset: amount.asset, merchant, buyer, refundId, amount })];
    }
    case 'ContributionApproved': {
      const { platform, contributionId, amount, rail } = input.data;
      return [event('FundContributed', { platform, contributionId, amount, rail })];
    }
    case 'DepositDebited':
    case 'PayableDebited': {
      const { platform, merchant, obligationId, refundId, amount } = input.data;
      const source = input.type === 'DepositDebited' ? 'deposit' : 'payable';
      return [event('FundReimbursed', { platform, merchant, obligationId, refundId, amount, source })];
    }
    case 'RefundRevoked':
      return revoked(input.data, state);
    case 'RefundFundedFromDeposit':
    case 'HandOverDeclined':
    case 'DepositFundingPaid':
      return answered(input, state);
    case 'DepositToppedUp':
      return renewed(input.data, state);
    case 'RefundOverturned': {
      const { platform, refundId, orderId, merchant, buyer, buyerOwes: amount } = input.data;
      if (amount === undefined) return [];
      return [event('BuyerFraudEstablished', { platform, asset: amount.asset, refundId, orderId, merchant, buyer, amount })];
    }
    case 'BuyerDebtRepaid': {
      const { amount, rail, transaction } = input.data;
      const repaid = { ...debtOf(input.data), amount, rail, transaction };
      return [event(input.data.kind === 'fraud' ? 'FraudRepaid' : 'DoublePaymentRepaid', repaid)];
    }
    case 'BuyerDebtReturned': {
      const { amount, rest, platform, merchant, buyer, refundId } = input.data;
      const returned = { platform, asset: rest.asset, merchant, buyer, refundId, amount: rest };
      return [
        ...(isZero(amount) ? [] : [event('FraudRepaid', { ...debtOf(input.data), amount })]),
        ...(isZero(rest) ? [] : [event('RefundReturned', returned)]),
      ];
    }
    case 'DebtWriteOffApproved': {
      const { amount, reason, proposedBy, approvedBy } = input.data;
      return [event('BuyerDebtWrittenOff', { ...debtOf(input.data), amount, reason, proposedBy, approvedBy })];
    }
    case 'FundPauseOrdered': {
      const { platform, asset, kind, orderedBy: by, reason } = input.data;
      return [event('FundPaused', { platform, asset, kind, by, reason, pausedAt: at })];
    }
    case 'FundResumeOrdered': {
      const { platform, asset, orderedBy: by, proposedBy, reason } = input.data;
      const second = proposedBy === undefined ? {} : { proposedBy };
      return [event('FundResumed', { platform, asset, by, ...second, reason, resumedAt: at })];
    }
    case 'FundLimitsApproved': {
      return [event('FundLimitsSet', { ...limitsOf(input.data), approvedBy: input.data.approvedBy, setAt: at })];
    }
    case 'FundHoldLiftOrdered': {
      const { refundId, orderedBy: by, reason } = input.data;
      const number = state.numbers.get(refundId);
      // The new day was faster, or nobody held it.
      if (number === undefined || !state.aside.has(number)) return [];
      return freed(state, number, at, { because: 'lifted', by, reason });
    }
    case 'FundDayBegan': {
      const { platform, asset, day } = input.data;
      return state.aside.size === 0
        ? []
        : [event('FundDayOpened', { platform, asset, day: later(state.day, day), openedAt: at })];
    }
  }
}

function reservationOf(approved: DataOf<FundInput, 'RefundApproved'>): Reservation {
  const { platform, merchant, buyer, payee, rail, refundId, orderId, ground, fromFund, fromFees, total } = approved;
  // What the merchant bears of an escrow line he has paid out of that escrow; only the fund's lines become recourse.
  const shares = approved.lines.filter(({ source }) => source === 'fund').map(({ merchantShare }) => merchantShare);
  return {
    platform,
    merchant,
    buyer,
    payee,
    rail,
    refundId,
    orderId,
    ...(ground.kind === 'verdict' ? { caseId: ground.disputeId } : {}),
    amount: add(fromFund, fromFees),
    fromFund,
    fromFees,
    merchantShare: sum(shares, total.asset),
    total,
  };
}

const isBeyondLimit = (state: Open, { merchant, fromFund, countedOn = '' }: Reservation): boolean =>
  state.dailyPerMerchant !== undefined && compare(add(spentOn(state, merchant, countedOn), fromFund), state.dailyPerMerchant) > 0;

/** Whoever has the money of it gives it back; nobody does while it waits. */
function revoked(
  { refundId, orderId, merchant, fromFund, fromFees, merchantShare }: DataOf<FundInput, 'RefundRevoked'>,
  state: Open,
): readonly Change[] {
  const { platform, asset } = state;
  const which = { platform, asset, refundId, orderId, merchant };
  const handedOver = state.handedOver.get(refundId);
  if (handedOver === 'taken') return [event('HandOverRevoked', which)];
  if (handedOver === 'withdrawn') return [];
  const number = state.numbers.get(refundId);
  if (number !== undefined && state.waiting.has(number)) return [event('ReservationWithdrawn', { ...which, fromFund })];
  return [event('ReservationRevoked', { ...which, fromFund, fromFees, merchantShare })];
}

const debtOf = ({
  debtId,
  platform,
  buyer,
  merchant,
  refundId,
  kind,
  amount: { asset },
}: OwedByBuyer & { readonly amount: Money }): OwedByBuyer & { readonly asset: string } => ({
  platform,
  asset,
  debtId,
  buyer,
  merchant,
  refundId,
  kind,
});
