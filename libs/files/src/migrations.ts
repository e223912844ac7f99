import type { MigrationSet } from '@recourse/postgres';
import { sql } from 'kysely';

/** Schema `files`: what was uploaded and where its key is. What is evidence stands in the log; what never became it is removed. */
export const migrations: MigrationSet = {
  schema: 'files',
  steps: [
    {
      name: '001-upload',
      up: async (trx) => {
        // a row that is not stored is the intent of an upload that is under way or was cut off
        await sql`
          CREATE TABLE files.upload (
            scope text NOT NULL,
            sha256 text NOT NULL,
            bytes integer NOT NULL,
            media_type text NOT NULL,
            reference text NOT NULL,
            stored boolean NOT NULL,
            attached boolean NOT NULL DEFAULT false,
            touched_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (scope, sha256)
          )`.execute(trx);
        await sql`CREATE INDEX ON files.upload (touched_at) WHERE NOT attached`.execute(trx);
      },
    },
  ],
};
