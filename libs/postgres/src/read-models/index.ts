export { caseStatuses, caseTurns, listCases, type CaseTurn } from './case-list.js';
export { neverSkipped, readModelMigrations, readModels } from './all.js';
export type { AgeBucket } from './age.js';
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
export {
  buyerDebtAges,
  buyerDebtBook,
  findBuyerDebt,
  listBuyerDebts,
  type AgedDebtRow,
  type BuyerDebtAge,
  type BuyerDebtRow,
} from './buyer-debts.js';
export {
  caseFile,
  casesOfOrder,
  findCase,
  openReviews,
  type CaseFile,
  type OpenReview,
  type ReviewPlace,
  type StoredUnitVerdict,
} from './case-file.js';
export {
  channelsOfCase,
  type ComplaintFilter,
  complaints,
  type ComplaintStatus,
  complaintsOfCase,
  complaintStatuses,
  findComplaint,
  type FoundComplaint,
  listComplaints,
} from './complaints.js';
export { deadlines, nextDeadline } from './deadlines.js';
export {
  ageing,
  depositStatement,
  findAccount,
  findMovement,
  listAccounts,
  listMovements,
  readStatement,
  type AccountRow,
  type AgeingRow,
  type Bound,
  type MovementRow,
  type Standing,
  type StatedMovement,
  type Statement,
  type StatementLine,
} from './deposit-statement.js';
export {
  bookedReceipts,
  bookedTransfers,
  type DifferenceFilter,
  type DifferenceRow,
  differences,
  differenceStatuses,
  type DifferenceStatus,
  findDifference,
  listDifferences,
} from './differences.js';
export {
  clocksBetween,
  eligibility,
  knownUnits,
  policiesOf,
  type ClockPlace,
  type KnownUnit,
  type KnownUpTo,
  type RunningClock,
  type UnitOfOrder,
} from './eligibility.js';
export { findFund, fundBook, type FundRow } from './fund-book.js';
export { fundCoverage, listCoverage, type CoverageRow } from './fund-coverage.js';
export {
  countAside,
  findAside,
  findFundStanding,
  fundStanding,
  listAside,
  listHandedOver,
  type AsideRow,
  type HandedOverRow,
  type FundStandingRow,
} from './fund-standing.js';
export { incidentBook, listIncidents, type IncidentRow } from './incidents.js';
export { balances, journal, journalRows, postingTypes, type Balance } from './journal.js';
export { exposureOf, findOrder, openOrders, orderBook, shownOrders, type UnitRow } from './order-book.js';
export { freezesOf, orderFreezes, ordersFrozenWith } from './order-freezes.js';
export { openWork, type OpenWork } from './open-work.js';
export {
  findPayout,
  listPayouts,
  paidPayouts,
  type PaidPlace,
  type PaymentRow,
  paymentsOf,
  type PayoutFilter,
  payoutQueue,
  type PayoutRow,
  payoutStatuses,
  type PayoutStatus,
} from './payout-queue.js';
export { policyVersions, publishedPolicies } from './policy-versions.js';
export { inSchema, liveSchema, type AnyReadModel, type NoTables, type ReadModel, type ReadModelTx } from './read-model.js';
export { refundAudit, refundBearers, refundSources, type RefundBearer, type RefundSource } from './refund-audit.js';
export {
  findRefund,
  listRefunds,
  refundHistory,
  refundStatuses,
  refundsOfOrder,
  totalsOf,
  type RefundFilter,
  type Totals,
} from './refund-history.js';
export { listWithdrawals, standingOf, withdrawals, type StandingRow, type WithdrawalRow } from './withdrawals.js';
