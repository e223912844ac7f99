import type { Instant } from '@recourse/eventing';
import { add, isNegative, isZero, min, type Money, subtract, zero } from '@recourse/money';
import {
  accountOf,
  type Books,
  type Change,
  event,
  ifPositive,
  type Obligation,
  type Open,
  post,
  type WrittenOff,
} from './books.js';
import { scheduled } from './settlement.js';
import { departure } from './withdrawal.js';

/** A sweep stops after this many events, so that an append stays below its 1 MiB; the next command of the account goes on. */
export const maxSweepEvents = 512;

/** The events and, in the same append, everything they make possible: debits, holds, a withdrawal that waited, notices. */
export function swept(books: Open, at: Instant, ...changes: Change[]): readonly Change[] {
  const taken = [...changes, ...sweep(changes.reduce(post, books), at)];
  const all = [...taken, ...departure(taken.reduce(post, books), at)];
  const after = all.reduce(post, books);
  return [...all, ...notices(books, after, at), ...scheduled(after, at)];
}

/**
 * Paid obligations first, oldest first; what is left of the deposit then raises the holds of those not paid yet; what nobody
 * needs any more pays debts that were written off, oldest first.
 */
export function sweep(books: Books, at: Instant): readonly Change[] {
  const changes: Change[] = [];
  let now = books;
  const take = (next: readonly Change[]) => {
    now = next.reduce(post, now);
    changes.push(...next);
  };
  const inTurn = books.obligations.toSorted((one, other) => Number(other.refundPaid) - Number(one.refundPaid));
  for (const owed of inTurn) {
    if (changes.length >= maxSweepEvents) break;
    take(owed.refundPaid ? debits(owed, now, at) : raisedHold(owed, now));
  }
  for (const owed of books.writtenOff) {
    if (changes.length >= maxSweepEvents || now.obligations.some(isUncovered)) break;
    take(reinstated(owed, now, at));
  }
  return changes;
}

const isUncovered = ({ held, outstanding }: Obligation): boolean => isNegative(subtract(held, outstanding));

/** What the merchant should have beyond what he has: zero or more. */
export const shortfall = ({ minimum, deposit, held }: Pick<Books, 'minimum' | 'deposit' | 'held'>): Money => {
  const missing = subtract(minimum, add(deposit, held));
  return isNegative(missing) ? zero(minimum.asset) : missing;
};

/** Falling below the minimum is told once, and so is being above it again. */
export function notices(before: Books, after: Books, at: Instant): readonly Change[] {
  if (after.isClosed) return [];
  const missing = shortfall(after);
  const account = accountOf(after);
  if (after.isShort) return isZero(missing) ? [event('ShortfallCured', { ...account, minimum: after.minimum, curedAt: at })] : [];
  if (isZero(missing) || !isZero(shortfall(before))) return [];
  return [event('DepositFellShort', { ...account, minimum: after.minimum, shortfall: missing, fellAt: at })];
}

/** For exactly what is recovered, in the same append. */
function reinstated({ obligationId, refundId, amount: writtenOff }: WrittenOff, books: Books, at: Instant): readonly Change[] {
  const account = accountOf(books);
  const fromDeposit = min(books.deposit, writtenOff);
  const fromPayable = min(books.payable, subtract(writtenOff, fromDeposit));
  const owed = { ...account, obligationId, refundId };
  const nothing = zero(writtenOff.asset);
  return [
    ...ifPositive(add(fromDeposit, fromPayable), (amount) =>
      event('RecourseReinstated', { ...owed, amount, writtenOff: subtract(writtenOff, amount), reinstatedAt: at }),
    ),
    ...ifPositive(fromDeposit, (amount) =>
      event('DepositDebited', { ...owed, fromHeld: nothing, fromDeposit, amount, outstanding: fromPayable, debitedAt: at }),
    ),
    ...ifPositive(fromPayable, (amount) => event('PayableDebited', { ...owed, amount, outstanding: nothing, debitedAt: at })),
  ];
}

/** Held first, then deposit, then payable; what none of them covers stays outstanding. K5 */
function debits({ obligationId, refundId, outstanding, held }: Obligation, books: Books, at: Instant): readonly Change[] {
  const account = accountOf(books);
  const fromHeld = min(held, outstanding);
  const fromDeposit = min(books.deposit, subtract(outstanding, fromHeld));
  const fromBoth = add(fromHeld, fromDeposit);
  const left = subtract(outstanding, fromBoth);
  const fromPayable = min(books.payable, left);
  const owed = { ...account, obligationId, refundId };
  return [
    ...ifPositive(fromBoth, (amount) =>
      event('DepositDebited', { ...owed, fromHeld, fromDeposit, amount, outstanding: left, debitedAt: at }),
    ),
    ...ifPositive(fromPayable, (amount) =>
      event('PayableDebited', { ...owed, amount, outstanding: subtract(left, amount), debitedAt: at }),
    ),
  ];
}

const raisedHold = ({ obligationId, outstanding, held }: Obligation, books: Books): readonly Change[] =>
  ifPositive(min(books.deposit, subtract(outstanding, held)), (amount) =>
    event('DepositHeld', { ...accountOf(books), for: { kind: 'obligation', obligationId }, amount }),
  );
