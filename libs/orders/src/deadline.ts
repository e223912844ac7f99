import type { Instant } from '@recourse/eventing';
import { isReleaseDue, release } from './escrow.js';
import type { OrderEvent } from './order.js';
import { type Decision, type Do, follow, type Paid } from './order-state.js';
import { refundOverdue } from './undelivered.js';

/**
 * The last moments inside a deadline that this event sets. Send PassOrderDeadlines any time after each: it compares again,
 * and what a claim delays comes with the claim's end or with a deadline that the end sets.
 */
export function deadlinesOf(event: OrderEvent): readonly Instant[] {
  if (event.type === 'PaymentCaptured') return [event.data.deliverBefore];
  if (event.type === 'UnitDelivered') {
    const { afterSaleEndsAt, sevenDayEndsAt } = event.data;
    return sevenDayEndsAt === undefined ? [afterSaleEndsAt] : [afterSaleEndsAt, sevenDayEndsAt];
  }
  if (event.type === 'ClaimClosed') return [...new Set(event.data.units.flatMap((unit) => unit.afterSaleEndsAt ?? []))];
  return [];
}

export function passDeadlines({ at }: Do<'PassOrderDeadlines'>, order: Paid): Decision {
  const overdue = refundOverdue(order, at);
  const after = follow(order, overdue);
  const due = [...after.units.values()].filter((unit) => isReleaseDue(after, unit, at));
  return [...overdue, ...due.map((unit) => release(after, unit, 'window-ended'))];
}
