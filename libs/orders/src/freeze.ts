import { eventsOf } from '@recourse/eventing';
import { isReleaseDue, release } from './escrow.js';
import type { OrderEvent } from './order.js';
import { type Cancelled, type Decision, type Do, follow, type Paid, type Placed } from './order-state.js';

const event = eventsOf<OrderEvent>();

/** The order by itself and all of its merchant's are frozen apart: ending the one leaves the other. S65 */
export function freezeOrder({ scope, reason, at }: Do<'FreezeOrder'>, order: Placed | Paid | Cancelled): Decision {
  if (order.status === 'cancelled' || order.freezes.has(scope)) return [];
  const { orderId, platform, merchant } = order.terms;
  return [event('OrderFrozen', { orderId, platform, merchant, scope, reason, frozenAt: at })];
}

/** What fell due meanwhile is released at once, unless another freeze still holds it. */
export function unfreezeOrder({ scope, reason, at }: Do<'UnfreezeOrder'>, order: Placed | Paid | Cancelled): Decision {
  if (order.status === 'cancelled' || !order.freezes.has(scope)) return [];
  const { orderId, platform, merchant } = order.terms;
  const unfrozen = event('OrderUnfrozen', { orderId, platform, merchant, scope, reason, unfrozenAt: at });
  if (order.status === 'placed') return [unfrozen];
  const after = follow(order, [unfrozen]);
  const due = [...after.units.values()].filter((unit) => isReleaseDue(after, unit, at));
  return [unfrozen, ...due.map((unit) => release(after, unit, 'unfrozen'))];
}
