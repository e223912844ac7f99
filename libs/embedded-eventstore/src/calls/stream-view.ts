import { type EventRecord, readFrame } from '../storage/record.js';
import type { Storage } from '../storage/storage.js';
import { describedBy, isTombstoned, type StreamState } from '../storage/stream-state.js';

/** The first revision of a stream that its metadata lets be seen; beyond the last revision if that is none. */
export function firstVisible(storage: Storage, state: StreamState): number {
  const { truncateBefore, maxCount, maxAgeMs } = state.limits;
  // A metadata stream keeps its newest event only.
  const count = describedBy(state.name) === undefined ? maxCount : 1;
  const first = Math.max(truncateBefore, state.lastRevision + 1 - count, 0);
  return maxAgeMs === Infinity ? first : firstYounger(storage, state, first, Date.now() - maxAgeMs);
}

/** Times never go back within the log, so halving finds the first event that is young enough. */
function firstYounger(storage: Storage, state: StreamState, first: number, thanMs: number): number {
  let low = first;
  let high = state.lastRevision + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const record = storage.recordOf(state.number, middle);
    // What is gone was removed because it was hidden, and all before it.
    if (!record || record.createdMs < thanMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A stream is ended by its own tombstone, a metadata stream also by that of the stream it describes. */
export function isEnded(storage: Storage, stream: string): boolean {
  const described = describedBy(stream);
  return isTombstoned(storage.stream(stream)) || (described !== undefined && isTombstoned(storage.stream(described)));
}

/** How a caller wants to see events. */
export interface Presentation {
  resolveLinks: boolean;
  structuredIds: boolean;
}

export function presented(storage: Storage, record: EventRecord, { resolveLinks, structuredIds }: Presentation): Buffer {
  const target = resolveLinks && record.isLink ? linkTarget(record) : undefined;
  if (!target) return readFrame(record, structuredIds);
  return readFrame(record, structuredIds, { event: visibleEvent(storage, target.stream, target.revision) });
}

/** A link's data is `revision@stream`; data of any other form makes it an event like others. */
function linkTarget(record: EventRecord): { stream: string; revision: number } | undefined {
  const [, revision, stream] = /^(\d{1,19})@(.+)$/s.exec(record.data.toString('utf8')) ?? [];
  return revision === undefined || stream === undefined ? undefined : { stream, revision: Number(revision) };
}

function visibleEvent(storage: Storage, stream: string, revision: number): EventRecord | undefined {
  const state = storage.stream(stream);
  if (!state || isEnded(storage, stream)) return undefined;
  if (revision > state.lastRevision || revision < firstVisible(storage, state)) return undefined;
  return storage.recordOf(state.number, revision);
}
