import { reject } from '@recourse/eventing';
import { add, compare, isPositive, isZero, type Money, sameAsset, sum } from '@recourse/money';
import { endClaim, submittedClaim } from './claim.js';
import { release } from './escrow.js';
import { type Claim, type Decision, type Do, follow, type Paid, unitsNamed, unknownUnit } from './order-state.js';
import { approve, type RefundPart } from './refund-approval.js';
import { heldOf, restOf } from './unit.js';

type Wanted = Do<'ApproveRefund'>['units'];

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

/** A key came in time and the verdict did not know it: the buyer checks that key first. */
const isReplaced = ({ unit: { unitNo, replacedUnder } }: RefundPart, claim: Claim, wanted: Wanted): boolean =>
  replacedUnder === claim.claimId && !wanted.some((entry) => entry.unitNo === unitNo && entry.replacementFailed === true);

function refusalOf(part: RefundPart, claim: Claim) {
  const { unit } = part;
  const { unitNo } = unit;
  const outcome = claim.units.get(unitNo);
  if (outcome === undefined) return unknownUnit;
  if (compare(add(part.merchant, part.platform), restOf(unit)) > 0)
    return reject('RefundTooLarge', `unit ${unitNo} has less than that left to refund`); // I3
  if (outcome !== 'open' && outcome !== 'refunded') return reject('ClaimOver', `the claim on unit ${unitNo} has ended`);
  return unit.claim && unit.claim.claimId !== claim.claimId
    ? reject('UnitUnderClaim', `unit ${unitNo} is under another claim`)
    : undefined;
}

/** K5: the order owns the escrow, so it decides the source of every line; what the platform bears of a held unit frees it. */
export function approveRefund(command: Do<'ApproveRefund'>, order: Paid): Decision {
  const { refundId, disputeId, verdictId, rule, at } = command;
  if (order.refunds.has(refundId)) return [];
  const claim = submittedClaim(order, disputeId);
  if ('rejected' in claim) return claim;
  if (!command.units.every(({ amount }) => sameAsset(amount, order.terms.total)))
    return reject('AssetMismatch', 'a refund is in the asset of its order');
  if (!command.units.every(({ amount }) => isPositive(amount)))
    return reject('AmountNotPositive', 'every unit of a refund has an amount above zero');
  const named = partsOf(order, command.units);
  if (!named) return unknownUnit;
  // One reissued key does not cost the other units of the verdict their refund.
  const parts = named.filter((part) => !isReplaced(part, claim, command.units));
  for (const part of parts) {
    const refusal = refusalOf(part, claim);
    if (refusal) return refusal;
  }
  if (parts.length === 0)
    return reject('UnitReplaced', 'the units were replaced under this claim; the buyer checks the new keys first');
  const approved = approve(order, refundId, { kind: 'verdict', disputeId, verdictId, rule }, parts, at);
  const refunded = follow(order, approved);
  const freed = parts
    .filter(({ platform }) => isPositive(platform))
    .flatMap(({ unit }) => refunded.units.get(unit.unitNo) ?? [])
    .filter((unit) => !isZero(heldOf(unit)) && order.freezes.size === 0);
  const releases = freed.map((unit) => release(refunded, unit, 'platform-bears'));
  const ended = parts.filter(({ unit }) => unit.claim).map(({ unit }) => unit.unitNo);
  return [
    ...approved,
    ...releases,
    ...(ended.length > 0 ? endClaim(follow(refunded, releases), disputeId, ended, 'refunded', at) : []),
  ];
}
