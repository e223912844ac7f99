import type { CommandOf, DataOf, Instant } from '@recourse/eventing';
import { add, isNegative, min, type Money, sameAsset, subtract, zero } from '@recourse/money';
import { accountOf, type Change, event, ifPositive, isDone, type Open, released } from './books.js';
import type { DepositCommand, DepositEvent } from './deposit.js';
import { swept } from './sweep.js';
import { givesWay } from './withdrawal.js';

type Asked = CommandOf<DepositCommand, 'FundRefund'>;

export const declined = (
  { platform, merchant, refundId, orderId, share: amount }: Asked,
  because: DataOf<DepositEvent, 'HandOverDeclined'>['because'],
  at: Instant,
): Change => event('HandOverDeclined', { platform, merchant, refundId, orderId, amount, because, declinedAt: at });

/**
 * All of the merchant's part or nothing of it, so that no refund has two funders: the hold of its case first, then what is free.
 * The rest of that hold is free again, and a withdrawal that has not left yet gives way, as for an obligation.
 */
export function fundRefund(command: Asked, at: Instant, state: Open): readonly Change[] {
  const { platform, merchant, buyer, payee, rail, refundId, orderId, caseId, share, fromFees, total } = command;
  if (isDone(state, 'funding', refundId) || state.fundings.has(refundId)) return [];
  // Nothing is halted for it: an account in another asset covers nothing.
  if (!sameAsset(share, state.deposit)) return [declined(command, 'not-covered', at)];
  if (state.isClosed) return [declined(command, 'account-closed', at)];
  const caseHold = (caseId === undefined ? undefined : state.cases.get(caseId)) ?? zero(share.asset);
  const fromHeld = min(caseHold, share);
  const fromDeposit = subtract(share, fromHeld);
  if (isNegative(subtract(state.deposit, fromDeposit))) return [declined(command, 'not-covered', at)];
  const ofCase = caseId === undefined ? undefined : ({ kind: 'case', caseId } as const);
  return swept(
    state,
    at,
    event('RefundFundedFromDeposit', {
      platform,
      merchant,
      buyer,
      payee,
      rail,
      refundId,
      orderId,
      ...(caseId === undefined ? {} : { caseId }),
      fromHeld,
      fromDeposit,
      fromFees,
      amount: add(share, fromFees),
      total,
      fundedAt: at,
    }),
    ...givesWay(state, refundId, at),
    ...(ofCase ? ifPositive(subtract(caseHold, fromHeld), (rest: Money) => released(command, ofCase, rest)) : []),
  );
}

/** Nothing is left to recover: the merchant paid it himself. */
export function collectFunding(refundId: string, at: Instant, state: Open): readonly Change[] {
  const funding = state.fundings.get(refundId);
  if (funding === undefined) return [];
  const { orderId, share, fromFees } = funding;
  const amount = add(share, fromFees);
  return swept(state, at, event('DepositFundingPaid', { ...accountOf(state), refundId, orderId, amount, paidAt: at }));
}

export function revokeFunding(refundId: string, at: Instant, state: Open): readonly Change[] {
  const funding = state.fundings.get(refundId);
  if (funding === undefined) return []; // it was given back already
  const { orderId, share: toDeposit, fromFees: toFees } = funding;
  const amount = add(toDeposit, toFees);
  const revoked = { ...accountOf(state), refundId, orderId, toDeposit, toFees, amount, revokedAt: at };
  return swept(state, at, event('DepositFundingRevoked', revoked));
}
