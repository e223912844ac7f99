import { plusHours, type DataOf, type Instant } from '@recourse/eventing';
import type { ClaimReason } from '@recourse/orders/events';
import type { CaseUnit, Dispute, SubmittedCase, UnitStatus } from './case.js';
import type { DisputeEvent, UnitVerdict } from './dispute.js';
import { evolve } from './evolution.js';
import { findingsOf } from './facts.js';
import type { Explanation, RecordedFacts } from './policy-table.js';

type VerdictReached = DataOf<DisputeEvent, 'VerdictReached'>;

/** What was decided on a unit, as it stands after what two people made of it. */
export interface VerdictStanding extends Pick<UnitVerdict, 'liable' | 'remedy' | 'bearer' | 'refund'> {
  readonly verdictId: string;
  readonly rule: string;
  readonly decidedBy: VerdictReached['decidedBy'];
  readonly explanation: Explanation;
  readonly basis: readonly string[];
  readonly decidedAt: Instant;
  readonly appealUntil: Instant;
  readonly final: boolean;
  readonly overturnedAt?: Instant;
}

/** A unit waits for what its status says; before and beside that a case is a draft, or over without a decision. */
export type CaseStatus = 'draft' | 'lapsed' | 'withdrawn' | UnitStatus['is'];

/** Where a unit stands by the events of its case. What a claim stopped stays stopped: its facts do not depend on when one asks. */
export interface CaseStanding {
  readonly disputeId: string;
  readonly reason: ClaimReason;
  readonly status: CaseStatus;
  readonly openedAt: Instant;
  readonly submittedAt?: Instant;
  /** End of what the unit waits for. */
  readonly until?: Instant;
  /** Which rule brought it where it is, if the case says so. */
  readonly rule?: string;
  /** The buyer asked for a person. K14 */
  readonly personRequested: boolean;
  /** A supervisor has the review now. */
  readonly escalated: boolean;
  /** What the policy is applied to, or the verdict was; absent when the case is over without one. */
  readonly facts?: RecordedFacts;
  readonly verdict?: VerdictStanding;
}

/** A case folded, with what its verdicts say; data that can be stored. */
export interface CaseHistory {
  readonly dispute: Dispute;
  readonly openedAt: Instant;
  readonly submittedAt?: Instant;
  readonly verdicts: Readonly<Record<string, VerdictStanding & { readonly facts: RecordedFacts }>>;
}

const changed = (
  { verdicts }: CaseHistory,
  verdictId: string,
  to: (verdict: VerdictStanding, unitNo: number) => Partial<VerdictStanding>,
): CaseHistory['verdicts'] =>
  Object.fromEntries(
    Object.entries(verdicts).map(([unitNo, verdict]) => [
      unitNo,
      verdict.verdictId === verdictId ? { ...verdict, ...to(verdict, Number(unitNo)) } : verdict,
    ]),
  );

function verdictsAfter(history: CaseHistory, { type, data }: DisputeEvent): CaseHistory['verdicts'] {
  if (type === 'VerdictReached') {
    const { verdictId, rule, decidedBy, explanation, basis, decidedAt, appealUntil } = data;
    const ruling = { verdictId, rule, decidedBy, explanation, basis, decidedAt, appealUntil, final: false };
    const reached = data.units.map(({ unitNo, liable, remedy, bearer, refund, facts }) => [
      unitNo,
      { ...ruling, liable, remedy, bearer, refund, facts },
    ]);
    return { ...history.verdicts, ...(Object.fromEntries(reached) as CaseHistory['verdicts']) };
  }
  if (type === 'VerdictVoided')
    return Object.fromEntries(Object.entries(history.verdicts).filter(([unitNo]) => !data.units.includes(Number(unitNo))));
  if (type === 'VerdictBecameFinal') return changed(history, data.verdictId, () => ({ final: true }));
  if (type !== 'VerdictOverturned') return history.verdicts;
  return changed(history, data.verdictId, (_, unitNo) => {
    const now = data.units.find((unit) => unit.unitNo === unitNo);
    if (now === undefined) return {};
    const { liable, remedy, bearer, refund } = now;
    return { liable, remedy, bearer, refund, overturnedAt: data.overturnedAt };
  });
}

/** @param history undefined before the first event of the case */
export function caseAfter(history: CaseHistory | undefined, event: DisputeEvent): CaseHistory {
  const { type, data } = event;
  const dispute = evolve(history?.dispute ?? { status: 'unknown', revision: 0 }, event);
  const moment = type === 'DisputeDrafted' ? data.draftedAt : type === 'DisputeSubmitted' ? data.submittedAt : undefined;
  const known = history ?? { dispute, openedAt: moment ?? '', verdicts: {} };
  return {
    ...known,
    dispute,
    verdicts: verdictsAfter(known, event),
    ...(type === 'DisputeSubmitted' ? { submittedAt: data.submittedAt } : {}),
  };
}

/** The order of the case; undefined before its first event. */
export const orderOf = ({ dispute }: CaseHistory): string | undefined =>
  dispute.status === 'unknown' ? undefined : dispute.file.orderId;

function standingOf(
  history: CaseHistory,
  state: SubmittedCase,
  unit: CaseUnit,
): Omit<CaseStanding, 'disputeId' | 'reason' | 'openedAt'> {
  const { status } = unit;
  const { facts: judged, ...verdict } = history.verdicts[unit.unitNo] ?? {};
  // A person decides on what brought the unit to him, and a verdict stands on what it was given on.
  const facts = judged ?? ('facts' in status ? status.facts : findingsOf(state, unit).facts);
  return {
    status: status.is,
    ...('until' in status ? { until: status.until } : {}),
    ...('rule' in status ? { rule: status.rule } : {}),
    personRequested: state.personRequested,
    escalated: 'escalated' in status && status.escalated,
    facts,
    ...('verdictId' in verdict ? { verdict } : {}),
  };
}

/** Where each unit of the case stands. */
export function standingsIn(history: CaseHistory): ReadonlyMap<number, CaseStanding> {
  const { dispute, openedAt, submittedAt } = history;
  if (dispute.status === 'unknown') return new Map();
  const { disputeId, reason, units } = dispute.file;
  const common = { disputeId, reason, openedAt, ...(submittedAt === undefined ? {} : { submittedAt }) };
  const state = dispute.status === 'draft' || dispute.status === 'submitted' ? submittedCaseOf(dispute) : undefined;
  if (state === undefined) {
    const over = { ...common, status: dispute.status, personRequested: false, escalated: false };
    return new Map(units.map(({ unitNo }) => [unitNo, over]));
  }
  const draft = dispute.status === 'draft' ? { status: dispute.status, until: dispute.until } : {};
  return new Map(state.units.map((unit) => [unit.unitNo, { ...common, ...standingOf(history, state, unit), ...draft }]));
}

const reissueHours = 24; // S29

/** A draft as if it were submitted: it stopped the clock when it was opened. S77 */
export function submittedCaseOf(dispute: Extract<Dispute, { status: 'draft' | 'submitted' }>): SubmittedCase {
  if (dispute.status === 'submitted') return dispute;
  const { file, openedAt } = dispute;
  const data = { ...file, submittedAt: openedAt, reissueUntil: plusHours(openedAt, reissueHours) };
  const submitted = evolve(dispute, { type: 'DisputeSubmitted', data });
  if (submitted.status !== 'submitted') throw new Error('a draft that is submitted is a submitted case');
  return submitted;
}
