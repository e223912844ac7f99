import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import { add, isNegative, isZero, min, type Money, sameAsset, subtract } from '@recourse/money';
import {
  accountOf,
  amountFault,
  type Books,
  type Change,
  type Decided,
  event,
  ifPositive,
  isDone,
  obligationOf,
  type Open,
  otherAsset,
  type Refusal,
  released,
} from './books.js';
import type { DepositCommand } from './deposit.js';
import { swept } from './sweep.js';

type MakeWhole = CommandOf<DepositCommand, 'MakeWhole'>;

/**
 * What the merchant still owes for the refund is forgiven, what was written off is taken up again and forgiven, and the rest of
 * his loss is claimed from the fund: nothing of it is his to bear any more. Nothing of it comes from other money of his.
 */
export function makeWhole(command: MakeWhole, at: Instant, state: Open): Decided {
  const { refundId, orderId, caseId, escrowLoss, recourse } = command;
  if (isDone(state, 'made-whole', refundId)) return [];
  const fault = lossFault(escrowLoss, state) ?? lossFault(recourse, state);
  if (fault) return fault;
  const forgiven = [...ofDebt(command, at, state), ...ofWriteOff(command, at, state)];
  const recovered = forgiven.reduce(
    (left, { type, data }) => (type === 'RecourseForgiven' ? subtract(left, data.amount) : left),
    recourse,
  );
  const named = { ...accountOf(state), refundId, orderId, ...(caseId === undefined ? {} : { caseId }) };
  const claimed = ifPositive(add(recovered, escrowLoss), (amount) =>
    event('CompensationClaimed', { ...named, amount, recovered, escrowLoss, claimedAt: at }),
  );
  return forgiven.length + claimed.length === 0 ? [] : swept(state, at, ...forgiven, ...claimed);
}

/** A merchant without an account is not in the way of an overturned verdict that cost him nothing. */
export const isNothingLost = (command: DepositCommand): boolean =>
  command.type === 'MakeWhole' && isZero(command.escrowLoss) && isZero(command.recourse);

function ofDebt({ obligationId, recourse }: MakeWhole, at: Instant, state: Open): readonly Change[] {
  const owed = obligationOf(state, obligationId);
  if (owed === undefined) return [];
  const { refundId, outstanding, held, refundPaid } = owed;
  const account = accountOf(state);
  const amount = min(outstanding, recourse);
  if (isZero(amount)) return [];
  return [
    // Whoever makes him whole knows that the refund is paid; the word of it to this account may still be on its way.
    ...(refundPaid ? [] : [event('ObligationRefundPaid', { ...account, obligationId, refundId, paidAt: at })]),
    ...ifPositive(subtract(held, subtract(outstanding, amount)), (part) =>
      released(account, { kind: 'obligation', obligationId }, part),
    ),
    event('RecourseForgiven', { ...account, obligationId, refundId, amount, forgivenAt: at }),
  ];
}

function ofWriteOff({ obligationId, recourse }: MakeWhole, at: Instant, state: Open): readonly Change[] {
  const given = state.writtenOff.find((one) => one.obligationId === obligationId);
  if (given === undefined) return [];
  const owed = { ...accountOf(state), obligationId, refundId: given.refundId };
  const amount = min(given.amount, recourse);
  if (isZero(amount)) return [];
  return [
    event('RecourseReinstated', { ...owed, amount, writtenOff: subtract(given.amount, amount), reinstatedAt: at }),
    event('RecourseForgiven', { ...owed, amount, forgivenAt: at }),
  ];
}

const lossFault = (amount: Money, books: Books): Refusal | undefined => {
  if (isNegative(amount)) return reject('AmountNotPositive', 'what a merchant lost is zero or more');
  return sameAsset(amount, books.deposit) ? undefined : otherAsset(amount, books);
};

/** Also to a merchant who has left: he asks for it as for other late proceeds. */
export function creditCompensation(
  { refundId, orderId, amount }: CommandOf<DepositCommand, 'CreditCompensation'>,
  at: Instant,
  state: Open,
): Decided {
  if (isDone(state, 'compensation', refundId)) return [];
  const credited = event('CompensationCredited', { ...accountOf(state), refundId, orderId, amount });
  return amountFault(amount, state) ?? swept(state, at, credited);
}
