import { subtract, zero, type Money } from '@recourse/money';
import type { Award } from './award.js';
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

/** How an award is borne; together the parts are the refund. */
export function borneBy({ bearer }: Pick<Decision, 'bearer'>, { refund, merchantPart }: Award): UnitMoney {
  const none = zero(refund.asset);
  const merchants: Readonly<Record<Decision['bearer'], Money>> = {
    merchant: refund,
    platform: none,
    shared: merchantPart ?? none,
    none,
  };
  const merchant = merchants[bearer];
  return { buyer: refund, merchant, platform: subtract(refund, merchant) };
}
