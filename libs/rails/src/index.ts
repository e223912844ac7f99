export { migrations } from './migrations.js';
export {
  type BookEntry,
  type Capture,
  type PayoutRail,
  type QueryOutcome,
  RailError,
  type RailErrorCode,
  type TransferFailure,
  type TransferOutcome,
  type TransferRequest,
} from './payout-rail.js';
export { type SandboxInstruction, sandboxInstructions } from './sandbox-instruction.js';
export { openSandboxRail, type SandboxRail, type SandboxRailOptions } from './sandbox-rail.js';
export { isTransferKey, transferKey } from './transfer-key.js';
