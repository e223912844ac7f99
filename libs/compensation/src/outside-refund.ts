import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import { isPositive, min, type Money, sameAsset, subtract, zero } from '@recourse/money';
import type { PayoutCommand } from './payout.js';
import { type Decided, dueOf, event, type Payout, placeOf, purposedOf } from './payout-state.js';

/** Why money that left the gateway past us cannot be taken for this payout's. */
export type OutsideRefusal = 'NotARefund' | 'AssetMismatch' | 'TransferLive' | 'PayoutIsCancelled';

/** Why money that left the gateway past us cannot be taken for this payout's, as it stands now. */
export function outsideRefusal(amount: Money, state: Payout): OutsideRefusal | undefined {
  if (state.status === 'unrequested' || state.status === 'barred') return 'PayoutIsCancelled';
  if (state.requested.purpose.kind !== 'refund') return 'NotARefund';
  if (!sameAsset(amount, state.requested.amount)) return 'AssetMismatch';
  if (state.status === 'live') return 'TransferLive';
  return state.status === 'cancelled' || state.status === 'returned' ? 'PayoutIsCancelled' : undefined;
}

/** What is not paid yet is paid by it; what is, the buyer has twice. A payout that may be on its way is neither. */
export function recordRefundedOutside(
  { differenceId, rail, amount }: CommandOf<PayoutCommand, 'RecordRefundedOutside'>,
  at: Instant,
  state: Payout,
): Decided {
  if (state.status === 'unrequested') return reject('PayoutUnknown', 'no payout with this id was requested');
  if (!isPositive(amount)) return reject('AmountNotPositive', 'a refund is one minor unit or more');
  const refused = (why: OutsideRefusal): Decided => {
    const what = purposedOf(state.status === 'barred' ? state : state.requested);
    return [event('OutsideRefundRefused', { ...what, differenceId, why, refusedAt: at })];
  };
  if (state.status === 'barred') return refused('PayoutIsCancelled');
  if (state.outside.differences.includes(differenceId)) return [];
  const { purpose } = state.requested;
  const why = outsideRefusal(amount, state);
  if (why !== undefined || purpose.kind !== 'refund') return refused(why ?? 'NotARefund');
  const isPaid = state.status === 'succeeded' || state.status === 'outside';
  const fromRefund = isPaid ? zero(amount.asset) : min(amount, dueOf(state));
  const toBuyer = subtract(amount, fromRefund);
  const stillDue = isPaid ? zero(amount.asset) : subtract(dueOf(state), fromRefund);
  const what = { ...placeOf(state.requested), purpose, rail };
  return [event('RefundedOutside', { ...what, fromRefund, toBuyer, stillDue, differenceId, recordedAt: at })];
}
