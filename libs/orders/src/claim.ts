import { type EventOf, eventsOf, type Instant, isAfter, plusHours, reject, type Rejection, streamOf } from '@recourse/eventing';
import { isPositive } from '@recourse/money';
import { deliveryFault } from './delivery.js';
import { isReleaseDue, release } from './escrow.js';
import type { OrderEvent, OrderRejection, UnitFacts } from './order.js';
import { type Claim, type Decision, type Do, follow, type Paid, unitsNamed, unknownUnit } from './order-state.js';
import { refundOverdue } from './undelivered.js';
import { isRefunded, referenceOf, type Unit, windowAfterClaim } from './unit.js';

const event = eventsOf<OrderEvent>();

/** Units of one claim: its case file and its verdict, with every fact and source, are one event each. */
export const maxClaimUnits = 20;
/** An order this long opens no more claims, so that what is open can still end within the 5,000 events a command may load. */
export const maxEventsForClaims = 4_000;
const draftHours = 24; // K13
const reissueHours = 24; // S29

const unknownClaim = reject('ClaimUnknown', 'this order has no claim of this id');
const isDraftOver = (claim: Claim, at: Instant): boolean =>
  claim.submittedAt === undefined && isAfter(at, plusHours(claim.openedAt, draftHours));
const openUnits = (claim: Claim): number[] =>
  [...claim.units].filter(([, outcome]) => outcome === 'open').map(([unitNo]) => unitNo);

/** The submitted claim, for what follows from its dispute. */
export function submittedClaim(order: Paid, claimId: string): Claim | Rejection<OrderRejection> {
  const claim = order.claims.get(claimId);
  if (!claim) return unknownClaim;
  return claim.submittedAt !== undefined ? claim : reject('ClaimNotSubmitted', 'the claim is still a draft');
}

export function factsOf(
  { terms }: Paid,
  { unitNo, product, price, fee, escrow, delivered, platformFailure, basis }: Unit,
): UnitFacts {
  const revisions = [0, ...Object.values(basis).filter((revision) => revision !== undefined)].toSorted((a, b) => a - b);
  return {
    unitNo,
    product,
    price,
    fee,
    escrow: escrow === 'released' ? 'released' : 'held',
    ...(delivered && {
      deliveredAt: delivered.deliveredAt,
      afterSaleEndsAt: delivered.afterSaleEndsAt,
      deliveryReference: referenceOf(delivered.delivery),
      // A credited top-up is out of its wrapping when it arrives.
      ...(delivered.delivery.kind === 'top-up' && { revealedAt: delivered.deliveredAt }),
      ...(delivered.revealedAt !== undefined && { revealedAt: delivered.revealedAt }),
      ...(delivered.sevenDayEndsAt !== undefined && { sevenDayEndsAt: delivered.sevenDayEndsAt }),
    }),
    platformFailure,
    evidence: revisions.map((revision) => `${revision}@${streamOf('order', terms.orderId)}`),
  };
}

/** K11: the same units by another channel are the same case; a draft becomes a submitted claim when the second is none. */
function attach(command: Do<'OpenClaim'>, { terms }: Paid, claim: Claim): Decision {
  if (isDraftOver(claim, command.at))
    return reject('UnitUnderClaim', 'a draft on these units is just lapsing; try again shortly');
  const { claimId } = claim;
  const { orderId } = terms;
  const { channel, at } = command;
  return [
    ...(claim.channels.includes(channel) ? [] : [event('ClaimAttached', { claimId, orderId, channel, attachedAt: at })]),
    ...(claim.submittedAt !== undefined || command.draft
      ? []
      : [event('ClaimSubmitted', { claimId, orderId, units: openUnits(claim), submittedAt: at })]),
  ];
}

export function openClaim(command: Do<'OpenClaim'>, order: Paid): Decision {
  const units = unitsNamed(order, command.units);
  if (!units) return unknownUnit;
  if (units.length > maxClaimUnits) return reject('TooManyUnits', `claim at most ${maxClaimUnits} units at once`);
  if (units.some(isRefunded)) return reject('UnitRefunded', 'a unit whose price is refunded in full cannot be claimed');
  if (order.length >= maxEventsForClaims)
    return reject('TooManyClaims', 'too much has happened to this order for one more claim');
  const claimIds = new Set(units.map(({ claim }) => claim?.claimId));
  const [first] = claimIds;
  const open = claimIds.size === 1 && first !== undefined ? order.claims.get(first) : undefined;
  if (open) return attach(command, order, open);
  if (units.some(({ claim }) => claim))
    return reject('UnitUnderClaim', 'one of the units is under an open claim; claim the others by themselves');
  if (command.draft && units.some(({ draftUsed }) => draftUsed))
    return reject('DraftUsed', 'a unit has one draft; submit the claim itself');
  const { orderId, platform, merchant, buyer, productKind, promise, policy } = order.terms;
  return [
    event('ClaimOpened', {
      claimId: `${orderId}.${order.claims.size + 1}`,
      orderId,
      platform,
      merchant,
      buyer,
      reason: command.reason,
      channel: command.channel,
      draft: command.draft,
      productKind,
      promise,
      policy,
      units: units.map((unit) => factsOf(order, unit)),
      ...(command.evidence && { evidence: command.evidence }),
      openedAt: command.at,
    }),
  ];
}

export function submitClaim({ claimId, at }: Do<'SubmitClaim'>, order: Paid): Decision {
  const claim = order.claims.get(claimId);
  if (!claim) return unknownClaim;
  if (claim.submittedAt !== undefined) return [];
  const units = openUnits(claim);
  if (units.length === 0 || isDraftOver(claim, at))
    return reject('ClaimOver', `a draft is submitted within ${draftHours} hours; open a new claim`);
  return [event('ClaimSubmitted', { claimId, orderId: order.terms.orderId, units, submittedAt: at })];
}

/** The units are free again: their clock goes on, and what fell due meanwhile happens at once. */
export function endClaim(
  order: Paid,
  claimId: string,
  unitNos: readonly number[],
  outcome: EventOf<OrderEvent, 'ClaimClosed'>['data']['outcome'],
  at: Instant,
): readonly OrderEvent[] {
  const units = unitNos.map((unitNo) => {
    const unit = order.units.get(unitNo);
    const afterSaleEndsAt = unit && windowAfterClaim(unit, at);
    return { unitNo, ...(afterSaleEndsAt !== undefined && { afterSaleEndsAt }) };
  });
  const closed = event('ClaimClosed', { claimId, orderId: order.terms.orderId, outcome, units, closedAt: at });
  const after = follow(order, [closed]);
  const due = unitNos.flatMap((unitNo) => after.units.get(unitNo) ?? []).filter((unit) => isReleaseDue(after, unit, at));
  const releases = due.map((unit) => release(after, unit, 'claim-closed'));
  return [closed, ...releases, ...refundOverdue(follow(after, releases), at)];
}

export function closeClaim({ claimId, outcome, units, at }: Do<'CloseClaim'>, order: Paid): Decision {
  const claim = order.claims.get(claimId);
  if (!claim) return unknownClaim;
  if (units?.some((unitNo) => !claim.units.has(unitNo))) return unknownUnit;
  // Submitted in its last millisecond: the case learns of it and goes on.
  if (outcome === 'lapsed' && claim.submittedAt !== undefined) return [];
  const open = openUnits(claim).filter((unitNo) => units?.includes(unitNo) ?? true);
  return open.length === 0 ? [] : endClaim(order, claimId, open, outcome, at);
}

export function replaceUnit({ claimId, unitNo, delivery, at }: Do<'ReplaceUnit'>, order: Paid): Decision {
  const claim = submittedClaim(order, claimId);
  if ('rejected' in claim) return claim;
  const unit = order.units.get(unitNo);
  const outcome = claim.units.get(unitNo);
  if (!unit || outcome === undefined) return unknownUnit;
  const isSame = unit.delivered && referenceOf(unit.delivered.delivery) === referenceOf(delivery);
  if (unit.replacedUnder === claimId)
    return isSame ? [] : reject('UnitReplaced', `unit ${unitNo} was replaced under this claim; the dispute goes on from there`);
  if (isPositive(unit.refunded)) return reject('UnitRefunded', `unit ${unitNo} is refunded; a replacement comes too late`);
  if (outcome !== 'open') return reject('ClaimOver', 'the claim on this unit has ended');
  if (!unit.delivered) return reject('NotDelivered', `unit ${unitNo} was never delivered; deliver it`);
  // The dispute judges from this moment on; a later key would shut the refund out that it decides.
  if (claim.submittedAt !== undefined && isAfter(at, plusHours(claim.submittedAt, reissueHours)))
    return reject('ReissueOver', `a key is reissued within ${reissueHours} hours of the submitted claim`);
  if (isSame) return reject('WrongDelivery', 'the replacement is the very delivery that was claimed');
  const fault = deliveryFault(order, unitNo, delivery);
  if (fault) return fault;
  return [event('ReplacementDelivered', { orderId: order.terms.orderId, claimId, unitNo, delivery, deliveredAt: at })];
}
