import { isAfter, plusHours, plusMs, type Instant } from '@recourse/eventing';
import { subtract, zero, type Money } from '@recourse/money';
import { type ClaimReason, claimReasons, type UnitFacts } from '@recourse/orders/events';
import type { CaseStanding, CaseStatus, VerdictStanding } from './case-standing.js';
import { turns } from './turn.js';
import { clocksOf, isRefundedInFull, stoppedMs, type Clock, type Party, type UnitSnapshot } from './clocks.js';
import { evolve } from './evolution.js';
import { findingsOf } from './facts.js';
import type { Decision, Explanation, RecordedFacts } from './policy-table.js';
import { reviewOf, type PolicyProspects, type ProspectSet } from './prospects.js';
import type { UnitStanding } from './unit-standing.js';
import { without } from './without.js';

/** Why nothing can be claimed. */
export const obstacles = {
  'order-not-paid': { zh: '订单尚未付款', en: 'the order is not paid yet' },
  'payment-over': { zh: '付款时限已过，订单不再成立', en: 'the time to pay is over; a later payment goes back' },
  'order-cancelled': { zh: '订单已取消', en: 'the order was cancelled' },
  'refunded-in-full': { zh: '该商品已全额退款', en: 'the price is refunded in full' },
  'claim-open': { zh: '已有进行中的售后申请', en: 'a claim on this unit is open' },
  'draft-lapsing': { zh: '草稿已过期，正在失效处理', en: 'the draft is over and about to lapse; claim again shortly' },
} as const satisfies Readonly<Record<string, Explanation>>;
export type Obstacle = keyof typeof obstacles;

/** The times are in the clocks, and the reason is the buyer's to choose. */
export type KnownFacts = Omit<RecordedFacts, 'reason' | 'afterSale' | 'sevenDay'>;

export interface ClaimAnswer {
  readonly disputeId: string;
  /** False: over; what it decided still counts. */
  readonly isOpen: boolean;
  /** `opening`: the order knows of the claim, its case is on the way. */
  readonly stage: CaseStatus | 'opening';
  readonly turn: Party;
  readonly until?: Instant;
  /** The time for it is over and what follows is on the way. */
  readonly isOverdue: boolean;
  readonly reason?: ClaimReason;
  readonly openedAt: Instant;
  readonly submittedAt?: Instant;
  /** Which rule it stands at, or was decided by. */
  readonly rule?: string;
  readonly facts?: RecordedFacts;
  readonly verdict?: VerdictStanding;
}

/** The answer for one unit at one moment. It holds until `validUntil`, itself included, unless an event comes. */
export interface Eligibility {
  readonly at: Instant;
  readonly claimable: boolean;
  readonly because?: Obstacle;
  /** What of the price is not refunded. */
  readonly refundable: Money;
  readonly escrow: UnitStanding['escrow'];
  /** May the next claim begin as a draft? Once per unit. K13 */
  readonly mayDraft: boolean;
  readonly facts?: KnownFacts;
  /** Reason by reason if it can be claimed; of its own reason while its case is not decided. */
  readonly prospects: ProspectSet;
  readonly claim?: ClaimAnswer;
  /** Those that run. */
  readonly clocks: readonly Clock[];
  /** What a claim left of the after-sale window; it goes on when the claim ends. S77 */
  readonly afterSaleStoppedMs?: number;
  /** The last moment before time alone changes the answer; undefined: it never does. */
  readonly validUntil?: Instant;
}

const none: ProspectSet = { prospects: [], fingerprint: '' };

/** Whose money goes out now for what a party bears, and what of it the merchant owes afterwards. K5 */
export interface Source {
  readonly pays: readonly ('escrow' | 'fund')[];
  /** Recovered from the merchant's deposit, then from his payable, after the buyer was paid. */
  readonly recourse: boolean;
}
export function sourceOf(bearer: Decision['bearer'], escrow: UnitStanding['escrow']): Source | undefined {
  if (bearer === 'none') return undefined;
  const merchantPays = bearer !== 'platform';
  if (escrow !== 'held') return { pays: ['fund'], recourse: merchantPays };
  return { pays: bearer === 'merchant' ? ['escrow'] : bearer === 'platform' ? ['fund'] : ['escrow', 'fund'], recourse: false };
}

/** What the policy would judge if the buyer claimed at `at`: the very facts of a case opened then. */
function factsAt({ terms, standing }: UnitSnapshot, at: Instant): RecordedFacts {
  const { orderId, platform, merchant, buyer, productKind, promise, policy, unitNo, product, price, fee, noReturnConsent } =
    terms;
  const { deliveredAt, revealedAt, afterSaleEndsAt, sevenDayEndsAt, platformFailure, escrow } = standing;
  const unit: UnitFacts = {
    ...{ unitNo, product, price, fee, platformFailure, evidence: [] },
    escrow: escrow === 'released' ? 'released' : 'held',
    ...(deliveredAt === undefined ? {} : { deliveredAt }),
    ...(revealedAt === undefined ? {} : { revealedAt }),
    ...(afterSaleEndsAt === undefined ? {} : { afterSaleEndsAt }),
    ...(sevenDayEndsAt === undefined ? {} : { sevenDayEndsAt }),
  };
  const consent = noReturnConsent === undefined ? {} : { noReturnConsent };
  const file = { orderId, platform, merchant, buyer, productKind, promise, policy, ...consent, units: [unit] };
  const data = { ...file, disputeId: `${orderId}.0`, reason: claimReasons[0], submittedAt: at, reissueUntil: plusHours(at, 24) };
  const submitted = evolve({ status: 'unknown', revision: 0 }, { type: 'DisputeSubmitted', data });
  if (submitted.status !== 'submitted') throw new Error('a case that is opened with its submission is submitted');
  const [own] = submitted.units;
  if (own === undefined) throw new Error('a case of one unit has it');
  return findingsOf(submitted, own).facts;
}

function obstacleOf({ terms, standing, latest }: UnitSnapshot, at: Instant): Obstacle | undefined {
  if (standing.order === 'placed') return isAfter(at, terms.payBefore) ? 'payment-over' : 'order-not-paid';
  if (standing.order === 'cancelled') return 'order-cancelled';
  if (isRefundedInFull(terms, standing)) return 'refunded-in-full';
  if (standing.claim === undefined) return undefined;
  const isLapsing =
    latest?.disputeId === standing.claim.claimId &&
    (latest.status === 'lapsed' || (latest.status === 'draft' && latest.until !== undefined && isAfter(at, latest.until)));
  return isLapsing ? 'draft-lapsing' : 'claim-open';
}

/** The case of the open claim, or the latest there was. */
function claimOf({ standing: { claim }, latest }: UnitSnapshot, table: PolicyProspects, at: Instant): ClaimAnswer | undefined {
  if (claim !== undefined && latest?.disputeId !== claim.claimId)
    return {
      disputeId: claim.claimId,
      isOpen: true,
      stage: 'opening',
      turn: 'platform',
      isOverdue: false,
      openedAt: claim.stoppedAt,
    };
  if (latest === undefined) return undefined;
  const { disputeId, reason, openedAt, status, until, escalated, personRequested, submittedAt, facts, verdict } = latest;
  const isOverdue = until !== undefined && isAfter(at, until);
  const rule = verdict?.rule ?? latest.rule ?? (facts === undefined ? undefined : ruleAt(table, facts, personRequested));
  return {
    disputeId,
    isOpen: claim !== undefined,
    stage: status,
    turn: isOverdue || escalated ? 'platform' : turns[status].who,
    ...(until === undefined ? {} : { until }),
    isOverdue,
    reason,
    openedAt,
    ...(submittedAt === undefined ? {} : { submittedAt }),
    ...(rule === undefined ? {} : { rule }),
    ...(facts === undefined ? {} : { facts }),
    ...(verdict === undefined ? {} : { verdict }),
  };
}

const ruleAt = (table: PolicyProspects, facts: RecordedFacts, personRequested: boolean): string | undefined =>
  table.of(facts, [facts.reason], personRequested).prospects[0]?.rule;

const isUndecided = ({ status, verdict }: CaseStanding): boolean => turns[status].who !== 'nobody' && verdict === undefined;

/** What is still open for a unit under a claim. */
function prospectsOf({ status, rule, reason, facts, personRequested }: CaseStanding, table: PolicyProspects): ProspectSet {
  if (status === 'under-review' && rule !== undefined) return reviewOf(reason, rule);
  return facts === undefined ? none : table.of(facts, [facts.reason], personRequested);
}

/** What the answer says that time can change. */
function answerAt(snapshot: UnitSnapshot, table: PolicyProspects, at: Instant) {
  const { standing, latest } = snapshot;
  const because = obstacleOf(snapshot, at);
  const claim = claimOf(snapshot, table, at);
  const facts = because === undefined ? factsAt(snapshot, at) : undefined;
  const clocks = clocksOf(snapshot).filter(({ until }) => !isAfter(at, until));
  const isJudged = standing.claim !== undefined && latest?.disputeId === standing.claim.claimId && isUndecided(latest);
  const prospects = facts !== undefined ? table.of(facts, claimReasons) : isJudged ? prospectsOf(latest, table) : none;
  return { because, claim, facts, clocks, prospects };
}

const sameAt = (answer: ReturnType<typeof answerAt>): string =>
  JSON.stringify([answer.because, answer.claim?.isOverdue, answer.clocks, answer.prospects.fingerprint]);

/** Every moment from which on something compares differently: a deadline itself, and the millisecond after it. */
function momentsAfter({ terms, standing, latest }: UnitSnapshot, at: Instant): readonly Instant[] {
  const ends = [...clocksOf({ terms, standing, ...(latest === undefined ? {} : { latest }) }).map(({ until }) => until)];
  // A policy may ask for these also when nothing runs towards them any more.
  for (const end of [standing.afterSaleEndsAt, standing.sevenDayEndsAt]) if (end !== undefined) ends.push(end);
  const moments = new Set(ends.flatMap((end) => [end, plusMs(end, 1)]));
  return [...moments].filter((moment) => isAfter(moment, at)).toSorted();
}

function validUntil(snapshot: UnitSnapshot, table: PolicyProspects, at: Instant, now: string): Instant | undefined {
  const next = momentsAfter(snapshot, at).find((moment) => sameAt(answerAt(snapshot, table, moment)) !== now);
  return next === undefined ? undefined : plusMs(next, -1);
}

/**
 * What the buyer of a unit could get at a moment, by which rule, from whom, what is missing and which clocks run. The same
 * function answers for now, for a past moment with what was known then, and for a thousand units at once.
 */
export function eligibilityOf(snapshot: UnitSnapshot, table: PolicyProspects, at: Instant): Eligibility {
  const { terms, standing } = snapshot;
  const answer = answerAt(snapshot, table, at);
  const { because, claim, facts, clocks, prospects } = answer;
  const until = validUntil(snapshot, table, at, sameAt(answer));
  const stopped = stoppedMs(standing);
  const isOwed = standing.order !== 'placed' && !isRefundedInFull(terms, standing);
  return {
    at,
    claimable: because === undefined,
    ...(because === undefined ? {} : { because }),
    refundable: isOwed ? subtract(terms.price, standing.refunded) : zero(terms.price.asset),
    escrow: standing.escrow,
    mayDraft: because === undefined && !standing.draftUsed,
    ...(facts === undefined ? {} : { facts: without(facts, 'reason', 'afterSale', 'sevenDay') }),
    prospects,
    ...(claim === undefined ? {} : { claim }),
    clocks,
    ...(stopped === undefined ? {} : { afterSaleStoppedMs: stopped }),
    ...(until === undefined ? {} : { validUntil: until }),
  };
}
