import type { MigrationSet } from '@recourse/postgres';
import { sql } from 'kysely';

/** Schema `identity`: API keys of shops, as hashes. People's tokens are verified, never stored. */
export const migrations: MigrationSet = {
  schema: 'identity',
  steps: [
    {
      name: '001-api-key',
      up: async (trx) => {
        await sql`
          CREATE TABLE identity.api_key (
            key_id text PRIMARY KEY,
            platform text NOT NULL,
            label text NOT NULL,
            secret_hash text NOT NULL,
            created_at timestamptz NOT NULL,
            revoked_at timestamptz
          )`.execute(trx);
        await sql`CREATE INDEX api_key_by_platform ON identity.api_key (platform, created_at DESC)`.execute(trx);
      },
    },
  ],
};
