import { type CommandOf, type DataOf, type Instant, isAfter, plusHours, reject } from '@recourse/eventing';
import { add, isNegative, isPositive, subtract, zero } from '@recourse/money';
import {
  accountOf,
  amountFault,
  type Change,
  closedFault,
  type Decided,
  event,
  ifPositive,
  isDone,
  openFault,
  type Open,
  type Refusal,
} from './books.js';
import type { DepositCommand, DepositEvent } from './deposit.js';

export function requestWithdrawal(command: CommandOf<DepositCommand, 'RequestWithdrawal'>, at: Instant, state: Open): Decided {
  const { payoutId, amount } = command;
  if (isDone(state, 'payout', payoutId)) return [];
  const fault = closedFault(state) ?? amountFault(amount, state) ?? pendingFault(state) ?? openFault(state);
  if (fault) return fault;
  const free = subtract(state.deposit, state.minimum);
  if (isPositive(subtract(amount, free)))
    return reject(
      'MoreThanFree',
      `${amount.minor} is asked for and ${isNegative(free) ? 0 : free.minor} is free above the minimum, in minor units`,
    );
  const until = plusHours(at, state.terms.coolingOffHours);
  return [event('WithdrawalRequested', { ...accountOf(state), payoutId, amount, until, requestedAt: at })];
}

/** Asked for again after the account was closed, it returns what came in since. */
export function closeAccount({ payoutId }: CommandOf<DepositCommand, 'CloseAccount'>, at: Instant, state: Open): Decided {
  if (isDone(state, 'payout', payoutId)) return [];
  const fault = isPositive(add(state.deposit, state.payable)) ? undefined : closedFault(state);
  if (fault) return fault;
  if (state.leaving?.amount === 'everything') return pendingFault(state) ?? [];
  const until = plusHours(at, state.terms.coolingOffHours);
  return [
    ...cancelled(state, 'closing', at),
    event('ClosingRequested', { ...accountOf(state), payoutId, until, requestedAt: at }),
  ];
}

export function cancelWithdrawal({ payoutId }: CommandOf<DepositCommand, 'CancelWithdrawal'>, at: Instant, state: Open): Decided {
  if (state.leaving?.payoutId === payoutId) return cancelled(state, 'merchant', at);
  return isDone(state, 'payout', payoutId) || state.draws.has(payoutId)
    ? reject('WithdrawalOver', 'this withdrawal was submitted or cancelled; what is at the rail stands')
    : reject('PayoutUnknown', 'no withdrawal with this payout id is open');
}

/** A closing waits for what is open, a withdrawal gives way to it. */
export const givesWay = (state: Open, obligationId: string, at: Instant): readonly Change[] =>
  state.leaving?.amount === 'everything' ? [] : cancelled(state, 'obligation', at, { obligationId });

function cancelled(
  state: Open,
  because: DataOf<DepositEvent, 'WithdrawalCancelled'>['because'],
  at: Instant,
  by: { readonly obligationId?: string } = {},
): readonly Change[] {
  if (state.leaving === undefined) return [];
  const { payoutId } = state.leaving;
  return [event('WithdrawalCancelled', { ...accountOf(state), payoutId, because, ...by, cancelledAt: at })];
}

const pendingFault = ({ leaving }: Open): Refusal | undefined =>
  leaving === undefined
    ? undefined
    : reject('WithdrawalPending', `${leaving.payoutId} is in its cooling-off; cancel it first, or wait for its end`);

/** The timer's word: what cannot leave yet leaves with the event that removes the last thing in its way. */
export function cooledOff(state: Open, at: Instant): readonly Change[] {
  const { leaving } = state;
  if (leaving === undefined || leaving.isCooledOff || !isAfter(at, leaving.until)) return [];
  return [event('CoolingOffEnded', { ...accountOf(state), payoutId: leaving.payoutId, endedAt: at })];
}

/** What leaves now: the withdrawal whose cooling-off is over, or all there is, when nothing is open that may need the money. */
export function departure(state: Open, at: Instant): readonly Change[] {
  const { leaving, deposit, payable, minimum, terms } = state;
  if (leaving === undefined || openFault(state)) return [];
  if (!leaving.isCooledOff && !isAfter(at, leaving.until)) return [];
  const account = accountOf(state);
  const { payoutId } = leaving;
  const { payee, rail } = terms;
  const to = { payee, rail, drawnAt: at };
  if (leaving.amount === 'everything') {
    if (state.fundings.size > 0 || [...state.draws.values()].some(({ isPaid }) => !isPaid)) return [];
    const parts = { fromDeposit: deposit, fromPayable: payable };
    return [
      ...ifPositive(add(deposit, payable), (amount) =>
        event('WithdrawalDrawn', { ...account, payoutId, amount, ...parts, ...to }),
      ),
      event('AccountClosed', { ...account, payoutId, closedAt: at }),
    ];
  }
  const { amount } = leaving;
  if (isNegative(subtract(subtract(deposit, minimum), amount))) return cancelled(state, 'minimum', at);
  const parts = { fromDeposit: amount, fromPayable: zero(amount.asset) };
  return [event('WithdrawalDrawn', { ...account, payoutId, amount, ...parts, ...to })];
}
