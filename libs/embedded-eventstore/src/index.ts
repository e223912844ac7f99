export { restoreBackup, type BackupManifest } from './backup.js';
export { verifyFiles } from './check-files.js';
export type { CompactionProgress, CompactionReport } from './compaction.js';
export { MaintenanceBusy, type Maintenance, type MaintenanceKind, type MaintenanceStatus } from './maintenance.js';
export { startEventStoreNode, type EventStoreNode, type EventStoreNodeOptions } from './node.js';
export type { VerificationReport } from './verification.js';
