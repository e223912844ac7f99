import {
  systemActor,
  type Action,
  type Clock,
  type CommandAction,
  type CommandContext,
  type Event,
  type Recorded,
  type StreamReader,
} from '@recourse/eventing';
import { park, unpark, type Database } from '@recourse/postgres';
import type { Alarm } from './alarm.js';
import { maxLoadedEvents, type Executed } from './aggregate-store.js';
import { backoffMs, pause } from './backoff.js';
import { actionCommandId } from './event-id.js';
import type { EventStore } from './event-store.js';
import { inLanes } from './lanes.js';
import { messageOf, type Log } from './log.js';
import { readParked, type Replayed, type ReplayRequest } from './parked.js';
import { takeOver } from './promotion.js';
import {
  blockedLanes,
  blockOf,
  checkpointsOf,
  lockCheckpoints,
  lowest,
  moveCheckpoints,
  processReader,
  type Reader,
} from './reader.js';
import { isFatal, isTransient, ProcessSuperseded, StreamTooLong } from './store-error.js';
import type { Batch, Subscription } from './subscription.js';

type Handler = (event: Recorded, streams: StreamReader) => readonly Action[] | Promise<readonly Action[]>;

/** A process on any events, as far as a runner is concerned. */
export interface RunnableProcess extends Reader {
  /** What orders events, and is blocked by a parked one; absent: their stream. */
  lane?(event: never): string;
  readonly on: Readonly<
    Record<string, ((event: never, streams: StreamReader) => readonly Action[] | Promise<readonly Action[]>) | undefined>
  >;
}

export interface ProcessRunnerOptions<Tables> {
  readonly eventStore: EventStore;
  readonly database: Database<Tables>;
  readonly processes: readonly RunnableProcess[];
  /** Executes a command; the context's command id makes it take effect once. */
  readonly dispatch: (action: CommandAction, context: CommandContext) => Promise<Executed>;
  /** Makes a job runnable. Not waited for: what is lost is made again by the sweep. */
  readonly wake: (kind: string, key: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** A stream stands still for a process. */
  readonly onAlarm?: (alarm: Alarm) => void;
  /** Default 5: how often an event is tried before it is parked. Outages do not count. */
  readonly attempts?: number;
  /** Default 100 ms, doubled up to 2 s, between these. */
  readonly retryMs?: number;
}

/** Lanes handled at once. */
export const maxProcessLanes = 32;
const maxWakesInFlight = 1_000;
const longestRetryMs = 2_000;

/**
 * Handle, act, record: checkpoints move when everything before them has been acted on, so a crash in between acts again, under
 * the same command ids. The checkpoints stay locked meanwhile: a new version or a replay waits for the batch.
 * @throws ProcessSuperseded when a newer version of a process has taken over
 */
export async function runProcesses<Tables>(options: ProcessRunnerOptions<Tables>): Promise<Subscription> {
  const { eventStore, database, processes } = options;
  const { db } = database;
  const readers = processes.map(processReader);
  for (const process of processes) await takeOver(db, process);
  const act = actor(options);

  const handle = async ({ events, upTo }: Batch): Promise<void> => {
    const alarms: Alarm[] = [];
    await db.transaction().execute(async (trx) => {
      const checkpoints = await lockCheckpoints(trx, readers);
      const gone = readers.find((reader) => !checkpoints.has(reader));
      if (gone !== undefined) throw new ProcessSuperseded(gone);
      const blocked = await blockedLanes(trx, readers);
      const parked: Alarm[] = [];
      const react = async ({ event, process, lane }: Reaction): Promise<void> => {
        const reader = processReader(process);
        const block = blockOf(reader, lane);
        const waits = blocked.has(block);
        const error = waits ? 'an earlier event of this lane is parked' : await act(process, event);
        if (error === undefined) return;
        const alarm = { reader, stream: event.stream, lane, eventId: event.id, position: event.position, error };
        parked.push(alarm);
        blocked.add(block);
        if (!waits) alarms.push(alarm);
      };
      const isNew = (event: Recorded, process: RunnableProcess) =>
        event.position > (checkpoints.get(processReader(process)) ?? 0n);
      await inLanes(byLane(events, processes, isNew), maxProcessLanes, react);
      for (const event of parked) await park(trx, event);
      await moveCheckpoints(trx, readers, upTo);
    });
    for (const alarm of alarms) {
      options.log('error', 'a stream stands still for a process', { ...alarm });
      options.onAlarm?.(alarm);
    }
  };

  let recordedAt = 0;
  return eventStore.subscribe({
    name: 'processes',
    after: async () => lowest(await checkpointsOf(db, readers), readers),
    handle: async (batch) => {
      if (batch.events.length === 0 && performance.now() - recordedAt < idleCheckpointMs) return;
      await handle(batch);
      recordedAt = performance.now();
    },
  });
}

const idleCheckpointMs = 10_000;

/** What a process makes of one event: undefined when all its actions are done, else why the stream must stand still. Outages are thrown. */
function actor<Tables>({ eventStore, dispatch, wake, clock, log, attempts = 5, retryMs = 100 }: ProcessRunnerOptions<Tables>) {
  const streams: StreamReader = {
    async read<E extends Event>(stream: string) {
      const events = await eventStore.readStream<E>(stream, { limit: maxLoadedEvents + 1 });
      if (events.length > maxLoadedEvents) throw new StreamTooLong(stream, maxLoadedEvents);
      return events;
    },
  };

  let wakesInFlight = 0;
  const wakeSoon = (kind: string, key: string) => {
    if (wakesInFlight >= maxWakesInFlight) return log('warn', 'a wake-up was dropped: the queue does not keep up', { kind, key });
    wakesInFlight += 1;
    wake(kind, key)
      .catch((error: unknown) => log('warn', 'a wake-up was lost', { kind, key, error: messageOf(error) }))
      .finally(() => (wakesInFlight -= 1));
  };

  const once = async (process: RunnableProcess, event: Recorded): Promise<string | undefined> => {
    const handler = process.on[event.type] as Handler | undefined;
    const actions = (await handler?.(event, streams)) ?? [];
    const names = new Set<string>();
    for (const action of actions) {
      if (action.do === 'wake') {
        wakeSoon(action.kind, action.key);
        continue;
      }
      if (names.has(action.name)) return `two actions of ${process.name} on ${event.type} are named ${action.name}`;
      names.add(action.name);
      const executed = await dispatch(action, {
        commandId: actionCommandId(event.id, `${process.name}/${action.name}`),
        correlationId: event.metadata.correlationId,
        causationId: event.id,
        actor: systemActor(process.name, event.metadata.actor.platform),
        at: await clock.now(),
        since: event.metadata.recordedAt,
      });
      if (executed.outcome !== 'rejected') continue;
      const { rejected, detail } = executed.rejection;
      if (!action.settledBy?.includes(rejected))
        return `${action.command.type} to ${action.category}-${action.id} was refused: ${rejected}: ${detail}`;
    }
    return undefined;
  };

  return async (process: RunnableProcess, event: Recorded): Promise<string | undefined> => {
    for (let tried = 1; ; tried += 1) {
      try {
        return await once(process, event);
      } catch (error) {
        if (isTransient(error) || isFatal(error)) throw error;
        log('warn', 'a process failed at an event', {
          process: process.name,
          event: event.id,
          type: event.type,
          tried,
          error: messageOf(error),
        });
        if (tried >= attempts) return messageOf(error);
      }
      await pause(backoffMs({ firstMs: retryMs, maxMs: longestRetryMs }, tried));
    }
  };
}

interface Reaction {
  readonly event: Recorded;
  readonly process: RunnableProcess;
  readonly lane: string;
}

const laneOf = (process: RunnableProcess, event: Recorded): string =>
  (process.lane as ((event: Recorded) => string) | undefined)?.call(process, event) ?? event.stream;

/** What each process has to react to, in lanes of its own: they run side by side, each in the order of the log. */
function byLane(
  events: readonly Recorded[],
  processes: readonly RunnableProcess[],
  isNew: (event: Recorded, process: RunnableProcess) => boolean,
): Reaction[][] {
  const lanes = new Map<string, Reaction[]>();
  for (const event of events) {
    for (const process of processes) {
      if (!process.on[event.type] || !isNew(event, process)) continue;
      const lane = laneOf(process, event);
      const key = blockOf(processReader(process), lane);
      const reactions = lanes.get(key);
      if (reactions) reactions.push({ event, process, lane });
      else lanes.set(key, [{ event, process, lane }]);
    }
  }
  return [...lanes.values()];
}

/** Acts on the parked events of one lane at last, in their order, until one fails again. @throws ProcessSuperseded, and Error for a reader that is not among `processes` */
export async function replayProcess<Tables>(options: ProcessRunnerOptions<Tables>, request: ReplayRequest): Promise<Replayed> {
  const process = options.processes.find((one) => processReader(one) === request.reader);
  if (!process) throw new Error(`there is no process ${request.reader}`);
  const act = actor(options);
  let replayed = 0;
  for (;;) {
    const round = await options.database.db.transaction().execute(async (trx): Promise<Replayed> => {
      if (!(await lockCheckpoints(trx, [request.reader])).has(request.reader)) throw new ProcessSuperseded(request.reader);
      let done = 0;
      for (const event of await readParked(options.eventStore, trx, request)) {
        const error = await act(process, event);
        if (error !== undefined) {
          await park(trx, {
            reader: request.reader,
            stream: event.stream,
            lane: request.lane,
            eventId: event.id,
            position: event.position,
            error,
          });
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
      options.log(round.failed ? 'error' : 'info', 'parked events were replayed', { ...request, ...result });
      return result;
    }
  }
}
