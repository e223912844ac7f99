export { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.js';
export { connect, createDatabase, dropDatabase, type Database, type DatabaseOptions } from './database.js';
export { migrate, type MigrationOptions, type MigrationSet, type MigrationStep } from './migration.js';
export {
  CheckpointPassed,
  listParked,
  park,
  parkedLanes,
  readCheckpoint,
  resetCheckpoint,
  unpark,
  writeCheckpoint,
  type ParkedEvent,
} from './checkpoint.js';
export { lead, type LeaderOptions, type Leadership } from './leader.js';
export { clockMigrations, existingVirtualClock, machineClock, setVirtualClock, virtualClock } from './clock.js';
export * from './read-models/index.js';
export * from './audit/index.js';
