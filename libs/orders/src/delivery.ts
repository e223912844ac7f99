import { eventsOf, isAfter, isRejection, plusDays, plusHours, reject, type Rejection } from '@recourse/eventing';
import { isZero } from '@recourse/money';
import { isReleaseDue, release } from './escrow.js';
import type { Delivery, OrderEvent, OrderRejection } from './order.js';
import { type Decision, type Do, follow, type Paid, unitsNamed, unknownUnit } from './order-state.js';
import { heldOf, isRefunded, referenceOf, type Unit } from './unit.js';

const event = eventsOf<OrderEvent>();
const sevenDays = 7;

/** Of the wrong kind for the product, or a key or receipt that another unit of this order has. */
export function deliveryFault(order: Paid, unitNo: number, delivery: Delivery): Rejection<OrderRejection> | undefined {
  const kind = order.terms.productKind === 'phone-top-up' ? 'top-up' : 'key';
  if (delivery.kind !== kind) return reject('WrongDelivery', `a ${order.terms.productKind} is delivered as a ${kind}`);
  const reference = referenceOf(delivery);
  return [...order.units.values()].some(
    (other) => other.unitNo !== unitNo && other.delivered && referenceOf(other.delivered.delivery) === reference,
  )
    ? reject('WrongDelivery', `this ${kind} belongs to another unit of the order already`)
    : undefined;
}

function deliverUnit(order: Paid, unit: Unit, delivery: Delivery, at: string): Decision {
  if (unit.delivered)
    return referenceOf(unit.delivered.delivery) === referenceOf(delivery)
      ? []
      : reject('AlreadyDelivered', `unit ${unit.unitNo} is delivered; another key needs a claim and its replacement`);
  const fault = deliveryFault(order, unit.unitNo, delivery);
  if (fault) return fault;
  if (isRefunded(unit)) return reject('UnitRefunded', `unit ${unit.unitNo} is refunded; do not deliver it`);
  if (unit.platformFailure)
    return reject('DeliveryFailed', `the platform failed to deliver unit ${unit.unitNo}; the buyer may claim`);
  if (isAfter(at, order.deliverBefore))
    return reject('DeliveryWindowOver', `unit ${unit.unitNo} was due by ${order.deliverBefore}; it is refunded to the buyer`); // K13
  const { orderId, promise } = order.terms;
  const delivered = event('UnitDelivered', {
    orderId,
    unitNo: unit.unitNo,
    delivery,
    deliveredAt: at,
    afterSaleEndsAt: plusHours(at, promise.afterSaleHours),
    ...(promise.sevenDay && { sevenDayEndsAt: plusDays(at, sevenDays) }),
  });
  const after = follow(order, [delivered]).units.get(unit.unitNo);
  return order.terms.settlement === 'ON_DELIVERY' && after && isReleaseDue(order, after, at)
    ? [delivered, release(order, after, 'delivered')]
    : [delivered];
}

export function deliverUnits({ deliveries, at }: Do<'DeliverUnits'>, order: Paid): Decision {
  const units = unitsNamed(
    order,
    deliveries.map(({ unitNo }) => unitNo),
  );
  if (!units) return unknownUnit;
  const references = new Set(deliveries.map(({ delivery }) => referenceOf(delivery)));
  if (units.length < deliveries.length || references.size < deliveries.length)
    return reject('WrongDelivery', 'name each unit once, and give each its own key or receipt');
  const events: OrderEvent[] = [];
  for (const unit of units) {
    const wanted = deliveries.find(({ unitNo }) => unitNo === unit.unitNo);
    const outcome = wanted ? deliverUnit(order, unit, wanted.delivery, at) : [];
    if (isRejection(outcome)) return outcome;
    events.push(...outcome);
  }
  return events;
}

export function reportPlatformFailure({ unitNo, incident, at }: Do<'ReportPlatformFailure'>, order: Paid): Decision {
  const unit = order.units.get(unitNo);
  if (!unit) return unknownUnit;
  if (unit.platformFailure) return [];
  if (unit.delivered) return reject('AlreadyDelivered', `unit ${unitNo} reached the buyer`);
  if (isRefunded(unit)) return reject('UnitRefunded', `unit ${unitNo} is refunded`);
  return [event('PlatformDeliveryFailed', { orderId: order.terms.orderId, unitNo, incident, failedAt: at })];
}

/** What was delivered stays delivered; the rest the platform has failed to hand over. S11 */
export function noteIncident({ incidentId, units: named, at }: Do<'NoteIncident'>, order: Paid): Decision {
  const units = unitsNamed(order, named)?.filter((unit) => !unit.platformFailure && !isRefunded(unit));
  if (!units) return unknownUnit;
  const { orderId } = order.terms;
  const spoiled = units.filter(({ delivered }) => delivered).map(({ unitNo }) => unitNo);
  return [
    ...units
      .filter(({ delivered }) => !delivered)
      .map(({ unitNo }) => event('PlatformDeliveryFailed', { orderId, unitNo, incident: incidentId, failedAt: at })),
    ...(spoiled.length > 0 ? [event('PlatformIncidentNoted', { orderId, units: spoiled, incidentId, notedAt: at })] : []),
  ];
}

/** `[]`: it was revealed before and may be shown again, refunded or not. */
export function revealKey({ unitNo, at }: Do<'RevealKey'>, order: Paid): Decision {
  const unit = order.units.get(unitNo);
  if (!unit) return unknownUnit;
  if (!unit.delivered) return reject('NotDelivered', `unit ${unitNo} is not delivered yet`);
  if (unit.delivered.delivery.kind !== 'key') return reject('NothingToReveal', 'a top-up has no key');
  if (unit.delivered.revealedAt !== undefined) return [];
  if (isRefunded(unit)) return reject('UnitRefunded', `unit ${unitNo} was refunded unseen; its key stays closed`);
  // The claim is judged on an unseen key (K10); only a replacement is there to be tried.
  if (unit.claim && unit.replacedUnder !== unit.claim.claimId)
    return reject('UnitUnderClaim', `unit ${unitNo} was claimed unseen; withdraw the claim to see the key`);
  const revealed = event('KeyRevealed', { orderId: order.terms.orderId, unitNo, revealedAt: at });
  const after = follow(order, [revealed]).units.get(unitNo);
  // The seven-day promise ends with the reveal, and it may have been all that kept the money.
  return after && isReleaseDue(order, after, at) ? [revealed, release(order, after, 'window-ended')] : [revealed];
}

export function confirmReceipt(command: Do<'ConfirmReceipt'>, order: Paid): Decision {
  const units = unitsNamed(order, command.units);
  if (!units) return unknownUnit;
  const open = units.filter(({ confirmed }) => !confirmed);
  if (open.length === 0) return [];
  if (open.some(isRefunded)) return reject('UnitRefunded', 'a refunded unit is not confirmed');
  if (open.some(({ delivered }) => !delivered)) return reject('NotDelivered', 'only delivered units are confirmed');
  if (open.some(({ claim }) => claim)) return reject('UnitUnderClaim', 'withdraw the claim before confirming its units');
  const held = open.filter((unit) => !isZero(heldOf(unit)));
  if (held.length === 0) return reject('NothingToConfirm', 'the money of these units is released already');
  const { orderId } = order.terms;
  return [
    event('ReceiptConfirmed', { orderId, units: held.map(({ unitNo }) => unitNo), confirmedAt: command.at }),
    // The buyer's word stands; what is frozen is released with the freeze. S65
    ...(order.freezes.size > 0 ? [] : held.map((unit) => release(order, unit, 'confirmed'))),
  ];
}
