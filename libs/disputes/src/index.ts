export { deadlineOpenedBy, nextDeadline } from './deadline.js';
export { dispute } from './dispute.js';
export * from './events.js';
export { policy, policyInForce } from './policy.js';
export { contradictionIn, factNames, factValues, matchRule, policyHash } from './policy-table.js';
export { isTable, validateTable } from './table-check.js';
export { speakers } from './transcript.js';
export { triage } from './triage.js';
export { rejudge } from './verdict.js';
