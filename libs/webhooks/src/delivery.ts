import { epochMsOf, plusMs, type Instant } from '@recourse/eventing';
import { findAccount, findMovement, liveSchema } from '@recourse/postgres';
import { sql } from 'kysely';
import { endpointUrl, EndpointUrlError } from './address.js';
import { validSecrets, type EndpointTools } from './endpoint.js';
import { messageId, nextDue, queueMessages } from './message.js';
import { noticeBody } from './notice.js';
import { post, type Answered } from './post.js';
import { pauseMs, restMs } from './schedule.js';
import { signed } from './signature.js';
import { webhookTables, type EndpointRow, type MessageRow } from './tables.js';

export interface DeliveryTools extends EndpointTools {
  /** Default 10,000; for one attempt. */
  readonly timeoutMs?: number;
}

const usualTimeoutMs = 10_000;
/** Messages of one endpoint in one go; then others have their turn. */
const maxInOneGo = 50;
/** Attempts that are remembered of one message. */
const maxAttemptsKept = 50;
const statementWaitMs = 60_000;
/** The receiver's own word that it is gone for good. */
const gone = 410;

/** Endpoints with something to tell, those first that waited longest. */
export async function endpointsToServe({ db, now }: EndpointTools, limit: number): Promise<string[]> {
  const at = await now();
  const { rows } = await sql<{ endpoint_id: string }>`
    select endpoint_id from webhooks.endpoint e
    where enabled and (rests_until is null or rests_until <= ${at}) and (
      exists (select from webhooks.message m where m.endpoint_id = e.endpoint_id and status = 'pending' and due_at <= ${at})
      or exists (select from ${sql.table(`${liveSchema}.merchant_movement`)} s
        where s.platform = e.platform and s.merchant = e.merchant and s.position > e.told_up_to))
    order by served_at nulls first limit ${limit}`.execute(db);
  return rows.map((row) => row.endpoint_id);
}

/**
 * Sends an endpoint what is due, one message after the other in the order of the log, and stores what became of each.
 * Stopping it at any moment loses nothing; a message whose answer was not stored is sent again under the same id.
 */
export async function serveEndpoint(tools: DeliveryTools, endpointId: string, signal: AbortSignal): Promise<void> {
  const { db, now } = tools;
  await webhookTables(db)
    .updateTable('endpoint')
    .set({ served_at: await now() })
    .where('endpoint_id', '=', endpointId)
    .execute();
  for (let sent = 0; sent < maxInOneGo && !signal.aborted; sent += 1) {
    const at = await now();
    const endpoint = await readyEndpoint(tools, endpointId, at);
    if (endpoint === undefined) return;
    await queueMessages(db, endpoint, at);
    const message = await nextDue(db, endpointId, at);
    if (message === undefined) return;
    await attempt(tools, endpoint, message, signal);
  }
}

const readyEndpoint = ({ db }: DeliveryTools, endpointId: string, at: Instant): Promise<EndpointRow | undefined> =>
  webhookTables(db)
    .selectFrom('endpoint')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .where('enabled', '=', true)
    .where((eb) => eb.or([eb('rests_until', 'is', null), eb('rests_until', '<=', at)]))
    .executeTakeFirst();

async function attempt(tools: DeliveryTools, endpoint: EndpointRow, message: MessageRow, signal: AbortSignal): Promise<void> {
  const { db, now, vault } = tools;
  const at = await now();
  const movement = await findMovement(db, message.position);
  const account = await findAccount(db, endpoint.platform, endpoint.merchant);
  if (movement === undefined || account === undefined) {
    // The statement is being built anew; the message waits for it.
    await webhookTables(db)
      .updateTable('message')
      .set({ due_at: plusMs(at, statementWaitMs) })
      .where('endpoint_id', '=', message.endpoint_id)
      .where('position', '=', message.position)
      .execute();
    return;
  }
  const body = noticeBody(account.asset, movement);
  const headers = signed(
    messageId(endpoint.endpoint_id, message.position),
    epochMsOf(at),
    body,
    await validSecrets(vault, endpoint, at),
  );
  const startedAt = performance.now();
  const answered = await send(tools, endpoint.url, { headers, body, signal });
  await record(tools, endpoint, message, { answered, at, durationMs: Math.round(performance.now() - startedAt) });
}

async function send(
  { allowLoopback, timeoutMs = usualTimeoutMs }: DeliveryTools,
  url: string,
  { headers, body, signal }: { headers: object; body: string; signal: AbortSignal },
): Promise<Answered> {
  try {
    // The rules may be stricter than they were when the endpoint was registered.
    return await post(endpointUrl(url, { allowLoopback }), {
      headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'Recourse-Webhooks/1' },
      body,
      timeoutMs,
      signal,
      allowLoopback,
    });
  } catch (error) {
    if (error instanceof EndpointUrlError) return { error: error.message };
    throw error;
  }
}

interface Attempted {
  readonly answered: Answered;
  readonly at: Instant;
  readonly durationMs: number;
}

const isAccepted = (answered: Answered): boolean => 'status' in answered && answered.status >= 200 && answered.status < 300;
const wordsOf = (answered: Answered): string =>
  'status' in answered ? `the receiver answered ${answered.status}` : answered.error;

async function record({ db }: DeliveryTools, endpoint: EndpointRow, message: MessageRow, attempted: Attempted): Promise<void> {
  const { answered, at, durationMs } = attempted;
  const { endpoint_id, position } = message;
  await db.transaction().execute(async (trx) => {
    const tables = webhookTables(trx);
    const place = await tables
      .selectFrom('attempt')
      .select((eb) => eb.fn.max('attempt_no').as('last'))
      .where('endpoint_id', '=', endpoint_id)
      .where('position', '=', position)
      .executeTakeFirst();
    const attemptNo = (place?.last ?? 0) + 1;
    await tables
      .insertInto('attempt')
      .values({
        endpoint_id,
        position,
        attempt_no: attemptNo,
        at,
        duration_ms: durationMs,
        status: 'status' in answered ? answered.status : null,
        error: 'error' in answered ? answered.error : null,
      })
      .execute();
    await tables
      .deleteFrom('attempt')
      .where('endpoint_id', '=', endpoint_id)
      .where('position', '=', position)
      .where('attempt_no', '<=', attemptNo - maxAttemptsKept)
      .execute();
    await (isAccepted(answered) ? succeed(tables, endpoint, message, at) : fail(tables, endpoint, message, attempted));
  });
}

type Tables = ReturnType<typeof webhookTables>;

/** The message as it was when it was sent: one that was queued again meanwhile is left to its new round. */
const sameRound = (tables: Tables, { endpoint_id, position, tries, queued_at }: MessageRow) =>
  tables
    .updateTable('message')
    .where('endpoint_id', '=', endpoint_id)
    .where('position', '=', position)
    .where('tries', '=', tries)
    .where('queued_at', '=', queued_at)
    .where('status', '=', 'pending');

async function succeed(tables: Tables, endpoint: EndpointRow, message: MessageRow, at: Instant): Promise<void> {
  await sameRound(tables, message).set({ status: 'delivered', delivered_at: at }).execute();
  if (endpoint.failures === 0) return;
  await tables
    .updateTable('endpoint')
    .set({ failures: 0, failing_since: null, rests_until: null })
    .where('endpoint_id', '=', endpoint.endpoint_id)
    .execute();
  // It rested because it was away, not because of what it was told: now it is told all of it.
  if (restMs(endpoint.failures) > 0)
    await tables
      .updateTable('message')
      .set({ due_at: at })
      .where('endpoint_id', '=', endpoint.endpoint_id)
      .where('status', '=', 'pending')
      .where('due_at', '>', at)
      .execute();
}

/** Of this round; the attempt at hand is stored already. */
async function firstTriedAt(tables: Tables, { endpoint_id, position, queued_at }: MessageRow): Promise<Instant> {
  const { at } = await tables
    .selectFrom('attempt')
    .select((eb) => eb.fn.min<Instant>('at').as('at'))
    .where('endpoint_id', '=', endpoint_id)
    .where('position', '=', position)
    .where('at', '>=', queued_at)
    .executeTakeFirstOrThrow();
  return at;
}

async function fail(tables: Tables, endpoint: EndpointRow, message: MessageRow, { answered, at }: Attempted): Promise<void> {
  const tries = message.tries + 1;
  const pause = pauseMs(tries);
  const failures = endpoint.failures + 1;
  const rest = restMs(failures);
  const failingSince = endpoint.failing_since ?? at;
  const isGone = 'status' in answered && answered.status === gone;
  // A single message that is given up may be the message's own fault; nothing accepted as long as it was tried is the endpoint's.
  const isLost = pause === undefined && failingSince <= (await firstTriedAt(tables, message));
  await sameRound(tables, message)
    .set({ tries, ...(pause === undefined ? { status: 'failed' as const } : { due_at: plusMs(at, pause) }) })
    .execute();
  await tables
    .updateTable('endpoint')
    .set({
      failures,
      failing_since: failingSince,
      rests_until: rest === 0 ? null : plusMs(at, rest),
      ...(isGone || isLost
        ? {
            enabled: false,
            disabled_because: isGone
              ? 'the receiver answered 410: it is gone'
              : `nothing was accepted since ${failingSince}; at last: ${wordsOf(answered)}`,
            changed_at: at,
            changed_by: 'system:webhooks',
          }
        : {}),
    })
    .where('endpoint_id', '=', endpoint.endpoint_id)
    .where('enabled', '=', true)
    .execute();
}
