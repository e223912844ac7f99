export { frozenTable, openingOf, readCase } from './case-material.js';
export { complaint } from './complaint.js';
export { completenessOfCase } from './completeness.js';
export { deadlineOpenedBy, nextDeadline } from './deadline.js';
export { dispute } from './dispute.js';
export { areTimesSound, buyerEvidenceKinds, merchantEvidenceKinds, takesEvidence } from './evidence.js';
export { eligibilityOf, obstacles, sourceOf } from './eligibility.js';
export * from './events.js';
export { faultCatalogue, faultNamed, faultOf } from './fault-catalogue.js';
export { explainCase } from './explanation.js';
export { incident, maxUnitsPerNotice } from './incident.js';
export { withoutSecrets } from './masking.js';
export { policy, policyIdOf } from './policy.js';
export { diffTables } from './policy-diff.js';
export { lintTable } from './policy-lint.js';
export { policySchema } from './policy-schema.js';
export { PolicySimulation, type UnitComparison, type UnitEnd } from './policy-simulation.js';
export { shortfallOf } from './policy-standard.js';
export { policiesFrom, policyInForce, standingsOf } from './policy-timeline.js';
export { canonicalJson, factNames, factValues, matchRule, policyHash } from './policy-table.js';
export {
  changeOf,
  SimulationTotals,
  type MoneyChange,
  type SimulationCount,
  type SimulationReport,
} from './simulation-totals.js';
export { losses } from './clocks.js';
export { PolicyProspects } from './prospects.js';
export { isTable, readTable, validateTable } from './table-check.js';
export { speakers } from './transcript.js';
export { rederive } from './rederivation.js';
export { suggestedTags, triage } from './triage.js';
export { rejudge } from './verdict.js';
export type * from './eligibility.js';
export type * from './policy-diff.js';
export type * from './policy-lint.js';
export type * from './explanation.js';
export type * from './order-attestation.js';
export type * from './rederivation.js';
export { turns, type Turn } from './turn.js';
export type * from './case-material.js';
export type * from './policy-timeline.js';
export type * from './prospects.js';
