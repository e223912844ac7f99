import {
  currentVersion,
  encodeData,
  isRejection,
  maxBatchBytes,
  maxBatchInputs,
  stamp,
  streamOf,
  systemActor,
  type Clock,
  type Command,
  type Event,
  type Metadata,
  type Recorded,
  type StreamProcessor,
} from '@recourse/eventing';
import type { Database } from '@recourse/postgres';
import type { Alarm } from './alarm.js';
import { backoffMs, pause } from './backoff.js';
import { actionCommandId } from './event-id.js';
import type { EventStore, EventToAppend } from './event-store.js';
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

/** A stream as far as it has been folded, and the last input it has taken. */
interface Account<State> {
  readonly state: State;
  readonly revision: bigint;
  readonly lastInput: bigint;
}
interface Routed<Input extends Event, C extends Command> {
  readonly id: string;
  readonly input: Recorded<Input>;
  readonly command: C;
}

/**
 * Decides what waits as one batch per stream and appends it with the expected revision. Whatever happens in between, the
 * stream's last event says which inputs were taken, and another writer loses its append.
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
    let account: Account<State> = { state: decider.initial, revision: -1n, lastInput: 0n };
    for (;;) {
      const page = await eventStore.readStream<E>(stream, { from: account.revision + 1n, limit: pageEvents });
      for (const event of page) {
        const input = BigInt(event.metadata.inputPosition ?? 0);
        account = {
          state: decider.evolve(account.state, event as E),
          revision: event.revision,
          lastInput: input > account.lastInput ? input : account.lastInput,
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

  const metadataOf = ({ input }: Routed<Input, C>, type: string, now: string): Metadata => {
    const { correlationId, actor, recordedAt } = input.metadata;
    return {
      commandId: actionCommandId(input.id, processor.name),
      correlationId,
      causationId: input.id,
      actor: systemActor(processor.name, actor.platform),
      schemaVersion: currentVersion(decider.events, type),
      recordedAt: now > recordedAt ? now : recordedAt,
      effectiveAt: recordedAt,
      inputPosition: input.position.toString(),
    };
  };

  /** As many inputs as one append holds, and the account behind them. Pure but for the time that is only noted. */
  const decideBatch = (stream: string, account: Account<State>, routed: readonly Routed<Input, C>[], now: string) => {
    const events: (E & EventToAppend)[] = [];
    const metadata: Metadata[] = [];
    let { state, lastInput } = account;
    let bytes = 0;
    let taken = 0;
    for (const one of routed.slice(0, maxBatchInputs)) {
      const decision = decider.decide(stamp(one.command, one.input.metadata.recordedAt), state);
      if (isRejection(decision)) {
        if (taken > 0) break; // what comes before it is appended first
        throw refused(stream, one, `${decision.rejected}: ${decision.detail}`);
      }
      const encoded = decision.map((event) => ({ ...event, encoded: encodeData(event.data) }));
      const size = encoded.reduce((sum, event) => sum + event.encoded.length, 0);
      if (taken > 0 && bytes + size > maxBatchBytes) break;
      for (const event of encoded) {
        state = decider.evolve(state, event);
        events.push(event);
        metadata.push(metadataOf(one, event.type, now));
      }
      bytes += size;
      taken += 1;
      lastInput = one.input.position;
    }
    return { events, metadata, taken, state, lastInput };
  };

  const refused = (stream: string, { input }: Routed<Input, C>, error: string): InputRefused => {
    onAlarm?.({ reader, stream, eventId: input.id, position: input.position, error });
    return new InputRefused(`${processor.name} refused ${input.type} (event ${input.id}) for ${stream}: ${error}`);
  };

  const take = async (stream: string, routed: readonly Routed<Input, C>[]): Promise<void> => {
    for (let conflicts = 0; ;) {
      const account = accounts.get(stream) ?? (await load(stream));
      const waiting = routed.filter((one) => one.input.position > account.lastInput);
      if (waiting.length === 0) return remember(stream, account);
      const { events, metadata, state, lastInput } = decideBatch(stream, account, waiting, await clock.now());
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
      }
      remember(stream, { state, revision, lastInput });
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
