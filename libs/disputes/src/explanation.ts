import { fold, type Actor, type Instant, type Recorded } from '@recourse/eventing';
import { isPositive, type Money } from '@recourse/money';
import type { EventReference, PolicyReference } from '@recourse/orders/events';
import { isIn, type CaseUnit, type SubmittedCase, type Verdict } from './case.js';
import { incidentStreamOf, type CaseStreams } from './case-material.js';
import { dispute, type CaseFile, type DisputeEvent, type OverriddenUnit, type UnitVerdict } from './dispute.js';
import {
  burdenTexts,
  bearerTexts,
  factText,
  factTexts,
  liabilityTexts,
  outcomeTexts,
  remedyTexts,
  type Burden,
} from './fact-names.js';
import { findingsOf } from './facts.js';
import { attestOrder, type OrderAttestation } from './order-attestation.js';
import {
  askedOf,
  factNames,
  matchRule,
  type Explanation,
  type Facts,
  type RecordedFacts,
  type PolicyRule,
  type PolicyTable,
  type RuleOutcome,
} from './policy-table.js';
import type { RecordedVerdict } from './rederivation.js';
import { turnOf, type Turn } from './turn.js';

/** An event that a fact comes from. */
export interface CitedEvent {
  readonly reference: EventReference;
  readonly type: string;
  readonly position: bigint;
  readonly recordedAt: Instant;
  readonly actor: Actor;
}
export interface ExplainedFact {
  readonly fact: keyof Facts;
  readonly name: Explanation;
  readonly value: string;
  readonly meaning: Explanation;
  /** Who had to show it. S36 */
  readonly burden: Burden;
  readonly burdenText: Explanation;
  readonly shownBy: Explanation;
  /** None where it rests on the absence of an event. */
  readonly from: readonly CitedEvent[];
}
/** A condition of a rule, and what was the case. */
export interface Condition {
  readonly fact: keyof Facts;
  readonly name: Explanation;
  readonly value: string;
  readonly asked: readonly string[];
}
/** The policy applied to units of the case, at one moment. */
export interface PolicyApplication {
  readonly reference: EventReference;
  readonly position: bigint;
  readonly at: Instant;
  readonly units: readonly number[];
  readonly rule: string;
  readonly does: RuleOutcome['do'];
  readonly doesText: Explanation;
  readonly explanation: Explanation;
  readonly basis: readonly string[];
  /** What the rule asked for, all of it so. */
  readonly because: readonly Condition[];
  /** Rules before it, each with the first condition that was not so. */
  readonly passedOver: readonly { readonly rule: string; readonly since: Condition }[];
}
export interface ExplainedUnit {
  readonly unitNo: number;
  readonly product: string;
  readonly price: Money;
  readonly status: string;
  /** Who may do what, until when. */
  readonly next: Turn;
  readonly verdictId?: string;
  readonly facts: readonly ExplainedFact[];
}
export interface ExplainedVerdict {
  readonly verdictId: string;
  readonly reference: EventReference;
  readonly position: bigint;
  readonly decidedBy: RecordedVerdict['data']['decidedBy'];
  readonly person?: string;
  readonly rule: string;
  readonly explanation: Explanation;
  readonly basis: readonly string[];
  readonly decidedAt: Instant;
  readonly appeal: { readonly until: Instant; readonly isFinal: boolean };
  readonly overturned?: { readonly units: readonly OverriddenUnit[]; readonly explanation: Explanation; readonly at: Instant };
  readonly units: readonly {
    readonly unitNo: number;
    readonly liable: UnitVerdict['liable'];
    readonly remedy: UnitVerdict['remedy'];
    readonly bearer: UnitVerdict['bearer'];
    readonly refund: Money;
    readonly text: Explanation;
  }[];
  /** The refund to go on with; none when everything was refused. */
  readonly refundId?: string;
}
export interface CaseExplanation {
  readonly disputeId: string;
  readonly orderId: string;
  readonly platform: string;
  readonly merchant: string;
  readonly buyer: string;
  readonly status: string;
  readonly reason: { readonly value: string; readonly meaning: Explanation };
  readonly policy: PolicyReference & { readonly title: Explanation };
  readonly openedAt: Instant;
  /** Position of the last event of the case that is told of. */
  readonly asOf: bigint;
  readonly attested: OrderAttestation;
  readonly units: readonly ExplainedUnit[];
  readonly path: readonly PolicyApplication[];
  readonly verdicts: readonly ExplainedVerdict[];
}

/** What a case is told from: the streams, and the table that its order froze. */
export interface CaseMaterial extends CaseStreams {
  readonly table: PolicyTable;
}

const referenceOf = ({ revision, stream }: Recorded): EventReference => `${revision}@${stream}`;
const conditionsOf = (rule: PolicyRule, facts: RecordedFacts): Condition[] =>
  factNames.flatMap((fact) => {
    const asked = askedOf(rule, fact);
    return asked === undefined ? [] : [{ fact, name: factTexts[fact].name, value: facts[fact] ?? '', asked }];
  });
const holds = ({ value, asked }: Condition): boolean => asked.includes(value);

/** The rule that an event of the case says was followed, and the units it was followed for. */
function applied({ data }: Recorded<DisputeEvent>): { readonly rule: string; readonly units: readonly number[] } | undefined {
  if (!('rule' in data) || ('decidedBy' in data && data.decidedBy !== 'rule')) return undefined;
  return { rule: data.rule, units: data.units.map((unit) => (typeof unit === 'number' ? unit : unit.unitNo)) };
}

function applicationOf(
  event: Recorded<DisputeEvent>,
  { facts }: RecordedFindings,
  { rule: id, units }: { readonly rule: string; readonly units: readonly number[] },
  table: PolicyTable,
): PolicyApplication[] {
  const at = table.rules.findIndex((rule) => rule.id === id);
  const rule = table.rules[at];
  // A rule that no table has, such as a person on request, is told by its event.
  if (rule === undefined || matchRule(table, facts).id !== id) return [];
  return [
    {
      reference: referenceOf(event),
      position: event.position,
      at: event.metadata.effectiveAt,
      units,
      rule: id,
      does: rule.then.do,
      doesText: outcomeTexts[rule.then.do],
      explanation: rule.explanation,
      basis: rule.basis,
      because: conditionsOf(rule, facts),
      passedOver: table.rules.slice(0, at).flatMap((earlier) => {
        const since = conditionsOf(earlier, facts).find((condition) => !holds(condition));
        return since === undefined ? [] : [{ rule: earlier.id, since }];
      }),
    },
  ];
}

/** Every application of the policy, with the facts as they stood then. */
function pathOf({ history, table }: CaseMaterial): readonly PolicyApplication[] {
  const path: PolicyApplication[] = [];
  let state = dispute.initial;
  for (const event of history) {
    const followed = applied(event);
    const unit = followed && state.status === 'submitted' ? firstOf(state, followed.units) : undefined;
    if (followed && unit && state.status === 'submitted')
      path.push(...applicationOf(event, findingsOf(state, unit), followed, table));
    state = dispute.evolve(state, event as unknown as DisputeEvent);
  }
  return path;
}
const firstOf = (state: SubmittedCase, units: readonly number[]): CaseUnit | undefined =>
  state.units.find(({ unitNo }) => units.includes(unitNo));

/** Who put the incident on record that an event of the order notes, or took it back. */
function recordingsOf({ type, data }: Recorded, events: ReadonlyMap<EventReference, Recorded>): readonly Recorded[] {
  if (type !== 'PlatformIncidentNoted') return [];
  const stream = incidentStreamOf(data as { readonly incidentId: string });
  return [...events.values()].filter((event) => event.stream === stream);
}

const citedEvent = (event: Recorded): CitedEvent => ({
  reference: referenceOf(event),
  type: event.type,
  position: event.position,
  recordedAt: event.metadata.recordedAt,
  actor: event.metadata.actor,
});

/** As a verdict recorded them, or as they stand. */
type RecordedFindings = Pick<UnitVerdict, 'facts' | 'sources'>;

function explainFacts(
  { facts, sources }: RecordedFindings,
  events: ReadonlyMap<EventReference, Recorded>,
): readonly ExplainedFact[] {
  return factNames.flatMap((fact) => {
    // A verdict of earlier times knows nothing of facts that were thought of later.
    const value: string | undefined = facts[fact];
    if (value === undefined) return [];
    const { name, burden, shownBy } = factTexts[fact];
    const references = sources.find((source) => source.fact === fact)?.from ?? [];
    const from = references.flatMap((reference) => {
      const event = events.get(reference);
      return event === undefined
        ? []
        : [event, ...(fact === 'platformFailure' ? recordingsOf(event, events) : [])].map(citedEvent);
    });
    return [{ fact, name, value, meaning: factText(fact, value), burden, burdenText: burdenTexts[burden], shownBy, from }];
  });
}

function explainVerdict(event: RecordedVerdict, known: Verdict | undefined, history: CaseMaterial['history']): ExplainedVerdict {
  const { verdictId, decidedBy, person, rule, explanation, basis, decidedAt, appealUntil, units } = event.data;
  const overturned = history.find((one) => one.type === 'VerdictOverturned' && one.data.verdictId === verdictId);
  return {
    verdictId,
    reference: referenceOf(event),
    position: event.position,
    decidedBy,
    ...(person !== undefined && { person }),
    rule,
    explanation,
    basis,
    decidedAt,
    appeal: { until: appealUntil, isFinal: known?.final ?? false },
    ...(overturned?.type === 'VerdictOverturned' && {
      overturned: {
        units: overturned.data.units,
        explanation: overturned.data.explanation,
        at: overturned.data.overturnedAt,
      },
    }),
    units: units.map(({ unitNo, liable, remedy, bearer, refund }) => {
      const texts = [liabilityTexts[liable], remedyTexts[remedy], ...(bearer === 'none' ? [] : [bearerTexts[bearer]])];
      const text = { zh: texts.map(({ zh }) => zh).join('，'), en: texts.map(({ en }) => en).join(', ') };
      return { unitNo, liable, remedy, bearer, refund, text };
    }),
    ...(units.some(({ refund }) => isPositive(refund)) && { refundId: verdictId }),
  };
}

const findings = (state: SubmittedCase, unit: CaseUnit, verdicts: readonly RecordedVerdict[]): RecordedFindings => {
  if (isIn('under-review')(unit)) return unit.status;
  const judged = verdicts.flatMap(({ data }) => data.units).findLast(({ unitNo }) => unitNo === unit.unitNo);
  return judged !== undefined && isIn('decided')(unit) ? judged : findingsOf(state, unit);
};

/**
 * S03: everything that a decision rests on, told from the events alone. Nothing is read from the vault, so the story is the
 * same after a person's data was erased.
 * @throws Error when the events are not those of a case
 */
export function explainCase(material: CaseMaterial): CaseExplanation {
  const { history, order, table, cited } = material;
  const state = fold(dispute, history as unknown as readonly DisputeEvent[]);
  const [opened] = history;
  const last = history.at(-1);
  if (
    state.status === 'unknown' ||
    last === undefined ||
    (opened?.type !== 'DisputeDrafted' && opened?.type !== 'DisputeSubmitted')
  )
    throw new Error('there is no such dispute');
  const file: CaseFile = state.file;
  const { disputeId, orderId, platform, merchant, buyer, reason, policy } = file;
  const openedAt = opened.type === 'DisputeDrafted' ? opened.data.draftedAt : opened.data.submittedAt;
  const verdicts = history.filter((event): event is RecordedVerdict => event.type === 'VerdictReached');
  const events = new Map(cited);
  for (const event of history) events.set(referenceOf(event), event as unknown as Recorded);
  const submitted = state.status === 'submitted' ? state : undefined;
  return {
    disputeId,
    orderId,
    platform,
    merchant,
    buyer,
    status: state.status,
    reason: { value: reason, meaning: factText('reason', reason) },
    policy: { ...policy, title: table.title },
    openedAt,
    asOf: last.position,
    attested: attestOrder(order, new Set(file.units.map(({ unitNo }) => unitNo))),
    units: file.units.map(({ unitNo, product, price }): ExplainedUnit => {
      const unit = submitted?.units.find((one) => one.unitNo === unitNo);
      return {
        unitNo,
        product,
        price,
        status: unit?.status.is ?? state.status,
        next: turnOf(state, unit),
        ...(unit?.status.is === 'decided' && { verdictId: unit.status.verdictId }),
        facts: submitted && unit ? explainFacts(findings(submitted, unit, verdicts), events) : [],
      };
    }),
    path: pathOf(material),
    verdicts: verdicts.map((event) =>
      explainVerdict(
        event,
        submitted?.verdicts.find(({ verdictId }) => verdictId === event.data.verdictId),
        history,
      ),
    ),
  };
}
