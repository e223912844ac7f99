export { gatherCase, type CaseSources } from './gathering.js';
export type { CaseMaterial, PackView, StoredFile } from './material.js';
export { packOf, type Manifest, type Pack } from './pack.js';
export { verifyPack, type PackReport } from './verification.js';
export { NotAPack, zipOf, type PackFile } from './zip.js';
