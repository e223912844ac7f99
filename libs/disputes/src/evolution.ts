import { plusHours, type DataOf } from '@recourse/eventing';
import type { EventReference } from '@recourse/orders/events';
import {
  isIn,
  type CaseUnit,
  type Dispute,
  type DraftCase,
  type Evidence,
  type Piece,
  type SubmittedCase,
  type UnitIn,
  type Verdict,
} from './case.js';
import type { DisputeEvent } from './dispute.js';
import { findingsOf } from './facts.js';
import { personRequestedRule } from './policy-table.js';
import { escalationHours } from './review.js';

type Change = Partial<Omit<CaseUnit, 'unitNo' | 'claimed'>>;

/** History that no decision could have made. */
function impossible(state: Dispute, event: DisputeEvent): never {
  throw new Error(`${event.type} in a dispute that is ${state.status}`);
}

const change = (state: SubmittedCase, unitNos: readonly number[], to: (unit: CaseUnit) => Change): SubmittedCase => ({
  ...state,
  units: state.units.map((unit) => (unitNos.includes(unit.unitNo) ? { ...unit, ...to(unit) } : unit)),
});

const changeVerdict = (state: SubmittedCase, verdictId: string, to: Partial<Verdict>): SubmittedCase => ({
  ...state,
  verdicts: state.verdicts.map((verdict) => (verdict.verdictId === verdictId ? { ...verdict, ...to } : verdict)),
});

const noEvidence: Evidence = { pieces: [], promise: undefined, activationFailure: undefined };

const withEvidence = <Case extends DraftCase | SubmittedCase>(
  state: Case,
  { data }: Extract<DisputeEvent, { type: 'EvidenceSubmitted' }>,
  from: EventReference,
): Case => ({
  ...state,
  evidence: {
    ...state.evidence,
    pieces: [...state.evidence.pieces, pieceOf(data, from)],
    activationFailure:
      state.evidence.activationFailure ?? (data.by === 'buyer' && data.showsActivationFailure ? from : undefined),
  },
});

const withIncident = <Case extends DraftCase | SubmittedCase>(
  state: Case,
  { data }: Extract<DisputeEvent, { type: 'IncidentAttested' }>,
): Case => ({ ...state, attested: new Map([...state.attested, ...data.units.map((unitNo) => [unitNo, data.from] as const)]) });

const pieceOf = (
  { evidenceId, by, kind, submittedAt, problemAt, capturedAt }: DataOf<DisputeEvent, 'EvidenceSubmitted'>,
  from: EventReference,
): Piece => ({ evidenceId, by, kind, from, submittedAt, problemAt, capturedAt, tags: undefined });

const withTags = <Case extends DraftCase | SubmittedCase>(
  state: Case,
  { data: { evidenceId, problemConfirmed, merchantPromised } }: Extract<DisputeEvent, { type: 'EvidenceTagged' }>,
  from: EventReference,
): Case => ({
  ...state,
  evidence: {
    ...state.evidence,
    pieces: state.evidence.pieces.map((piece) =>
      piece.evidenceId === evidenceId ? { ...piece, tags: { value: { problemConfirmed, merchantPromised }, from } } : piece,
    ),
  },
});

const withPromise = <Case extends DraftCase | SubmittedCase>(
  state: Case,
  { data }: Extract<DisputeEvent, { type: 'MerchantPromised' }>,
  from: EventReference,
): Case => ({ ...state, evidence: { ...state.evidence, promise: { value: data.promise, from } } });
const withJudges = (state: SubmittedCase, ...people: readonly (string | undefined)[]): SubmittedCase => ({
  ...state,
  judges: new Set([...state.judges, ...people.filter((person) => person !== undefined)]),
});
const verdictOf = (state: SubmittedCase, verdictId: string): Verdict | undefined =>
  state.verdicts.find((verdict) => verdict.verdictId === verdictId);

/** Takes units from their reviewer, unless it is the supervisor: the policy is applied again, and a review that goes on keeps its end. */
const reopened = (state: SubmittedCase, isMeant: (unit: UnitIn<'under-review'>) => boolean): SubmittedCase => ({
  ...state,
  units: state.units.map((unit) =>
    isIn('under-review')(unit) && !unit.status.escalated && isMeant(unit)
      ? { ...unit, status: { is: 'submitted', reviewUntil: unit.status.until } }
      : unit,
  ),
});

function evolveSubmitted(state: SubmittedCase, event: DisputeEvent, from: EventReference): Dispute {
  switch (event.type) {
    case 'DisputeDrafted':
    case 'DisputeSubmitted':
    case 'DraftLapsed':
      return impossible(state, event);
    case 'DisputeWithdrawn':
      return { status: 'withdrawn', revision: state.revision, file: state.file };
    case 'EvidenceSubmitted':
      return withEvidence(state, event, from);
    case 'IncidentAttested': {
      // A person who looks at it was asked by a rule that did not know of this; the policy says anew what comes next. Where it is
      // overdue, the supervisor's time goes on.
      const { units: named } = event.data;
      return reopened(
        withIncident(state, event),
        ({ unitNo, status }) => named.includes(unitNo) && status.rule !== personRequestedRule,
      );
    }
    case 'EvidenceTagged':
      return withTags(state, event, from);
    case 'MerchantPromised':
      // It binds, so what a person has on his desk is looked at by the policy first; a person on request gets back what it does not refund.
      return reopened(withPromise(state, event, from), () => true);
    case 'VerificationRequested': {
      const { units, until, rule } = event.data;
      const asked = units.map((unit) => unit.unitNo);
      return change(state, asked, () => ({ status: { is: 'verifying', until, rule } }));
    }
    case 'VerificationRecorded':
      return event.data.results.reduce(
        (next, { unitNo, outcome }) =>
          change(next, [unitNo], () => ({ status: { is: 'submitted' }, verification: { value: outcome, from } })),
        state,
      );
    case 'ReissueAwaited':
      return change(state, event.data.units, () => ({ status: { is: 'awaiting-reissue', until: event.data.until } }));
    case 'ReissueMissed':
      return change(state, event.data.units, () => ({ status: { is: 'submitted' }, reissue: { value: 'missed', from } }));
    case 'BuyerCheckAwaited':
      return change(state, event.data.units, () => ({
        status: { is: 'awaiting-buyer-check', until: event.data.until },
        reissue: undefined,
      }));
    case 'ReplacementRefused':
      return change(state, event.data.units, () => ({ status: { is: 'submitted' }, reissue: { value: 'failed', from } }));
    case 'ResolvedByReissue':
      return change(state, event.data.units, () => ({ status: { is: 'resolved' } }));
    case 'MerchantAnswerAwaited':
      return change(state, event.data.units, () => ({ status: { is: 'awaiting-merchant', until: event.data.until } }));
    case 'MerchantAnswered': {
      // The answer names no unit: it is for all whose time was not over.
      const { answer, answeredAt } = event.data;
      const answered = state.units.filter(({ status }) => status.is === 'awaiting-merchant' && status.until >= answeredAt);
      return change(
        state,
        answered.map((unit) => unit.unitNo),
        () => ({ status: { is: 'submitted' }, merchantAnswer: { value: answer, from } }),
      );
    }
    case 'MerchantStayedSilent':
      return change(state, event.data.units, () => ({ status: { is: 'submitted' }, merchantAnswer: { value: 'silent', from } }));
    case 'EvidenceAwaited':
      return change(state, event.data.units, () => ({ status: { is: 'awaiting-evidence', until: event.data.until } }));
    case 'EvidencePhaseEnded':
      return change(state, event.data.units, () => ({ status: { is: 'submitted' }, evidencePhase: { value: 'over', from } }));
    case 'PersonRequested':
      return { ...state, personRequested: true };
    case 'ReviewStarted': {
      const { until, rule } = event.data;
      return change(state, event.data.units, (unit) => ({
        status: { is: 'under-review', until, escalated: false, rule, ...findingsOf(state, unit) },
      }));
    }
    case 'ReviewEscalated': {
      // The event names no unit either: it is for the reviews that ended so many hours before its own end.
      const { until } = event.data;
      return {
        ...state,
        units: state.units.map((unit) =>
          unit.status.is === 'under-review' && !unit.status.escalated && plusHours(unit.status.until, escalationHours) === until
            ? { ...unit, status: { ...unit.status, until, escalated: true } }
            : unit,
        ),
      };
    }
    case 'VerdictReached': {
      const { verdictId, units, appealUntil, person, appealOf } = event.data;
      const decided = units.map((unit) => unit.unitNo);
      const refused = units.filter((unit) => unit.remedy === 'NONE').map((unit) => unit.unitNo);
      const next = change(state, decided, () => ({ status: { is: 'decided', verdictId } }));
      const verdict: Verdict = {
        verdictId,
        appealUntil,
        refused,
        final: false,
        units: units.map(({ unitNo, liable, remedy, bearer, refund, merchantPart }) => ({
          unitNo,
          liable,
          remedy,
          bearer,
          refund,
          ...(merchantPart && { merchantPart }),
        })),
        override: { is: 'none' },
        appealedBy: [],
        appeals: [],
        ruled: appealOf !== undefined,
      };
      return withJudges({ ...next, verdicts: [...state.verdicts, verdict] }, person);
    }
    case 'VerdictBecameFinal':
      return changeVerdict(state, event.data.verdictId, { final: true });
    case 'VerdictVoided': {
      const { verdictId, units } = event.data;
      const verdict = state.verdicts.find((one) => one.verdictId === verdictId);
      const left = verdict?.units.filter(({ unitNo }) => !units.includes(unitNo)) ?? [];
      return changeVerdict(
        change(state, units, () => ({ status: { is: 'submitted' }, reissue: undefined })),
        verdictId,
        { units: left },
      );
    }
    case 'VerdictOverrideProposed':
      return withJudges(
        changeVerdict(state, event.data.verdictId, { override: { is: 'proposed', proposal: event.data } }),
        event.data.proposedBy,
      );
    case 'VerdictOverrideWithdrawn':
      return changeVerdict(state, event.data.verdictId, { override: { is: 'none' } });
    case 'VerdictOverturned':
      return withJudges(changeVerdict(state, event.data.verdictId, { override: { is: 'done' } }), event.data.approvedBy);
    case 'AppealLodged': {
      const { verdictId, appealId, by, units, lodgedBy, until } = event.data;
      const { appealedBy = [], appeals = [] } = verdictOf(state, verdictId) ?? {};
      return changeVerdict(state, verdictId, {
        appealedBy: [...appealedBy, by],
        appeals: [...appeals, { appealId, by, units, lodgedBy, until, escalated: false }],
      });
    }
    case 'AppealWithdrawn': {
      const { verdictId, appealId } = event.data;
      const { appeals = [] } = verdictOf(state, verdictId) ?? {};
      return changeVerdict(state, verdictId, { appeals: appeals.filter((appeal) => appeal.appealId !== appealId) });
    }
    case 'AppealEscalated': {
      const { verdictId, until } = event.data;
      const { appeals = [] } = verdictOf(state, verdictId) ?? {};
      return changeVerdict(state, verdictId, { appeals: appeals.map((appeal) => ({ ...appeal, until, escalated: true })) });
    }
    case 'AppealRuled':
      return withJudges(changeVerdict(state, event.data.verdictId, { appeals: [], ruled: true }), event.data.person);
    case 'ComplaintLinked':
    case 'CasePackExported':
      return state;
  }
}

function next(state: Dispute, event: DisputeEvent, from: EventReference): Dispute {
  if (state.status === 'submitted') return evolveSubmitted(state, event, from);
  const { revision } = state;
  switch (event.type) {
    case 'DisputeDrafted': {
      if (state.status !== 'unknown') return impossible(state, event);
      const { draftedAt, until, ...file } = event.data;
      return {
        status: 'draft',
        revision,
        file,
        openedAt: draftedAt,
        until,
        evidence: noEvidence,
        attested: new Map(),
      };
    }
    case 'DisputeSubmitted': {
      const { submittedAt, reissueUntil, ...file } = event.data;
      if (state.status === 'withdrawn') return impossible(state, event);
      const known = state.status !== 'unknown' ? state : { openedAt: submittedAt, evidence: noEvidence, attested: new Map() };
      return {
        status: 'submitted',
        revision,
        file,
        openedAt: known.openedAt,
        reissueUntil,
        evidence: known.evidence,
        personRequested: false,
        attested: known.attested,
        units: file.units.map((claimed) => ({
          unitNo: claimed.unitNo,
          claimed,
          status: { is: 'submitted' },
          verification: undefined,
          reissue: undefined,
          merchantAnswer: undefined,
          evidencePhase: undefined,
        })),
        verdicts: [],
        judges: new Set(),
      };
    }
    case 'EvidenceSubmitted':
      return state.status === 'draft' ? withEvidence(state, event, from) : impossible(state, event);
    case 'IncidentAttested':
      return state.status === 'draft' ? withIncident(state, event) : impossible(state, event);
    case 'EvidenceTagged':
      return state.status === 'draft' ? withTags(state, event, from) : impossible(state, event);
    case 'MerchantPromised':
      return state.status === 'draft' ? withPromise(state, event, from) : impossible(state, event);
    case 'DraftLapsed':
      return state.status === 'draft' ? { ...state, status: 'lapsed' } : impossible(state, event);
    case 'DisputeWithdrawn':
      return state.status === 'draft' ? { status: 'withdrawn', revision, file: state.file } : impossible(state, event);
    case 'VerificationRequested':
    case 'VerificationRecorded':
    case 'ReissueAwaited':
    case 'ReissueMissed':
    case 'BuyerCheckAwaited':
    case 'ReplacementRefused':
    case 'ResolvedByReissue':
    case 'MerchantAnswerAwaited':
    case 'MerchantAnswered':
    case 'MerchantStayedSilent':
    case 'EvidenceAwaited':
    case 'EvidencePhaseEnded':
    case 'PersonRequested':
    case 'ReviewStarted':
    case 'ReviewEscalated':
    case 'VerdictReached':
    case 'VerdictBecameFinal':
    case 'VerdictVoided':
    case 'VerdictOverrideProposed':
    case 'VerdictOverrideWithdrawn':
    case 'VerdictOverturned':
    case 'AppealLodged':
    case 'AppealWithdrawn':
    case 'AppealEscalated':
    case 'AppealRuled':
      return impossible(state, event);
    case 'ComplaintLinked':
    case 'CasePackExported':
      return state.status === 'unknown' ? impossible(state, event) : state;
  }
}

/** Folds one event in; it counts the stream's revisions, since facts name the event they come from. */
export function evolve(state: Dispute, event: DisputeEvent): Dispute {
  const evolved = next(state, event, `${state.revision}@dispute-${event.data.disputeId}`);
  return evolved.status === 'unknown' ? evolved : { ...evolved, revision: state.revision + 1 };
}
