import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import { equals, isPositive, sameAsset } from '@recourse/money';
import type { PayoutCommand, PayoutPurpose } from './payout.js';
import { type Decided, event, type Payout, type Purposed } from './payout-state.js';

export const differs = reject('PayoutDiffers', 'a payout with this id was requested with other content');

export function requestPayout(command: CommandOf<PayoutCommand, 'RequestPayout'>, at: Instant, state: Payout): Decided {
  const { payoutId, platform, purpose, rail, payee, amount, requestedBy, approvalLimit } = command;
  if (state.status === 'barred') return isSamePurpose(command, state) ? [] : differs;
  if (state.status !== 'unrequested') {
    const first = state.requested;
    const isSame = isSamePurpose(command, first) && rail === first.rail && payee === first.payee && equals(amount, first.amount);
    return isSame ? [] : differs;
  }
  if (!isPositive(amount)) return reject('AmountNotPositive', 'a payout is one minor unit or more');
  if (approvalLimit !== undefined && !sameAsset(amount, approvalLimit))
    return reject('AssetMismatch', `a payout in ${amount.asset} has no limit in ${approvalLimit.asset}`);
  return [
    event('PayoutRequested', {
      payoutId,
      platform,
      purpose,
      rail,
      amount,
      payee,
      requestedAt: at,
      ...(requestedBy === undefined ? {} : { requestedBy }),
      ...(approvalLimit === undefined ? {} : { approvalLimit }),
    }),
  ];
}

export const isSamePurpose = (one: Purposed, other: Purposed): boolean =>
  one.payoutId === other.payoutId && one.platform === other.platform && samePurpose(one.purpose, other.purpose);

function samePurpose(one: PayoutPurpose, other: PayoutPurpose): boolean {
  if (one.merchant !== other.merchant) return false;
  if (one.kind !== 'refund' || other.kind !== 'refund') return one.kind === other.kind;
  return one.refundId === other.refundId && one.orderId === other.orderId && one.buyer === other.buyer;
}
