import type { IncidentEvent, IncidentOrder } from '@recourse/disputes/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

interface IncidentTable {
  incident_id: string;
  platform: string;
  title_zh: string;
  title_en: string;
  system: string;
  from_at: string;
  until_at: string | null;
  recorded_by: string;
  recorded_at: string;
  retracted_by: string | null;
  retracted_at: string | null;
  retraction: string | null;
}
interface IncidentUnitTable {
  incident_id: string;
  order_id: string;
  unit_no: number;
  /** When somebody said that the incident concerns it. */
  named_at: string;
}
interface Tables {
  incident: IncidentTable;
  incident_unit: IncidentUnitTable;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

async function addUnits(tx: ReadModelTx, incidentId: string, orders: readonly IncidentOrder[], namedAt: string): Promise<void> {
  const rows = orders.flatMap(({ orderId, units }) =>
    units.map((unitNo) => ({ incident_id: incidentId, order_id: orderId, unit_no: unitNo, named_at: namedAt })),
  );
  await of(tx).insertInto('incident_unit').values(rows).execute();
}

/** What failed at the platform, when, by whose word, and whom does it concern? */
export const incidentBook = readModel<IncidentEvent>({
  name: 'incident-book',
  version: 1,
  tables: ['incident', 'incident_unit'],
  create: async (tx) => {
    await sql`create table incident (
      incident_id text primary key, platform text not null, title_zh text not null, title_en text not null, system text not null,
      from_at timestamptz not null, until_at timestamptz, recorded_by text not null, recorded_at timestamptz not null,
      retracted_by text, retracted_at timestamptz, retraction text)`.execute(tx);
    await sql`create index on incident (platform, from_at)`.execute(tx);
    await sql`create table incident_unit (
      incident_id text not null, order_id text not null, unit_no integer not null, named_at timestamptz not null,
      primary key (incident_id, order_id, unit_no))`.execute(tx);
  },
  on: {
    IncidentRecorded: async ({ data }, tx) => {
      await of(tx)
        .insertInto('incident')
        .values({
          incident_id: data.incidentId,
          platform: data.platform,
          title_zh: data.title.zh,
          title_en: data.title.en,
          system: data.system,
          from_at: data.from,
          until_at: data.until ?? null,
          recorded_by: data.recordedBy,
          recorded_at: data.recordedAt,
          retracted_by: null,
          retracted_at: null,
          retraction: null,
        })
        .execute();
      await addUnits(tx, data.incidentId, data.orders, data.recordedAt);
    },
    IncidentWidened: ({ data }, tx) => addUnits(tx, data.incidentId, data.orders, data.widenedAt),
    IncidentEnded: async ({ data }, tx) => {
      await of(tx).updateTable('incident').set({ until_at: data.until }).where('incident_id', '=', data.incidentId).execute();
    },
    IncidentRetracted: async ({ data }, tx) => {
      await of(tx)
        .updateTable('incident')
        .set({ retracted_by: data.retractedBy, retracted_at: data.retractedAt, retraction: data.reason })
        .where('incident_id', '=', data.incidentId)
        .execute();
    },
  },
});

export interface IncidentRow extends IncidentTable {
  readonly orders: bigint;
  readonly units: bigint;
}

/** Of a platform, the latest first, with how many orders and units each concerns. */
export async function listIncidents(db: Kysely<NoTables>, platform: string, limit: number): Promise<IncidentRow[]> {
  const { rows } = await sql<IncidentRow>`
    select i.*, count(distinct u.order_id) as orders, count(u.unit_no) as units
    from ${sql.id(liveSchema, 'incident')} i left join ${sql.id(liveSchema, 'incident_unit')} u on u.incident_id = i.incident_id
    where i.platform = ${platform} group by i.incident_id order by i.from_at desc, i.incident_id limit ${limit}`.execute(db);
  return rows;
}
