export { VaultError, type VaultErrorCode } from './error.js';
export { addMasterKey, createKeyFile, removeMasterKey } from './key-file.js';
export { maskKey } from './mask.js';
export { migrations } from './migrations.js';
export { maxPlaintextBytes, openVault, type PersonData, type Subject, type Vault } from './vault.js';
