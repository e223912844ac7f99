import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import { min, subtract } from '@recourse/money';
import { accountOf, amountFault, type Decided, event, ifPositive, isDone, obligationOf, type Open, released } from './books.js';
import type { DepositCommand } from './deposit.js';
import { collectFunding } from './hand-over.js';
import { sweep, swept } from './sweep.js';
import { givesWay } from './withdrawal.js';

export function openObligation(command: CommandOf<DepositCommand, 'OpenObligation'>, at: Instant, state: Open): Decided {
  const { obligationId, refundId, caseId, orderId, amount } = command;
  if (obligationOf(state, obligationId) || isDone(state, 'obligation', obligationId)) return [];
  const fault = amountFault(amount, state);
  if (fault) return fault;
  const account = accountOf(state);
  const ofCase = caseId === undefined ? {} : { caseId };
  const opened = event('ObligationOpened', { ...account, obligationId, refundId, ...ofCase, orderId, amount, openedAt: at });
  const caseHold = caseId === undefined ? undefined : state.cases.get(caseId);
  const yielding = givesWay(state, obligationId, at);
  if (caseId === undefined || caseHold === undefined) return swept(state, at, opened, ...yielding);
  const taken = min(caseHold, amount);
  return swept(
    state,
    at,
    opened,
    ...yielding,
    ...ifPositive(taken, (part) => event('HoldReassigned', { ...account, caseId, obligationId, amount: part })),
    ...ifPositive(subtract(caseHold, taken), (rest) => released(account, { kind: 'case', caseId }, rest)),
  );
}

export function collectObligation(command: CommandOf<DepositCommand, 'CollectObligation'>, at: Instant, state: Open): Decided {
  const owed = obligationOf(state, command.obligationId);
  // Settled already, or the refund left no recourse; what the deposit itself funded is paid now.
  if (owed === undefined) return collectFunding(command.obligationId, at, state);
  const { obligationId, refundId } = owed;
  const paid = event('ObligationRefundPaid', { ...accountOf(state), obligationId, refundId, paidAt: at });
  return owed.refundPaid ? sweep(state, at) : swept(state, at, paid);
}

/** The refund was revoked before anybody was paid, so that nothing was or will be taken for it. */
export function revokeObligation(
  { obligationId }: CommandOf<DepositCommand, 'RevokeObligation'>,
  at: Instant,
  state: Open,
): Decided {
  const owed = obligationOf(state, obligationId);
  if (owed === undefined)
    return isDone(state, 'obligation', obligationId) ? [] : reject('ObligationUnknown', 'nothing is outstanding under this id');
  if (owed.refundPaid) return reject('RefundPaid', 'the refund is paid; whoever bore it is made whole instead');
  const { refundId, held, outstanding: amount } = owed;
  const account = accountOf(state);
  return swept(
    state,
    at,
    ...ifPositive(held, (part) => released(account, { kind: 'obligation', obligationId }, part)),
    event('ObligationRevoked', { ...account, obligationId, refundId, amount, revokedAt: at }),
  );
}
