import { faultNamed, faultOf, turns, type Turn } from '@recourse/disputes';
import type { RecordedFacts } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import type { CaseFile } from '@recourse/postgres';
import { actionsOf, mayAppeal } from './case-actions.js';
import type { OpenedDispute } from './parties.js';

type CaseUnit = CaseFile['units'][number];
const openAppeals = (found: CaseFile, verdictId: string) =>
  found.appeals.filter((appeal) => appeal.verdict_id === verdictId && appeal.status === 'open');
/** When the open appeals of a verdict are to be ruled: all together, when the latest is due. */
const rulingUntil = (appeals: CaseFile['appeals']): string | undefined =>
  appeals
    .map(({ until }) => until)
    .toSorted()
    .at(-1);

/** Whose turn it is with a unit, and until when. */
function nextOf(found: CaseFile, opened: OpenedDispute, unit: CaseUnit): Omit<Turn, 'until'> & { readonly until: string | null } {
  if (found.status === 'draft') return { ...turns.draft, until: 'until' in opened ? opened.until : null };
  if (found.status === 'lapsed' || found.status === 'withdrawn') return { ...turns[found.status], until: null };
  const verdict = found.verdicts.find(({ verdict_id: verdictId }) => verdictId === unit.verdict_id);
  if (verdict === undefined) return { ...turns[unit.status], until: unit.until };
  const until = rulingUntil(openAppeals(found, verdict.verdict_id));
  if (until !== undefined) return { ...turns.appealed, until };
  return verdict.final_at === null ? { ...turns.decided, until: verdict.appeal_until } : { ...turns.final, until: null };
}

/** The appeals of a verdict, and what was ruled on them. */
function appealsOf(found: CaseFile, verdictId: string, isStaff: boolean) {
  const appeals = found.appeals.filter((appeal) => appeal.verdict_id === verdictId);
  const ruling = found.rulings.find((one) => one.verdict_id === verdictId);
  return {
    appeals: appeals.map((appeal) => ({
      appealId: appeal.appeal_id,
      by: appeal.by_party,
      units: appeal.units,
      status: appeal.status,
      lodgedAt: appeal.lodged_at,
      ...(appeal.status === 'open' ? { until: appeal.until, escalated: appeal.escalated } : {}),
    })),
    ...(ruling === undefined
      ? {}
      : {
          ruling: {
            outcome: ruling.outcome,
            decidedBy: ruling.decided_by,
            ...(isStaff && ruling.person !== null ? { person: ruling.person } : {}),
            units: ruling.units.map(({ unitNo, ...ruled }) => ({ unit: unitNo, ...ruled })),
            explanation: { zh: ruling.explanation_zh, en: ruling.explanation_en },
            basis: ruling.basis,
            ruledAt: ruling.ruled_at,
          },
        }),
  };
}

/** What two people, or an appeal, made of a verdict; what one proposes is for staff until another approves it. */
function overrideOf(found: CaseFile, verdictId: string, isStaff: boolean) {
  const override = found.overrides.find((one) => one.verdict_id === verdictId && (isStaff || one.status === 'overturned'));
  if (override === undefined) return {};
  const people = { proposedBy: override.proposed_by, proposedAt: override.proposed_at, approvedBy: override.approved_by };
  return {
    override: {
      status: override.status,
      units: override.units.map(({ unitNo, ...changed }) => ({ unit: unitNo, ...changed })),
      isFraud: override.is_fraud,
      explanation: { zh: override.explanation_zh, en: override.explanation_en },
      ...(override.appeal_id === null ? {} : { appealId: override.appeal_id }),
      ...(isStaff ? people : {}),
      overturnedAt: override.overturned_at,
    },
  };
}

/** What the facts establish to have gone wrong, as the catalogue names it; null where nothing is. S08 */
function shownFault(facts: RecordedFacts) {
  const code = faultOf(facts);
  if (code === undefined) return null;
  const { name, whose } = faultNamed(code);
  return { code, name, whose };
}

/** The explanation of a case: for each unit its state and turn, for each verdict the rule, its text and the facts with their events. */
export function caseOf(found: CaseFile, opened: OpenedDispute, caller: Actor, now: string) {
  const isStaff = ['arbitrator', 'finance', 'operator'].includes(caller.role);
  return {
    disputeId: found.dispute_id,
    orderId: found.order_id,
    merchant: found.merchant,
    buyer: found.buyer,
    reason: found.reason,
    productKind: found.product_kind,
    status: found.status,
    policy: opened.policy,
    noReturnConsent: opened.noReturnConsent === true,
    openedAt: found.opened_at,
    submittedAt: found.submitted_at,
    personRequestedAt: found.person_requested_at,
    mayDo: actionsOf(found, caller, 'until' in opened ? opened.until : undefined, now),
    units: found.units.map((unit) => ({
      unit: unit.unit_no,
      price: toJson({ asset: unit.asset, minor: unit.price }),
      status: unit.status,
      verification: unit.verification,
      verdict: unit.verdict_id,
      next: nextOf(found, opened, unit),
    })),
    verdicts: found.verdicts.map((verdict) => ({
      verdictId: verdict.verdict_id,
      decidedBy: verdict.decided_by,
      ...(isStaff && verdict.person !== null ? { person: verdict.person } : {}),
      rule: verdict.rule,
      explanation: { zh: verdict.explanation_zh, en: verdict.explanation_en },
      basis: verdict.basis,
      decidedAt: verdict.decided_at,
      appealUntil: verdict.appeal_until,
      ...(verdict.appeal_of === null ? {} : { appealOf: verdict.appeal_of }),
      finalAt: verdict.final_at,
      units: verdict.units.map(({ unitNo, ...judged }) => ({ unit: unitNo, fault: shownFault(judged.facts), ...judged })),
      ...overrideOf(found, verdict.verdict_id, isStaff),
      mayAppeal: mayAppeal(found, verdict, caller),
      ...appealsOf(found, verdict.verdict_id, isStaff),
    })),
    evidence: found.evidence.map((piece) => ({
      evidenceId: piece.evidence_id,
      by: piece.by_party,
      kind: piece.kind,
      showsActivationFailure: piece.shows_activation_failure,
      submittedAt: piece.submitted_at,
      problemAt: piece.problem_at,
      capturedAt: piece.captured_at,
      file:
        piece.file_sha256 === null
          ? null
          : { sha256: piece.file_sha256, bytes: piece.file_bytes, mediaType: piece.file_media_type },
      tags:
        piece.problem_confirmed === null
          ? null
          : { problemConfirmed: piece.problem_confirmed, merchantPromised: piece.merchant_promised, taggedAt: piece.tagged_at },
    })),
  };
}
