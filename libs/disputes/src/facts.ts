import { isAfter, type Instant } from '@recourse/eventing';
import type { EventReference } from '@recourse/orders/events';
import type { CaseUnit, Findings, SubmittedCase } from './case.js';
import type { Facts, FactSource } from './policy-table.js';

const against = (moment: Instant, end: Instant | undefined): Facts['afterSale'] => {
  if (end === undefined) return 'none';
  if (moment === end) return 'at';
  return isAfter(moment, end) ? 'after' : 'before';
};
const yesNo = (holds: boolean): 'yes' | 'no' => (holds ? 'yes' : 'no');

/** Facts of one unit as they stand, with the events they come from; a fact that rests on the absence of an event has no source. */
export function findingsOf({ file, openedAt, evidence, attested }: SubmittedCase, unit: CaseUnit): Findings {
  const { claimed, verification, reissue, merchantAnswer, evidencePhase } = unit;
  const incident = attested.get(unit.unitNo);
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
    noReturnConsent: 'no',
    chat: 'none',
    evidence: 'incomplete',
    merchantPromise: 'none',
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
    noReturnConsent: [],
    chat: [],
    evidence: [],
    merchantPromise: [],
    evidencePhase: [evidencePhase?.from],
  };
  const sources = Object.entries(from).map(([fact, references]): FactSource => ({
    fact: fact as keyof Facts,
    from: references.filter((reference) => reference !== undefined),
  }));
  return { facts, sources: sources.filter((source) => source.from.length > 0) };
}
