import type { Explanation } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import type { CaseFile } from '@recourse/postgres';
import { actionsOf } from './case-actions.js';
import type { OpenedDispute } from './parties.js';

type CaseUnit = CaseFile['units'][number];
type UnitStatus = CaseUnit['status'];
interface Turn {
  readonly who: 'buyer' | 'merchant' | 'both' | 'arbitrator' | 'platform' | 'nobody';
  readonly what: Explanation;
}

/** Whose turn it is; the moment is the unit's `until`. */
const turns: Readonly<Record<UnitStatus | 'draft' | 'over', Turn>> = {
  draft: { who: 'buyer', what: { zh: '提交草稿，逾期自动失效', en: 'submit the draft, or it lapses' } },
  submitted: { who: 'platform', what: { zh: '按规则判断下一步', en: 'the policy says what comes next' } },
  verifying: { who: 'platform', what: { zh: '核验卡密或充值结果', en: 'the key or top-up is being verified' } },
  'awaiting-reissue': { who: 'merchant', what: { zh: '补发卡密，逾期判退', en: 'reissue the key, or the case is decided' } },
  'awaiting-buyer-check': {
    who: 'buyer',
    what: { zh: '确认补发卡密是否可用，逾期视为可用', en: 'say whether the reissued key works; silence means it does' },
  },
  'awaiting-merchant': {
    who: 'merchant',
    what: { zh: '接受或举证反驳，逾期视为接受', en: 'accept or contest the claim; silence means liable' },
  },
  'awaiting-evidence': {
    who: 'both',
    what: { zh: '双方举证，期满人工裁决', en: 'both sides give evidence, then a person decides' },
  },
  'under-review': { who: 'arbitrator', what: { zh: '人工裁决', en: 'a person decides' } },
  decided: { who: 'nobody', what: { zh: '已裁决', en: 'it is decided' } },
  resolved: { who: 'nobody', what: { zh: '补发成功，已了结', en: 'the reissued key works' } },
  over: { who: 'nobody', what: { zh: '已撤回或失效', en: 'it was withdrawn or has lapsed' } },
};

function turnOf(found: CaseFile, status: UnitStatus): Turn {
  if (found.status === 'draft') return turns.draft;
  return found.status === 'lapsed' || found.status === 'withdrawn' ? turns.over : turns[status];
}

/** What two people made of a verdict; what one proposes is for staff until another approves it. */
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
      ...(isStaff ? people : {}),
      overturnedAt: override.overturned_at,
    },
  };
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
      next: {
        ...turnOf(found, unit.status),
        until: found.status === 'draft' && 'until' in opened ? opened.until : unit.until,
      },
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
      units: verdict.units.map(({ unitNo, ...judged }) => ({ unit: unitNo, ...judged })),
      ...overrideOf(found, verdict.verdict_id, isStaff),
    })),
    evidence: found.evidence.map((piece) => ({
      evidenceId: piece.evidence_id,
      by: piece.by_party,
      kind: piece.kind,
      showsActivationFailure: piece.shows_activation_failure,
      submittedAt: piece.submitted_at,
    })),
  };
}
