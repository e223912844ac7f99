import { UnknownEventType, type AnyCatalogue, type Recorded } from '@recourse/eventing';
import { backoffMs, pause } from './backoff.js';
import type { CallBuilder } from './connection.js';
import { messageOf, type Log } from './log.js';
import { openReading } from './reading.js';
import type { ReadResponse } from './read-response.js';
import { isFatal, StoreUnavailable } from './store-error.js';
import { isSystemEvent, recordedEvent, type StoredEvent } from './stored-event.js';

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
/** While a batch is handled, so many messages wait behind it; then the server waits. */
const maxBufferedMessages = 256;
const confirmationTimeoutMs = 10_000;
const resubscribe = { firstMs: 50, maxMs: 10_000 };

/** Reads on for ever: any error that time can heal leads to a new subscription, with bounded exponential backoff between them. */
export function superviseSubscription(
  calls: CallBuilder,
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
    for (const event of items) {
      try {
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
    const feed = openFeed(calls, position, stopping.signal);
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
  readonly items: readonly StoredEvent[];
  readonly upTo: bigint;
}

/** One life of a subscription, pulled: what is not asked for stays with the server, apart from a bounded buffer. */
function openFeed(calls: CallBuilder, after: bigint, stop: AbortSignal) {
  const buffered: ReadResponse[] = [];
  let failure: Error | undefined;
  let isCaughtUp = false;
  let wake: () => void = () => undefined;
  const fail = (error: Error) => {
    failure ??= error;
    wake();
  };
  const unconfirmed = setTimeout(
    () => fail(new StoreUnavailable('the store did not confirm a subscription')),
    confirmationTimeoutMs,
  );
  const reading = openReading(calls, after, {
    onResponse: (response) => {
      clearTimeout(unconfirmed);
      buffered.push(response);
      if (buffered.length >= maxBufferedMessages) reading.pause();
      wake();
    },
    onEnd: fail,
  });
  const onStop = () => wake();
  stop.addEventListener('abort', onStop);

  const take = (): Portion | undefined => {
    const items: StoredEvent[] = [];
    let upTo = 0n;
    let taken = 0;
    for (const response of buffered) {
      if (items.length === maxBatchEvents) break;
      taken += 1;
      if (response.kind === 'caughtUp') isCaughtUp = true;
      else if (response.kind === 'checkpoint') upTo = response.position;
      else if (response.kind === 'event' && response.event) items.push(response.event);
    }
    buffered.splice(0, taken);
    reading.resume();
    return items.length > 0 || upTo > 0n ? { items, upTo } : undefined;
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
    drained: () => isCaughtUp && buffered.length === 0,
    close() {
      clearTimeout(unconfirmed);
      stop.removeEventListener('abort', onStop);
      reading.cancel();
    },
  };
}
