import type { MigrationSet } from '../migration.js';
import { caseFile } from './case-file.js';
import { deadlines } from './deadlines.js';
import { depositStatement } from './deposit-statement.js';
import { fundBook } from './fund-book.js';
import { fundCoverage } from './fund-coverage.js';
import { fundStanding } from './fund-standing.js';
import { journal } from './journal.js';
import { orderBook } from './order-book.js';
import { orderFreezes } from './order-freezes.js';
import { payoutQueue } from './payout-queue.js';
import { inSchema, liveSchema, type AnyReadModel } from './read-model.js';
import { refundAudit } from './refund-audit.js';
import { refundHistory } from './refund-history.js';
import { withdrawals } from './withdrawals.js';

/** Every read model, in the order in which they came to be; a new one is appended. */
export const readModels: readonly AnyReadModel[] = [
  orderBook,
  caseFile,
  deadlines,
  refundHistory,
  payoutQueue,
  fundBook,
  depositStatement,
  journal,
  fundStanding,
  fundCoverage,
  refundAudit,
  withdrawals,
  orderFreezes,
];

/** Nothing may be missing from these: an event they cannot handle halts its stream and raises an alarm. */
export const neverSkipped: readonly string[] = [journal.name, payoutQueue.name, deadlines.name];

export const readModelMigrations: MigrationSet = {
  schema: liveSchema,
  steps: readModels.map((model) => ({
    name: `${model.name}.v${model.version}`,
    up: async (trx) => {
      await inSchema(trx, liveSchema);
      await model.create(trx);
    },
  })),
};
