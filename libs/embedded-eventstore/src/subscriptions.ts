import type { CommitSignal, FreshEvents } from './commit-signal.js';
import { pageEvents, slowClientMs } from './limits.js';
import type { Outlet } from './outlet.js';
import type { PatternThread } from './pattern-thread.js';
import type { ReadRequest } from './read-request.js';
import { startPosition } from './reads.js';
import type { EventRecord } from './record.js';
import { streamDeleted } from './refusal.js';
import { caughtUp, checkpointReached, subscriptionConfirmed } from './responses.js';
import { ScanPace } from './scan-pace.js';
import type { Storage } from './storage.js';
import { isTombstoned } from './stream-state.js';
import { firstVisible, isEnded, presented } from './stream-view.js';

/**
 * Catch-up subscriptions. History and live events come from the same place, the committed log, page by page behind a
 * cursor: nothing is queued for a subscriber, so a slow one costs no memory and misses nothing.
 * Between finding nothing new and going to sleep there is no await, so no commit is slept through.
 */
type ToStream = Extract<ReadRequest, { kind: 'subscribe-to-stream' }>;
type ToAll = Extract<ReadRequest, { kind: 'subscribe-to-all' }>;

export async function subscribeToStream(
  storage: Storage,
  signal: CommitSignal,
  request: ToStream,
  outlet: Outlet,
): Promise<void> {
  const { stream, after } = request;
  if (isEnded(storage, stream)) throw streamDeleted(stream);
  const delivery = new Delivery(outlet);
  outlet.write(subscriptionConfirmed());
  let next = firstToSend(storage, stream, after);
  while (!outlet.isClosed) {
    const state = storage.stream(stream);
    if (state && next <= state.lastRevision) {
      const page = storage.streamPage(state.number, next, state.lastRevision, pageEvents);
      if (delivery.isLate && next + page.length <= state.lastRevision) await delivery.fallBehind();
      for (const record of page) {
        const full = delivery.write(presented(storage, record, request));
        if (full) await full;
        if (outlet.isClosed) return;
      }
      next += page.length;
      await outlet.breathe();
    } else if (state && isTombstoned(state)) {
      const tombstone = storage.record(state.tombstonePosition);
      if (tombstone) outlet.write(presented(storage, tombstone, request));
      throw streamDeleted(stream);
    } else if (!delivery.isLive) await delivery.goLive();
    else {
      delivery.restart();
      await outlet.sleep((wake) => signal.wait(stream, () => wake()));
    }
  }
}

/** History begins at the first visible event; what is appended later is sent even if metadata hides it by then. */
function firstToSend(storage: Storage, stream: string, after: ToStream['after']): number {
  const state = storage.stream(stream);
  const last = state?.lastRevision ?? -1;
  if (after === 'end') return last + 1;
  const first = after === 'start' ? 0 : after + 1;
  return state ? Math.max(first, Math.min(firstVisible(storage, state), last + 1)) : first;
}

export async function subscribeToAll(
  storage: Storage,
  signal: CommitSignal,
  patterns: PatternThread,
  request: ToAll,
  outlet: Outlet,
): Promise<void> {
  const { filter } = request;
  const delivery = new Delivery(outlet);
  const pace = new ScanPace();
  let after = startPosition(storage, request.after);
  outlet.write(subscriptionConfirmed());
  let fresh: FreshEvents | undefined;
  let unreported = 0;
  while (!outlet.isClosed) {
    const startedMs = performance.now();
    const page = freshPage(fresh, after) ?? (signal.hasNothingAfter(after) ? [] : storage.logPage(after + 1, false, pace.events));
    fresh = undefined;
    const last = page.at(-1);
    if (last) {
      const selecting = filter ? filter.filter.select(page, patterns, outlet) : page;
      const readMs = performance.now() - startedMs;
      const selected = selecting instanceof Promise ? await selecting : selecting;
      if (filter) pace.took(page.length, selected.length, readMs);
      if (delivery.isLate && last.position < storage.lastPosition) await delivery.fallBehind();
      let next = 0;
      for (const record of page) {
        if (record === selected[next]) {
          next++;
          const full = delivery.write(presented(storage, record, request));
          if (full) await full;
          if (outlet.isClosed) return;
        }
        if (filter && ++unreported >= filter.checkpointEvents) {
          unreported = 0;
          const full = delivery.write(checkpointReached(record.position));
          if (full) await full;
        }
      }
      after = last.position;
      await outlet.breathe();
    } else if (!delivery.isLive) {
      // The end of history is a checkpoint too: a filter that matched nothing need not look at it again.
      if (filter && unreported > 0) outlet.write(checkpointReached(after));
      unreported = 0;
      await delivery.goLive();
    } else {
      delivery.restart();
      await outlet.sleep((wake) =>
        signal.wait(undefined, (committed) => {
          fresh = committed;
          wake();
        }),
      );
    }
  }
}

/** What a commit brought beyond the cursor, if the cursor had reached all that was before it. */
function freshPage(fresh: FreshEvents | undefined, after: number): readonly EventRecord[] | undefined {
  if (!fresh || fresh.after > after) return undefined;
  return fresh.after === after ? fresh.records : fresh.records.filter(({ position }) => position > after);
}

/** `ReadResp { fell_behind {} }` */
const fellBehind = Buffer.from([0x4a, 0x00]);

/**
 * Writes to one subscriber, and knows how long its client has let it wait since it last had everything. EventStoreDB calls
 * a live subscription behind when its buffer of live events overflows; here there is no buffer, so it is a client that has
 * kept the subscription waiting, with more than a page unsent. It then gets history again and catches up anew.
 */
class Delivery {
  isLive = false;
  private waitedMs = 0;

  constructor(private readonly outlet: Outlet) {}

  /** Undefined, or what to await before the next one. */
  write(message: Buffer): Promise<void> | undefined {
    return this.outlet.write(message) ? undefined : this.waitForClient();
  }

  get isLate(): boolean {
    return this.isLive && this.waitedMs >= slowClientMs;
  }

  async fallBehind(): Promise<void> {
    this.isLive = false;
    await this.write(fellBehind);
  }

  async goLive(): Promise<void> {
    this.isLive = true;
    await this.write(caughtUp);
    this.restart();
  }

  /** The client has everything. */
  restart(): void {
    this.waitedMs = 0;
  }

  private async waitForClient(): Promise<void> {
    const startedMs = performance.now();
    await this.outlet.ready();
    this.waitedMs += performance.now() - startedMs;
  }
}
