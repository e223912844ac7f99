import { eventsOf, isAfter, plusHours, reject, type CommandOf, type Instant, type Rejection } from '@recourse/eventing';
import { isPositive, zero } from '@recourse/money';
import { appealedVerdict, becameFinal, isEscalated, isUnderAppeal, ofVerdict, openAppeals, rulingUntil } from './appeal.js';
import type { AppealCommand, Appellant, ChangedUnit, RuledUnit } from './appeal-events.js';
import type { Appealed } from './appeal.js';
import type { CaseUnit, Dispute, OpenAppeal, SubmittedCase } from './case.js';
import type { DisputeEvent, DisputeRejection, OverriddenUnit } from './dispute.js';
import { findingsOf } from './facts.js';
import { afterRefund, amountFault, blameContradictionIn, contradictionIn, restOf } from './award.js';
import type { Explanation } from './policy-table.js';
import { escalationHours, isExplained, maxExplanationLength } from './review.js';
import { appealRule, verdictsOn, type Judged } from './verdict.js';

type Rule = CommandOf<AppealCommand, 'RuleOnAppeal'>;
interface Ruling {
  readonly decidedBy: 'person' | 'overdue';
  readonly person?: string;
  readonly explanation: Explanation;
  readonly basis: readonly string[];
}

const event = eventsOf<DisputeEvent>();

/** Platform rules order no. 116: whoever is decided against is told where he can still turn. */
const isLast: Explanation = {
  zh: '本裁决为平台内的终局裁决；如不服，可通过支付平台争议通道、12315、消费者协会或法院等平台外途径继续维权。',
  en: 'This is the last word inside the platform. The dispute channel of the payment provider, the 12315 hotline, the consumers’ association and the courts remain open.',
};
const closing = ({ zh, en }: Explanation): Explanation => ({ zh: `${zh}\n${isLast.zh}`, en: `${en}\n${isLast.en}` });

/** The unit as the verdict that is appealed leaves it. */
function whatIsLeft({ verdict }: Appealed, unit: CaseUnit): CaseUnit {
  const ruled = verdict.units.find(({ unitNo }) => unitNo === unit.unitNo);
  return ruled === undefined || !isPositive(ruled.refund) ? unit : { ...unit, claimed: afterRefund(unit.claimed, ruled.refund) };
}

function overriddenUnit({ verdict }: Appealed, { unitNo, liable, remedy, bearer }: ChangedUnit): OverriddenUnit {
  const ruled = verdict.units.find((unit) => unit.unitNo === unitNo);
  if (ruled === undefined) throw new Error(`unit ${unitNo} was appealed, so the verdict is on it`);
  const { merchantPart } = ruled;
  const was = {
    liable: ruled.liable,
    bearer: ruled.bearer,
    remedy: ruled.remedy,
    refund: ruled.refund,
    ...(merchantPart && { merchantPart }),
  };
  return remedy === 'NONE'
    ? { unitNo, liable, bearer, remedy, refund: zero(ruled.refund.asset), was }
    : { unitNo, liable, bearer, remedy: ruled.remedy, refund: ruled.refund, was };
}

/**
 * A ruling and all that follows from it. What the buyer gets is a verdict of its own, so that it is paid as any other; the claim is
 * closed on what stays refused only, so that this and the payment meet on no unit.
 */
function ruled(
  appealed: Appealed,
  open: readonly OpenAppeal[],
  changes: readonly ChangedUnit[],
  ruling: Ruling,
  first: number,
  at: Instant,
): readonly DisputeEvent[] {
  const { state, verdict } = appealed;
  const { file } = state;
  const of = ofVerdict(file, verdict);
  const { decidedBy, basis } = ruling;
  const explanation = closing(ruling.explanation);
  const by = ruling.person === undefined ? {} : { person: ruling.person };
  const changed = (party: Appellant) => changes.filter((change) => change.for === party);
  const named = new Set(open.flatMap(({ units }) => units));
  const units = state.units
    .filter(({ unitNo }) => named.has(unitNo))
    .map((unit): RuledUnit => ({
      unitNo: unit.unitNo,
      outcome: changes.some(({ unitNo }) => unitNo === unit.unitNo) ? 'changed' : 'upheld',
      ...findingsOf(state, unit),
    }));
  const forBuyer = new Map(changed('buyer').map((change) => [change.unitNo, change]));
  const [one, ...more] = state.units
    .filter(({ unitNo }) => forBuyer.has(unitNo))
    .map((unit): Judged => ({ unit: whatIsLeft(appealed, unit), ...findingsOf(state, unit), rule: appealRule }));
  const decisionOn = (unitNo: number) => {
    const change = forBuyer.get(unitNo);
    if (change === undefined) throw new Error(`unit ${unitNo} was selected by the ruling`);
    return change;
  };
  const verdicts =
    one === undefined
      ? []
      : verdictsOn(
          state,
          first,
          [one, ...more],
          decisionOn,
          { decidedBy: decidedBy === 'person' ? 'appeal' : decidedBy, ...by, appealOf: verdict.verdictId, explanation, basis },
          at,
        );
  const forMerchant = changed('merchant').map((change) => overriddenUnit(appealed, change));
  const appeal = open.find((candidate) => candidate.by === 'merchant');
  const overturned =
    forMerchant.length === 0 || appeal === undefined
      ? []
      : [
          event('VerdictOverturned', {
            ...of,
            units: forMerchant,
            isFraud: false,
            explanation,
            proposedBy: appeal.lodgedBy,
            ...(ruling.person === undefined ? {} : { approvedBy: ruling.person }),
            appealId: appeal.appealId,
            overturnedAt: at,
          }),
        ];
  return [
    event('AppealRuled', {
      ...of,
      appeals: open.map(({ appealId }) => appealId),
      outcome: changes.length > 0 ? 'changed' : 'upheld',
      units,
      decidedBy,
      ...by,
      explanation,
      basis,
      ruledAt: at,
    }),
    ...overturned,
    ...verdicts,
    becameFinal(file, { verdictId: verdict.verdictId, refused: verdict.refused.filter((unitNo) => !forBuyer.has(unitNo)) }, at),
    ...verdicts.map(({ data: { verdictId } }) => becameFinal(file, { verdictId, refused: [] }, at)),
  ];
}

/** Why a unit cannot be ruled on like this, or undefined. */
function faultOf(appealed: Appealed, open: readonly OpenAppeal[], wanted: ChangedUnit): Rejection<DisputeRejection> | undefined {
  const { unitNo, remedy, bearer } = wanted;
  const appeal = open.find((one) => one.by === wanted.for);
  if (appeal?.units.includes(unitNo) !== true)
    return reject('UnitUnknown', `the ${wanted.for} does not appeal unit ${unitNo}; what nobody appeals is not ruled on`);
  const contradiction = wanted.for === 'buyer' ? faultForBuyer(appealed, wanted) : faultForMerchant(wanted);
  if (contradiction !== undefined) return reject('ContradictoryDecision', `unit ${unitNo}: ${contradiction}`);
  if (wanted.for === 'buyer')
    return remedy === 'NONE' || !isPositive(leftOf(appealed, unitNo))
      ? reject(
          'NothingChanges',
          `unit ${unitNo}: a ruling for the buyer refunds what is left; leave the unit out to uphold the verdict`,
        )
      : undefined;
  return remedy !== 'NONE' && bearer !== 'platform'
    ? reject('NothingChanges', `unit ${unitNo}: a ruling for the merchant takes the refund back or leaves it to the platform`)
    : undefined;
}
const leftIn = (appealed: Appealed, unitNo: number) => {
  const unit = appealed.state.units.find((one) => one.unitNo === unitNo);
  if (unit === undefined) throw new Error(`unit ${unitNo} was appealed, so the dispute has it`);
  return whatIsLeft(appealed, unit).claimed;
};
const leftOf = (appealed: Appealed, unitNo: number) => restOf(leftIn(appealed, unitNo));
const faultForBuyer = (appealed: Appealed, wanted: ChangedUnit): string | undefined =>
  contradictionIn(wanted) ?? (wanted.amount && amountFault(wanted.amount, leftIn(appealed, wanted.unitNo)));
/** Who bears it changes, or it goes as a whole: no amount does. */
const faultForMerchant = ({ amount, refundPercent, merchantPercent, ...wanted }: ChangedUnit): string | undefined =>
  (amount ?? refundPercent ?? merchantPercent) === undefined
    ? blameContradictionIn(wanted)
    : 'a ruling for the merchant takes a refund back whole or leaves it as it is';

/** The two rulings on one unit that both parties appeal, at odds. */
const isTorn = (units: readonly ChangedUnit[]): boolean =>
  units.some(
    ({ unitNo, remedy }) => remedy === 'NONE' && units.some((other) => other.unitNo === unitNo && other.for === 'buyer'),
  );

export function ruleOnAppeal(
  { verdictId, person, units, explanation }: Rule,
  dispute: Dispute,
  at: Instant,
): readonly DisputeEvent[] | Rejection<DisputeRejection> {
  const found = appealedVerdict(dispute, verdictId);
  if ('rejected' in found) return found;
  const open = openAppeals(found.verdict, at);
  if ('rejected' in open) return open;
  if (found.state.judges.has(person) || open.some(({ lodgedBy }) => lodgedBy === person))
    return reject('SameReviewer', 'an appeal is ruled by another person than whoever decided or appealed in this dispute');
  for (const wanted of units) {
    const fault = faultOf(found, open, wanted);
    if (fault !== undefined) return fault;
  }
  const named = new Set(units.map(({ unitNo, for: party }) => `${party} ${unitNo}`));
  if (named.size < units.length || isTorn(units))
    return reject('ContradictoryDecision', 'the ruling says two things of one unit');
  if (!isExplained(explanation))
    return reject('ExplanationInvalid', `a ruling is explained in Chinese and English, 1 to ${maxExplanationLength} characters`);
  const ruling: Ruling = { decidedBy: 'person', person, explanation, basis: ['S79', 'K13'] };
  return ruled(found, open, units, ruling, found.state.verdicts.length + 1, at);
}

const overdue: Ruling = {
  decidedBy: 'overdue',
  explanation: {
    zh: '平台未能在规定的时限内对申诉作出裁决。平台的延误不应由申诉人承担，因此按规则支持申诉，责任和费用由平台承担。',
    en: 'The platform did not rule on the appeal within the time it has. Whoever appealed does not bear its delay: the appeal succeeds, and the platform is liable and bears the cost.',
  },
  basis: ['K13', 'S18', 'S79'],
};
const forAppellant = ({ by, units }: OpenAppeal): ChangedUnit[] =>
  units.map((unitNo) => ({ unitNo, for: by, liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' }));

/** Appeals that are overdue at `at`: first they go to a supervisor, 48 hours later whoever appealed has won. */
export function passAppealDeadlines(state: SubmittedCase, at: Instant): readonly DisputeEvent[] {
  const { disputeId } = state.file;
  const events: DisputeEvent[] = [];
  let first = state.verdicts.length + 1;
  for (const verdict of state.verdicts.filter(isUnderAppeal)) {
    const { verdictId, appeals } = verdict;
    const until = rulingUntil(appeals);
    if (until === undefined || !isAfter(at, until)) continue;
    if (!isEscalated(appeals)) {
      events.push(event('AppealEscalated', { disputeId, verdictId, until: plusHours(until, escalationHours) }));
      continue;
    }
    const said = ruled({ state, verdict }, appeals, appeals.flatMap(forAppellant), overdue, first, at);
    first += said.filter(({ type }) => type === 'VerdictReached').length;
    events.push(...said);
  }
  return events;
}
