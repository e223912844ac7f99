import {
  currentVersion,
  erased,
  isRejection,
  streamOf,
  type AnyDecider,
  type Command,
  type CommandContext,
  type Decider,
  type Event,
  type Metadata,
  type Recorded,
  type Rejection,
  type Stamped,
} from '@recourse/eventing';
import { backoffMs, pause } from './backoff.js';
import type { EventStore } from './event-store.js';
import { messageOf, type Log } from './log.js';
import { StoreUnavailable, StreamTooLong, TooMuchContention } from './store-error.js';
import { turnstile } from './turnstile.js';
import { warmStates, type Span, type WarmState } from './warm-state.js';

/** What became of a command. `revision` is -1n and `position` 0n where the stream does not exist. */
export type Executed<E extends Event = Event, Code extends string = string> =
  | {
      /** Appended now, recorded by an earlier delivery of the same command, or nothing to do. */
      readonly outcome: 'appended' | 'recorded' | 'nothing';
      readonly events: readonly E[];
      /** Of the last of these events; of the stream's last event when there are none. */
      readonly revision: bigint;
      /** A reader that has passed it has seen what this answer tells. */
      readonly position: bigint;
    }
  | { readonly outcome: 'rejected'; readonly rejection: Rejection<Code> };

export interface ExecuteOptions {
  /** Ids of earlier period streams in which this command may have been recorded already. */
  readonly earlier?: readonly string[];
}

export interface AggregateStore {
  /**
   * Loads, decides and appends; a conflict leads to another load and decision. A command takes effect once, however often it is sent.
   * @throws StreamTooLong, TooMuchContention, StoreUnavailable (send it again with the same command id), AppendTooLarge, and what `decide` throws
   */
  execute<C extends Command, State, E extends Event, Code extends string>(
    decider: Decider<C, State, E, Code>,
    id: string,
    command: C,
    context: CommandContext,
    options?: ExecuteOptions,
  ): Promise<Executed<E, Code>>;
}

export interface AggregateStoreOptions {
  readonly eventStore: EventStore;
  readonly log: Log;
  /** Default 1,000 streams are kept warm. */
  readonly maxWarmStreams?: number;
  /** Default 200,000 events are folded into them in total. */
  readonly maxWarmEvents?: number;
}

/** No command loads more. */
export const maxLoadedEvents = 5_000;
export const maxConflicts = 10;
const maxOutages = 5;
/** Commands of one process that wait for one stream. */
const maxWaitingPerStream = 1_000;
const conflictBackoff = { firstMs: 2, maxMs: 200 };
const outageBackoff = { firstMs: 100, maxMs: 2_000 };

export function openAggregateStore({
  eventStore,
  log,
  maxWarmStreams = 1_000,
  maxWarmEvents = 200_000,
}: AggregateStoreOptions): AggregateStore {
  const warm = warmStates(maxWarmStreams, maxWarmEvents);
  const streams = turnstile(
    maxWaitingPerStream,
    (stream) => new StoreUnavailable(`more than ${maxWaitingPerStream} commands wait for ${stream}`),
  );

  /** Folds what was appended since. */
  const load = async (decider: AnyDecider, stream: string): Promise<WarmState> => {
    const known = warm.get(stream);
    const base = known?.decider === decider ? known : missing(decider);
    const from = base.revision + 1n;
    const events = await eventStore.readStream(stream, { from, limit: Math.max(1, maxLoadedEvents - Number(from) + 1) });
    const loaded = folded(base, events);
    if (loaded.revision >= BigInt(maxLoadedEvents)) throw new StreamTooLong(stream, maxLoadedEvents);
    if (loaded.revision >= 0n) warm.set(stream, loaded);
    return loaded;
  };

  const recorded = async (stream: string, { first, last }: Span): Promise<Executed> => {
    const events = await eventStore.readStream(stream, { from: first, limit: Number(last - first) + 1 });
    const position = events.at(-1)?.position;
    if (position === undefined) throw new StoreUnavailable(`events ${first} to ${last} of ${stream} are not there any more`);
    return { outcome: 'recorded', events: events.map(({ type, data }) => ({ type, data })), revision: last, position };
  };

  const executeNow = async (
    decider: AnyDecider,
    stream: string,
    command: Command,
    context: CommandContext,
    earlier: readonly string[],
  ): Promise<Executed> => {
    for (const before of earlier) {
      const span = (await load(decider, before)).commands.get(context.commandId);
      if (span) return recorded(before, span);
    }
    const cached = warm.get(stream);
    let current = cached?.decider === decider && cached.revision < BigInt(maxLoadedEvents) ? cached : undefined;
    for (let conflicts = 0; conflicts < maxConflicts;) {
      const confirmed = current === undefined;
      const base: WarmState = (current ??= await load(decider, stream));
      const span = base.commands.get(context.commandId);
      if (span) return recorded(stream, span);
      const stamped: Stamped<Command> = { ...command, at: context.at };
      const decision = decider.decide(stamped, base.state);
      const events = isRejection(decision) ? [] : decision;
      if (events.length === 0 && !confirmed) {
        current = undefined;
        continue;
      }
      if (isRejection(decision)) return { outcome: 'rejected', rejection: decision };
      if (events.length === 0)
        return { outcome: 'nothing', events, revision: base.revision, position: base.position ?? (await positionOfLast(stream)) };

      const metadata = events.map((event) => metadataOf(decider, event, context));
      const outcome = await eventStore.append(stream, base.revision < 0n ? 'no_stream' : base.revision, events, metadata);
      if (outcome.status === 'appended') {
        const position = outcome.position ?? (await positionOfLast(stream));
        warm.set(stream, grown(base, events, metadata, outcome.revision, position));
        return { outcome: 'appended', events, revision: outcome.revision, position };
      }
      conflicts += 1;
      current = undefined;
      await pause(backoffMs(conflictBackoff, conflicts));
    }
    throw new TooMuchContention(stream, maxConflicts);
  };

  const positionOfLast = async (stream: string): Promise<bigint> =>
    (await eventStore.readStream(stream, { direction: 'backwards', limit: 1 }))[0]?.position ?? 0n;

  /** After an outage nobody knows whether the append took effect: the next load looks for the command's id. */
  const withOutages = async <T>(stream: string, work: () => Promise<T>): Promise<T> => {
    for (let outages = 1; ; outages += 1) {
      try {
        return await work();
      } catch (error) {
        warm.delete(stream);
        if (!(error instanceof StoreUnavailable) || outages >= maxOutages) throw error;
        log('warn', 'a command is tried again after an outage of the event store', { stream, outages, error: messageOf(error) });
      }
      await pause(backoffMs(outageBackoff, outages));
    }
  };

  return {
    async execute<C extends Command, State, E extends Event, Code extends string>(
      decider: Decider<C, State, E, Code>,
      id: string,
      command: C,
      context: CommandContext,
      { earlier = [] }: ExecuteOptions = {},
    ) {
      const any = erased(decider);
      const stream = streamOf(decider.category, id);
      const before = earlier.map((period) => streamOf(decider.category, period));
      const executed = await streams.pass(stream, () =>
        withOutages(stream, () => executeNow(any, stream, command, context, before)),
      );
      return executed as Executed<E, Code>;
    },
  };
}

const missing = (decider: AnyDecider): WarmState => ({
  decider,
  state: decider.initial,
  revision: -1n,
  position: 0n,
  commands: new Map(),
});

function folded(base: WarmState, events: readonly Recorded[]): WarmState {
  const last = events.at(-1);
  if (!last) return base;
  let state = base.state;
  for (const event of events) {
    state = base.decider.evolve(state, event);
    note(base.commands, event.metadata.commandId, event.revision);
  }
  return { ...base, state, revision: last.revision, position: last.position };
}

function grown(
  base: WarmState,
  events: readonly Event[],
  metadata: readonly Metadata[],
  revision: bigint,
  position: bigint,
): WarmState {
  let state = base.state;
  events.forEach((event, i) => {
    state = base.decider.evolve(state, event);
    note(base.commands, metadata[i]?.commandId ?? '', base.revision + BigInt(i) + 1n);
  });
  return { ...base, state, revision, position };
}

function note(commands: Map<string, Span>, commandId: string, revision: bigint): void {
  commands.set(commandId, { first: commands.get(commandId)?.first ?? revision, last: revision });
}

function metadataOf(decider: AnyDecider, event: Event, { at, ...context }: CommandContext): Metadata {
  return { ...context, schemaVersion: currentVersion(decider.events, event.type), recordedAt: at, effectiveAt: at };
}
