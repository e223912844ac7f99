export { migrations } from './migrations.js';
export { openSandboxVerifier, type RecordedAnswer, type SandboxVerifier } from './sandbox-verifier.js';
export { addressFault, isLoopback } from './source-address.js';
export { type SourcesOptions, verifierOfKind } from './verifier-of-kind.js';
export { createVerifierKeys, readVerifierKeys, type SourceName, type VerifierKeys } from './verifier-keys.js';
export {
  type EarlierAnswer,
  type VerificationAnswer,
  type VerificationQuestion,
  type Verifier,
  VerifierUnavailable,
} from './verifier.js';
