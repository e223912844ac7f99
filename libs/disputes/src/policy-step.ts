import { eventsOf, isAfter, plusHours, reject, type Instant, type Rejection } from '@recourse/eventing';
import { isIn, type CaseUnit, type SubmittedCase } from './case.js';
import type { DisputeEvent, DisputeRejection } from './dispute.js';
import { evolve } from './evolution.js';
import { findingsOf } from './facts.js';
import {
  matchRule,
  personRequestedRule,
  policyHash,
  type PolicyRule,
  type PolicyTable,
  type RecordedFacts,
  type RuleOutcome,
} from './policy-table.js';
import { reviewStarted } from './review.js';
import { byRule, verdictsOn, type Judged } from './verdict.js';

const merchantAnswerHours = 48; // K13
const evidenceHours = 48; // K13
const verifierHours = 24;
const event = eventsOf<DisputeEvent>();

interface Matched extends Judged {
  readonly matched: PolicyRule;
}

/** Units that the policy may move. A person, a buyer who checks a key, and an end are not overtaken by a rule. */
export const isMovable = isIn('submitted', 'verifying', 'awaiting-reissue', 'awaiting-merchant', 'awaiting-evidence');
const waitOf: Partial<Record<CaseUnit['status']['is'], RuleOutcome['do']>> = {
  verifying: 'verify',
  'awaiting-reissue': 'await-reissue',
  'awaiting-merchant': 'await-merchant',
  'awaiting-evidence': 'await-evidence',
};

/** What becomes of a unit whose buyer asked for a person, where a rule would not simply refund it. K14 */
export const forPerson: PolicyRule = {
  id: personRequestedRule,
  when: {},
  then: { do: 'review' },
  explanation: {
    zh: '买家要求人工处理，由审核人员查看全部材料后作出决定。',
    en: 'The buyer asked for a person, who looks at everything and decides.',
  },
  basis: ['K14'],
};
/** The verifier's word and a promised reissue still come; nothing else is waited for, and no rule refuses. */
const isForPerson = ({ then }: PolicyRule): boolean =>
  then.do === 'await-merchant' || then.do === 'await-evidence' || (then.do === 'decide' && then.remedy !== 'FULL_REFUND');

/** The rule that gets its turn. */
export function ruleFor(table: PolicyTable, facts: RecordedFacts, personRequested: boolean): PolicyRule {
  const byTable = matchRule(table, facts);
  return personRequested && isForPerson(byTable) ? forPerson : byTable;
}

const matchAll = (state: SubmittedCase, table: PolicyTable): readonly Matched[] =>
  state.units.filter(isMovable).map((unit) => {
    const findings = findingsOf(state, unit);
    const matched = ruleFor(table, findings.facts, state.personRequested);
    return { unit, ...findings, rule: matched.id, matched };
  });
const numbersOf = (matches: readonly Matched[]) => matches.map(({ unit }) => unit.unitNo);

/** What one rule does with the units it matched. @param first number of the next verdict */
function step(
  state: SubmittedCase,
  first: number,
  group: readonly [Matched, ...Matched[]],
  at: Instant,
): readonly DisputeEvent[] {
  const { then, id: rule, explanation, basis } = group[0].matched;
  const { disputeId, orderId, productKind } = state.file;
  const moving = group.filter(({ unit }) => waitOf[unit.status.is] !== then.do);
  const units = numbersOf(moving);
  const reviewUntil = moving.flatMap(({ unit: { status } }) => (status.is === 'submitted' ? (status.reviewUntil ?? []) : []));
  if (units.length === 0) return [];
  switch (then.do) {
    case 'verify': {
      const asked = moving.flatMap(({ unit: { unitNo, claimed } }) =>
        claimed.deliveryReference === undefined ? [] : [{ unitNo, deliveryReference: claimed.deliveryReference }],
      );
      // What no verifier can be asked about is looked at by a person. S49
      const unverifiable = units.filter((unitNo) => !asked.some((unit) => unit.unitNo === unitNo));
      return [
        ...(asked.length > 0
          ? [
              event('VerificationRequested', {
                disputeId,
                orderId,
                productKind,
                units: asked,
                until: plusHours(at, verifierHours),
                rule,
              }),
            ]
          : []),
        ...(unverifiable.length > 0 ? [reviewStarted(disputeId, unverifiable, rule, at, reviewUntil)] : []),
      ];
    }
    case 'await-reissue':
      return [event('ReissueAwaited', { disputeId, orderId, units, until: state.reissueUntil, rule })];
    case 'await-merchant':
      return [event('MerchantAnswerAwaited', { disputeId, units, until: plusHours(at, merchantAnswerHours), rule })];
    case 'await-evidence':
      return [event('EvidenceAwaited', { disputeId, units, until: plusHours(at, evidenceHours), rule })];
    case 'review':
      return [reviewStarted(disputeId, units, rule, at, reviewUntil)];
    case 'decide': {
      return verdictsOn(state, first, group, () => then, { decidedBy: 'rule', explanation, basis }, at);
    }
  }
}

/**
 * The next step of every unit by its order's frozen policy. Units that one rule matches move in one event, units that it
 * decides are one verdict; a unit that waits already for what its rule says stays as it is.
 */
export function applyPolicy(
  table: PolicyTable,
  state: SubmittedCase,
  at: Instant,
): readonly DisputeEvent[] | Rejection<DisputeRejection> {
  if (policyHash(table) !== state.file.policy.hash)
    return reject('WrongPolicy', 'this is not the policy that the order was placed under');
  const missed = isAfter(at, state.reissueUntil)
    ? numbersOf(matchAll(state, table).filter(({ matched }) => matched.then.do === 'await-reissue'))
    : [];
  // Nobody waits for a reissue whose time is over: S29 counts from the submission, whoever took the time.
  const before: readonly DisputeEvent[] =
    missed.length > 0 ? [event('ReissueMissed', { disputeId: state.file.disputeId, units: missed, missedAt: at })] : [];
  const known = before.reduce(evolve, state);
  if (known.status !== 'submitted') throw new Error('a missed reissue does not end a dispute');
  const events = [...before];
  let first = known.verdicts.length + 1;
  for (const group of byRule(matchAll(known, table))) {
    const steps = step(known, first, group, at);
    first += steps.filter(({ type }) => type === 'VerdictReached').length;
    events.push(...steps);
  }
  return events;
}
