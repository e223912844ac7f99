import type { MigrationSet } from '@recourse/postgres';
import { sql } from 'kysely';

/** Schema `sandbox_rail`: the book of the sandbox, which stands for the world outside. Nothing else may write it. */
export const migrations: MigrationSet = {
  schema: 'sandbox_rail',
  steps: [
    {
      name: '001-book',
      up: async (trx) => {
        await sql`
          CREATE TABLE sandbox_rail.capture (
            sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            transaction text PRIMARY KEY,
            asset text NOT NULL,
            minor bigint NOT NULL CHECK (minor > 0),
            receiver text NOT NULL,
            captured_at timestamptz NOT NULL
          )`.execute(trx);
        await sql`
          CREATE TABLE sandbox_rail.transfer (
            sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            key text PRIMARY KEY,
            asset text NOT NULL,
            minor bigint NOT NULL,
            payee text NOT NULL,
            reference text NOT NULL,
            state text NOT NULL CHECK (state IN ('NotExecuted', 'Processing', 'Succeeded', 'Failed')),
            failure_class text,
            failure_code text,
            at timestamptz NOT NULL,
            CHECK ((state = 'Failed') = (failure_class IS NOT NULL AND failure_code IS NOT NULL))
          )`.execute(trx);
      },
    },
    {
      name: '002-reversals-and-fees',
      up: async (trx) => {
        await sql`
          ALTER TABLE sandbox_rail.transfer
            ADD COLUMN fee_minor bigint CHECK (fee_minor > 0),
            DROP CONSTRAINT transfer_state_check,
            ADD CONSTRAINT transfer_state_check
              CHECK (state IN ('NotExecuted', 'Processing', 'Succeeded', 'Failed', 'Reversed'))`.execute(trx);
      },
    },
    {
      name: '003-bills',
      up: async (trx) => {
        // A transfer that came back keeps the moment it was paid, which is on the bill of that day; of older ones it is not known.
        await sql`ALTER TABLE sandbox_rail.transfer ADD COLUMN paid_at timestamptz`.execute(trx);
        await sql`UPDATE sandbox_rail.transfer SET paid_at = at WHERE state IN ('Succeeded', 'Reversed')`.execute(trx);
        await sql`
          CREATE TABLE sandbox_rail.movement (
            sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            movement_id text PRIMARY KEY,
            what text NOT NULL CHECK (what IN ('refund', 'fee', 'other')),
            asset text NOT NULL,
            minor bigint NOT NULL CHECK (minor <> 0),
            reference text,
            at timestamptz NOT NULL
          )`.execute(trx);
        await sql`CREATE INDEX ON sandbox_rail.capture (captured_at)`.execute(trx);
        await sql`CREATE INDEX ON sandbox_rail.transfer (paid_at)`.execute(trx);
        await sql`CREATE INDEX ON sandbox_rail.transfer (at) WHERE state = 'Reversed'`.execute(trx);
        await sql`CREATE INDEX ON sandbox_rail.movement (at)`.execute(trx);
      },
    },
  ],
};
