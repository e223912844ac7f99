import type { Order } from '@recourse/orders';

/** Where a complaint about some units of an order leads: one case per unit, whatever the channel. K11 */
export interface Convergence {
  /** Units under an open claim, by it: the complaint attaches to each. */
  readonly attach: ReadonlyMap<string, readonly number[]>;
  /** Units that are under no claim and on which nothing was decided: a claim is opened on them. */
  readonly claim: readonly number[];
}

const decided: ReadonlySet<string> = new Set(['refunded', 'refused']);
const claimsOn = (order: Order, unitNo: number) =>
  order.status === 'paid' ? [...order.claims.values()].filter((claim) => claim.units.has(unitNo)) : [];
const openClaim = (order: Order, unitNo: number): string | undefined =>
  order.status === 'paid' ? order.units.get(unitNo)?.claim?.claimId : undefined;

/** Undefined when the order has no such unit. */
export function convergenceOf(order: Order, unitNos: readonly number[]): Convergence | undefined {
  if (order.status === 'none' || unitNos.some((unitNo) => !order.units.has(unitNo))) return undefined;
  // Nothing can be claimed of an order that was not paid or was paid back: its complaint is answered without a case.
  if (order.status !== 'paid') return { attach: new Map(), claim: [] };
  const attach = Map.groupBy(
    unitNos.filter((unitNo) => openClaim(order, unitNo) !== undefined),
    (unitNo) => openClaim(order, unitNo) ?? '',
  );
  const claim = unitNos.filter((unitNo) => {
    const unit = order.units.get(unitNo);
    const isPaidBack = unit !== undefined && unit.refunded.minor >= unit.price.minor;
    const last = claimsOn(order, unitNo).at(-1)?.units.get(unitNo) ?? '';
    return openClaim(order, unitNo) === undefined && !isPaidBack && !decided.has(last);
  });
  return { attach, claim };
}

/** The case of each unit: the open one, else the last. */
export const casesOf = (order: Order, unitNos: readonly number[]) =>
  unitNos.map((unitNo) => {
    const disputeId = openClaim(order, unitNo) ?? claimsOn(order, unitNo).at(-1)?.claimId;
    return { unitNo, ...(disputeId === undefined ? {} : { disputeId }) };
  });
