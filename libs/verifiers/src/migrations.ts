import type { MigrationSet } from '@recourse/postgres';
import { sql } from 'kysely';

/** Schema `sandbox_verifier`: what the sandbox says of keys and top-ups. */
export const migrations: MigrationSet = {
  schema: 'sandbox_verifier',
  steps: [
    {
      name: '001-answer',
      up: async (trx) => {
        await sql`CREATE TABLE sandbox_verifier.answer (reference text PRIMARY KEY, outcome text NOT NULL)`.execute(trx);
      },
    },
  ],
};
