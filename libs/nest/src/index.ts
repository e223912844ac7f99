export { migrationSets, openAdapters, queueName, type Adapters } from './adapters.js';
export { approvalLimitOf, type ApprovalLimits } from './approval-limit.js';
export {
  BillNotReadable,
  type PageReport,
  type ReconcileParts,
  type ReconcileRequest,
  reconcilePage,
} from './bill-reconciliation.js';
export { AtLeast, atLeastTimeoutMs, type Shown, shownToken } from './at-least.js';
export { Allow, Caller, CallerGuard, identityToken, Open } from './caller.js';
export { catalogue, deciders } from './deciders.js';
export { defaultRailReceiver, EnvironmentFaults, readEnvironment, type Environment } from './environment.js';
export * from './handlers.js';
export { type Answer, Idempotency, idempotencyKeyShape, idempotencyMigrations, uuidOf } from './idempotency.js';
export { acceptJson } from './json-body.js';
export { type FieldFault, invalidInput, kebab, Problem, ProblemFilter } from './problem.js';
export { runApp, type AppLife } from './run-app.js';
export { StderrLogger } from './stderr-logger.js';
export { TakesAtMost, TimeLimit } from './time-limit.js';
export { openVerifier } from './verifier-sources.js';
