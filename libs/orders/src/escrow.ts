import { type EventOf, eventsOf, type Instant } from '@recourse/eventing';
import { isZero, subtract } from '@recourse/money';
import type { OrderEvent } from './order.js';
import type { Paid } from './order-state.js';
import { feeKept, heldOf, isWindowOver, type Unit } from './unit.js';

type Release = EventOf<OrderEvent, 'EscrowReleased'>;
const event = eventsOf<OrderEvent>();

/** All that is still held of the unit goes to the merchant, the fee on it to the platform. */
export function release({ terms }: Paid, unit: Unit, because: Release['data']['because']): Release {
  const amount = heldOf(unit);
  const fee = feeKept(unit);
  return event('EscrowReleased', {
    orderId: terms.orderId,
    platform: terms.platform,
    merchant: terms.merchant,
    unitNo: unit.unitNo,
    amount,
    fee,
    net: subtract(amount, fee),
    because,
    ...(unit.releases > 0 && { releaseNo: unit.releases + 1 }),
  });
}

const isEarned = ({ terms }: Paid, unit: Unit, at: Instant): boolean =>
  unit.freed ||
  (unit.delivered !== undefined && (terms.settlement === 'ON_DELIVERY' || unit.confirmed || isWindowOver(unit, at)));

/** Nothing keeps the unit's money in escrow any more. K16 */
export const isReleaseDue = (order: Paid, unit: Unit, at: Instant): boolean =>
  order.freezes.size === 0 && !isZero(heldOf(unit)) && unit.claim === undefined && isEarned(order, unit, at);
