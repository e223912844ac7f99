import type { CommandOf, Instant } from '@recourse/eventing';
import { isPositive } from '@recourse/money';
import type { PayoutCommand } from './payout.js';
import { differs, isSamePurpose } from './payout-request.js';
import { type Change, type Decided, event, type Known, next, type Payout, purposedOf, subjectOf } from './payout-state.js';

export function cancelPayout(command: CommandOf<PayoutCommand, 'CancelPayout'>, at: Instant, state: Payout): Decided {
  const { reason, subject, isFraud } = command;
  const what = purposedOf(command);
  const fraud = isFraud === undefined ? {} : { isFraud };
  const asked = event('PayoutCancelRequested', { ...what, reason, ...fraud, requestedBy: subject, requestedAt: at });
  if (state.status === 'unrequested') return [asked, event('PayoutCancelled', { ...what, cancelledAt: at })];
  if (!isSamePurpose(command, state.status === 'barred' ? state : state.requested)) return differs;
  if (state.status === 'barred' || state.cancellation !== 'none') return [];
  return answered([asked], at, state);
}

/** The events and, when they leave no transfer live, the answer to a cancellation that was asked for. */
export function answered(events: readonly Change[], at: Instant, state: Known): readonly Change[] {
  const after = events.reduce(next, state);
  if (after.cancellation === 'none' || after.status === 'live') return events;
  const what = purposedOf(after.requested);
  const railTransferId = paidAs(after);
  if (railTransferId === undefined) return [...events, event('PayoutCancelled', { ...what, cancelledAt: at })];
  if (after.cancellation === 'refused') {
    const isBack = events.some(({ type }) => type === 'PayoutReversed');
    return isBack ? [...events, returned(after.isFraud ? { isFraud: true } : {}, at, after)] : events;
  }
  const refused = event('PayoutCancelRefused', { ...what, railTransferId, refusedAt: at });
  // It was back before anybody knew that he deceived: it pays no debt of his.
  return after.status === 'succeeded' || after.status === 'outside'
    ? [...events, refused]
    : [...events, refused, returned({}, at, after)];
}

const returned = (fraud: { readonly isFraud?: true }, at: Instant, state: Known) =>
  event('PayoutReturned', { ...subjectOf(state), ...fraud, returnedAt: at });

/**
 * A refund that ever arrived has started recourse, even if it came back, and in part even if it was paid past us; a merchant's
 * own money only counts while it is out.
 */
function paidAs(state: Known): string | undefined {
  if (state.status === 'succeeded') return state.railTransferId;
  if (isPositive(state.outside.fromRefund)) return state.outside.differences.at(-1);
  return state.requested.purpose.kind === 'refund' ? [...state.reversed.values()].at(-1) : undefined;
}
