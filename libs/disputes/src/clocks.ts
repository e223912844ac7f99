import { isAfter, msBetween, type Instant } from '@recourse/eventing';
import { compare } from '@recourse/money';
import type { CaseStanding, CaseStatus } from './case-standing.js';
import type { Explanation } from './policy-table.js';
import type { UnitStanding, UnitTerms } from './unit-standing.js';

export type Party = 'buyer' | 'merchant' | 'both' | 'arbitrator' | 'platform' | 'nobody';
export type ClockName = 'payment' | 'delivery' | 'after-sale' | 'seven-day' | 'release' | 'supervision' | 'appeal' | CaseStatus;

/** A moment up to which something can be done, itself included. */
export interface Clock {
  readonly name: ClockName;
  readonly until: Instant;
}
/** What a unit's answer is worked out from: everything known of it, with its moments. */
export interface UnitSnapshot {
  readonly terms: UnitTerms;
  readonly standing: UnitStanding;
  /** The latest case that named the unit, over or not. */
  readonly latest?: CaseStanding;
}

export const isRefundedInFull = ({ price }: UnitTerms, { refunded }: UnitStanding): boolean => compare(refunded, price) >= 0;

/** When the escrow is released by itself, if nothing happens: the reveal ends the seven-day promise (K10, K16). */
function releaseOf({ settlement }: UnitTerms, standing: UnitStanding): readonly Clock[] {
  const { escrow, confirmed, claim, freezes, revealedAt, afterSaleEndsAt, sevenDayEndsAt } = standing;
  const waits = settlement === 'ESCROW' && escrow === 'held' && !confirmed && claim === undefined && freezes.length === 0;
  if (!waits || afterSaleEndsAt === undefined) return [];
  const promised = revealedAt === undefined && sevenDayEndsAt !== undefined && isAfter(sevenDayEndsAt, afterSaleEndsAt);
  return [{ name: 'release', until: promised ? sevenDayEndsAt : afterSaleEndsAt }];
}

/** The clocks that run by the events of the order, over or not; a claim stops them. S77 */
export function clocksOfUnit(terms: UnitTerms, standing: UnitStanding): readonly Clock[] {
  const { order, claim, deliverBefore, deliveredAt, platformFailure, revealedAt, afterSaleEndsAt, sevenDayEndsAt } = standing;
  if (order === 'placed') return [{ name: 'payment', until: terms.payBefore }];
  if (order === 'cancelled' || isRefundedInFull(terms, standing) || claim !== undefined) return [];
  const isDue = deliveredAt === undefined && !platformFailure && deliverBefore !== undefined;
  return [
    ...(isDue ? [{ name: 'delivery', until: deliverBefore } as const] : []),
    ...(afterSaleEndsAt === undefined ? [] : [{ name: 'after-sale', until: afterSaleEndsAt } as const]),
    // What the reveal has ended does not run. K10
    ...(sevenDayEndsAt === undefined || revealedAt !== undefined ? [] : [{ name: 'seven-day', until: sevenDayEndsAt } as const]),
    ...releaseOf(terms, standing),
  ];
}

/** Those of its case. */
export function clocksOfCase({ status, until, escalated, verdict }: CaseStanding): readonly Clock[] {
  const stage = until === undefined ? [] : [{ name: escalated ? 'supervision' : status, until } as const];
  const appeal = verdict === undefined || verdict.final ? [] : [{ name: 'appeal', until: verdict.appealUntil } as const];
  return [...stage, ...appeal];
}

export const clocksOf = ({ terms, standing, latest }: UnitSnapshot): readonly Clock[] => [
  ...clocksOfUnit(terms, standing),
  ...(latest === undefined ? [] : clocksOfCase(latest)),
];

/** What the claim left of the after-sale window when it stopped the clock, in ms; undefined when nothing runs on after it. */
export function stoppedMs({ claim, afterSaleEndsAt }: UnitStanding): number | undefined {
  if (claim === undefined || afterSaleEndsAt === undefined) return undefined;
  const leftMs = msBetween(claim.stoppedAt, afterSaleEndsAt);
  return leftMs < 0 ? undefined : leftMs;
}

/** Whose silence it is, and what follows from it. */
export interface Loss {
  readonly loses: Party;
  readonly then: Explanation;
}
const nothing: Loss = { loses: 'nobody', then: { zh: '到时进入下一步', en: 'the next step follows' } };

export const losses: Readonly<Record<ClockName, Loss>> = {
  payment: {
    loses: 'buyer',
    then: { zh: '逾期付款不成立订单，款项原路退回', en: 'a later payment does not pay the order and goes back' },
  },
  delivery: {
    loses: 'merchant',
    then: { zh: '商家逾期未发货，未发货部分全额退款', en: 'the merchant did not deliver: what is missing is refunded in full' },
  },
  'after-sale': {
    loses: 'buyer',
    then: {
      zh: '超过售后期，须提供激活失败证据才会受理审核',
      en: 'a later claim needs evidence of an activation failure to be looked at',
    },
  },
  'seven-day': {
    loses: 'buyer',
    then: { zh: '七天无理由退款的承诺到期', en: 'the seven-day promise is over' },
  },
  release: {
    loses: 'buyer',
    then: {
      zh: '货款放行给商家；此后的退款由赔付基金先行垫付，再向商家追偿',
      en: 'the money goes to the merchant; a later refund is paid by the fund first and then recovered from him',
    },
  },
  draft: {
    loses: 'buyer',
    then: {
      zh: '草稿失效，售后期按剩余时间继续计算',
      en: 'the draft lapses and the after-sale clock goes on with what was left',
    },
  },
  verifying: {
    loses: 'platform',
    then: { zh: '核验未能及时完成，转人工审核', en: 'the verifier did not answer in time: a person looks at it' },
  },
  'awaiting-reissue': {
    loses: 'merchant',
    then: { zh: '商家逾期未补发，按规则处理退款', en: 'the merchant did not reissue: the policy goes on without a reissue' },
  },
  'awaiting-buyer-check': {
    loses: 'buyer',
    then: { zh: '视为补发卡密可用，纠纷了结', en: 'the reissued key counts as working and the case is closed' },
  },
  'awaiting-merchant': {
    loses: 'merchant',
    then: { zh: '商家逾期不答复，由商家承担不利后果', en: 'the merchant stayed silent: his silence counts against him' },
  },
  'awaiting-evidence': {
    loses: 'nobody',
    then: { zh: '举证期满，转人工裁决', en: 'the time for evidence is over and a person decides on what is there' },
  },
  'under-review': {
    loses: 'platform',
    then: { zh: '审核逾期，升级至主管', en: 'the review is overdue and goes to a supervisor' },
  },
  supervision: {
    loses: 'platform',
    then: { zh: '平台逾期未决，全额退款，由平台承担', en: 'the platform is late: a full refund at its own cost' },
  },
  appeal: {
    loses: 'nobody',
    then: { zh: '申诉期结束，裁决生效', en: 'nobody can appeal any more and the verdict is final' },
  },
  lapsed: nothing,
  withdrawn: nothing,
  submitted: nothing,
  decided: nothing,
  resolved: nothing,
};
