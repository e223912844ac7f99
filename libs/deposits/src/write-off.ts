import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import {
  accountOf,
  type Decided,
  event,
  ifPositive,
  type Obligation,
  obligationOf,
  type Open,
  post,
  type Refusal,
  released,
} from './books.js';
import type { DepositCommand } from './deposit.js';
import { sweep, swept } from './sweep.js';

export function proposeWriteOff(command: CommandOf<DepositCommand, 'ProposeWriteOff'>, at: Instant, state: Open): Decided {
  const { obligationId, reason, subject } = command;
  const owed = outstanding(state, obligationId);
  if ('rejected' in owed) return owed;
  const { proposal, refundId, outstanding: amount } = owed;
  if (proposal?.proposedBy === subject && proposal.reason === reason) return [];
  if (proposal)
    return reject('AlreadyProposed', `${proposal.proposedBy} has proposed to write this off; another person can approve it`);
  const proposed = { ...accountOf(state), obligationId, refundId, amount, reason, proposedBy: subject, proposedAt: at };
  return [event('WriteOffProposed', proposed)];
}

/** Gives up what no money of the merchant covers at this moment. */
export function approveWriteOff(command: CommandOf<DepositCommand, 'ApproveWriteOff'>, at: Instant, state: Open): Decided {
  const { obligationId, subject } = command;
  const owed = outstanding(state, obligationId);
  if ('rejected' in owed) return owed;
  const { proposal } = owed;
  if (proposal === undefined) return reject('NotProposed', 'nobody has proposed to write this off; propose it first');
  if (proposal.proposedBy === subject) return reject('SameSubject', 'another person than the one who proposed it approves it');
  const collected = sweep(state, at);
  const left = obligationOf(collected.reduce(post, state), obligationId);
  if (left === undefined) return swept(state, at);
  const { refundId, held, outstanding: amount } = left;
  const account = accountOf(state);
  return swept(
    state,
    at,
    ...collected,
    ...ifPositive(held, (part) => released(account, { kind: 'obligation', obligationId }, part)),
    event('RecourseWrittenOff', {
      ...account,
      obligationId,
      refundId,
      amount,
      ...proposal,
      approvedBy: subject,
      writtenOffAt: at,
    }),
  );
}

function outstanding(state: Open, id: string): Obligation | Refusal {
  const owed = obligationOf(state, id);
  if (owed === undefined) return reject('ObligationUnknown', 'nothing is outstanding under this id');
  return owed.refundPaid ? owed : reject('RefundNotPaid', 'the refund is not paid yet; until then there is nothing to give up');
}
