import { earliest, eventsOf, isAfter, type Instant } from '@recourse/eventing';
import { isIn, type CaseUnit, type Dispute, type SubmittedCase } from './case.js';
import type { DisputeEvent } from './dispute.js';
import { evolve } from './evolution.js';
import { passReviewDeadlines, reviewStarted } from './review.js';
import { byRule } from './verdict.js';

const event = eventsOf<DisputeEvent>();

/** The moment up to which a unit stays as it is. */
function deadlineOf(unit: CaseUnit): Instant | undefined {
  switch (unit.status.is) {
    case 'verifying':
    case 'awaiting-reissue':
    case 'awaiting-buyer-check':
    case 'awaiting-merchant':
    case 'awaiting-evidence':
    case 'under-review':
      return unit.status.until;
    case 'submitted':
    case 'decided':
    case 'resolved':
      return undefined;
  }
}

function dueInSubmitted(state: SubmittedCase, at: Instant): readonly DisputeEvent[] {
  const { disputeId, orderId, platform, merchant } = state.file;
  const parties = { disputeId, platform, merchant, orderId };
  const due = state.units.filter((unit) => {
    const deadline = deadlineOf(unit);
    return deadline !== undefined && isAfter(at, deadline);
  });
  const numbers = (is: CaseUnit['status']['is']) => due.filter(isIn(is)).map((unit) => unit.unitNo);
  const [unreplaced, unchecked, unanswered, heard] = [
    numbers('awaiting-reissue'),
    numbers('awaiting-buyer-check'),
    numbers('awaiting-merchant'),
    numbers('awaiting-evidence'),
  ];
  const unverified = due.filter(isIn('verifying')).map(({ unitNo, status: { rule } }) => ({ unitNo, rule }));
  return [
    ...byRule(unverified).map((group) =>
      reviewStarted(
        disputeId,
        group.map(({ unitNo }) => unitNo),
        group[0].rule,
        at,
      ),
    ),
    ...(unreplaced.length > 0 ? [event('ReissueMissed', { disputeId, units: unreplaced, missedAt: at })] : []),
    // Silence means that the reissued key works. K13
    ...(unchecked.length > 0 ? [event('ResolvedByReissue', { ...parties, units: unchecked, resolvedAt: at })] : []),
    ...(unanswered.length > 0 ? [event('MerchantStayedSilent', { disputeId, units: unanswered, silentAt: at })] : []),
    ...(heard.length > 0 ? [event('EvidencePhaseEnded', { disputeId, units: heard, endedAt: at })] : []),
    ...passReviewDeadlines(state, at),
    ...state.verdicts
      .filter((verdict) => !verdict.final && isAfter(at, verdict.appealUntil))
      .map(({ verdictId, refused }) => event('VerdictBecameFinal', { ...parties, verdictId, refused, finalAt: at })),
  ];
}

function due(state: Dispute, at: Instant): readonly DisputeEvent[] {
  switch (state.status) {
    case 'draft': {
      const { disputeId, orderId } = state.file;
      return isAfter(at, state.until) ? [event('DraftLapsed', { disputeId, orderId, lapsedAt: at })] : [];
    }
    case 'submitted':
      return dueInSubmitted(state, at);
    case 'unknown':
    case 'lapsed':
    case 'withdrawn':
      return [];
  }
}

/** Everything whose deadline lies before `at`, also deadlines that followed from one another while nobody looked. */
export function passDeadlines(state: Dispute, at: Instant): readonly DisputeEvent[] {
  const events = due(state, at);
  return events.length === 0 ? [] : [...events, ...passDeadlines(events.reduce(evolve, state), at)];
}

/** The next moment after which `PassDisputeDeadlines` has something to do; undefined when nothing waits. */
export function nextDeadline(state: Dispute): Instant | undefined {
  switch (state.status) {
    case 'draft':
      return state.until;
    case 'submitted':
      return earliest(
        ...state.units.map(deadlineOf).filter((deadline) => deadline !== undefined),
        ...state.verdicts.filter((verdict) => !verdict.final).map((verdict) => verdict.appealUntil),
      );
    case 'unknown':
    case 'lapsed':
    case 'withdrawn':
      return undefined;
  }
}

/**
 * The deadline that an event opens. To wake the dispute just after each of them is enough: what was closed meanwhile
 * makes `PassDisputeDeadlines` do nothing.
 */
export function deadlineOpenedBy({ type, data }: DisputeEvent): Instant | undefined {
  switch (type) {
    case 'DisputeDrafted':
    case 'VerificationRequested':
    case 'ReissueAwaited':
    case 'BuyerCheckAwaited':
    case 'MerchantAnswerAwaited':
    case 'EvidenceAwaited':
    case 'ReviewStarted':
    case 'ReviewEscalated':
      return data.until;
    case 'VerdictReached':
      return data.appealUntil;
    case 'DisputeSubmitted':
    case 'DraftLapsed':
    case 'EvidenceSubmitted':
    case 'IncidentAttested':
    case 'VerificationRecorded':
    case 'ReissueMissed':
    case 'ReplacementRefused':
    case 'ResolvedByReissue':
    case 'MerchantAnswered':
    case 'MerchantStayedSilent':
    case 'EvidencePhaseEnded':
    case 'PersonRequested':
    case 'VerdictBecameFinal':
    case 'VerdictVoided':
    case 'VerdictOverrideProposed':
    case 'VerdictOverrideWithdrawn':
    case 'VerdictOverturned':
    case 'ComplaintLinked':
    case 'CasePackExported':
    case 'DisputeWithdrawn':
      return undefined;
  }
}
