import type { CommitSignal } from './commit-signal.js';
import { pageEvents } from './limits.js';
import type { Outlet } from './outlet.js';
import type { ReadRequest } from './read-request.js';
import { startPosition } from './reads.js';
import { streamDeleted } from './refusal.js';
import { caughtUp, checkpointReached, subscriptionConfirmed } from './responses.js';
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
  outlet.write(subscriptionConfirmed());
  let next = firstToSend(storage, stream, after);
  let isLive = false;
  while (!outlet.isClosed) {
    const state = storage.stream(stream);
    if (state && next <= state.lastRevision) {
      const page = storage.streamPage(state.number, next, state.lastRevision, pageEvents);
      for (const record of page) if (!outlet.write(presented(storage, record, request))) await outlet.ready();
      next += page.length;
      await outlet.breathe();
    } else if (state && isTombstoned(state)) {
      const tombstone = storage.record(state.tombstonePosition);
      if (tombstone) outlet.write(presented(storage, tombstone, request));
      throw streamDeleted(stream);
    } else if (!isLive) {
      isLive = true;
      if (!outlet.write(caughtUp)) await outlet.ready();
    } else await outlet.sleep((wake) => signal.wait(stream, wake));
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

export async function subscribeToAll(storage: Storage, signal: CommitSignal, request: ToAll, outlet: Outlet): Promise<void> {
  const { filter } = request;
  let after = startPosition(storage, request.after);
  outlet.write(subscriptionConfirmed());
  let isLive = false;
  let unreported = 0;
  while (!outlet.isClosed) {
    const page = storage.logPage(after + 1, false, pageEvents);
    if (page.length > 0) {
      const selected = new Set(filter ? filter.filter.select(page) : page);
      for (const record of page) {
        if (selected.has(record) && !outlet.write(presented(storage, record, request))) await outlet.ready();
        if (filter && ++unreported >= filter.checkpointEvents) {
          unreported = 0;
          if (!outlet.write(checkpointReached(record.position))) await outlet.ready();
        }
        if (outlet.isClosed) return;
        after = record.position;
      }
      await outlet.breathe();
    } else if (!isLive) {
      isLive = true;
      // The end of history is a checkpoint too: a filter that matched nothing need not look at it again.
      if (filter && unreported > 0) outlet.write(checkpointReached(after));
      unreported = 0;
      if (!outlet.write(caughtUp)) await outlet.ready();
    } else await outlet.sleep((wake) => signal.wait(undefined, wake));
  }
}
