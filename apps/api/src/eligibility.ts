import { matchRule, type Facts, type PolicyTable } from '@recourse/disputes';
import type { DataOf } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { claimReasons, type ClaimReason, type OrderEvent } from '@recourse/orders';
import type { UnitRow } from '@recourse/postgres';

interface Subject {
  readonly order: DataOf<OrderEvent, 'OrderPlaced'>;
  readonly status: string;
  readonly unit: UnitRow;
  readonly table: PolicyTable;
  readonly now: string;
}

const against = (now: string, end: string | null): 'before' | 'at' | 'after' | 'none' => {
  if (end === null) return 'none';
  return now < end ? 'before' : now === end ? 'at' : 'after';
};

/** Why there is nothing to claim, or undefined. */
function closed({ status, unit }: Subject): string | undefined {
  if (status !== 'paid') return status === 'cancelled' ? 'order-cancelled' : 'order-not-paid';
  if (unit.refunded >= unit.price) return 'refunded-in-full';
  return unit.claim_id === null ? undefined : 'claim-open';
}

/** What the frozen policy would do first with a claim submitted now; later steps follow from the verifier's and the merchant's word. */
export function eligibilityOf(subject: Subject) {
  const { order, unit, table, now } = subject;
  const because = closed(subject);
  const facts = (reason: ClaimReason, evidence: 'yes' | 'no'): Facts => ({
    reason,
    productKind: order.productKind,
    delivered: unit.delivered_at === null ? 'no' : 'yes',
    revealed: unit.revealed_at === null ? 'no' : 'yes',
    platformFailure: unit.delivery === 'failed' ? 'yes' : 'no',
    afterSale: against(now, unit.after_sale_ends_at),
    sevenDay: against(now, unit.seven_day_ends_at),
    activationFailureEvidence: evidence,
    verification: 'none',
    reissuePromised: order.promise.reissue ? 'yes' : 'no',
    reissue: 'none',
    merchantAnswer: 'none',
    noReturnConsent: order.noReturnConsent === true ? 'yes' : 'no',
    chat: 'none',
    evidence: 'incomplete',
    merchantPromise: 'none',
    evidencePhase: 'none',
  });
  const next = (reason: ClaimReason, evidence: 'yes' | 'no') => {
    const rule = matchRule(table, facts(reason, evidence));
    return { next: rule.then, rule: rule.id, explanation: rule.explanation, basis: rule.basis };
  };
  return {
    orderId: order.orderId,
    unit: unit.unit_no,
    at: now,
    claimable: because === undefined,
    ...(because === undefined ? {} : { because }),
    refundable: toJson({ asset: order.total.asset, minor: unit.price - unit.refunded }),
    clocks: { afterSaleEndsAt: unit.after_sale_ends_at, sevenDayEndsAt: unit.seven_day_ends_at },
    policy: order.policy,
    options:
      because === undefined
        ? claimReasons.map((reason) => {
            const [bare, proven] = [next(reason, 'no'), next(reason, 'yes')];
            return { reason, ...bare, ...(bare.rule === proven.rule ? {} : { withActivationFailureEvidence: proven }) };
          })
        : [],
  };
}
