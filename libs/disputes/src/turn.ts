import type { Instant } from '@recourse/eventing';
import type { CaseUnit, Dispute, UnitStatus } from './case.js';
import type { Explanation } from './policy-table.js';

/** Whose move it is, what he may do, and what becomes of his silence. */
export interface Turn {
  readonly who: 'buyer' | 'merchant' | 'both' | 'arbitrator' | 'platform' | 'nobody';
  readonly what: Explanation;
  readonly until?: Instant;
}

export const turns: Readonly<Record<UnitStatus['is'] | 'draft' | 'lapsed' | 'withdrawn' | 'appealed' | 'final', Turn>> = {
  draft: { who: 'buyer', what: { zh: '提交草稿，逾期自动失效', en: 'submit the draft, or it lapses' } },
  lapsed: { who: 'nobody', what: { zh: '草稿已失效', en: 'the draft has lapsed' } },
  withdrawn: { who: 'nobody', what: { zh: '已撤回', en: 'it was withdrawn' } },
  submitted: { who: 'platform', what: { zh: '按规则判断下一步', en: 'the policy says what comes next' } },
  verifying: { who: 'platform', what: { zh: '核验，逾期转人工', en: 'the verifier answers, or a person looks at it' } },
  'awaiting-reissue': { who: 'merchant', what: { zh: '补发卡密，逾期判退', en: 'reissue the key, or the unit is refunded' } },
  'awaiting-buyer-check': {
    who: 'buyer',
    what: { zh: '确认补发卡密是否可用，逾期视为可用', en: 'say whether the reissued key works; silence means it does' },
  },
  'awaiting-merchant': {
    who: 'merchant',
    what: { zh: '接受或举证反驳，逾期由商家承担责任', en: 'accept or contest the claim; silence means liable' },
  },
  'awaiting-evidence': {
    who: 'both',
    what: { zh: '双方举证，期满人工裁决', en: 'both sides give evidence, then a person decides' },
  },
  'under-review': {
    who: 'arbitrator',
    what: { zh: '人工裁决，逾期升级，再逾期判买家胜', en: 'decide; overdue it goes to a supervisor, then to the buyer' },
  },
  decided: {
    who: 'nobody',
    what: { zh: '已裁决，申诉期届满后生效', en: 'it is decided, and final when the time to appeal is over' },
  },
  appealed: { who: 'arbitrator', what: { zh: '申诉中，由另一名人员复审', en: 'it is appealed; another person rules' } },
  final: { who: 'nobody', what: { zh: '裁决已生效', en: 'the verdict is final' } },
  resolved: { who: 'nobody', what: { zh: '补发成功，已了结', en: 'the reissued key works' } },
};

/** @param unit of a submitted case */
export function turnOf(state: Exclude<Dispute, { status: 'unknown' }>, unit: CaseUnit | undefined): Turn {
  switch (state.status) {
    case 'draft':
      return { ...turns.draft, until: state.until };
    case 'lapsed':
    case 'withdrawn':
      return turns[state.status];
    case 'submitted': {
      const { status } = unit ?? { status: { is: 'submitted' as const } };
      return { ...turns[status.is], ...('until' in status && { until: status.until }) };
    }
  }
}
