import { eventsOf, reject } from '@recourse/eventing';
import { add, allocate, compare, isPositive, isZero, type Money, sameAsset, sum, zero } from '@recourse/money';
import { endClaim, submittedClaim } from './claim.js';
import { release } from './escrow.js';
import type { OrderEvent } from './order.js';
import { type Claim, type Decision, type Do, follow, type Paid, unitsNamed, unknownUnit } from './order-state.js';
import { approve, type RefundPart } from './refund-approval.js';
import { heldOf, restOf } from './unit.js';

type Wanted = Do<'ApproveRefund'>['units'];
const event = eventsOf<OrderEvent>();

/** Per unit what each bears; a shared verdict names a unit twice. */
function partsOf(order: Paid, wanted: Wanted): readonly RefundPart[] | undefined {
  const { asset } = order.terms.total;
  return unitsNamed(
    order,
    wanted.map(({ unitNo }) => unitNo),
  )?.map((unit) => {
    const entries = wanted.filter(({ unitNo }) => unitNo === unit.unitNo);
    const borneBy = (who: 'merchant' | 'platform'): Money =>
      sum(
        entries.filter(({ bearer }) => bearer === who).map(({ amount }) => amount),
        asset,
      );
    const liable = entries[0]?.liable ?? 'UNPROVEN';
    return { unit, liable, merchant: borneBy('merchant'), platform: borneBy('platform') };
  });
}

/** A key came in time and the verdict did not know it, or it came under a later claim: the buyer checks that key first. */
function isReplaced({ unit }: RefundPart, { claimId }: Claim, wanted: Wanted): boolean {
  const { unitNo, replacedUnder } = unit;
  if (replacedUnder === undefined) return false;
  const knows = wanted.some((entry) => entry.unitNo === unitNo && entry.replacementFailed === true);
  return replacedUnder === claimId ? !knows : replacedUnder === unit.claim?.claimId;
}

/**
 * No more than is left, whatever two verdicts said of one unit that did not know of each other: a claim on the rest and an appeal
 * of the first verdict. I3
 */
function capped(part: RefundPart): RefundPart {
  const rest = restOf(part.unit);
  const { merchant, platform } = part;
  if (compare(add(merchant, platform), rest) <= 0) return part;
  const [ofMerchant, ofPlatform] = allocate(rest, [merchant.minor, platform.minor]);
  return { ...part, merchant: ofMerchant ?? rest, platform: ofPlatform ?? zero(rest.asset) };
}
const isSomething = ({ merchant, platform }: RefundPart): boolean => isPositive(add(merchant, platform));

function refusalOf({ unit: { unitNo } }: RefundPart, claim: Claim) {
  const outcome = claim.units.get(unitNo);
  if (outcome === undefined) return unknownUnit;
  return outcome === 'open' || outcome === 'refunded' ? undefined : reject('ClaimOver', `the claim on unit ${unitNo} has ended`);
}

/**
 * K5: the order owns the escrow, so it decides the source of every line. What escrow still has of a unit that is refunded in full is
 * what the platform bears, and the merchant gets it; the rest of a partly refunded unit stays as safe as it was.
 */
export function approveRefund(command: Do<'ApproveRefund'>, order: Paid): Decision {
  const { refundId, disputeId, verdictId, rule, at } = command;
  if (order.refunds.has(refundId) || order.shutOut.has(refundId)) return [];
  const claim = submittedClaim(order, disputeId);
  if ('rejected' in claim) return claim;
  if (!command.units.every(({ amount }) => sameAsset(amount, order.terms.total)))
    return reject('AssetMismatch', 'a refund is in the asset of its order');
  if (!command.units.every(({ amount }) => isPositive(amount)))
    return reject('AmountNotPositive', 'every unit of a refund has an amount above zero');
  const named = partsOf(order, command.units);
  if (!named) return unknownUnit;
  // One reissued key does not cost the other units of the verdict their refund.
  const standing = named.filter((part) => !isReplaced(part, claim, command.units));
  for (const part of standing) {
    const refusal = refusalOf(part, claim);
    if (refusal) return refusal;
  }
  const parts = standing.map(capped).filter(isSomething);
  if (parts.length === 0) {
    const { orderId } = order.terms;
    const units = named.map(({ unit }) => unit.unitNo);
    return [event('RefundShutOut', { refundId, orderId, disputeId, units, shutOutAt: at })];
  }
  const approved = approve(order, refundId, { kind: 'verdict', disputeId, verdictId, rule }, parts, at);
  const refunded = follow(order, approved);
  const freed = parts
    .flatMap(({ unit }) => refunded.units.get(unit.unitNo) ?? [])
    .filter((unit) => unit.freed && !isZero(heldOf(unit)) && order.freezes.size === 0);
  const releases = freed.map((unit) => release(refunded, unit, 'platform-bears'));
  const after = follow(refunded, releases);
  const events: OrderEvent[] = [...approved, ...releases];
  // A later claim on the rest of a unit ends with it.
  for (const claimId of new Set(parts.flatMap(({ unit }) => unit.claim?.claimId ?? []))) {
    const ended = parts
      .filter(({ unit }) => unit.claim?.claimId === claimId)
      .filter(({ unit }) => claimId === disputeId || isZero(restOf(refunded.units.get(unit.unitNo) ?? unit)))
      .map(({ unit }) => unit.unitNo);
    if (ended.length > 0) events.push(...endClaim(after, claimId, ended, 'refunded', at));
  }
  return events;
}
