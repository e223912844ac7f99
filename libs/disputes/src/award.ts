import {
  add,
  allocate,
  compare,
  equals,
  isPositive,
  max,
  min,
  type Money,
  money,
  sameAsset,
  share,
  subtract,
  zero,
} from '@recourse/money';
import type { UnitFacts } from '@recourse/orders/events';
import type { Decision } from './policy-table.js';

/** As a person decides: a part of the price may also be named as an amount. */
export interface PersonDecision extends Decision {
  /** PARTIAL_REFUND without `refundPercent`: above zero, less than the price, and no more than is left of it. */
  readonly amount?: Money;
}

/** What a decision gives of one unit. */
export interface Award {
  readonly refund: Money;
  /** Bearer `shared`: what of `refund` the merchant bears. */
  readonly merchantPart?: Money;
}
/** What the unit cost, and what was refunded of it before. */
export type Claimed = Pick<UnitFacts, 'price' | 'refunded'>;

export const restOf = ({ price, refunded }: Claimed): Money => (refunded === undefined ? price : subtract(price, refunded));

/** The same unit after so much more of it was refunded. */
export const afterRefund = <Unit extends Claimed>(claimed: Unit, refund: Money): Unit => ({
  ...claimed,
  refunded: add(claimed.refunded ?? zero(claimed.price.asset), refund),
});

/** A part of the price rounds half up, is one minor unit at least, and never more than is left. K7 */
const partOf = (claimed: Claimed, percent: number): Money => {
  const { price } = claimed;
  return min(max(share(price, BigInt(percent), 100n), money(1n, price.asset)), restOf(claimed));
};

function refundOf({ remedy, refundPercent, amount }: PersonDecision, claimed: Claimed): Money {
  switch (remedy) {
    case 'NONE':
      return zero(claimed.price.asset);
    case 'FULL_REFUND':
      return restOf(claimed);
    case 'PARTIAL_REFUND':
      return amount ?? partOf(claimed, refundPercent ?? 0);
  }
}

/** Amounts of a decision that does not contradict itself (`contradictionIn`). A shared one is split by largest remainder. K1, K7 */
export function awardOf(decision: PersonDecision, claimed: Claimed): Award {
  const refund = refundOf(decision, claimed);
  const { bearer, merchantPercent = 0 } = decision;
  const [merchantPart] = bearer === 'shared' ? allocate(refund, [BigInt(merchantPercent), BigInt(100 - merchantPercent)]) : [];
  return { refund, ...(merchantPart && { merchantPart }) };
}

/** Why this amount cannot be refunded of the unit in part, or undefined. */
export function amountFault(amount: Money, claimed: Claimed): string | undefined {
  if (!sameAsset(amount, claimed.price)) return 'a refund is in the asset of its order';
  if (!isPositive(amount)) return 'a partial refund is above zero';
  if (compare(amount, claimed.price) >= 0) return 'the whole price is a FULL_REFUND';
  return compare(amount, restOf(claimed)) > 0 ? 'less than that is left to refund' : undefined;
}

const isPercent = (percent: number | undefined): boolean =>
  percent !== undefined && Number.isInteger(percent) && percent >= 1 && percent <= 99;

/** Why liability, remedy and bearer are at odds, or undefined. K1, K9 */
export function blameContradictionIn({
  liable,
  remedy,
  bearer,
}: Pick<Decision, 'liable' | 'remedy' | 'bearer'>): string | undefined {
  if (remedy === 'NONE') {
    if (bearer !== 'none') return 'nothing is refunded, so nobody bears it';
    if (liable === 'SHARED') return 'the fault is shared, so the buyer cannot be refused';
    return liable === 'MERCHANT' || liable === 'PLATFORM' ? `the ${liable} is liable, so the buyer cannot be refused` : undefined;
  }
  if (bearer === 'none') return 'somebody bears what is refunded';
  if (liable === 'BUYER') return 'a buyer who is liable is not refunded';
  if (liable === 'MERCHANT' && bearer !== 'merchant') return 'the merchant bears what he is liable for';
  if ((liable === 'PLATFORM' || liable === 'UNPROVEN') && bearer !== 'platform')
    return 'the platform bears its own liability and what nobody could prove';
  if (bearer === 'shared' && liable !== 'SHARED') return 'only a shared fault is borne by both';
  // What a partial refund leaves is the buyer's share of the fault.
  if (liable === 'SHARED' && bearer !== 'shared' && remedy === 'FULL_REFUND') return 'a shared fault is borne by both';
  return undefined;
}

/** Why a decision is at odds with itself, or undefined. K1, K7, K9 */
export function contradictionIn(decision: PersonDecision): string | undefined {
  const blame = blameContradictionIn(decision);
  if (blame !== undefined) return blame;
  const { remedy, bearer, refundPercent, merchantPercent, amount } = decision;
  if (remedy !== 'PARTIAL_REFUND' && (refundPercent ?? amount) !== undefined)
    return 'only a PARTIAL_REFUND says how much is refunded';
  if (remedy === 'PARTIAL_REFUND' && (refundPercent === undefined) === (amount === undefined))
    return 'a PARTIAL_REFUND says how much: a percentage, or an amount where a person decides';
  if (refundPercent !== undefined && !isPercent(refundPercent)) return 'refundPercent is a whole number from 1 to 99';
  if (bearer !== 'shared' && merchantPercent !== undefined) return 'only what both bear is split by a merchantPercent';
  if (bearer === 'shared' && !isPercent(merchantPercent))
    return 'what both bear needs a merchantPercent, a whole number from 1 to 99';
  return undefined;
}

/** Why a verdict's amounts are not those of its decision, or undefined. A verdict of an earlier build tells no price: it gave the whole. */
function amountContradictionIn({
  refund,
  merchantPart,
  price,
  refundedBefore,
  ...decision
}: Award & Decision & { readonly price?: Money; readonly refundedBefore?: Money }): string | undefined {
  const claimed: Claimed = { price: price ?? refund, ...(refundedBefore && { refunded: refundedBefore }) };
  const isNamed = decision.remedy === 'PARTIAL_REFUND' && decision.refundPercent === undefined;
  const fault = isNamed && price !== undefined ? amountFault(refund, claimed) : undefined;
  if (fault !== undefined) return fault;
  if (decision.remedy === 'NONE') return isPositive(refund) ? 'an amount is refunded without a remedy' : undefined;
  const due = awardOf(isNamed ? { ...decision, amount: refund } : decision, claimed);
  if (!equals(due.refund, refund)) return `the decision gives ${due.refund.minor}, the verdict ${refund.minor}`;
  return due.merchantPart?.minor === merchantPart?.minor
    ? undefined
    : `the merchant's part is ${due.merchantPart?.minor ?? 'none'}, the verdict says ${merchantPart?.minor ?? 'none'}`;
}

/** Why what a verdict says of a unit is at odds with itself, or undefined. */
export function verdictContradictionIn(
  unit: Award & Decision & { readonly price?: Money; readonly refundedBefore?: Money },
): string | undefined {
  // The amount that a person named stands in the verdict as what is refunded.
  const isNamed = unit.remedy === 'PARTIAL_REFUND' && unit.refundPercent === undefined;
  return contradictionIn(isNamed ? { ...unit, amount: unit.refund } : unit) ?? amountContradictionIn(unit);
}
