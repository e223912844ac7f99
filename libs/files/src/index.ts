export { FileError, type FileErrorCode } from './error.js';
export { openFileStore, type FileStore } from './file-store.js';
export type { Inspected } from './inspection.js';
export { extensionOf, maxBytesOf, maxFileBytes, mediaTypes, type MediaType } from './media-type.js';
export { migrations } from './migrations.js';
export { scopeOf, sideOf, type Side } from './scope.js';
export {
  maxBytesPerScope,
  maxFilesPerScope,
  openUploads,
  orphanAfterHours,
  type OrphanSweep,
  type Received,
  type StoredFile,
  type Uploads,
} from './uploads.js';
