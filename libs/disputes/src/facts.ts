import { isAfter, type Instant } from '@recourse/eventing';
import type { EventReference } from '@recourse/orders/events';
import type { CaseUnit, Evidence, Findings, SubmittedCase } from './case.js';
import { completenessOf, isStrongChat } from './completeness.js';
import type { Facts, FactSource } from './policy-table.js';

const against = (moment: Instant, end: Instant | undefined): Facts['afterSale'] => {
  if (end === undefined) return 'none';
  if (moment === end) return 'at';
  return isAfter(moment, end) ? 'after' : 'before';
};
const yesNo = (holds: boolean): 'yes' | 'no' => (holds ? 'yes' : 'no');

/** S46 */
function chatOf({ pieces }: Evidence): { readonly value: Facts['chat']; readonly from: readonly (EventReference | undefined)[] } {
  const strong = pieces.find(isStrongChat);
  if (strong !== undefined) return { value: 'strong', from: [strong.from, strong.tags?.from] };
  const weak = pieces.find(({ kind }) => kind === 'chat');
  return { value: weak === undefined ? 'none' : 'weak', from: [weak?.from] };
}

/** Facts of one unit as they stand, with the events they come from; a fact that rests on the absence of an event has no source. */
export function findingsOf(state: SubmittedCase, unit: CaseUnit): Findings {
  const { file, openedAt, evidence, attested } = state;
  const { claimed, verification, reissue, merchantAnswer, evidencePhase } = unit;
  const incident = attested.get(unit.unitNo);
  const chat = chatOf(evidence);
  const shown = completenessOf(state, unit);
  const facts: Facts = {
    reason: file.reason,
    productKind: file.productKind,
    delivered: yesNo(claimed.deliveredAt !== undefined),
    revealed: yesNo(claimed.revealedAt !== undefined),
    platformFailure: yesNo(claimed.platformFailure || incident !== undefined),
    // Opening a draft stopped the clock, so the opening counts and not the submission. S77
    afterSale: against(openedAt, claimed.afterSaleEndsAt),
    sevenDay: against(openedAt, claimed.sevenDayEndsAt),
    activationFailureEvidence: yesNo(evidence.activationFailure !== undefined),
    verification: verification?.value ?? 'none',
    reissuePromised: yesNo(file.promise.reissue),
    reissue: reissue?.value ?? 'none',
    merchantAnswer: merchantAnswer?.value ?? 'none',
    noReturnConsent: yesNo(file.noReturnConsent === true),
    chat: chat.value,
    evidence: shown.isComplete ? 'complete' : 'incomplete',
    merchantPromise: evidence.promise?.value ?? 'none',
    evidencePhase: evidencePhase?.value ?? 'none',
  };
  const opened = `0@dispute-${file.disputeId}`;
  const from: Readonly<Record<keyof Facts, readonly (EventReference | undefined)[]>> = {
    reason: [opened],
    productKind: [opened],
    delivered: claimed.evidence,
    revealed: claimed.evidence,
    platformFailure: incident === undefined ? claimed.evidence : [incident],
    afterSale: [opened, ...claimed.evidence],
    sevenDay: [opened, ...claimed.evidence],
    activationFailureEvidence: [evidence.activationFailure],
    verification: [verification?.from],
    reissuePromised: [opened],
    reissue: [reissue?.from],
    merchantAnswer: [merchantAnswer?.from],
    noReturnConsent: file.noReturnConsent === true ? [opened, `0@order-${file.orderId}`] : [],
    chat: chat.from,
    // That something is missing has no source.
    evidence: shown.isComplete
      ? [...new Set(shown.axes.flatMap(({ coveredBy }) => coveredBy.flatMap((covering) => covering.from)))]
      : [],
    merchantPromise: [evidence.promise?.from],
    evidencePhase: [evidencePhase?.from],
  };
  const sources = Object.entries(from).map(([fact, references]): FactSource => ({
    fact: fact as keyof Facts,
    from: references.filter((reference) => reference !== undefined),
  }));
  return { facts, sources: sources.filter((source) => source.from.length > 0) };
}
