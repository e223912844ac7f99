export { RunningAccount, type AccountMovement } from './account-statement.js';
export {
  accountKinds,
  findAccount,
  formatAccount,
  normalSide,
  parseAccount,
  UnknownAccount,
  type Account,
  type AccountKind,
  type Side,
} from './accounts.js';
export { Audit, ledgerChecks, type AuditOptions, type AuditProgress, type AuditReport } from './audit.js';
export { hledgerAccount, hledgerAccountDirective, hledgerHead, hledgerTransaction, type HledgerTransaction } from './hledger.js';
export {
  invariants,
  type AuditContext,
  type Check,
  type InvariantId,
  type Ledger,
  type RailBookEntry,
  type RailMovement,
  type Violation,
} from './invariant.js';
export { caseSteps, isAboutCase, type CaseStep } from './case-chain.js';
export { compareJournal, JournalComparison, journalRowsOf, type JournalRow } from './journal-comparison.js';
export { Books, type BalanceRow, type TrialBalance } from './journal.js';
export { eventName, type EventName } from './event-names.js';
export { RefundChain, type ChainStep, type OpenMatter, type RefundStory } from './refund-chain.js';
export { referencesOf, type EventReferences } from './references.js';
export { postingsOf, type DomainEvent, type Posting } from './posting.js';
export {
  depositMovementOf,
  depositStatement,
  emptyStanding,
  statementReasons,
  type DepositMovement,
  type DepositStanding,
  type DepositStatement,
  type StatementLine,
  type StatementReason,
  type StatementReference,
} from './statement.js';
export { trialBalanceSheets, type KindSum, type TrialBalanceRow, type TrialBalanceSheet } from './trial-balance.js';
