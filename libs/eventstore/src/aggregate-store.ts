import {
  currentVersion,
  erased,
  isRejection,
  periodId,
  streamOf,
  systemActor,
  type AnyDecider,
  type Command,
  type CommandContext,
  type Decider,
  type Event,
  type Instant,
  type Metadata,
  type Periods,
  type Recorded,
  type Rejection,
  type Stamped,
} from '@recourse/eventing';
import { backoffMs, pause } from './backoff.js';
import { actionCommandId } from './event-id.js';
import type { EventStore } from './event-store.js';
import { messageOf, type Log } from './log.js';
import { lastPeriodOf } from './last-period.js';
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

export interface AggregateStore {
  /**
   * Loads, decides and appends; a conflict leads to another load and decision. A command takes effect once, however often it is sent.
   * Where the decider keeps periods, `id` is the account's: a period that is due is closed first, and the next one begun.
   * @throws StreamTooLong, TooMuchContention, StoreUnavailable (send it again with the same command id), AppendTooLarge, and what `decide` throws
   */
  execute<C extends Command, State, E extends Event, Code extends string>(
    decider: Decider<C, State, E, Code>,
    id: string,
    command: C,
    context: CommandContext,
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
/** Periods that end while one command looks for the open one. */
const maxPeriodTurns = 10;
const maxKnownPeriods = 10_000;
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

  /** `periodOver` where the stream is a closed period, or is one now. */
  const executeNow = async (
    decider: AnyDecider,
    stream: string,
    command: Command,
    context: CommandContext,
  ): Promise<Executed | 'periodOver'> => {
    const cached = warm.get(stream);
    let current = cached?.decider === decider && cached.revision < BigInt(maxLoadedEvents) ? cached : undefined;
    for (let conflicts = 0; conflicts < maxConflicts;) {
      const confirmed = current === undefined;
      const base: WarmState = (current ??= await load(decider, stream));
      const span = base.commands.get(context.commandId);
      if (span) return recorded(stream, span);
      if (decider.periods?.following(base.state)) return 'periodOver';
      const closing = decider.periods?.closing(base.state, context.at, Number(base.revision) + 1);
      const stamped: Stamped<Command> = { ...command, at: context.at };
      const decision = closing ? [closing] : decider.decide(stamped, base.state);
      const events = isRejection(decision) ? [] : decision;
      if (events.length === 0 && !confirmed) {
        current = undefined;
        continue;
      }
      if (isRejection(decision)) return { outcome: 'rejected', rejection: decision };
      if (events.length === 0)
        return { outcome: 'nothing', events, revision: base.revision, position: base.position ?? (await positionOfLast(stream)) };

      const by = closing ? periodContext(stream, context) : context;
      const metadata = events.map((event) => metadataOf(decider, event, by));
      const outcome = await eventStore.append(stream, base.revision < 0n ? 'no_stream' : base.revision, events, metadata);
      if (outcome.status === 'appended') {
        const position = outcome.position ?? (await positionOfLast(stream));
        warm.set(stream, grown(base, events, metadata, outcome.revision, position));
        if (closing) return 'periodOver';
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

  /** The newest period of each account that was used here, and when it began; an account may have moved on since. */
  const newestPeriods = new Map<string, Period>();
  const noted = (account: string, period: Period): Period => {
    newestPeriods.delete(account);
    newestPeriods.set(account, period);
    const oldest = newestPeriods.size > maxKnownPeriods ? newestPeriods.keys().next().value : undefined;
    if (oldest !== undefined) newestPeriods.delete(oldest);
    return period;
  };
  const periodAt = async (account: string, no: number): Promise<Period> => {
    const stream = periodId(account, no);
    const [first] = await eventStore.readStream(stream, { limit: 1 });
    return { no, stream, beganAt: first?.metadata.recordedAt };
  };

  /** Begins the period after a closed one. Whoever comes second finds it begun, with the same events. */
  const begin = async (decider: AnyDecider, periods: PeriodsOf, account: string, before: Period, context: CommandContext) => {
    const { state } = await load(decider, before.stream);
    const stream = periodId(account, before.no + 1);
    const events = periods.following(state) ?? [];
    const metadata = events.map((event) => metadataOf(decider, event, periodContext(stream, context)));
    await eventStore.append(stream, 'no_stream', events, metadata);
  };

  /** A command that was recorded in an earlier period, of those that were open at or after the moment it was first met. */
  const recordedBefore = async (
    decider: AnyDecider,
    account: string,
    newest: Period,
    { commandId, since, at }: CommandContext,
  ) => {
    for (let period = newest; period.no > 1 && period.beganAt !== undefined && period.beganAt >= (since ?? at);) {
      period = await periodAt(account, period.no - 1);
      const span = (await load(decider, period.stream)).commands.get(commandId);
      if (span) return recorded(period.stream, span);
    }
    return undefined;
  };

  const executeInPeriod = async (
    decider: AnyDecider,
    periods: PeriodsOf,
    account: string,
    command: Command,
    context: CommandContext,
  ): Promise<Executed> => {
    for (let turn = 0; turn < maxPeriodTurns; turn += 1) {
      const period =
        newestPeriods.get(account) ?? noted(account, await periodAt(account, await lastPeriodOf(eventStore, account)));
      const before = await recordedBefore(decider, account, period, context);
      if (before) return before;
      const executed = await executeNow(decider, period.stream, command, context);
      // What did not exist may have been begun by this very command.
      if (period.beganAt === undefined) newestPeriods.delete(account);
      if (executed !== 'periodOver') return executed;
      await begin(decider, periods, account, period, context);
      noted(account, await periodAt(account, period.no + 1));
    }
    throw new TooMuchContention(account, maxPeriodTurns);
  };

  const executeWhole = async (
    decider: AnyDecider,
    stream: string,
    command: Command,
    context: CommandContext,
  ): Promise<Executed> => {
    const executed = await executeNow(decider, stream, command, context);
    if (executed === 'periodOver') throw new Error(`${decider.category} has no periods`);
    return executed;
  };

  /** After an outage nobody knows whether the append took effect: the next load looks for the command's id. */
  const withOutages = async <T>(stream: string, work: () => Promise<T>): Promise<T> => {
    for (let outages = 1; ; outages += 1) {
      try {
        return await work();
      } catch (error) {
        warm.delete(newestPeriods.get(stream)?.stream ?? stream);
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
    ) {
      const any = erased(decider);
      const { periods } = any;
      const stream = streamOf(decider.category, id);
      const executed = await streams.pass(stream, () =>
        withOutages(stream, () =>
          periods ? executeInPeriod(any, periods, stream, command, context) : executeWhole(any, stream, command, context),
        ),
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

type PeriodsOf = Periods<unknown, Event>;
/** One period of an account; `beganAt` is absent while it has no events. */
interface Period {
  readonly no: number;
  readonly stream: string;
  readonly beganAt: Instant | undefined;
}

/** Closing and beginning is the house's doing, whichever command came first; the same id every time makes it happen once. */
function periodContext(stream: string, { at, actor }: CommandContext): CommandContext {
  const commandId = actionCommandId(stream, 'turn-period');
  return { commandId, correlationId: commandId, actor: systemActor('periods', actor.platform), at };
}

function metadataOf(decider: AnyDecider, event: Event, context: CommandContext): Metadata {
  const { commandId, correlationId, causationId, actor, at } = context;
  const cause = causationId === undefined ? {} : { causationId };
  const schemaVersion = currentVersion(decider.events, event.type);
  return { commandId, correlationId, ...cause, actor, schemaVersion, recordedAt: at, effectiveAt: at };
}
