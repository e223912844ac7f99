import { Buffer } from 'node:buffer';
import {
  BACKWARDS,
  END,
  FORWARDS,
  START,
  StreamNotFoundError,
  type AllStreamResolvedEvent,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client';
import { encodeData, type AnyCatalogue, type Event, type Metadata, type Recorded } from '@recourse/eventing';
import type { ExpectedRevision } from './append-request.js';
import { maxAppendBytes, openAppender, type AppendOutcome } from './appender.js';
import { backoffMs, pause } from './backoff.js';
import { openConnection } from './connection.js';
import { eventIdOf } from './event-id.js';
import type { Log } from './log.js';
import { AppendTooLarge, StoreUnavailable, UnreadableEvent } from './store-error.js';
import { isSystemEvent, logPosition, recordedEvent, storedEvent, type StoredEvent } from './stored-event.js';
import { superviseSubscription, type Subscription, type SubscriptionOptions } from './subscription.js';

export interface ReadStreamOptions {
  /** The first revision to read; default is the first of the stream, or its last when reading backwards. */
  readonly from?: bigint;
  readonly direction?: 'forwards' | 'backwards';
  readonly limit: number;
}

export interface ReadAllOptions {
  /** Only events behind this position; 0n and absent: from the beginning. */
  readonly after?: bigint;
  /** Only these types; the others are passed by, but must be known. */
  readonly types?: readonly string[];
}

/** Streams and the log of all events, in the newest shapes. Every call has a time-out, every retry a bound. */
export interface EventStore {
  /** Empty for a missing stream. @throws StoreUnavailable, UnknownEventType, UnreadableEvent */
  readStream<E extends Event = Event>(stream: string, options: ReadStreamOptions): Promise<readonly Recorded<E>[]>;
  /** In the order of the log, without the store's own events; ends at the head. @throws as readStream */
  readAll<E extends Event = Event>(options?: ReadAllOptions): AsyncGenerator<Recorded<E>, void, void>;
  /** Position of the last event that is not the store's own; 0n when there is none. @throws StoreUnavailable */
  lastPosition(): Promise<bigint>;
  /**
   * Appends all or nothing if the stream stands at `expected`; ids follow from stream, command, index and content.
   * @throws AppendOutcomeUnknown (only a read can tell), StoreUnavailable (nothing was sent), AppendTooLarge, AppendRefused, TypeError and RangeError (not event data)
   */
  append(
    stream: string,
    expected: ExpectedRevision,
    events: readonly Event[],
    metadata: readonly Metadata[],
  ): Promise<AppendOutcome>;
  subscribe(options: SubscriptionOptions): Subscription;
  /** Ends every call; subscriptions are stopped first by whoever started them. */
  close(): Promise<void>;
}

export interface EventStoreOptions {
  /** `esdb://user:password@host:2113?tls=true` or `esdb+discover://…`. */
  readonly connectionString: string;
  readonly catalogue: AnyCatalogue;
  readonly log: Log;
  /** Default 10,000: until an append is answered. */
  readonly appendTimeoutMs?: number;
  /** Default 10,000: until the next event of a read comes. */
  readonly readTimeoutMs?: number;
}

const readAttempts = 5;
const readBackoff = { firstMs: 50, maxMs: 1_000 };
const firstHeadPage = 32;
const maxHeadPage = 4_096;

export function openEventStore(options: EventStoreOptions): EventStore {
  const { catalogue, log, appendTimeoutMs = 10_000, readTimeoutMs = 10_000 } = options;
  const { client, calls, close } = openConnection(options.connectionString);
  const appendNow = openAppender(calls, appendTimeoutMs);

  /** Reads again from where it broke off; progress renews the attempts. */
  async function* stored(open: (last: StoredEvent | undefined) => StreamingRead<ResolvedEvent | AllStreamResolvedEvent>) {
    let last: StoredEvent | undefined;
    for (let attempt = 1; ; attempt += 1) {
      try {
        for await (const resolved of drained(open(last), readTimeoutMs)) {
          const event = storedEvent(resolved);
          if (!event || event.position === last?.position) continue;
          last = event;
          attempt = 0;
          yield event;
        }
        return;
      } catch (cause) {
        if (!isOutage(cause)) throw cause;
        log('warn', 'a read of the event store broke off', { attempt, cause: cause instanceof Error ? cause.message : cause });
        if (attempt >= readAttempts) throw new StoreUnavailable('the event store does not answer a read', { cause });
      }
      await pause(backoffMs(readBackoff, attempt));
    }
  }

  let knownHead = 0n;
  const store: EventStore = {
    async readStream<E extends Event>(stream: string, { from, direction = 'forwards', limit }: ReadStreamOptions) {
      const backwards = direction === 'backwards';
      const events: Recorded[] = [];
      const open = (last?: StoredEvent) =>
        client.readStream(stream, {
          fromRevision: last?.revision ?? from ?? (backwards ? END : START),
          direction: backwards ? BACKWARDS : FORWARDS,
          maxCount: limit - events.length + (last ? 1 : 0),
        });
      try {
        for await (const event of stored(open)) events.push(recordedEvent(event, catalogue));
      } catch (error) {
        if (!(error instanceof StreamNotFoundError)) throw error;
      }
      return events as unknown as Recorded<E>[];
    },

    async *readAll<E extends Event>({ after = 0n, types }: ReadAllOptions = {}) {
      const wanted = types && new Set(types);
      const open = (last?: StoredEvent) => {
        const from = last?.position ?? after;
        return client.readAll({ fromPosition: from === 0n ? START : logPosition(from) });
      };
      for await (const event of stored(open)) {
        if (event.position <= after || isSystemEvent(event)) continue;
        if (!wanted || wanted.has(event.type) || !Object.hasOwn(catalogue, event.type)) {
          yield recordedEvent(event, catalogue) as unknown as Recorded<E>;
        }
      }
    },

    async lastPosition() {
      // The store's own events pile up behind ours, so the pages grow and end at the head that was seen before.
      let from: bigint | undefined;
      for (let page = firstHeadPage; ; page = Math.min(page * 4, maxHeadPage)) {
        let seen = 0;
        const open = (last?: StoredEvent) => {
          const start = last?.position ?? from;
          return client.readAll({
            direction: BACKWARDS,
            fromPosition: start === undefined ? END : logPosition(start),
            maxCount: page,
          });
        };
        for await (const event of stored(open)) {
          seen += 1;
          from = event.position;
          if (event.position <= knownHead) return knownHead;
          if (!isSystemEvent(event)) return (knownHead = event.position);
        }
        if (seen === 0) return knownHead;
      }
    },

    async append(stream, expected, events, metadata) {
      // A store was seen to die of such a name, and none of our streams has one.
      if (stream.startsWith('$')) throw new RangeError(`${stream} is a name of the store's own`);
      if (events.length === 0 || events.length !== metadata.length) throw new RangeError('every event has its metadata');
      let bytes = 0;
      const proposed = events.map((event, index) => {
        const data = encodeData(event.data);
        const about = metadata[index];
        const aboutText = JSON.stringify(about);
        bytes += Buffer.byteLength(data);
        return {
          id: eventIdOf(stream, about?.commandId ?? '', index, `${event.type}\n${data}\n${aboutText}`),
          type: event.type,
          data,
          metadata: aboutText,
        };
      });
      if (bytes > maxAppendBytes) throw new AppendTooLarge(stream, maxAppendBytes);
      return appendNow(stream, expected, proposed);
    },

    subscribe: (subscription) => superviseSubscription(calls, catalogue, log, subscription),
    close,
  };
  return store;
}

/** Everything but an answer that would be the same next time. */
const lasting = new Set(['stream-not-found', 'stream-deleted', 'access-denied', 'invalid-argument', 'unsupported']);
const isOutage = (error: unknown): boolean =>
  error instanceof Error && !(error instanceof UnreadableEvent) && !('type' in error && lasting.has(String(error.type)));

/** Leaves nothing open, and throws when the next item does not come in time. */
async function* drained<Item>(read: StreamingRead<Item>, timeoutMs: number): AsyncGenerator<Item, void, void> {
  let waiting = false;
  // A connection that breaks after the reader has left must not end the process.
  read.on('error', () => undefined);
  const late = setTimeout(() => {
    if (waiting) read.destroy(new StoreUnavailable(`the event store sent nothing for ${timeoutMs} ms`));
  }, timeoutMs);
  const items = read[Symbol.asyncIterator]();
  try {
    for (;;) {
      waiting = true;
      late.refresh();
      const item = await items.next();
      waiting = false;
      if (item.done) return;
      yield item.value;
    }
  } finally {
    clearTimeout(late);
    read.cancel().catch(() => undefined);
    read.destroy();
  }
}
