import { faultNamed, faultOf } from '@recourse/disputes';
import type { Explanation, RecordedFacts } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import type { CaseFile } from '@recourse/postgres';
import { actionsOf } from './case-actions.js';
import type { OpenedDispute } from './parties.js';

type CaseUnit = CaseFile['units'][number];
type UnitStatus = CaseUnit['status'];
type Verdict = CaseFile['verdicts'][number];
export interface Turn {
  readonly who: 'buyer' | 'merchant' | 'both' | 'arbitrator' | 'platform' | 'nobody';
  readonly what: Explanation;
}

/** Whose turn it is; the moment is the unit's `until`. */
const turns: Readonly<Record<UnitStatus | 'draft' | 'over' | 'appealed' | 'final', Turn>> = {
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
  decided: {
    who: 'nobody',
    what: { zh: '已裁决，申诉期届满后生效', en: 'it is decided, and final when the time to appeal is over' },
  },
  appealed: { who: 'arbitrator', what: { zh: '申诉中，由另一名人员复审', en: 'it is appealed; another person rules' } },
  final: { who: 'nobody', what: { zh: '裁决已生效', en: 'the verdict is final' } },
  resolved: { who: 'nobody', what: { zh: '补发成功，已了结', en: 'the reissued key works' } },
  over: { who: 'nobody', what: { zh: '已撤回或失效', en: 'it was withdrawn or has lapsed' } },
};

const openAppeals = (found: CaseFile, verdictId: string) =>
  found.appeals.filter((appeal) => appeal.verdict_id === verdictId && appeal.status === 'open');
/** When the open appeals of a verdict are to be ruled: all together, when the latest is due. */
const rulingUntil = (appeals: CaseFile['appeals']): string | undefined =>
  appeals
    .map(({ until }) => until)
    .toSorted()
    .at(-1);

/** Whose turn it is with a unit, and until when. */
function nextOf(found: CaseFile, opened: OpenedDispute, unit: CaseUnit): Turn & { readonly until: string | null } {
  if (found.status === 'draft') return { ...turns.draft, until: 'until' in opened ? opened.until : null };
  if (found.status === 'lapsed' || found.status === 'withdrawn') return { ...turns.over, until: null };
  const verdict = found.verdicts.find(({ verdict_id: verdictId }) => verdictId === unit.verdict_id);
  if (verdict === undefined) return { ...turns[unit.status], until: unit.until };
  const until = rulingUntil(openAppeals(found, verdict.verdict_id));
  if (until !== undefined) return { ...turns.appealed, until };
  return verdict.final_at === null ? { ...turns.decided, until: verdict.appeal_until } : { ...turns.final, until: null };
}

/** Who may still appeal which units of a verdict: the buyer what he was refused, the merchant what he is to bear. */
function mayAppeal(found: CaseFile, verdict: Verdict, { role }: Actor) {
  const isOverturned = found.overrides.some((one) => one.verdict_id === verdict.verdict_id && one.status === 'overturned');
  if (verdict.final_at !== null || isOverturned) return [];
  const priceOf = new Map(found.units.map(({ unit_no: unitNo, price }) => [unitNo, price]));
  const concerned = {
    buyer: verdict.units.filter(({ unitNo, refund }) => BigInt(refund.minor) < (priceOf.get(unitNo) ?? 0n)),
    merchant: verdict.units.filter(({ refund, bearer }) => BigInt(refund.minor) > 0n && bearer !== 'platform'),
  };
  return (['buyer', 'merchant'] as const)
    .filter((by) => role === by || (role !== 'buyer' && role !== 'merchant'))
    .filter((by) => !found.appeals.some((one) => one.verdict_id === verdict.verdict_id && one.by_party === by))
    .map((by) => ({ by, units: concerned[by].map(({ unitNo }) => unitNo), until: verdict.appeal_until }))
    .filter(({ units }) => units.length > 0);
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
