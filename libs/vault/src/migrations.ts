import type { MigrationSet } from '@recourse/postgres';
import { sql } from 'kysely';

/** Schema `vault`. It is truth, with a backup of its own; no rebuild ever touches it. */
export const migrations: MigrationSet = {
  schema: 'vault',
  steps: [
    {
      name: '001-vault',
      up: async (trx) => {
        // a row without a wrapped key is the grave of an erased subject: it keeps erasure apart from loss
        await sql`
          CREATE TABLE vault.data_key (
            kind text NOT NULL,
            subject text NOT NULL,
            key_id text NOT NULL UNIQUE,
            wrapped text,
            PRIMARY KEY (kind, subject)
          )`.execute(trx);
        await sql`CREATE TABLE vault.person (reference text PRIMARY KEY, sealed text NOT NULL)`.execute(trx);
        await sql`CREATE TABLE vault.key_check (key_id text PRIMARY KEY, check_value text NOT NULL)`.execute(trx);
      },
    },
  ],
};
