import { excludeSystemEvents, START, type AllStreamResolvedEvent, type EventStoreDBClient } from '@eventstore/db-client';
import { UnknownEventType, type AnyCatalogue, type Recorded } from '@recourse/eventing';
import { backoffMs, pause } from './backoff.js';
import { messageOf, type Log } from './log.js';
import { isFatal, StoreUnavailable } from './store-error.js';
import { isSystemEvent, logPosition, positionOf, recordedEvent, storedEvent } from './stored-event.js';

export interface Batch {
  /** In the order of the log; empty when nothing up to `upTo` was wanted. */
  readonly events: readonly Recorded[];
  /** Everything at or before this position has been delivered. */
  readonly upTo: bigint;
}

export interface SubscriptionOptions {
  /** For the log. */
  readonly name: string;
  /** Where to go on, exclusive; 0n is the beginning. Asked before every (re)subscription, so that a checkpoint can be the truth. */
  readonly after: () => Promise<bigint>;
  /** Only these types are delivered; the others move `upTo`, and must be known. Default: all. */
  readonly types?: readonly string[];
  /** One batch at a time. When it throws, the subscription begins again where `after` says, unless only another program helps. */
  readonly handle: (batch: Batch) => Promise<void>;
}

export interface SubscriptionStatus {
  readonly state: 'connecting' | 'reading' | 'at-head' | 'stopped';
  /** Everything at or before it has been handled. */
  readonly position: bigint;
  /** When everything in the log had been handled, in ms since 1970; undefined before the first time. */
  readonly headSeenAt: number | undefined;
  /** Why it is not reading now. */
  readonly error: string | undefined;
}

export interface Subscription {
  status(): SubscriptionStatus;
  /** Waits for the batch in work. */
  stop(): Promise<void>;
  /** Settles when the subscription is over: undefined after `stop`, else the error that only another program helps against. */
  readonly stopped: Promise<Error | undefined>;
}

export const maxBatchEvents = 256;
/** While a batch is handled, so many events wait behind it on either side of the decoder; then the server waits. */
const maxBufferedEvents = 256;
const confirmationTimeoutMs = 10_000;
const resubscribe = { firstMs: 50, maxMs: 10_000 };

/** Reads on for ever: any error that time can heal leads to a new subscription, with bounded exponential backoff between them. */
export function superviseSubscription(
  client: EventStoreDBClient,
  catalogue: AnyCatalogue,
  log: Log,
  options: SubscriptionOptions,
): Subscription {
  const wanted = options.types && new Set(options.types);
  const stopping = new AbortController();
  let state: SubscriptionStatus['state'] = 'connecting';
  let position = 0n;
  let headSeenAt: number | undefined;
  let failure: string | undefined;
  let failures = 0;

  const handle = async ({ items, upTo }: Portion) => {
    const events: Recorded[] = [];
    let fault: unknown;
    let readUpTo = position;
    for (const item of items) {
      try {
        const event = storedEvent(item);
        if (!event) continue;
        if (!isSystemEvent(event)) {
          if (!Object.hasOwn(catalogue, event.type)) throw new UnknownEventType(event.type);
          if (!wanted || wanted.has(event.type)) events.push(recordedEvent(event, catalogue));
        }
        readUpTo = event.position;
      } catch (error) {
        fault = error;
        break;
      }
    }
    if (!fault) readUpTo = upTo > readUpTo ? upTo : readUpTo;
    // What came before an event that cannot be read is handled all the same.
    if (events.length > 0 || readUpTo > position) await options.handle({ events, upTo: readUpTo });
    position = readUpTo;
    if (fault) throw fault as Error;
  };

  const readOn = async () => {
    position = await options.after();
    const feed = openFeed(client, position, stopping.signal);
    try {
      for (;;) {
        const portion = await feed.next();
        if (!portion) return;
        state = 'reading';
        await handle(portion);
        failures = 0;
        failure = undefined;
        if (feed.drained()) {
          state = 'at-head';
          headSeenAt = Date.now();
        }
      }
    } finally {
      feed.close();
    }
  };

  const supervise = async (): Promise<Error | undefined> => {
    while (!stopping.signal.aborted) {
      try {
        await readOn();
      } catch (error) {
        failure = messageOf(error);
        if (isFatal(error)) {
          log('error', `the subscription ${options.name} stops`, { position, error: failure });
          return error as Error;
        }
        failures += 1;
        state = 'connecting';
        log('warn', `the subscription ${options.name} begins again`, { position, failures, error: failure });
        await pause(backoffMs(resubscribe, failures), stopping.signal);
      }
    }
    return undefined;
  };

  const stopped = supervise().finally(() => (state = 'stopped'));
  return {
    stopped,
    status: () => {
      if (state === 'at-head') headSeenAt = Date.now();
      return { state, position, headSeenAt, error: failure };
    },
    stop: async () => {
      stopping.abort();
      await stopped;
    },
  };
}

interface Portion {
  readonly items: readonly AllStreamResolvedEvent[];
  readonly upTo: bigint;
}

/** One life of a subscription, pulled: what is not asked for stays with the server, apart from a bounded buffer. */
function openFeed(client: EventStoreDBClient, after: bigint, stop: AbortSignal) {
  let failure: Error | undefined;
  let taken = 0;
  /** Marks of the server that count once everything delivered before them has been taken. */
  let checkpoint: { readonly position: bigint; readonly behind: number } | undefined;
  let caughtUpBehind: number | undefined;
  let wake: () => void = () => undefined;
  const fail = (error: Error) => {
    failure ??= error;
    wake();
  };

  const source = client.subscribeToAll(
    {
      fromPosition: after === 0n ? START : logPosition(after),
      filter: excludeSystemEvents({
        checkpointReached: (_, position) => {
          checkpoint = { position: positionOf(position), behind: taken + source.readableLength };
          wake();
        },
      }),
    },
    { highWaterMark: maxBufferedEvents },
  );
  const unconfirmed = setTimeout(
    () => fail(new StoreUnavailable('the store did not confirm a subscription')),
    confirmationTimeoutMs,
  );
  source.on('confirmation', () => clearTimeout(unconfirmed));
  source.on('caughtUp', () => {
    caughtUpBehind = taken + source.readableLength;
    wake();
  });
  source.on('readable', () => wake());
  source.on('error', fail);
  source.on('end', () => fail(new StoreUnavailable('the store ended a subscription')));
  source.on('close', () => fail(new StoreUnavailable('the connection of a subscription was closed')));
  const onStop = () => wake();
  stop.addEventListener('abort', onStop);

  const take = (): Portion | undefined => {
    const items: AllStreamResolvedEvent[] = [];
    while (items.length < maxBatchEvents) {
      const item = source.read() as AllStreamResolvedEvent | null;
      if (item === null) break;
      items.push(item);
      // At once: a read may bring the server's next mark, which counts what was taken before it.
      taken += 1;
    }
    let upTo = 0n;
    const passed = checkpoint !== undefined && taken >= checkpoint.behind;
    if (passed && checkpoint) upTo = checkpoint.position;
    if (passed) checkpoint = undefined;
    return items.length > 0 || passed ? { items, upTo } : undefined;
  };

  let headReported = false;
  return {
    /** What is there now, or else the next that comes; undefined when stopping. A first portion may be empty: the head was there already. */
    async next(): Promise<Portion | undefined> {
      for (;;) {
        if (stop.aborted) return undefined;
        if (failure) throw failure;
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const portion = take();
        if (portion) return portion;
        if (!headReported && this.drained()) {
          headReported = true;
          return { items: [], upTo: 0n };
        }
        await woken;
      }
    },
    /** The server had nothing more when it last spoke. */
    drained: () => caughtUpBehind !== undefined && taken >= caughtUpBehind && source.readableLength === 0,
    close() {
      clearTimeout(unconfirmed);
      stop.removeEventListener('abort', onStop);
      source.unsubscribe().catch(() => undefined);
      source.destroy();
    },
  };
}
