import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import { add, subtract, zero } from '@recourse/money';
import { accountOf, amountFault, type Decided, event, isDone, type Open } from './books.js';
import type { DepositCommand } from './deposit.js';
import { swept } from './sweep.js';

export function confirmDraw({ payoutId }: CommandOf<DepositCommand, 'ConfirmDraw'>, at: Instant, state: Open): Decided {
  const draw = state.draws.get(payoutId);
  // Another period's, or known: nothing waits for this word.
  if (draw === undefined || draw.isPaid) return [];
  return swept(state, at, event('DrawPaid', { ...accountOf(state), payoutId, paidAt: at }));
}

export function returnDraw(
  { payoutId, draw: asked }: CommandOf<DepositCommand, 'ReturnDraw'>,
  at: Instant,
  state: Open,
): Decided {
  const known = state.draws.get(payoutId);
  if (known === undefined && isDone(state, 'payout', payoutId)) return [];
  if (known === undefined && asked === undefined)
    return reject('PayoutUnknown', 'no settlement or withdrawal with this payout id was drawn from this account');
  const none = zero(state.deposit.asset);
  const amount = known ? add(known.fromDeposit, known.fromPayable) : (asked?.amount ?? none);
  const fault = amountFault(amount, state);
  if (fault) return fault;
  const toDeposit = known?.fromDeposit ?? (asked?.kind === 'withdrawal' ? amount : none);
  const back = { payoutId, amount, toDeposit, toPayable: subtract(amount, toDeposit), returnedAt: at };
  return swept(state, at, event('DrawReturned', { ...accountOf(state), ...back }));
}
