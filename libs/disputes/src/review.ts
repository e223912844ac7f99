import { earliest, eventsOf, isAfter, plusHours, reject, type CommandOf, type Instant, type Rejection } from '@recourse/eventing';
import { isIn, isOver, type SubmittedCase, type UnitIn } from './case.js';
import type { DisputeCommand, DisputeEvent, DisputeRejection } from './dispute.js';
import { contradictionIn, type Decision, type Explanation } from './policy-table.js';
import { byRule, verdictsOn, type Judged, type Ruling } from './verdict.js';

const reviewHours = 72; // K13
/** The supervisor's time after an overdue review. K13 */
export const escalationHours = 48;
export const maxExplanationLength = 2_000;
const event = eventsOf<DisputeEvent>();

/** Only what no person has seen yet; a verdict is appealed instead. */
export function requestPerson(
  { file, units, personRequested }: SubmittedCase,
  at: Instant,
): readonly DisputeEvent[] | Rejection<DisputeRejection> {
  if (units.every(isOver)) return reject('NothingToReview', 'every unit is decided; a person looks at it again on appeal');
  const { disputeId, orderId } = file;
  return personRequested ? [] : [event('PersonRequested', { disputeId, orderId, requestedAt: at })];
}

type UnitUnderReview = UnitIn<'under-review'>;

/** @param reviewUntil by when reviews of these units that began before had to end: what is learned meanwhile prolongs none */
export const reviewStarted = (
  disputeId: string,
  units: readonly number[],
  rule: string,
  at: Instant,
  reviewUntil: readonly Instant[] = [],
) => {
  const until = plusHours(at, reviewHours);
  return event('ReviewStarted', { disputeId, units, until: earliest(until, ...reviewUntil) ?? until, rule });
};

/** When the supervisor's time is over too. */
const endOf = ({ status }: UnitUnderReview): Instant =>
  status.escalated ? status.until : plusHours(status.until, escalationHours);

/** Verdicts on units under review, one for each rule that sent units there. */
function rule(
  state: SubmittedCase,
  units: readonly UnitUnderReview[],
  decisionOn: (unitNo: number) => Decision,
  ruling: Ruling,
  at: Instant,
): readonly DisputeEvent[] {
  const judged = units.map((unit): Judged => {
    const { facts, sources, rule: sentBy } = unit.status;
    return { unit, facts, sources, rule: sentBy };
  });
  const verdicts: DisputeEvent[] = [];
  for (const group of byRule(judged))
    verdicts.push(...verdictsOn(state, state.verdicts.length + verdicts.length + 1, group, decisionOn, ruling, at));
  return verdicts;
}

export const isExplained = ({ zh, en }: Explanation): boolean =>
  [zh, en].every((text) => text.trim() !== '' && text.length <= maxExplanationLength);

export function decideByPerson(
  { person, units: decisions, explanation }: CommandOf<DisputeCommand, 'DecideDispute'>,
  state: SubmittedCase,
  at: Instant,
): readonly DisputeEvent[] | Rejection<DisputeRejection> {
  const byUnit = new Map<number, Decision>(
    decisions.map(({ unitNo, liable, remedy, bearer }) => [unitNo, { liable, remedy, bearer }]),
  );
  const named = state.units.filter((unit) => byUnit.has(unit.unitNo));
  if (named.length < byUnit.size) return reject('UnitUnknown', 'the decision names a unit that the dispute does not have');
  if (named.some(isOver)) return reject('AlreadyDecided', 'the decision names a unit that is decided');
  const reviewed = named.filter(isIn('under-review')).filter((unit) => !isAfter(at, endOf(unit)));
  if (reviewed.length === 0 || reviewed.length < named.length)
    return reject('NotUnderReview', 'a person decides units under review only, and before the supervisor’s time is over');
  if (byUnit.size < decisions.length) return reject('ContradictoryDecision', 'the decision names a unit twice');
  for (const [unitNo, decision] of byUnit) {
    const contradiction = contradictionIn(decision);
    if (contradiction !== undefined) return reject('ContradictoryDecision', `unit ${unitNo}: ${contradiction}`);
  }
  if (!isExplained(explanation))
    return reject(
      'ExplanationInvalid',
      `a decision is explained in Chinese and English, 1 to ${maxExplanationLength} characters`,
    );
  const decisionOn = (unitNo: number): Decision => {
    const decision = byUnit.get(unitNo);
    if (decision === undefined) throw new Error(`unit ${unitNo} was selected by the decision`);
    return decision;
  };
  return rule(state, reviewed, decisionOn, { decidedBy: 'person', person, explanation, basis: ['K14'] }, at);
}

const overdue: Ruling = {
  decidedBy: 'overdue',
  explanation: {
    zh: '平台未能在规定的审核时限内作出处理决定。平台的延误不应由您承担，因此按规则全额退款，责任和费用由平台承担。',
    en: 'The platform did not decide within the time it has for a review. You do not bear its delay: the unit is refunded in full, and the platform is liable and bears the cost.',
  },
  basis: ['K13', 'S18'],
};

/** Reviews that are overdue at `at`: first they go to a supervisor, 48 hours later the buyer wins. */
export function passReviewDeadlines(state: SubmittedCase, at: Instant): readonly DisputeEvent[] {
  const late = state.units.filter(isIn('under-review')).filter((unit) => isAfter(at, unit.status.until));
  const { disputeId } = state.file;
  const ends = new Set(late.filter((unit) => !unit.status.escalated).map(endOf));
  return [
    ...[...ends].map((until) => event('ReviewEscalated', { disputeId, until })),
    ...rule(
      state,
      late.filter((unit) => unit.status.escalated),
      () => ({ liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' }),
      overdue,
      at,
    ),
  ];
}
