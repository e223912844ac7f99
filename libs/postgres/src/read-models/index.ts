export { neverSkipped, readModelMigrations, readModels } from './all.js';
export { caseFile, casesOfOrder, findCase, openVerifications, type CaseFile } from './case-file.js';
export { deadlines, dueStreams, nextDeadline } from './deadlines.js';
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
export { findPayout, listPayouts, openPayouts, payoutQueue, type PayoutRow } from './payout-queue.js';
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
