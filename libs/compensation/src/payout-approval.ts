import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import type { PayoutCommand } from './payout.js';
import { type Decided, event, type Known, placeOf } from './payout-state.js';

const notWaiting = reject('NotAwaitingApproval', 'this payout does not wait for anybody to approve it');

/** Whoever asked for a payout is the first of the two; what the house pays by itself needs two who agree. */
export function approvePayout(subject: string, at: Instant, state: Known): Decided {
  const { amount, approvalLimit } = state.requested;
  if (state.status !== 'waiting' || approvalLimit === undefined) return notWaiting;
  const what = { ...placeOf(state.requested), amount };
  const { firstBy } = state;
  if (firstBy === undefined) return [event('PayoutApprovalProposed', { ...what, proposedBy: subject, proposedAt: at })];
  if (subject === firstBy)
    return reject('SameSubject', 'whoever asked for a payout, or agreed to it first, cannot approve it; another person must');
  return [event('PayoutApproved', { ...what, approvalLimit, firstBy, approvedBy: subject, approvedAt: at })];
}

export function holdPayout({ subject, reason }: CommandOf<PayoutCommand, 'HoldPayout'>, at: Instant, state: Known): Decided {
  if (state.status !== 'waiting') return notWaiting;
  if (state.held?.by === subject && state.held.reason === reason) return [];
  return [event('PayoutHeld', { ...placeOf(state.requested), reason, heldBy: subject, heldAt: at })];
}
