import {
  losses,
  obstacles,
  sourceOf,
  type Eligibility,
  type Outcome,
  type PolicyProspects,
  type Prospect,
  type Source,
} from '@recourse/disputes';
import type { Explanation } from '@recourse/disputes/events';
import { toJson } from '@recourse/money';
import { claimReasons } from '@recourse/orders/events';
import type { KnownUnit } from '@recourse/postgres';

type Escrow = Eligibility['escrow'];

/** The source of what an outcome pays, given where the unit's money is now; a person has not decided yet. K5 */
function fromOf(outcome: Outcome, escrow: Escrow): { readonly from?: Source } {
  const source = outcome.by === 'rule' ? sourceOf(outcome.bearer, escrow) : undefined;
  return source === undefined ? {} : { from: source };
}

export interface RuleText {
  readonly explanation: Explanation;
  readonly basis: readonly string[];
}
export const textOf = (table: PolicyProspects, id: string): RuleText => {
  const { explanation, basis } = table.rule(id);
  return { explanation, basis };
};

/** The first step, how it can end and who then pays, and what is missing; the texts of the rules stand beside it. */
const prospectOf = ({ next, rule, outcomes, missing }: Prospect, escrow: Escrow) => ({
  next,
  rule,
  outcomes: outcomes.map((outcome) => ({ ...outcome, ...fromOf(outcome, escrow) })),
  missing,
});

/** Prospects that many units of a batch share. */
export const sharedProspects = (prospects: readonly Prospect[], escrow: Escrow) =>
  prospects.map((prospect) => ({ reasons: prospect.reasons, ...prospectOf(prospect, escrow) }));

/** Every rule that is named. */
export const rulesIn = (prospects: readonly Prospect[]): ReadonlySet<string> =>
  new Set(
    prospects.flatMap(({ rule, outcomes, missing }) => [
      rule,
      ...outcomes.map((outcome) => outcome.rule),
      ...missing.flatMap(({ leadsTo }) => Object.values(leadsTo ?? {})),
    ]),
  );

/** What the policy does first if a recording or a picture of the failed activation comes with the claim. S27, S40, S45 */
function provenOf({ missing }: Prospect, table: PolicyProspects) {
  const rule = missing.find(({ fact }) => fact === 'activationFailureEvidence')?.leadsTo?.['yes'];
  if (rule === undefined) return {};
  return { withActivationFailureEvidence: { next: table.rule(rule).then, rule, ...textOf(table, rule) } };
}

const claimOf = ({ claim }: Eligibility, withText: boolean) => {
  if (claim === undefined) return {};
  const { verdict, ...others } = claim;
  if (verdict === undefined) return { claim: others };
  const { refund, explanation, ...decided } = verdict;
  return { claim: { ...others, verdict: { ...decided, refund: toJson(refund), ...(withText ? { explanation } : {}) } } };
};

/** What is said of a unit beside its prospects; as short as a batch needs it. */
export function standingOf({ snapshot, position, since }: KnownUnit, answer: Eligibility) {
  const { standing, terms } = snapshot;
  const { claimable, because, refundable, escrow, mayDraft, facts, clocks, afterSaleStoppedMs, validUntil } = answer;
  return {
    orderId: terms.orderId,
    unit: terms.unitNo,
    at: answer.at,
    claimable,
    ...(because === undefined ? {} : { because }),
    refundable: toJson(refundable),
    escrow,
    mayDraft,
    ...(facts === undefined ? {} : { facts }),
    clocks: {
      afterSaleEndsAt: standing.afterSaleEndsAt ?? null,
      sevenDayEndsAt: standing.sevenDayEndsAt ?? null,
      running: clocks.map(({ name, until }) => ({ name, until, loses: losses[name].loses })),
      ...(afterSaleStoppedMs === undefined ? {} : { afterSaleStoppedMs }),
    },
    policy: terms.policy,
    ...claimOf(answer, false),
    validUntil: validUntil ?? null,
    known: { position: position.toString(), since },
  };
}

/** The whole answer for one unit: reason by reason, with the text of every rule that is named. */
export function wholeOf(known: KnownUnit, answer: Eligibility, table: PolicyProspects) {
  const { because, clocks, escrow, prospects } = answer;
  const named = [...rulesIn(prospects.prospects), ...(answer.claim?.rule === undefined ? [] : [answer.claim.rule])];
  const short = standingOf(known, answer);
  return {
    ...short,
    ...(because === undefined ? {} : { explanation: obstacles[because] }),
    clocks: {
      ...short.clocks,
      running: clocks.map(({ name, until }) => ({ name, until, ...losses[name] })),
    },
    ...claimOf(answer, true),
    options: prospects.prospects
      .flatMap((prospect) => prospect.reasons.map((reason) => [reason, prospect] as const))
      .toSorted(([one], [other]) => claimReasons.indexOf(one) - claimReasons.indexOf(other))
      .map(([reason, prospect]) => ({
        reason,
        ...prospectOf(prospect, escrow),
        ...textOf(table, prospect.rule),
        ...provenOf(prospect, table),
      })),
    rules: Object.fromEntries(
      [...new Set(named)].filter((rule) => table.find(rule) !== undefined).map((rule) => [rule, textOf(table, rule)]),
    ),
  };
}
