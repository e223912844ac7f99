import { Buffer } from 'node:buffer';
import {
  currentVersion,
  encodeData,
  isRejection,
  maxBatchBytes,
  maxBatchEvents,
  maxBatchInputs,
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
import { backoffMs, pause } from './backoff.js';
import { actionCommandId } from './event-id.js';
import type { EventStore } from './event-store.js';
import { inLanes } from './lanes.js';
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

/** What an event has of the input behind it. */
type Cause = Omit<Metadata, 'schemaVersion' | 'recordedAt'>;
/** A stream as far as it has been folded, the last input it has taken, and what its last event came from. */
interface Account<State> {
  readonly state: State;
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
  const accounts = new Map<string, Account<State>>();

  const load = async (stream: string): Promise<Account<State>> => {
    let account: Account<State> = { state: decider.initial, revision: -1n, lastInput: 0n, cause: undefined };
    for (;;) {
      const page = await eventStore.readStream<E>(stream, { from: account.revision + 1n, limit: pageEvents });
      for (const event of page) {
        const input = BigInt(event.metadata.inputPosition ?? 0);
        account = {
          state: decider.evolve(account.state, event as E),
          revision: event.revision,
          lastInput: input > account.lastInput ? input : account.lastInput,
          cause: causeIn(event.metadata),
        };
      }
      if (page.length < pageEvents) return account;
    }
  };

  const remember = (stream: string, account: Account<State>) => {
    accounts.delete(stream);
    accounts.set(stream, account);
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
  const onwardOf = ({ state, cause }: Pick<Account<State>, 'state' | 'cause'>) =>
    cause === undefined ? undefined : processor.onward?.(state);

  /** As much as one append holds, and the account behind it. Pure but for the time that is only noted. */
  const decideBatch = (stream: string, account: Account<State>, waiting: readonly Routed<Input, C>[], now: string) => {
    const events: E[] = [];
    const metadata: Metadata[] = [];
    let { state, lastInput, cause } = account;
    let bytes = 0;
    let taken = 0;
    for (;;) {
      const onward = onwardOf({ state, cause });
      const next = onward === undefined && taken < maxBatchInputs ? waiting[taken] : undefined;
      const command = onward ?? next?.command;
      const from = next ? causeOf(next.input) : cause;
      if (command === undefined || from === undefined) break;
      const decision = decider.decide(stamp(command, from.effectiveAt), state);
      const refusal = refusalOf(decision, onward !== undefined);
      if (refusal !== undefined || isRejection(decision)) {
        if (events.length > 0) break; // what comes before it is appended first
        throw refused(stream, command, from, refusal ?? '');
      }
      const size = decision.reduce((sum, event) => sum + Buffer.byteLength(encodeData(event.data)), 0);
      if (events.length > 0 && (bytes + size > maxBatchBytes || events.length + decision.length > maxBatchEvents)) break;
      for (const event of decision) {
        state = decider.evolve(state, event);
        events.push(event);
        metadata.push({
          ...from,
          schemaVersion: currentVersion(decider.events, event.type),
          recordedAt: now > from.effectiveAt ? now : from.effectiveAt,
        });
      }
      bytes += size;
      if (decision.length > 0) cause = from;
      if (!next) continue;
      taken += 1;
      lastInput = next.input.position;
    }
    return { events, metadata, state, lastInput, cause };
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

  const take = async (stream: string, routed: readonly Routed<Input, C>[]): Promise<void> => {
    for (let conflicts = 0; ;) {
      const account = accounts.get(stream) ?? (await load(stream));
      const waiting = routed.filter((one) => one.input.position > account.lastInput);
      if (waiting.length === 0 && onwardOf(account) === undefined) return remember(stream, account);
      const { events, metadata, state, lastInput, cause } = decideBatch(stream, account, waiting, await clock.now());
      let revision = account.revision;
      if (events.length > 0) {
        accounts.delete(stream);
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
      remember(stream, { state, revision, lastInput, cause });
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
      const stream = streamOf(decider.category, route.id);
      const routed = streams.get(stream) ?? [];
      routed.push({ ...route, input });
      streams.set(stream, routed);
    }
    await inLanes(
      [...streams].map((entry) => [entry]),
      maxStreamsAtOnce,
      ([stream, routed]) => take(stream, routed),
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
