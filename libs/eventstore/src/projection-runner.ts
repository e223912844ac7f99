import type { Recorded } from '@recourse/eventing';
import { park, unpark, type Database } from '@recourse/postgres';
import { sql, type Transaction } from 'kysely';
import type { Alarm } from './alarm.js';
import { backoffMs, pause } from './backoff.js';
import type { EventStore } from './event-store.js';
import { messageOf, type Log } from './log.js';
import { readParked, type Replayed, type ReplayRequest } from './parked.js';
import {
  blockedLanes,
  blockOf,
  checkpointsOf,
  enlist,
  lockCheckpoints,
  lowest,
  moveCheckpoints,
  projectionReader,
  type Reader,
} from './reader.js';
import type { Batch, Subscription } from './subscription.js';

type Handler<Tx> = (event: Recorded, tx: Tx) => Promise<void>;

/** A projection of any events, as far as a runner is concerned. */
export interface RunnableProjection<Tx> extends Reader {
  readonly on: Readonly<Record<string, ((event: never, tx: Tx) => Promise<void>) | undefined>>;
}

export interface ProjectionRunnerOptions<Tables> {
  readonly eventStore: EventStore;
  readonly database: Database<Tables>;
  readonly projections: readonly RunnableProjection<Transaction<Tables>>[];
  readonly log: Log;
  /** Names of projections whose parked events are an alarm, since nothing may be missing from them. */
  readonly neverSkip?: readonly string[];
  readonly onAlarm?: (alarm: Alarm) => void;
  /** Default 5: how often an event is tried before it is parked. */
  readonly attempts?: number;
  /** Default 100 ms, doubled up to 2 s, between these. */
  readonly retryMs?: number;
}

const idleCheckpointMs = 10_000;
const longestRetryMs = 2_000;

/** One subscription and one transaction per batch for all projections. Reading ends only by `stop` or at an event this program does not know. */
export async function runProjections<Tables>(options: ProjectionRunnerOptions<Tables>): Promise<Subscription> {
  const { eventStore, database, projections, log, attempts = 5, retryMs = 100 } = options;
  const { db } = database;
  const neverSkip = new Set(options.neverSkip);
  const entries = projections.map((projection) => ({
    reader: projectionReader(projection),
    important: neverSkip.has(projection.name),
    handlers: new Map(Object.entries(projection.on)) as ReadonlyMap<string, Handler<Transaction<Tables>> | undefined>,
  }));
  const readers = entries.map((entry) => entry.reader);
  await enlist(db, readers);

  /** One transaction. @param failed what to do with an event that a projection cannot handle; absent: let it fail the batch */
  const apply = async ({ events, upTo }: Batch, failed?: Attempt): Promise<void> => {
    const alarms: Alarm[] = [];
    await db.transaction().execute(async (trx) => {
      const checkpoints = await lockCheckpoints(trx, readers);
      const blocked = await blockedLanes(trx, readers);
      for (const event of events) {
        for (const { reader, important, handlers } of entries) {
          const handler = handlers.get(event.type);
          if (!handler || event.position <= (checkpoints.get(reader) ?? 0n)) continue;
          let error: string | undefined;
          if (blocked.has(blockOf(reader, event.stream))) error = 'an earlier event of this stream is parked';
          else if (failed) error = await attempt(trx, event, handler, failed);
          else await handler(event, trx);
          if (error === undefined) continue;
          const parked = { reader, stream: event.stream, eventId: event.id, position: event.position, error };
          await park(trx, parked);
          if (!blocked.has(blockOf(reader, event.stream))) {
            log('error', 'a stream stands still for a projection', parked);
            if (important) alarms.push(parked);
          }
          blocked.add(blockOf(reader, event.stream));
        }
      }
      await moveCheckpoints(trx, readers, upTo);
    });
    for (const alarm of alarms) options.onAlarm?.(alarm);
  };

  /** Only an error that leaves the transaction usable speaks against the event: a broken connection fails the savepoint too. */
  const attempt = async (trx: Transaction<Tables>, event: Recorded, handler: Handler<Transaction<Tables>>, { last }: Attempt) => {
    await sql`savepoint handler`.execute(trx);
    try {
      await handler(event, trx);
      await sql`release savepoint handler`.execute(trx);
      return undefined;
    } catch (error) {
      await sql`rollback to savepoint handler`.execute(trx);
      if (!last) throw new AttemptFailed(messageOf(error));
      return messageOf(error);
    }
  };

  const oneByOne = async (events: readonly Recorded[]): Promise<void> => {
    for (const event of events) {
      for (let tried = 1; ; tried += 1) {
        try {
          await apply({ events: [event], upTo: event.position }, { last: tried >= attempts });
          break;
        } catch (error) {
          if (!(error instanceof AttemptFailed)) throw error;
          log('warn', 'a projection failed at an event', { event: event.id, type: event.type, tried, error: error.message });
        }
        await pause(backoffMs({ firstMs: retryMs, maxMs: longestRetryMs }, tried));
      }
    }
  };

  let writtenAt = 0;
  const handle = async (batch: Batch): Promise<void> => {
    if (batch.events.length === 0 && performance.now() - writtenAt < idleCheckpointMs) return;
    try {
      await apply(batch);
    } catch (error) {
      log('warn', 'a batch of projections failed and is done again one by one', {
        events: batch.events.length,
        error: messageOf(error),
      });
      await oneByOne(batch.events);
      await apply({ events: [], upTo: batch.upTo });
    }
    writtenAt = performance.now();
  };

  return eventStore.subscribe({
    name: 'projections',
    after: async () => lowest(await checkpointsOf(db, readers), readers),
    handle,
  });
}

interface Attempt {
  /** A further failure parks the event. */
  readonly last: boolean;
}

class AttemptFailed extends Error {}

/** Handles the parked events of one stream at last, in their order, until one fails again. @throws Error for a reader that is not among `projections` */
export async function replayProjection<Tables>(
  options: Pick<ProjectionRunnerOptions<Tables>, 'eventStore' | 'database' | 'projections' | 'log'>,
  request: ReplayRequest,
): Promise<Replayed> {
  const { eventStore, database, projections, log } = options;
  const projection = projections.find((one) => projectionReader(one) === request.reader);
  if (!projection) throw new Error(`there is no projection ${request.reader}`);
  const handlers = projection.on as Readonly<Record<string, Handler<Transaction<Tables>> | undefined>>;
  let replayed = 0;
  for (;;) {
    const round = await database.db.transaction().execute(async (trx): Promise<Replayed> => {
      // The runner parks behind the same lock, so nothing of this stream slips in behind the last event.
      await lockCheckpoints(trx, [request.reader]);
      let done = 0;
      for (const event of await readParked(eventStore, trx, request)) {
        await sql`savepoint handler`.execute(trx);
        try {
          await handlers[event.type]?.(event, trx);
        } catch (cause) {
          await sql`rollback to savepoint handler`.execute(trx);
          const error = messageOf(cause);
          await park(trx, { reader: request.reader, stream: event.stream, eventId: event.id, position: event.position, error });
          return { replayed: done, failed: { eventId: event.id, error } };
        }
        await unpark(trx, request.reader, event.position);
        done += 1;
      }
      return { replayed: done };
    });
    replayed += round.replayed;
    if (round.failed || round.replayed === 0) {
      const result = { ...round, replayed };
      log(round.failed ? 'error' : 'info', 'parked events were replayed', { ...request, ...result });
      return result;
    }
  }
}
