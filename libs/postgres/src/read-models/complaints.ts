import type { ComplaintChannel, ComplaintEvent, ComplaintOutcome } from '@recourse/disputes/events';
import type { OrderEvent } from '@recourse/orders/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, tablesOf } from './read-model.js';

/** Overdue: the authority's deadline passed without an answer. */
export const complaintStatuses = ['overdue', 'received', 'answered', 'closed'] as const;
export type ComplaintStatus = (typeof complaintStatuses)[number];

export interface ComplaintRow {
  complaint_id: string;
  platform: string;
  order_id: string;
  merchant: string;
  buyer: string;
  channel: ComplaintChannel;
  masked_number: string;
  /** Vault references: the number and the summary, and our answer. */
  content: string;
  answer: string | null;
  status: ComplaintStatus;
  /** In the list: what is overdue comes first, what is closed last. */
  rank: number;
  received_at: string;
  answer_by: string;
  recorded_by: string;
  recorded_at: string;
  /** Of the record in the log: complaints and channels are told in the order in which they came. */
  position: bigint;
  overdue_at: string | null;
  answered_by: string | null;
  answered_at: string | null;
  outcome: ComplaintOutcome | null;
  closed_by: string | null;
  closed_at: string | null;
}
interface ComplaintUnitRow {
  complaint_id: string;
  unit_no: number;
  dispute_id: string | null;
}
interface ClaimChannelRow {
  dispute_id: string;
  channel: string;
  since: string;
  position: bigint;
}
interface Tables {
  complaint: ComplaintRow;
  complaint_unit: ComplaintUnitRow;
  claim_channel: ClaimChannelRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);
const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

const statusAt = (status: ComplaintStatus) => ({ status, rank: complaintStatuses.indexOf(status) });
const set = async (tx: Kysely<NoTables>, complaintId: string, values: Partial<ComplaintRow>): Promise<void> => {
  await of(tx).updateTable('complaint').set(values).where('complaint_id', '=', complaintId).execute();
};
const addChannel = async (tx: Kysely<NoTables>, row: ClaimChannelRow): Promise<void> => {
  await of(tx)
    .insertInto('claim_channel')
    .values(row)
    .onConflict((conflict) => conflict.columns(['dispute_id', 'channel']).doNothing())
    .execute();
};

/** Who complains outside about which case, and what do we still owe the authority? By which channels did a claim come? */
export const complaints = readModel<ComplaintEvent | OrderEvent>({
  name: 'complaints',
  version: 1,
  tables: ['complaint', 'complaint_unit', 'claim_channel'],
  create: async (tx) => {
    await sql`create table complaint (
      complaint_id text primary key, platform text not null, order_id text not null, merchant text not null, buyer text not null,
      channel text not null, masked_number text not null, content text not null, answer text, status text not null,
      rank smallint not null, received_at timestamptz not null, answer_by timestamptz not null, recorded_by text not null,
      recorded_at timestamptz not null, position bigint not null, overdue_at timestamptz, answered_by text, answered_at timestamptz, outcome text,
      closed_by text, closed_at timestamptz)`.execute(tx);
    await sql`create index on complaint (platform, rank, answer_by, complaint_id)`.execute(tx);
    await sql`create table complaint_unit (
      complaint_id text not null, unit_no integer not null, dispute_id text, primary key (complaint_id, unit_no))`.execute(tx);
    await sql`create index on complaint_unit (dispute_id)`.execute(tx);
    await sql`create table claim_channel (
      dispute_id text not null, channel text not null, since timestamptz not null, position bigint not null,
      primary key (dispute_id, channel))`.execute(tx);
  },
  on: {
    ComplaintReceived: async ({ data, position }, tx) => {
      await of(tx)
        .insertInto('complaint')
        .values({
          complaint_id: data.complaintId,
          platform: data.platform,
          order_id: data.orderId,
          merchant: data.merchant,
          buyer: data.buyer,
          channel: data.channel,
          masked_number: data.externalNumber.masked,
          content: data.content,
          answer: null,
          ...statusAt('received'),
          received_at: data.receivedAt,
          answer_by: data.answerBy,
          recorded_by: data.recordedBy,
          recorded_at: data.recordedAt,
          position,
          overdue_at: null,
          answered_by: null,
          answered_at: null,
          outcome: null,
          closed_by: null,
          closed_at: null,
        })
        .execute();
      await of(tx)
        .insertInto('complaint_unit')
        .values(
          data.units.map(({ unitNo, disputeId }) => ({
            complaint_id: data.complaintId,
            unit_no: unitNo,
            dispute_id: disputeId ?? null,
          })),
        )
        .execute();
    },
    ComplaintAnswered: ({ data }, tx) =>
      set(tx, data.complaintId, {
        ...statusAt('answered'),
        answer: data.answer,
        answered_by: data.answeredBy,
        answered_at: data.answeredAt,
      }),
    ComplaintBecameOverdue: ({ data }, tx) => set(tx, data.complaintId, { ...statusAt('overdue'), overdue_at: data.overdueAt }),
    ComplaintClosed: ({ data }, tx) =>
      set(tx, data.complaintId, {
        ...statusAt('closed'),
        outcome: data.outcome,
        closed_by: data.closedBy,
        closed_at: data.closedAt,
      }),
    ClaimOpened: ({ data, position }, tx) =>
      addChannel(tx, { dispute_id: data.claimId, channel: data.channel, since: data.openedAt, position }),
    ClaimAttached: ({ data, position }, tx) =>
      addChannel(tx, { dispute_id: data.claimId, channel: data.channel, since: data.attachedAt, position }),
  },
});

export interface ComplaintFilter {
  readonly platform: string;
  readonly channel?: ComplaintChannel;
  readonly status?: ComplaintStatus;
  /** The last complaint already seen. */
  readonly after?: string;
  readonly limit: number;
}
export type FoundComplaint = ComplaintRow & { readonly units: readonly ComplaintUnitRow[] };

async function withUnits(db: Kysely<NoTables>, rows: readonly ComplaintRow[]): Promise<FoundComplaint[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.complaint_id);
  const units = await live(db)
    .selectFrom('complaint_unit')
    .selectAll()
    .where('complaint_id', 'in', ids)
    .orderBy('unit_no')
    .execute();
  return rows.map((row) => ({ ...row, units: units.filter((unit) => unit.complaint_id === row.complaint_id) }));
}

/** What is overdue first, then what waits for our answer, the nearest deadline first; what is closed last. */
export async function listComplaints(db: Kysely<NoTables>, filter: ComplaintFilter): Promise<FoundComplaint[]> {
  const { platform, channel, status, after, limit } = filter;
  let query = live(db).selectFrom('complaint').selectAll().where('platform', '=', platform);
  if (channel !== undefined) query = query.where('channel', '=', channel);
  if (status !== undefined) query = query.where('status', '=', status);
  if (after !== undefined)
    query = query.where(
      sql<boolean>`(rank, answer_by, complaint_id) >
        (select rank, answer_by, complaint_id from read.complaint where complaint_id = ${after})`,
    );
  return withUnits(db, await query.orderBy('rank').orderBy('answer_by').orderBy('complaint_id').limit(limit).execute());
}

export async function findComplaint(db: Kysely<NoTables>, complaintId: string): Promise<FoundComplaint | undefined> {
  const rows = await live(db).selectFrom('complaint').selectAll().where('complaint_id', '=', complaintId).execute();
  return (await withUnits(db, rows))[0];
}

/** Of one case, in the order in which they came. */
export async function complaintsOfCase(db: Kysely<NoTables>, disputeId: string): Promise<FoundComplaint[]> {
  const rows = await live(db)
    .selectFrom('complaint')
    .selectAll()
    .where('complaint_id', 'in', (query) =>
      query.selectFrom('complaint_unit').select('complaint_id').where('dispute_id', '=', disputeId),
    )
    .orderBy('position')
    .execute();
  return withUnits(db, rows);
}

/** Every channel by which the claim of a case was made, the first one first. K11 */
export const channelsOfCase = (db: Kysely<NoTables>, disputeId: string): Promise<ClaimChannelRow[]> =>
  live(db).selectFrom('claim_channel').selectAll().where('dispute_id', '=', disputeId).orderBy('position').execute();
