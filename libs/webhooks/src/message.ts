import type { Instant } from '@recourse/eventing';
import { projectionReader } from '@recourse/eventstore';
import { depositStatement, listMovements } from '@recourse/postgres';
import { sql, type Kysely } from 'kysely';
import { noticeTypeOf } from './notice.js';
import { webhookTables, type AttemptRow, type EndpointRow, type MessageRow } from './tables.js';

type Db = Kysely<Record<never, never>>;

/** Stable: made of the endpoint and the event's position, so that every attempt and replay of a message carries the same. */
export const messageId = (endpointId: string, position: bigint): string => `msg_${endpointId}_${position}`;

/** Movements that are queued at a time, and new messages that wait at once; what is beyond stays in the statement. */
const pageRows = 200;

/**
 * Queues the movements that an endpoint was not told of, in the order of the log.
 * @returns whether there may be more
 */
export async function queueMessages(
  db: Db,
  { endpoint_id, platform, merchant, told_up_to }: EndpointRow,
  now: Instant,
): Promise<boolean> {
  const tables = webhookTables(db);
  const waiting = await tables
    .selectFrom('message')
    .select((eb) => eb.fn.countAll<bigint>().as('count'))
    .where('endpoint_id', '=', endpoint_id)
    .where('status', '=', 'pending')
    .where('tries', '=', 0)
    .executeTakeFirstOrThrow();
  if (waiting.count >= BigInt(pageRows)) return false;
  const bound = await firstMissing(db, platform, merchant);
  const page = await listMovements(db, platform, merchant, told_up_to, pageRows);
  const movements = bound === null ? page : page.filter(({ position }) => position < bound);
  const last = movements.at(-1);
  if (last === undefined) return false;
  const messages = movements.flatMap(({ position, kind }) => {
    const type = noticeTypeOf(kind);
    return type === null ? [] : [{ position, type }];
  });
  await db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await webhookTables(trx)
      .updateTable('endpoint')
      .set({ told_up_to: last.position })
      .where('endpoint_id', '=', endpoint_id)
      .where('told_up_to', '=', told_up_to)
      .executeTakeFirstOrThrow();
    // Somebody else queued them meanwhile.
    if (numUpdatedRows === 0n || messages.length === 0) return;
    await webhookTables(trx)
      .insertInto('message')
      .values(
        messages.map(({ position, type }) => ({
          endpoint_id,
          position,
          type,
          status: 'pending' as const,
          tries: 0,
          due_at: now,
          queued_at: now,
          delivered_at: null,
        })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
  return page.length === pageRows;
}

/** Where the statement of a merchant has a gap: an event it could not show yet, which later periods of his account do not wait for. */
async function firstMissing(db: Db, platform: string, merchant: string): Promise<bigint | null> {
  const stream = `deposit-${platform}.${merchant}`;
  const { rows } = await sql<{ position: bigint | null }>`
    select min(position) as position from recourse.parked_event where reader = ${projectionReader(depositStatement)}
      and (stream = ${stream} or starts_with(stream, ${`${stream}.`}))`.execute(db);
  return rows[0]?.position ?? null;
}

/** The next message to be sent: what is due, in the order of the log. */
export const nextDue = (db: Db, endpointId: string, now: Instant): Promise<MessageRow | undefined> =>
  webhookTables(db)
    .selectFrom('message')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .where('status', '=', 'pending')
    .where('due_at', '<=', now)
    .orderBy('position')
    .limit(1)
    .executeTakeFirst();

export interface MessagePage {
  readonly endpointId: string;
  /** Position of the last message seen. */
  readonly after: bigint;
  readonly limit: number;
  readonly status?: MessageRow['status'];
}

/** Messages with their attempts, the oldest of each first. */
export async function listMessages(
  db: Db,
  { endpointId, after, limit, status }: MessagePage,
): Promise<(MessageRow & { attempts: AttemptRow[] })[]> {
  const tables = webhookTables(db);
  let query = tables.selectFrom('message').selectAll().where('endpoint_id', '=', endpointId).where('position', '>', after);
  if (status !== undefined) query = query.where('status', '=', status);
  const messages = await query.orderBy('position').limit(limit).execute();
  if (messages.length === 0) return [];
  const attempts = await tables
    .selectFrom('attempt')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .where(
      'position',
      'in',
      messages.map(({ position }) => position),
    )
    .orderBy('attempt_no')
    .execute();
  const byPosition = Map.groupBy(attempts, ({ position }) => position);
  return messages.map((message) => ({ ...message, attempts: byPosition.get(message.position) ?? [] }));
}

export interface Replay {
  readonly endpointId: string;
  /** The first position that is sent again. */
  readonly from: bigint;
  /** Movements looked at. */
  readonly limit: number;
}

/**
 * Sends again what the endpoint was told, or was not told because it was registered later, from a position on.
 * @returns how many messages, and from where to go on when there are more
 */
export async function replayMessages(
  db: Db,
  { endpoint_id, platform, merchant, told_up_to }: Pick<EndpointRow, 'endpoint_id' | 'platform' | 'merchant' | 'told_up_to'>,
  { from, limit }: Omit<Replay, 'endpointId'>,
  now: Instant,
): Promise<{ readonly queued: number; readonly next?: bigint }> {
  const page = await listMovements(db, platform, merchant, from - 1n, limit);
  // What lies behind is told anyway.
  const told = page.filter(({ position }) => position <= told_up_to);
  const messages = told.flatMap(({ position, kind }) => {
    const type = noticeTypeOf(kind);
    return type === null
      ? []
      : [{ endpoint_id, position, type, status: 'pending' as const, tries: 0, due_at: now, queued_at: now }];
  });
  if (messages.length > 0)
    await webhookTables(db)
      .insertInto('message')
      .values(messages.map((message) => ({ ...message, delivered_at: null })))
      .onConflict((conflict) =>
        conflict.columns(['endpoint_id', 'position']).doUpdateSet({ status: 'pending', tries: 0, due_at: now, queued_at: now }),
      )
      .execute();
  const last = told.at(-1);
  return {
    queued: messages.length,
    ...(last !== undefined && told.length === limit && last.position < told_up_to ? { next: last.position + 1n } : {}),
  };
}
