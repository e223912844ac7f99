import { instantOf, isInstant, type Clock, type Instant } from '@recourse/eventing';
import { sql, type Kysely } from 'kysely';
import type { MigrationSet } from './migration.js';

interface ClockTables {
  virtual: { is_only: boolean; now: string };
}
const of = <Tables>(db: Kysely<Tables>) => (db as unknown as Kysely<ClockTables>).withSchema('clock');

/** The virtual clock of demo and tests: one row, so that all processes share it and it survives a restart. */
export const clockMigrations: MigrationSet = {
  schema: 'clock',
  steps: [
    {
      name: 'virtual',
      up: async (trx) => {
        await sql`create table clock.virtual (is_only boolean primary key default true check (is_only), now timestamptz not null)`.execute(
          trx,
        );
      },
    },
  ],
};

export const machineClock: Clock = { now: () => Promise.resolve(instantOf(Date.now())) };

/** Time that only `setVirtualClock` moves. The first to open it sets where it starts. */
export async function virtualClock<Tables>(db: Kysely<Tables>, start: Instant): Promise<Clock> {
  await of(db)
    .insertInto('virtual')
    .values({ is_only: true, now: start })
    .onConflict((conflict) => conflict.column('is_only').doNothing())
    .execute();
  return {
    now: async () => (await of(db).selectFrom('virtual').select('now').executeTakeFirstOrThrow()).now,
  };
}

/** Time never goes back: an earlier moment changes nothing. @throws RangeError for what is no instant */
export async function setVirtualClock<Tables>(db: Kysely<Tables>, now: Instant): Promise<void> {
  if (!isInstant(now)) throw new RangeError(`${now} is not an instant like 2026-03-01T08:00:00.000Z`);
  await of(db).updateTable('virtual').set({ now }).where('now', '<', now).execute();
}

/** The virtual clock of an installation that has one; undefined where the machine's clock counts. */
export async function existingVirtualClock<Tables>(db: Kysely<Tables>): Promise<Clock | undefined> {
  const known = async () => (await of(db).selectFrom('virtual').select('now').executeTakeFirst())?.now;
  const now = await known();
  return now === undefined ? undefined : { now: async () => (await known()) ?? now };
}
