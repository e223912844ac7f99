export { migrations } from './migrations.js';
export {
  type BillLine,
  type BillPage,
  type BillQuery,
  type BookEntry,
  type Capture,
  type Movement,
  type PayoutRail,
  type QueryOutcome,
  RailError,
  type RailErrorCode,
  type TransferFailure,
  type TransferOutcome,
  type TransferRequest,
} from './payout-rail.js';
export { type SandboxInstruction, sandboxInstructions } from './sandbox-instruction.js';
export { openSandboxRail, type OutsideMovement, type SandboxRail, type SandboxRailOptions } from './sandbox-rail.js';
export { isTransferKey, transferKey } from './transfer-key.js';
