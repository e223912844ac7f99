import { sql } from 'kysely';
import type { MigrationSet } from '../migration.js';
import { caseFile } from './case-file.js';
import { deadlines } from './deadlines.js';
import { depositStatement } from './deposit-statement.js';
import { fundBook } from './fund-book.js';
import { journal } from './journal.js';
import { orderBook } from './order-book.js';
import { payoutQueue } from './payout-queue.js';
import { inSchema, liveSchema, type AnyReadModel } from './read-model.js';
import { refundHistory } from './refund-history.js';

/**
 * Read models and their versions, in the order in which they came to be; only ever appended. One whose tables change is
 * appended again with its new version: the tables are made anew, and its new checkpoint lets the log fill them.
 */
const made: readonly (readonly [AnyReadModel, number])[] = [
  [orderBook, 1],
  [caseFile, 1],
  [deadlines, 1],
  [refundHistory, 1],
  [payoutQueue, 1],
  [fundBook, 1],
  [depositStatement, 1],
  [journal, 1],
  [depositStatement, 2],
];

/** Every read model. */
export const readModels: readonly AnyReadModel[] = [...new Set(made.map(([model]) => model))];

/** Nothing may be missing from these: an event they cannot handle halts its stream and raises an alarm. */
export const neverSkipped: readonly string[] = [journal.name, payoutQueue.name, deadlines.name];

export const readModelMigrations: MigrationSet = {
  schema: liveSchema,
  steps: made.map(([model, version]) => ({
    name: `${model.name}.v${version}`,
    up: async (trx) => {
      await inSchema(trx, liveSchema);
      for (const table of model.tables) await sql`drop table if exists ${sql.id(table)}`.execute(trx);
      await model.create(trx);
    },
  })),
};
