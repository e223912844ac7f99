import {
  fold,
  isRejection,
  maxBatchInputs,
  periodId,
  stamp,
  streamOf,
  systemActor,
  type Clock,
  type Command,
  type Event,
  type Metadata,
  type Recorded,
  type Rejection,
  type StreamProcessor,
} from '@recourse/eventing';
import type { Database } from '@recourse/postgres';
import type { Alarm } from './alarm.js';
import { appendBatch, type Cause } from './append-batch.js';
import { backoffMs, pause } from './backoff.js';
import { actionCommandId } from './event-id.js';
import type { EventStore } from './event-store.js';
import { inLanes } from './lanes.js';
import { lastPeriodOf } from './last-period.js';
import type { Log } from './log.js';
import { checkpointsOf, enlist, moveCheckpoints, processorReader } from './reader.js';
import { InputRefused, TooMuchContention } from './store-error.js';
import type { Batch, Subscription } from './subscription.js';

export interface StreamProcessorOptions<Tables> {
  readonly eventStore: EventStore;
  /** Remembers where to begin to look; the streams themselves know what they have taken. */
  readonly database: Database<Tables>;
  readonly clock: Clock;
  readonly log: Log;
  /** An input was refused: the processor stands still. */
  readonly onAlarm?: (alarm: Alarm) => void;
}

const maxStreamsAtOnce = 8;
const maxWarmStreams = 1_000;
const maxConflictsInARow = 10;
const pageEvents = 1_000;
/** Between two notes of where it stands: a commit per batch would take the disk from the appends. */
const hintPauseMs = 25;
const conflictBackoff = { firstMs: 20, maxMs: 2_000 };

/** A stream as far as it has been folded, the last input it has taken, and what its last event came from. */
interface Account<State, E extends Event> {
  readonly stream: string;
  /** Number of the period, where there are any. */
  readonly period: number;
  readonly state: State;
  /** What the period begins with and is not appended yet; `state` has it already. */
  readonly opening: readonly E[];
  readonly revision: bigint;
  readonly lastInput: bigint;
  /** Absent for a stream without events. */
  readonly cause: Cause | undefined;
}
interface Routed<Input extends Event, C extends Command> {
  readonly id: string;
  readonly input: Recorded<Input>;
  readonly command: C;
}

/**
 * Decides what waits as one batch per stream and appends it with the expected revision. Whatever happens in between, the
 * stream's last event says which inputs were taken, and another writer loses its append. What goes on behind an input in
 * further appends needs no note of its own: until all of it is done the input counts as not handled, so that after a crash it
 * comes again, is known as taken, and the stream's state says what is left.
 *
 * Where the decider keeps periods, one that is due is closed behind the last event of a batch, or before the input that finds it
 * over. The next one begins in the append of what it takes first, or in several if it begins with more than one holds. It begins
 * with what follows from the closed one alone, so that whoever comes after a crash goes on with the same events; all of them
 * name the last input that was taken, so that nobody has to look into the period before.
 */
export async function runStreamProcessor<
  Input extends Event,
  C extends Command,
  State,
  E extends Event,
  Code extends string,
  Tables,
>(
  processor: StreamProcessor<Input, C, State, E, Code>,
  { eventStore, database, clock, log, onAlarm }: StreamProcessorOptions<Tables>,
): Promise<Subscription> {
  const { decider } = processor;
  const reader = processorReader(processor.name);
  const { periods } = decider;
  /** By name of the account: that of its stream, or of all its periods. */
  const accounts = new Map<string, Account<State, E>>();

  const read = async (stream: string, period: number): Promise<Account<State, E>> => {
    let [state, revision, lastInput] = [decider.initial, -1n, 0n];
    let last: Metadata | undefined;
    for (;;) {
      const page = await eventStore.readStream<E>(stream, { from: revision + 1n, limit: pageEvents });
      for (const event of page) {
        const input = BigInt(event.metadata.inputPosition ?? 0);
        state = decider.evolve(state, event as E);
        revision = event.revision;
        if (input > lastInput) lastInput = input;
        last = event.metadata;
      }
      if (page.length < pageEvents)
        return { stream, period, state, opening: [], revision, lastInput, cause: last && causeIn(last) };
    }
  };
  const load = async (name: string): Promise<Account<State, E>> => {
    if (!periods) return read(name, 1);
    const no = await lastPeriodOf(eventStore, name);
    const newest = await read(periodId(name, no), no);
    if (!periods.isOpening?.(newest.state)) return inOpenPeriod(name, newest);
    const before = await read(periodId(name, no - 1), no - 1);
    const opening = (periods.following(before.state) ?? []).slice(Number(newest.revision) + 1);
    return { ...newest, opening, state: fold(decider, opening, newest.state) };
  };
  /** Of a closed period the one that follows, of which nothing is there yet. */
  const inOpenPeriod = (name: string, account: Account<State, E>): Account<State, E> => {
    const opening = periods?.following(account.state);
    if (opening === undefined) return account;
    const period = account.period + 1;
    return { ...account, stream: periodId(name, period), period, opening, state: fold(decider, opening), revision: -1n };
  };

  const remember = (name: string, account: Account<State, E>) => {
    accounts.delete(name);
    accounts.set(name, account);
    const oldest = accounts.size > maxWarmStreams ? accounts.keys().next().value : undefined;
    if (oldest !== undefined) accounts.delete(oldest);
  };

  const causeOf = ({ id, position, metadata }: Recorded<Input>): Cause => ({
    commandId: actionCommandId(id, processor.name),
    correlationId: metadata.correlationId,
    causationId: id,
    actor: systemActor(processor.name, metadata.actor.platform),
    effectiveAt: metadata.recordedAt,
    inputPosition: position.toString(),
  });
  const onwardOf = ({ state, cause }: Pick<Account<State, E>, 'state' | 'cause'>) =>
    cause === undefined ? undefined : processor.onward?.(state);

  /** As much as one append holds, and the account behind it. Pure but for the time that is only noted. */
  const decideBatch = (account: Account<State, E>, waiting: readonly Routed<Input, C>[], now: string) => {
    const { stream, opening } = account;
    const length = Number(account.revision) + 1;
    const batch = appendBatch(decider.events, now);
    const { events, metadata } = batch;
    let { state, lastInput, cause } = account;
    let taken = 0;
    /** Nothing of an input that is not taken yet may say that it was. */
    const turning = (from: Cause): Cause => ({ ...from, inputPosition: lastInput.toString() });
    const close = (closing: E, from: Cause): void => {
      cause = turning(from);
      batch.end(closing, cause);
      state = decider.evolve(state, closing);
    };

    for (const event of opening) if (!cause || !batch.add([event], turning(cause))) break;
    const opened = events.length;
    if (opened < opening.length) return { ...account, events, metadata, opening: opening.slice(opened) };

    for (;;) {
      const onward = onwardOf({ state, cause });
      const next = onward === undefined && taken < maxBatchInputs ? waiting[taken] : undefined;
      const command = onward ?? next?.command;
      const from = next ? causeOf(next.input) : cause;
      if (command === undefined || from === undefined) break;
      const closing = periods?.closing(state, from.effectiveAt, length);
      if (closing) {
        close(closing, from);
        break;
      }
      const decision = decider.decide(stamp(command, from.effectiveAt), state);
      const refusal = refusalOf(decision, onward !== undefined);
      if (refusal !== undefined || isRejection(decision)) {
        if (events.length > 0) break; // what comes before it is appended first
        throw refused(stream, command, from, refusal ?? '');
      }
      if (!batch.add(decision, from)) break;
      state = fold(decider, decision, state);
      if (decision.length > 0) cause = from;
      if (!next) continue;
      taken += 1;
      lastInput = next.input.position;
    }
    // A period that is full is closed behind the batch, so that neither needs an append of its own.
    const full = cause && events.length > opened ? periods?.closing(state, cause.effectiveAt, length + events.length) : undefined;
    if (cause && full) close(full, cause);
    return { ...account, events, metadata, state, opening: [], lastInput, cause };
  };

  const refused = (stream: string, command: C, { causationId = '', inputPosition }: Cause, error: string): InputRefused => {
    onAlarm?.({ reader, stream, eventId: causationId, position: BigInt(inputPosition ?? 0), error });
    return new InputRefused(`${processor.name} refused ${command.type} (event ${causationId}) for ${stream}: ${error}`);
  };

  const announce = (stream: string, events: readonly E[]) => {
    if (!processor.announce) return;
    for (const event of events) {
      const line = processor.announce(event);
      if (line !== undefined) log('warn', line, { reader, stream });
    }
  };

  const take = async (name: string, routed: readonly Routed<Input, C>[]): Promise<void> => {
    for (let conflicts = 0; ;) {
      const account = accounts.get(name) ?? (await load(name));
      const waiting = routed.filter((one) => one.input.position > account.lastInput);
      if (waiting.length === 0 && onwardOf(account) === undefined) return remember(name, account);
      const { events, metadata, ...decided } = decideBatch(account, waiting, await clock.now());
      const { stream } = account;
      let { revision } = account;
      if (events.length > 0) {
        accounts.delete(name);
        const outcome = await eventStore.append(stream, revision < 0n ? 'no_stream' : revision, events, metadata);
        if (outcome.status === 'conflict') {
          conflicts += 1;
          log('warn', 'another writer appends to the stream of a processor', { reader, stream, conflicts });
          if (conflicts >= maxConflictsInARow) throw new TooMuchContention(stream, conflicts);
          await pause(backoffMs(conflictBackoff, conflicts));
          continue;
        }
        conflicts = 0;
        revision = outcome.revision;
        announce(stream, events);
      }
      remember(name, inOpenPeriod(name, { ...decided, revision }));
    }
  };

  let hinted = 0n;
  let hinting: Promise<void> | undefined;
  const writeHint = async (): Promise<void> => {
    for (let written = -1n; written < hinted;) {
      written = hinted;
      await moveCheckpoints(database.db, [reader], written);
      await pause(hintPauseMs);
    }
  };
  /** Behind is safe, so nobody waits for it; of hints that come while one is written only the newest is. */
  const hint = (position: bigint) => {
    hinted = position;
    hinting ??= writeHint()
      .catch((error: unknown) => log('warn', 'a processor could not note where it stands', { reader, error: String(error) }))
      .finally(() => (hinting = undefined));
  };

  const handle = async ({ events, upTo }: Batch): Promise<void> => {
    const streams = new Map<string, Routed<Input, C>[]>();
    for (const event of events) {
      const input = event as Recorded<Input>;
      const route = processor.route(input);
      if (!route) continue;
      const name = streamOf(decider.category, route.id);
      const routed = streams.get(name) ?? [];
      routed.push({ ...route, input });
      streams.set(name, routed);
    }
    await inLanes(
      [...streams].map((entry) => [entry]),
      maxStreamsAtOnce,
      ([name, routed]) => take(name, routed),
    );
    hint(upTo);
  };

  await enlist(database.db, [reader]);
  const subscription = eventStore.subscribe({
    name: reader,
    types: processor.inputs,
    after: async () => {
      const hint = (await checkpointsOf(database.db, [reader])).get(reader) ?? 0n;
      // A log that was restored from a backup may end before the hint; the streams know better.
      return hint > (await eventStore.lastPosition()) ? 0n : hint;
    },
    handle,
  });
  return {
    ...subscription,
    stop: async () => {
      await subscription.stop();
      await hinting;
    },
  };
}

const causeIn = ({ commandId, correlationId, causationId, actor, effectiveAt, inputPosition }: Metadata): Cause => ({
  commandId,
  correlationId,
  ...(causationId === undefined ? {} : { causationId }),
  actor,
  effectiveAt,
  ...(inputPosition === undefined ? {} : { inputPosition }),
});

/** Why a decision cannot be appended; one without an input that changes nothing would be asked for without end. */
function refusalOf(decision: readonly unknown[] | Rejection, isOnward: boolean): string | undefined {
  if (isRejection(decision)) return `${decision.rejected}: ${decision.detail}`;
  return isOnward && decision.length === 0 ? 'it goes on without an end' : undefined;
}
