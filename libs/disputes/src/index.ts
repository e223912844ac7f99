export { deadlineOpenedBy, nextDeadline } from './deadline.js';
export { dispute } from './dispute.js';
export * from './events.js';
export { policy, policyIdOf } from './policy.js';
export { diffTables } from './policy-diff.js';
export { lintTable } from './policy-lint.js';
export { policySchema } from './policy-schema.js';
export { PolicySimulation, type UnitComparison, type UnitEnd } from './policy-simulation.js';
export { shortfallOf } from './policy-standard.js';
export { policiesFrom, policyInForce, standingsOf } from './policy-timeline.js';
export { contradictionIn, factNames, factValues, matchRule, policyHash } from './policy-table.js';
export {
  changeOf,
  SimulationTotals,
  type MoneyChange,
  type SimulationCount,
  type SimulationReport,
} from './simulation-totals.js';
export { isTable, readTable, validateTable } from './table-check.js';
export { speakers } from './transcript.js';
export { triage } from './triage.js';
export { rejudge } from './verdict.js';
export type * from './policy-diff.js';
export type * from './policy-lint.js';
export type * from './policy-timeline.js';
