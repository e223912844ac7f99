export { migrations } from './migrations.js';
export { openSandboxVerifier, type RecordedAnswer, type SandboxVerifier } from './sandbox-verifier.js';
export { type VerificationAnswer, type VerificationQuestion, type Verifier } from './verifier.js';
