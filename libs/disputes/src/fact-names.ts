import type { Liability } from '@recourse/orders/events';
import type { UnitVerdict } from './dispute.js';
import type { Explanation, Facts, RuleOutcome } from './policy-table.js';

/** Who has to show a fact, so that he loses by its absence. S36 */
export type Burden = 'platform' | 'buyer' | 'merchant';

/** A fact in words: what it is, who had to show it and how, and what each of its values means. */
export interface FactText<Value extends string = string> {
  readonly name: Explanation;
  readonly burden: Burden;
  /** How it is shown. */
  readonly shownBy: Explanation;
  readonly values: Readonly<Record<Value, Explanation>>;
}

const yesNo = (yes: Explanation, no: Explanation) => ({ yes, no });
const window = (zh: string, en: string, none: Explanation) => ({
  before: { zh: `在${zh}之内`, en: `before the end of ${en}` },
  at: { zh: `正好在${zh}的最后一刻，算在期限内`, en: `at the very end of ${en}, which counts as within` },
  after: { zh: `已超过${zh}`, en: `after the end of ${en}` },
  none,
});
const ownEvents: Explanation = { zh: '平台自己的发货和查看记录', en: 'the platform’s own events of delivery and reveal' };

/** Every fact that a rule may ask for; a fact or a value without words does not compile. */
export const factTexts: { readonly [Fact in keyof Facts]: FactText<Facts[Fact]> } = {
  reason: {
    name: { zh: '申请原因', en: 'reason of the claim' },
    burden: 'buyer',
    shownBy: { zh: '买家提交申请时选择', en: 'chosen by the buyer with the claim' },
    values: {
      'key-invalid': { zh: '卡密无效', en: 'the key is invalid' },
      'key-used': { zh: '卡密已被使用', en: 'the key has been used' },
      'key-expired': { zh: '卡密已过期', en: 'the key has expired' },
      'not-credited': { zh: '充值未到账', en: 'the top-up was not credited' },
      'not-delivered': { zh: '商家未发货', en: 'nothing was delivered' },
      'wrong-face-value': { zh: '面值不符', en: 'the face value is not what was sold' },
      'duplicate-recharge': { zh: '重复充值', en: 'the account was credited twice' },
      'merchant-absent': { zh: '商家失联', en: 'the merchant cannot be reached' },
      'platform-failure': { zh: '平台系统故障', en: 'the platform failed' },
      'wrong-account': { zh: '充错账号', en: 'the buyer named the wrong account' },
      'own-cancellation': { zh: '买家自己取消', en: 'the buyer cancels' },
      dislike: { zh: '不喜欢或不想要了', en: 'the buyer does not like it' },
      'seven-day': { zh: '七天无理由退货', en: 'seven-day return without a reason' },
    },
  },
  productKind: {
    name: { zh: '商品种类', en: 'kind of product' },
    burden: 'platform',
    shownBy: { zh: '订单记录', en: 'the order' },
    values: {
      'game-card': { zh: '游戏点卡', en: 'game card' },
      'phone-top-up': { zh: '话费充值', en: 'phone top-up' },
      membership: { zh: '会员卡密', en: 'membership' },
    },
  },
  delivered: {
    name: { zh: '是否已发货', en: 'delivered' },
    burden: 'platform',
    shownBy: ownEvents,
    values: yesNo({ zh: '已发货', en: 'it was delivered' }, { zh: '未发货', en: 'it was never delivered' }),
  },
  revealed: {
    name: { zh: '买家是否已查看卡密', en: 'revealed to the buyer' },
    burden: 'platform',
    shownBy: ownEvents,
    values: yesNo({ zh: '已查看', en: 'the buyer has seen it' }, { zh: '未查看', en: 'the buyer has not seen it' }),
  },
  platformFailure: {
    name: { zh: '平台故障', en: 'failure of the platform' },
    burden: 'platform',
    shownBy: {
      zh: '平台自己的发货记录或有登记人的故障记录，不以申请原因为准',
      en: 'the platform’s own delivery events or a recorded incident, never the reason of the claim',
    },
    values: yesNo({ zh: '已证实', en: 'it is proven' }, { zh: '没有证实', en: 'none is proven' }),
  },
  afterSale: {
    name: { zh: '售后期', en: 'after-sale window' },
    burden: 'platform',
    shownBy: { zh: '发货时间与申请时间', en: 'the moments of delivery and claim' },
    values: window('售后期', 'the after-sale window', {
      zh: '未发货，售后期未开始',
      en: 'nothing was delivered, so no window runs',
    }),
  },
  sevenDay: {
    name: { zh: '七天无理由承诺', en: 'seven-day promise' },
    burden: 'platform',
    shownBy: { zh: '订单冻结的商品承诺', en: 'the promise frozen into the order' },
    values: window('七天无理由期', 'the seven-day promise', { zh: '商品没有此承诺', en: 'the offer makes no such promise' }),
  },
  activationFailureEvidence: {
    name: { zh: '激活失败的证据', en: 'evidence of an activation failure' },
    burden: 'buyer',
    shownBy: { zh: '激活失败提示界面或录屏', en: 'the failure prompt or a screen recording' },
    values: yesNo(
      { zh: '买家已提交', en: 'the buyer has submitted it' },
      { zh: '买家没有提交', en: 'the buyer has submitted none' },
    ),
  },
  verification: {
    name: { zh: '核验结果', en: 'word of the verifier' },
    burden: 'platform',
    shownBy: { zh: '发卡方、运营商或会员平台的查询', en: 'a query at the issuer, the carrier or the membership service' },
    values: {
      none: { zh: '尚未核验', en: 'not verified yet' },
      UNUSED: { zh: '有效且未使用', en: 'valid and unused' },
      ACTIVATED_BEFORE_SALE: { zh: '售出前已被激活', en: 'activated before it was sold' },
      ACTIVATED_AFTER_REVEAL: { zh: '买家查看之后被激活', en: 'activated after the buyer saw it' },
      CREDITED: { zh: '已到账', en: 'credited' },
      NOT_CREDITED: { zh: '未到账', en: 'not credited' },
      EXPIRED: { zh: '已过期', en: 'expired' },
      INVALID: { zh: '无效', en: 'invalid' },
      WRONG_VALUE: { zh: '面值低于所售', en: 'worth less than what was sold' },
      DUPLICATE: { zh: '重复到账', en: 'a second credit of the same wish' },
      INCONCLUSIVE: { zh: '无法得出结论，不因此拒绝买家', en: 'inconclusive, which never refuses a buyer' },
    },
  },
  reissuePromised: {
    name: { zh: '商品是否承诺补发', en: 'reissue promised' },
    burden: 'platform',
    shownBy: { zh: '订单冻结的商品承诺', en: 'the promise frozen into the order' },
    values: yesNo({ zh: '承诺补发', en: 'a dead key is reissued' }, { zh: '没有承诺', en: 'no reissue is promised' }),
  },
  reissue: {
    name: { zh: '补发情况', en: 'reissue' },
    burden: 'merchant',
    shownBy: { zh: '24小时内补发可用的卡密', en: 'a working key reissued within 24 hours' },
    values: {
      none: { zh: '没有要求补发', en: 'none was due' },
      missed: { zh: '商家未按时补发', en: 'the merchant missed it' },
      failed: { zh: '补发的卡密仍无效', en: 'the reissued key is dead too' },
    },
  },
  merchantAnswer: {
    name: { zh: '商家答复', en: 'answer of the merchant' },
    burden: 'merchant',
    shownBy: { zh: '48小时内接受或举证反驳', en: 'acceptance or objection within 48 hours' },
    values: {
      none: { zh: '尚未要求答复', en: 'not asked yet' },
      accepted: { zh: '商家接受', en: 'the merchant accepts the claim' },
      contested: { zh: '商家反驳', en: 'the merchant contests the claim' },
      silent: { zh: '商家逾期未答复', en: 'the merchant stayed silent' },
    },
  },
  noReturnConsent: {
    name: { zh: '买家是否单独确认拆封不退', en: 'consent that opened goods are not taken back' },
    burden: 'platform',
    shownBy: { zh: '购买时的单独确认', en: 'a confirmation of its own at purchase' },
    values: yesNo(
      { zh: '已单独确认，但不免除任何过错', en: 'given, which excludes nobody’s fault' },
      { zh: '没有确认', en: 'not given' },
    ),
  },
  chat: {
    name: { zh: '聊天记录', en: 'chat with the merchant' },
    burden: 'buyer',
    shownBy: { zh: '经人确认的聊天记录：问题确认加商家承诺', en: 'a chat in which a person found confirmation and promise' },
    values: {
      none: { zh: '没有聊天记录', en: 'there is none' },
      weak: { zh: '有聊天记录，但缺少问题确认或商家承诺', en: 'it lacks the confirmation or the promise' },
      strong: { zh: '商家既确认问题又作出承诺', en: 'the merchant confirms the problem and promises a remedy' },
    },
  },
  evidence: {
    name: { zh: '证据是否完整', en: 'evidence on the three axes' },
    burden: 'buyer',
    shownBy: {
      zh: '交易事实、问题发生时间、责任主体；平台自证的部分不需买家举证',
      en: 'the trade, the time of the problem, the responsible party; what the platform attests the buyer need not show',
    },
    values: {
      complete: { zh: '三方面均已证明', en: 'all three are shown' },
      incomplete: { zh: '尚有缺失', en: 'something is missing' },
    },
  },
  merchantPromise: {
    name: { zh: '商家已作出的承诺', en: 'promise of the merchant' },
    burden: 'buyer',
    shownBy: { zh: '聊天记录中经人确认的承诺，对商家有约束力', en: 'a promise in a chat, confirmed by a person; it binds him' },
    values: {
      none: { zh: '没有承诺', en: 'none' },
      reissue: { zh: '承诺补发', en: 'he promised to reissue' },
      refund: { zh: '承诺退款', en: 'he promised a refund' },
    },
  },
  evidencePhase: {
    name: { zh: '举证期', en: 'time for evidence' },
    burden: 'platform',
    shownBy: { zh: '商家反驳后双方 48 小时举证', en: '48 hours for both sides after the claim was contested' },
    values: { none: { zh: '没有或未结束', en: 'none, or not over' }, over: { zh: '已结束', en: 'over' } },
  },
};

export const burdenTexts: Readonly<Record<Burden, Explanation>> = {
  platform: { zh: '平台举证', en: 'for the platform to show' },
  buyer: { zh: '买家举证', en: 'for the buyer to show' },
  merchant: { zh: '商家举证', en: 'for the merchant to show' },
};

/** What a rule does with a unit. */
export const outcomeTexts: Readonly<Record<RuleOutcome['do'], Explanation>> = {
  verify: { zh: '核验', en: 'the verifier is asked' },
  'await-reissue': { zh: '等待商家补发', en: 'the merchant may reissue' },
  'await-merchant': { zh: '等待商家答复', en: 'the merchant is asked' },
  'await-evidence': { zh: '等待双方举证', en: 'both sides may give evidence' },
  review: { zh: '转人工审核', en: 'a person looks at it' },
  decide: { zh: '裁决', en: 'it is decided' },
};
export const liabilityTexts: Readonly<Record<Liability, Explanation>> = {
  PLATFORM: { zh: '平台责任', en: 'the platform is liable' },
  MERCHANT: { zh: '商家责任', en: 'the merchant is liable' },
  BUYER: { zh: '买家责任', en: 'the buyer is liable' },
  SHARED: { zh: '共同责任', en: 'liability is shared' },
  NONE: { zh: '无人有过错', en: 'nobody is at fault' },
  UNPROVEN: { zh: '无法证明', en: 'nobody could prove it' },
};
export const remedyTexts: Readonly<Record<UnitVerdict['remedy'], Explanation>> = {
  NONE: { zh: '不退款', en: 'no refund' },
  FULL_REFUND: { zh: '全额退款', en: 'full refund' },
};
export const bearerTexts: Readonly<Record<UnitVerdict['bearer'], Explanation>> = {
  merchant: { zh: '商家承担', en: 'borne by the merchant' },
  platform: { zh: '平台承担', en: 'borne by the platform' },
  none: { zh: '无人承担', en: 'borne by nobody' },
};

/** The words for a value as it stands in an event; of one that is not known any more, itself. */
export function factText(fact: keyof Facts, value: string): Explanation {
  const values: Readonly<Record<string, Explanation>> = factTexts[fact].values;
  return values[value] ?? { zh: value, en: value };
}
