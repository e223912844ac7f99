import { pageEvents } from '../limits.js';
import type { EventRecord } from '../storage/record.js';
import type { Storage } from '../storage/storage.js';
import { isSoftDeleted, type StreamState } from '../storage/stream-state.js';
import type { Outlet } from '../transport/outlet.js';
import type { PatternThread } from './pattern-thread.js';
import type { ReadRequest, StartAt } from './read-request.js';
import { invalid, streamDeleted } from './refusal.js';
import { firstStreamPosition, lastStreamPosition, streamNotFound } from './responses.js';
import { ScanPace } from './scan-pace.js';
import { firstVisible, isEnded, presented, type Presentation } from './stream-view.js';

type ReadStream = Extract<ReadRequest, { kind: 'read-stream' }>;
type ReadAll = Extract<ReadRequest, { kind: 'read-all' }>;

export async function readStream(storage: Storage, request: ReadStream, outlet: Outlet): Promise<void> {
  if (isEnded(storage, request.stream)) throw streamDeleted(request.stream);
  const state = storage.stream(request.stream);
  if (!state || state.lastRevision < 0 || isSoftDeleted(state)) {
    outlet.write(streamNotFound(request.stream));
    return;
  }
  if (request.backwards) await backwards(storage, state, request, outlet);
  else await forwards(storage, state, request, outlet);
  if (request.streamPositions) outlet.write(lastStreamPosition(state.lastRevision));
}

async function forwards(storage: Storage, state: StreamState, request: ReadStream, outlet: Outlet): Promise<void> {
  const from = revisionOf(request.from, state);
  const visible = firstVisible(storage, state);
  if (request.streamPositions)
    for (const revision of skippedTo(from, request.count, visible, state.lastRevision))
      outlet.write(firstStreamPosition(revision));
  let next = Math.max(from, visible);
  let left = request.count;
  while (next <= state.lastRevision && left > 0 && !outlet.isClosed) {
    const page = storage.streamPage(state.number, next, state.lastRevision, Math.min(left, pageEvents));
    const last = page.at(-1);
    if (!last) return;
    await send(storage, page, request, outlet);
    // Not by counting: a compaction may have removed what wider limits show again.
    next = last.revision + 1;
    left -= page.length;
  }
}

/**
 * Where EventStoreDB tells a reader that it goes on further up: it reads windows of at most 32 revisions, and each window
 * in which nothing is left to see names the revision after it.
 */
function skippedTo(from: number, count: number, visible: number, last: number): number[] {
  const skipped: number[] = [];
  if (Math.min(from, last) + Math.min(count, 32) <= visible && from <= last) skipped.push(visible);
  if (Math.max(from, visible) > last && skipped.at(-1) !== last + 1) skipped.push(last + 1);
  return skipped;
}

async function backwards(storage: Storage, state: StreamState, request: ReadStream, outlet: Outlet): Promise<void> {
  const visible = firstVisible(storage, state);
  let next = Math.min(revisionOf(request.from, state), state.lastRevision);
  let left = request.count;
  while (next >= visible && left > 0 && !outlet.isClosed) {
    // A page of one revision is the same in both directions.
    const page = storage.streamPage(state.number, next, visible, Math.min(left, pageEvents));
    const last = page.at(-1);
    if (!last) return;
    await send(storage, page, request, outlet);
    next = last.revision - 1;
    left -= page.length;
  }
}

const revisionOf = (from: StartAt, state: StreamState) => (from === 'start' ? 0 : from === 'end' ? state.lastRevision : from);

/** Forwards the position itself is included, backwards it is not. */
export async function readAll(storage: Storage, patterns: PatternThread, request: ReadAll, outlet: Outlet): Promise<void> {
  const { backwards: isBackwards, filter } = request;
  let from = startPosition(storage, request.from);
  if (!isBackwards && request.from === 'end') return;
  const pace = new ScanPace();
  let left = request.count;
  while (left > 0 && !outlet.isClosed) {
    const startedMs = performance.now();
    const page = storage.logPage(from, isBackwards, filter ? pace.events : Math.min(left, pageEvents));
    const last = page.at(-1);
    if (!last) return;
    const selecting = filter ? filter.select(page, patterns, outlet) : page;
    const readMs = performance.now() - startedMs;
    const selected = selecting instanceof Promise ? await selecting : selecting;
    if (filter) pace.took(page.length, selected.length, readMs);
    await send(storage, selected.length > left ? selected.slice(0, left) : selected, request, outlet);
    left -= selected.length;
    from = isBackwards ? last.position : last.position + 1;
  }
}

/** The position a caller names as a number: 0 is the start, one beyond the log is taken, any other must be an event's. */
export function startPosition(storage: Storage, from: StartAt): number {
  if (from === 'start' || from === 0) return 0;
  const last = storage.lastPosition;
  if (from === 'end') return last + 1;
  if (from <= last && !(Number.isSafeInteger(from) && storage.hasEventAt(from)))
    throw invalid(`no event has the position ${from}`);
  return from;
}

async function send(storage: Storage, page: readonly EventRecord[], presentation: Presentation, outlet: Outlet): Promise<void> {
  for (const record of page) {
    if (!outlet.write(presented(storage, record, presentation))) await outlet.ready();
    if (outlet.isClosed) return;
  }
  await outlet.breathe();
}
