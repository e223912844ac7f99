import type { MigrationSet } from '@recourse/postgres';
import { sql } from 'kysely';

/**
 * Schema `webhooks`: who is told, and what became of each message. It is no read model: a rebuild of those leaves it alone,
 * and since it says how far each endpoint was told, a rebuild sends nothing again.
 */
export const migrations: MigrationSet = {
  schema: 'webhooks',
  steps: [
    {
      name: '001-endpoint-and-message',
      up: async (trx) => {
        await sql`create table webhooks.endpoint (
          endpoint_id text primary key, platform text not null, merchant text not null, url text not null,
          enabled boolean not null, disabled_because text, secret text not null, secret_of text not null, previous_secret text,
          previous_valid_until timestamptz, told_up_to bigint not null, failures integer not null, failing_since timestamptz,
          rests_until timestamptz, served_at timestamptz, registered_at timestamptz not null, changed_at timestamptz not null,
          changed_by text not null)`.execute(trx);
        await sql`create index on webhooks.endpoint (platform, merchant)`.execute(trx);
        await sql`create table webhooks.message (
          endpoint_id text not null references webhooks.endpoint, position bigint not null, type text not null, status text not null,
          tries integer not null, due_at timestamptz not null, queued_at timestamptz not null, delivered_at timestamptz,
          primary key (endpoint_id, position))`.execute(trx);
        await sql`create index on webhooks.message (endpoint_id, position) where status = 'pending'`.execute(trx);
        await sql`create table webhooks.attempt (
          endpoint_id text not null, position bigint not null, attempt_no integer not null, at timestamptz not null,
          duration_ms integer not null, status integer, error text, primary key (endpoint_id, position, attempt_no),
          foreign key (endpoint_id, position) references webhooks.message)`.execute(trx);
      },
    },
  ],
};
