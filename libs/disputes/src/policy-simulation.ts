import { isAfter, type Instant } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import type { ClaimReason, PolicyReference } from '@recourse/orders/events';
import { isOver, type CaseUnit, type SubmittedCase, type UnitStatus } from './case.js';
import { awardOf } from './award.js';
import { borneBy, type UnitMoney } from './decision-money.js';
import type { DisputeEvent, UnitVerdict } from './dispute.js';
import { evolve } from './evolution.js';
import { findingsOf } from './facts.js';
import { ruleFor } from './policy-step.js';
import type { Decision, Facts, PolicyTable, RuleOutcome } from './policy-table.js';

type Step = Exclude<RuleOutcome['do'], 'decide'>;
type VerdictReached = Extract<DisputeEvent, { type: 'VerdictReached' }>;

/** How a case ends for one unit. */
export type UnitEnd =
  | ({
      readonly is: 'decided';
      readonly by: VerdictReached['data']['decidedBy'];
      readonly rule: string;
      readonly money: UnitMoney;
    } & Pick<Decision, 'liable' | 'remedy' | 'bearer'>)
  /** A reissued key that works: nothing is refunded. */
  | { readonly is: 'reissued' }
  /** A person decides what a rule decided: what he says nobody knows. */
  | { readonly is: 'review'; readonly rule: string }
  /** Something else is asked first, and the answer is not in the log. */
  | { readonly is: 'asks'; readonly step: Step; readonly rule: string };

/** What became of a unit, and what would have become of it. */
export interface UnitComparison {
  readonly disputeId: string;
  readonly verdictId?: string;
  readonly unitNo: number;
  readonly platform: string;
  readonly merchant: string;
  readonly reason: ClaimReason;
  readonly policy: PolicyReference;
  readonly price: Money;
  readonly endedAt: Instant;
  readonly old: UnitEnd;
  readonly new: UnitEnd;
  readonly changed: boolean;
  /** The new table comes to its end at an earlier step. */
  readonly sooner: boolean;
}

/** What a step is told by; a new step does not compile until it is named. */
const toldBy: Readonly<Record<Step, DisputeEvent['type']>> = {
  verify: 'VerificationRequested',
  'await-reissue': 'ReissueAwaited',
  'await-merchant': 'MerchantAnswerAwaited',
  'await-evidence': 'EvidenceAwaited',
  review: 'ReviewStarted',
};
const stepOf = new Map(Object.entries(toldBy).map(([step, type]) => [type, step as Step]));
const waitsIn: Readonly<Record<Step, UnitStatus['is']>> = {
  verify: 'verifying',
  'await-reissue': 'awaiting-reissue',
  'await-merchant': 'awaiting-merchant',
  'await-evidence': 'awaiting-evidence',
  review: 'under-review',
};

interface Case {
  readonly state: SubmittedCase;
  /** Where the new table has come to an end already. */
  readonly ends: ReadonlyMap<number, UnitEnd>;
}

const unitNosIn = ({ data }: DisputeEvent): readonly number[] =>
  'units' in data ? data.units.map((unit) => (typeof unit === 'number' ? unit : unit.unitNo)) : [];

const isSame = (one: UnitEnd, other: UnitEnd): boolean =>
  one === other ||
  (one.is === 'decided' &&
    other.is === 'decided' &&
    one.liable === other.liable &&
    one.remedy === other.remedy &&
    one.bearer === other.bearer &&
    one.money.buyer.minor === other.money.buyer.minor &&
    one.money.merchant.minor === other.money.merchant.minor);

/**
 * Walks every case again under another table: wherever the frozen policy was applied, the new one is applied to the same facts,
 * until it comes to an end. What would have been asked and was not is not known, and is said so.
 * Holds the cases that are open at this place of the log, and nothing of those that are over.
 */
export class PolicySimulation {
  readonly #cases = new Map<string, Case>();
  readonly #drafts = new Map<string, Parameters<typeof evolve>[0]>();

  /**
   * @param table must be complete (`validateTable`)
   * @param concerns whose cases are walked
   */
  constructor(
    private readonly table: PolicyTable,
    private readonly concerns: (whose: { readonly platform: string; readonly merchant: string }) => boolean = () => true,
  ) {}

  /** Cases that are under way: they have no end to compare yet. */
  get open(): number {
    return this.#cases.size;
  }

  /** Takes the events of all disputes in the order of the log. @returns the units that ended with this one */
  take(event: DisputeEvent, at: Instant): readonly UnitComparison[] {
    const { disputeId } = event.data;
    const known = this.#cases.get(disputeId);
    if (known === undefined) {
      this.#begin(event);
      return [];
    }
    const ends = new Map(known.ends);
    const units = known.state.units.filter((unit) => unitNosIn(event).includes(unit.unitNo) && !isOver(unit));
    const compared = units.flatMap((unit) => {
      const { step, old } = happened(event, unit);
      if (step === undefined && old === undefined) return [];
      const before = ends.get(unit.unitNo);
      // That a reissued key works is no step of any table.
      const end =
        before ?? (old?.is === 'reissued' ? undefined : this.#endOf(known.state, unit, step, recordedFacts(event, unit), at));
      if (end !== undefined) ends.set(unit.unitNo, end);
      return old === undefined
        ? []
        : [comparisonOf(known.state, unit, event, at, old, end ?? old, before !== undefined && before.is !== 'asks')];
    });
    const state = evolve(known.state, event);
    if (state.status !== 'submitted' || state.units.every(isOver)) this.#cases.delete(disputeId);
    else this.#cases.set(disputeId, { state, ends });
    return compared;
  }

  #begin(event: DisputeEvent): void {
    const { disputeId } = event.data;
    const opens = event.type === 'DisputeDrafted' || event.type === 'DisputeSubmitted';
    const before = this.#drafts.get(disputeId);
    if (before === undefined && !(opens && this.concerns(event.data))) return;
    const state = evolve(before ?? { status: 'unknown', revision: 0 }, event);
    if (state.status === 'draft') this.#drafts.set(disputeId, state);
    else this.#drafts.delete(disputeId);
    if (state.status === 'submitted') this.#cases.set(disputeId, { state, ends: new Map() });
  }

  /** Where the new table ends here; undefined when it goes the way that was gone. */
  #endOf(
    state: SubmittedCase,
    unit: CaseUnit,
    step: Step | undefined,
    recorded: Partial<Facts>,
    at: Instant,
  ): UnitEnd | undefined {
    // A person has it, as he would have had it.
    if (unit.status.is === 'under-review') return undefined;
    // What was recorded counts; a fact that was not asked for at the time is derived today.
    const facts: Facts = { ...findingsOf(state, unit).facts, ...recorded };
    let rule = ruleFor(this.table, facts, state.personRequested);
    // Nobody waits for a reissue whose time is over. S29
    if (rule.then.do === 'await-reissue' && isAfter(at, state.reissueUntil))
      rule = ruleFor(this.table, { ...facts, reissue: 'missed' }, state.personRequested);
    const { id, then } = rule;
    if (then.do === 'decide') {
      const { liable, remedy, bearer } = then;
      return { is: 'decided', by: 'rule', rule: id, liable, remedy, bearer, money: borneBy(then, awardOf(then, unit.claimed)) };
    }
    if (then.do === step || waitsIn[then.do] === unit.status.is) return undefined;
    // What no verifier can be asked about is looked at by a person. S49
    const goesToPerson = then.do === 'review' || (then.do === 'verify' && unit.claimed.deliveryReference === undefined);
    if (!goesToPerson) return { is: 'asks', step: then.do, rule: id };
    return step === 'review' ? undefined : { is: 'review', rule: id };
  }
}

/** A verdict's own facts, as they were recorded. */
const recordedFacts = (event: DisputeEvent, { unitNo }: CaseUnit): Partial<Facts> =>
  event.type === 'VerdictReached' ? (event.data.units.find((unit) => unit.unitNo === unitNo)?.facts ?? {}) : {};

const oldEnd = ({ data: { decidedBy: by, rule } }: VerdictReached, unit: UnitVerdict): UnitEnd => {
  const { liable, remedy, bearer } = unit;
  return { is: 'decided', by, rule, liable, remedy, bearer, money: borneBy(unit, unit) };
};

/** What an event says of a unit: the policy was applied and came to this step, or the unit is over. */
function happened(event: DisputeEvent, { unitNo }: CaseUnit): { readonly step?: Step; readonly old?: UnitEnd } {
  if (event.type === 'ResolvedByReissue') return { old: { is: 'reissued' } };
  if (event.type === 'VerdictReached') {
    const verdict = event.data.units.find((unit) => unit.unitNo === unitNo);
    return verdict === undefined ? {} : { old: oldEnd(event, verdict) };
  }
  const step = stepOf.get(event.type);
  return step === undefined ? {} : { step };
}

function comparisonOf(
  { file: { platform, merchant, reason, policy } }: SubmittedCase,
  { unitNo, claimed: { price } }: CaseUnit,
  { data }: DisputeEvent,
  endedAt: Instant,
  old: UnitEnd,
  end: UnitEnd,
  sooner: boolean,
): UnitComparison {
  return {
    disputeId: data.disputeId,
    ...('verdictId' in data ? { verdictId: data.verdictId } : {}),
    unitNo,
    platform,
    merchant,
    reason,
    policy,
    price,
    endedAt,
    old,
    new: end,
    changed: !isSame(old, end),
    sooner,
  };
}
