import { pageEvents } from '../limits.js';
import type { EventRecord } from '../storage/record.js';
import type { Storage } from '../storage/storage.js';
import { isTombstoned } from '../storage/stream-state.js';
import type { Outlet } from '../transport/outlet.js';
import type { CommitSignal, FreshEvents } from '../writing/commit-signal.js';
import { Delivery } from './delivery.js';
import type { PatternThread } from './pattern-thread.js';
import type { ReadRequest } from './read-request.js';
import { startPosition } from './reads.js';
import { streamDeleted } from './refusal.js';
import { checkpointReached, subscriptionConfirmed } from './responses.js';
import { ScanPace } from './scan-pace.js';
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
      const last = page.at(-1)?.revision ?? state.lastRevision;
      if (delivery.isLate && last < state.lastRevision) await delivery.fallBehind();
      for (const record of page) {
        const full = delivery.write(presented(storage, record, request));
        if (full) await full;
        if (outlet.isClosed) return;
      }
      next = last + 1;
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
  await new AllSubscription(storage, signal, patterns, request, outlet).run();
}

class AllSubscription {
  private readonly delivery: Delivery;
  private readonly pace = new ScanPace();
  /** The cursor: everything up to here was looked at, and sent if it was selected. */
  private after: number;
  /** What the commit that ended the last sleep brought along. */
  private fresh: FreshEvents | undefined;
  /** Events looked at since the last checkpoint. */
  private unreported = 0;

  constructor(
    private readonly storage: Storage,
    private readonly signal: CommitSignal,
    private readonly patterns: PatternThread,
    private readonly request: ToAll,
    private readonly outlet: Outlet,
  ) {
    this.delivery = new Delivery(outlet);
    this.after = startPosition(storage, request.after);
  }

  async run(): Promise<void> {
    const { delivery, outlet, signal } = this;
    outlet.write(subscriptionConfirmed());
    while (!outlet.isClosed) {
      if (this.fresh) await this.sendHandedOver(this.fresh);
      // What is durable but not announced yet will end the sleep.
      else if (!signal.hasNothingAfter(this.after) && (await this.sendPage())) await outlet.breathe();
      else if (!delivery.isLive) await this.goLive();
      else {
        delivery.restart();
        await outlet.sleep((wake) =>
          signal.wait(undefined, (fresh) => {
            this.fresh = fresh;
            wake();
          }),
        );
      }
    }
  }

  /** The events of a commit go to whoever has seen all before it; one that began at the end may have seen even more. */
  private async sendHandedOver({ after, records }: FreshEvents): Promise<void> {
    this.fresh = undefined;
    if (after > this.after) return;
    await this.send(after === this.after ? records : records.filter(({ position }) => position > this.after), performance.now());
  }

  /** False if the log has no more. */
  private async sendPage(): Promise<boolean> {
    const startedMs = performance.now();
    const page = this.storage.logPage(this.after + 1, false, this.pace.events);
    await this.send(page, startedMs);
    return page.length > 0;
  }

  private async send(page: readonly EventRecord[], startedMs: number): Promise<void> {
    const { delivery, outlet, request, storage } = this;
    const last = page.at(-1);
    if (!last) return;
    const selecting = request.filter ? request.filter.filter.select(page, this.patterns, outlet) : page;
    const tookMs = performance.now() - startedMs;
    const selected = selecting instanceof Promise ? await selecting : selecting;
    this.pace.took(page.length, selected.length, tookMs);
    if (delivery.isLate && last.position < storage.lastPosition) await delivery.fallBehind();
    let next = 0;
    for (const record of page) {
      if (record === selected[next]) {
        next++;
        const full = delivery.write(presented(storage, record, request));
        if (full) await full;
        if (outlet.isClosed) return;
      }
      const full = this.report(record);
      if (full) await full;
    }
    this.after = last.position;
  }

  /** A filtered subscriber is told where it is after so many events, whether they were selected or not. */
  private report(record: EventRecord): Promise<void> | undefined {
    const { filter } = this.request;
    if (!filter || ++this.unreported < filter.checkpointEvents) return undefined;
    this.unreported = 0;
    return this.delivery.write(checkpointReached(record.position));
  }

  private async goLive(): Promise<void> {
    // The end of history is a checkpoint too: a filter that matched nothing need not look at it again.
    if (this.request.filter && this.unreported > 0) this.outlet.write(checkpointReached(this.after));
    this.unreported = 0;
    await this.delivery.goLive();
  }
}
