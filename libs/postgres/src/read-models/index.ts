export { neverSkipped, readModelMigrations, readModels } from './all.js';
export { caseFile, casesOfOrder, findCase, type CaseFile, type StoredUnitVerdict } from './case-file.js';
export { deadlines, nextDeadline } from './deadlines.js';
export {
  depositStatement,
  findAccount,
  findMovement,
  listAccounts,
  listMovements,
  readStatement,
  type AccountRow,
  type Bound,
  type MovementRow,
  type Standing,
  type StatedMovement,
  type Statement,
  type StatementLine,
} from './deposit-statement.js';
export { findFund, fundBook, type FundRow } from './fund-book.js';
export { fundCoverage, listCoverage, type CoverageRow } from './fund-coverage.js';
export {
  countAside,
  findAside,
  findFundStanding,
  fundStanding,
  listAside,
  type AsideRow,
  type FundStandingRow,
} from './fund-standing.js';
export { balances, journal, journalRows, type Balance } from './journal.js';
export { findOrder, orderBook, type UnitRow } from './order-book.js';
export { openWork, type OpenWork } from './open-work.js';
export { findPayout, listPayouts, payoutQueue, type PayoutFilter, type PayoutRow } from './payout-queue.js';
export { inSchema, liveSchema, type AnyReadModel, type NoTables, type ReadModel, type ReadModelTx } from './read-model.js';
export {
  findRefund,
  listRefunds,
  refundHistory,
  refundsOfOrder,
  totalsOf,
  type RefundFilter,
  type Totals,
} from './refund-history.js';
