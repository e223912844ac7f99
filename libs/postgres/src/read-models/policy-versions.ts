import type { PolicyEvent } from '@recourse/disputes/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, tablesOf } from './read-model.js';

interface VersionRow {
  policy_id: string;
  version: number;
  platform: string;
  /** Null for the platform's own. */
  merchant: string | null;
  hash: string;
  published_at: string;
  effective_from: string;
  withdrawn_at: string | null;
}
interface Tables {
  policy_version: VersionRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

/** Which versions of which policies has a platform published, its own and those of its merchants? None is ever removed. */
export const policyVersions = readModel<PolicyEvent>({
  name: 'policy-versions',
  version: 1,
  tables: ['policy_version'],
  create: async (tx) => {
    await sql`create table policy_version (
      policy_id text not null, version integer not null, platform text not null, merchant text, hash text not null,
      published_at timestamptz not null, effective_from timestamptz not null, withdrawn_at timestamptz,
      primary key (policy_id, version))`.execute(tx);
    await sql`create index on policy_version (platform, effective_from)`.execute(tx);
  },
  on: {
    PolicyPublished: async ({ data }, tx) => {
      await of(tx)
        .insertInto('policy_version')
        .values({
          policy_id: data.id,
          version: data.version,
          platform: data.platform,
          merchant: data.merchant ?? null,
          hash: data.hash,
          published_at: data.publishedAt,
          effective_from: data.effectiveFrom,
          withdrawn_at: null,
        })
        .execute();
    },
    PolicyWithdrawn: async ({ data }, tx) => {
      await of(tx)
        .updateTable('policy_version')
        .set({ withdrawn_at: data.withdrawnAt })
        .where('policy_id', '=', data.id)
        .where('version', '=', data.version)
        .execute();
    },
  },
});

/** Versions an order may have been placed under, of the platform and of all its merchants. */
export async function publishedPolicies(db: Kysely<NoTables>, platform: string) {
  const rows = await of(db)
    .withSchema(liveSchema)
    .selectFrom('policy_version')
    .select(['version', 'hash', 'effective_from'])
    .where('platform', '=', platform)
    .where('withdrawn_at', 'is', null)
    .orderBy('policy_id')
    .orderBy('version')
    .execute();
  return rows.map(({ version, hash, effective_from: effectiveFrom }) => ({ version, hash, effectiveFrom }));
}
