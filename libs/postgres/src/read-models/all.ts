import { sql } from 'kysely';
import { resetCheckpoint } from '../checkpoint.js';
import type { MigrationSet } from '../migration.js';
import { buyerDebtBook } from './buyer-debts.js';
import { caseFile } from './case-file.js';
import { complaints } from './complaints.js';
import { deadlines } from './deadlines.js';
import { depositStatement } from './deposit-statement.js';
import { differences } from './differences.js';
import { eligibility } from './eligibility.js';
import { fundBook } from './fund-book.js';
import { fundCoverage } from './fund-coverage.js';
import { fundStanding } from './fund-standing.js';
import { incidentBook } from './incidents.js';
import { journal } from './journal.js';
import { orderBook } from './order-book.js';
import { orderFreezes } from './order-freezes.js';
import { payoutQueue } from './payout-queue.js';
import { policyVersions } from './policy-versions.js';
import { inSchema, liveSchema, type AnyReadModel, type ReadModelTx } from './read-model.js';
import { refundAudit } from './refund-audit.js';
import { refundHistory } from './refund-history.js';
import { withdrawals } from './withdrawals.js';

/**
 * Every read model, in the order in which they came to be; a new one is appended. A new version of one is appended too, and
 * the name of the version it replaces stays in the old place, for the histories of databases that have had it.
 */
const history: readonly (AnyReadModel | string)[] = [
  orderBook,
  'case-file.v1',
  deadlines,
  'refund-history.v1',
  'payout-queue.v1',
  'fund-book.v1',
  'deposit-statement.v1',
  'journal.v1',
  'fund-standing.v1',
  'fund-coverage.v1',
  refundAudit,
  withdrawals,
  orderFreezes,
  'deposit-statement.v2',
  journal,
  payoutQueue,
  depositStatement,
  'case-file.v2',
  fundCoverage,
  buyerDebtBook,
  refundHistory,
  fundBook,
  fundStanding,
  differences,
  caseFile,
  complaints,
  incidentBook,
  policyVersions,
  eligibility,
];

export const readModels: readonly AnyReadModel[] = history.filter((model) => typeof model !== 'string');

/** Nothing may be missing from these: an event they cannot handle halts its stream and raises an alarm. */
export const neverSkipped: readonly string[] = [journal.name, payoutQueue.name, deadlines.name, differences.name];

export const readModelMigrations: MigrationSet = {
  schema: liveSchema,
  steps: history.map((model) =>
    typeof model === 'string'
      ? { name: model, up: () => Promise.resolve() }
      : {
          name: `${model.name}.v${model.version}`,
          up: async (trx) => {
            await inSchema(trx, liveSchema);
            await replaceOlder(trx, model);
            await model.create(trx);
          },
        },
  ),
};

/** A new version fills its tables from the beginning of the log; what the older ones left is of no use. */
async function replaceOlder(trx: ReadModelTx, { name, version, tables }: AnyReadModel): Promise<void> {
  if (version === 1) return;
  for (const table of tables) await sql`drop table if exists ${sql.id(liveSchema, table)}`.execute(trx);
  for (let older = 1; older < version; older += 1) await resetCheckpoint(trx, `projection:${name}.v${older}`);
}
