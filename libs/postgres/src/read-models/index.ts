export { neverSkipped, readModelMigrations, readModels } from './all.js';
export {
  accountBalances,
  balancePage,
  booksPosition,
  cutAt,
  journalPage,
  kindBalances,
  statementPage,
  type AccountBalance,
  type BalanceFilter,
  type Cut,
  type CutTime,
  type JournalFilter,
  type JournalLine,
  type JournalPlace,
  type KindBalance,
  type StatementEntry,
  type StatementPage,
} from './books.js';
export { caseFile, casesOfOrder, findCase, type CaseFile, type StoredUnitVerdict } from './case-file.js';
export { deadlines, nextDeadline } from './deadlines.js';
export {
  depositStatement,
  findAccount,
  listAccounts,
  listMovements,
  type AccountRow,
  type MovementRow,
} from './deposit-statement.js';
export { findFund, fundBook, type FundRow } from './fund-book.js';
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
