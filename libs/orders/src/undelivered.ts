import { type EventOf, eventsOf, type Instant, isAfter, reject } from '@recourse/eventing';
import { zero } from '@recourse/money';
import type { Liability, OrderEvent } from './order.js';
import type { Cancelled, Decision, Do, Paid, Placed } from './order-state.js';
import { approve, type RefundPart } from './refund-approval.js';
import { isRefunded, restOf, type Unit } from './unit.js';

const event = eventsOf<OrderEvent>();

/** Everything that is left of the units goes back, at the merchant's cost and without a fee. */
const wholeOf = (units: readonly Unit[], liable: Liability): readonly RefundPart[] =>
  units.map((unit) => ({ unit, liable, merchant: restOf(unit), platform: zero(unit.price.asset) }));

/** K8: no fault test before anything was delivered. */
export function cancelOrder(command: Do<'CancelOrder'>, order: Placed | Paid | Cancelled): Decision {
  if (order.status === 'cancelled') return [];
  const { orderId } = order.terms;
  const units = [...order.units.values()].filter((unit) => !isRefunded(unit));
  const cancelled = event('OrderCancelled', {
    orderId,
    by: command.by,
    units: units.map(({ unitNo }) => unitNo),
    cancelledAt: command.at,
  });
  if (order.status === 'placed') return [cancelled];
  const all = [...order.units.values()];
  if (all.some(({ delivered, platformFailure }) => delivered !== undefined || platformFailure))
    return reject('AlreadyDelivered', 'the merchant has performed; claim the units that are not as promised');
  if (all.some(({ claim }) => claim)) return reject('UnitUnderClaim', 'withdraw the claim before cancelling');
  if (units.some(({ escrow }) => escrow !== 'held') || units.length === 0)
    return reject('UnitRefunded', 'the units are refunded or settled already');
  const ground = { kind: 'cancelled-before-delivery' } as const;
  return [cancelled, ...approve(order, `${orderId}.cancel`, ground, wholeOf(units, 'NONE'), command.at)];
}

/** K13: units that the merchant did not deliver in time are refunded; a claimed one is the dispute's. */
export function refundOverdue(
  order: Paid,
  at: Instant,
): readonly EventOf<OrderEvent, 'DeliveryOverdue' | 'RefundApproved' | 'RefundFundedFromEscrow'>[] {
  if (!isAfter(at, order.deliverBefore)) return [];
  const units = [...order.units.values()].filter(
    (unit) =>
      !unit.delivered && !unit.claim && !unit.platformFailure && !unit.freed && unit.escrow === 'held' && !isRefunded(unit),
  );
  if (units.length === 0) return [];
  const { orderId } = order.terms;
  const base = `${orderId}.overdue`;
  // A unit that was under a claim at the deadline falls overdue later, in a refund of its own.
  const earlier = [...order.refunds.keys()].filter((refundId) => refundId.startsWith(base)).length;
  const refundId = earlier === 0 ? base : `${base}.${earlier + 1}`;
  return [
    event('DeliveryOverdue', { orderId, units: units.map(({ unitNo }) => unitNo), overdueAt: at }),
    ...approve(order, refundId, { kind: 'not-delivered-in-time' }, wholeOf(units, 'MERCHANT'), at),
  ];
}
