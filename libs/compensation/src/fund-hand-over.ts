import { type DataOf, type EventOf, eventsOf } from '@recourse/eventing';
import type { FundEvent, FundInput, Reservation } from './fund.js';
import { type Change, type Open, renewable, reservationAt } from './fund-state.js';

const event = eventsOf<FundEvent>();

/** The next one whose merchant's deposit is to be asked. */
export const toHandOver = (state: Open): Reservation | undefined =>
  state.isPaused || !state.unasked.has(state.askFrom) ? undefined : reservationAt(state, state.askFrom);

/** The word of a deposit that was asked; nothing to a fund that has not asked it, or has it already. */
export function answered(
  { type, data }: EventOf<FundInput, 'RefundFundedFromDeposit' | 'HandOverDeclined' | 'DepositFundingPaid'>,
  state: Open,
): readonly Change[] {
  const { platform, asset } = state;
  const { refundId, orderId, merchant } = data;
  const which = { platform, asset, refundId, orderId, merchant };
  const handedOver = state.handedOver.get(refundId);
  if (type === 'DepositFundingPaid') return handedOver === 'taken' ? [event('HandOverEnded', which)] : [];
  if (handedOver === 'withdrawn') return [event(type === 'HandOverDeclined' ? 'HandOverEnded' : 'HandOverRevoked', which)];
  const asked = handedOver === 'asked' ? reservationAt(state, state.numbers.get(refundId) ?? state.next) : undefined;
  if (!asked) return [];
  const { fromFund } = asked;
  return [event(type === 'HandOverDeclined' ? 'ReservationHandedBack' : 'ReservationTakenOver', { ...which, fromFund })];
}

/** His deposit may cover now what it did not. */
export function renewed({ merchant }: DataOf<FundInput, 'DepositToppedUp'>, state: Open): readonly Change[] {
  const { platform, asset } = state;
  return renewable(state, merchant).length === 0 ? [] : [event('HandOversRenewed', { platform, asset, merchant })];
}
