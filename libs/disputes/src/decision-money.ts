import { share, subtract, zero, type Money } from '@recourse/money';
import type { Decision } from './policy-table.js';

/** Of the price, in percent; a new remedy does not compile until it is known what it gives. */
const refundedPercents: Readonly<Record<Decision['remedy'], (decision: Decision) => number>> = {
  NONE: () => 0,
  PARTIAL_REFUND: ({ refundPercent = 0 }) => refundPercent,
  FULL_REFUND: () => 100,
};
/** Of what is refunded, in percent. */
const merchantPercents: Readonly<Record<Decision['bearer'], (decision: Decision) => number>> = {
  merchant: () => 100,
  platform: () => 0,
  shared: ({ merchantPercent = 0 }) => merchantPercent,
  none: () => 0,
};

/** What a decision gives the buyer of the price, in percent. */
export const refundedPercent = (decision: Decision): number => refundedPercents[decision.remedy](decision);
/** What it costs the platform, in hundredths of a percent of the price. */
export const platformBasisPoints = (decision: Decision): number =>
  refundedPercent(decision) * (100 - merchantPercents[decision.bearer](decision));

/** Who gets and who bears what of one unit. */
export interface UnitMoney {
  readonly buyer: Money;
  readonly merchant: Money;
  readonly platform: Money;
}

/** How a refund is borne; together the parts are the refund. */
export function partsOf(decision: Decision, refund: Money): UnitMoney {
  const merchant = share(refund, BigInt(merchantPercents[decision.bearer](decision)), 100n);
  return { buyer: refund, merchant, platform: subtract(refund, merchant) };
}
/** What a decision makes of a unit of this price, half up. */
export const moneyOf = (decision: Decision, price: Money): UnitMoney =>
  decision.remedy === 'NONE'
    ? partsOf(decision, zero(price.asset))
    : partsOf(decision, share(price, BigInt(refundedPercent(decision)), 100n));
