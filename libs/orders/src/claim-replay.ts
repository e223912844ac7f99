import { type DataOf, fold } from '@recourse/eventing';
import { factsOf } from './claim.js';
import { order, type OrderEvent } from './order.js';

export type OpenedClaim = DataOf<OrderEvent, 'ClaimOpened'>;

/**
 * A claim as the events before it say it must have been opened: what the buyer says is taken from him, what the order knows is
 * derived anew.
 * @param events of the order's stream, from the first
 * @returns undefined when the order has no such claim, or had no such units
 */
export function replayClaim(events: readonly OrderEvent[], claimId: string): OpenedClaim | undefined {
  const at = events.findIndex(({ type, data }) => type === 'ClaimOpened' && data.claimId === claimId);
  const opened = events[at];
  const before = fold(order, events.slice(0, Math.max(at, 0)));
  if (opened?.type !== 'ClaimOpened' || before.status !== 'paid') return undefined;
  const units = opened.data.units.flatMap(({ unitNo }) => before.units.get(unitNo) ?? []);
  if (units.length < opened.data.units.length) return undefined;
  const { orderId, platform, merchant, buyer, productKind, promise, policy } = before.terms;
  return {
    ...opened.data,
    orderId,
    platform,
    merchant,
    buyer,
    productKind,
    promise,
    policy,
    units: units.map((unit) => factsOf(before, unit)),
  };
}
