export { type Alarm } from './alarm.js';
export { type ExpectedRevision } from './append-request.js';
export { type AppendOutcome } from './appender.js';
export {
  maxLoadedEvents,
  openAggregateStore,
  type AggregateStore,
  type AggregateStoreOptions,
  type Executed,
} from './aggregate-store.js';
export { actionCommandId, eventIdOf } from './event-id.js';
export {
  openEventStore,
  type EventStore,
  type EventStoreOptions,
  type EventToAppend,
  type ReadAllOptions,
  type ReadStreamOptions,
} from './event-store.js';
export { stateOf } from './current-state.js';
export { lastPeriodOf } from './last-period.js';
export { type Log } from './log.js';
export { type Replayed, type ReplayRequest } from './parked.js';
export { replayProcess, runProcesses, type ProcessRunnerOptions, type RunnableProcess } from './process-runner.js';
export { replayProjection, runProjections, type ProjectionRunnerOptions, type RunnableProjection } from './projection-runner.js';
export { takeOver } from './promotion.js';
export { processorReader, processReader, projectionReader, type Reader } from './reader.js';
export { projectionsAt, waitUntil } from './read-your-writes.js';
export {
  AppendOutcomeUnknown,
  AppendRefused,
  AppendTooLarge,
  InputRefused,
  isFatal,
  isTransient,
  ProcessSuperseded,
  StoreUnavailable,
  StreamTooLong,
  TooMuchContention,
  UnreadableEvent,
} from './store-error.js';
export { runStreamProcessor, type StreamProcessorOptions } from './stream-processor-runner.js';
export { type Batch, type Subscription, type SubscriptionOptions, type SubscriptionStatus } from './subscription.js';
