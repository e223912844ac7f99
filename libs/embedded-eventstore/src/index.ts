export { restoreBackup, type BackupManifest } from './maintenance/backup.js';
export { verifyFiles } from './maintenance/check-files.js';
export type { CompactionProgress, CompactionReport } from './maintenance/compaction.js';
export { MaintenanceBusy, type Maintenance, type MaintenanceKind, type MaintenanceStatus } from './maintenance/maintenance.js';
export { startEventStoreNode, type EventStoreNode, type EventStoreNodeOptions } from './node.js';
export type { VerificationReport } from './maintenance/verification.js';
