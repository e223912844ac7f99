import { open, rm, type FileHandle } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { firstVisible, isEnded } from '../calls/stream-view.js';
import { chunkBytes } from '../limits.js';
import { chunkHeaderBytes, encodeChunkHeader, encodeMap, type Chunk } from '../storage/chunk.js';
import { tombstoneRevision, type EventRecord } from '../storage/record.js';
import type { Storage } from '../storage/storage.js';
import type { RemovedEvents } from '../storage/stream-index.js';

export interface CompactionProgress {
  chunksDone: number;
  chunks: number;
  eventsRemoved: number;
}

export interface CompactionReport extends CompactionProgress {
  /** Of the log's files that were looked at. */
  bytesBefore: number;
  bytesAfter: number;
  /** False if it was stopped; what was done until then stays. */
  isComplete: boolean;
}

interface Scan {
  chunk: Chunk;
  /** By stream number: revisions below are removed; the newest event of a living stream stays, its number is the next one's. */
  keptFrom: Map<number, number>;
  removed: RemovedEvents[];
  eventsRemoved: number;
  keptBytes: number;
}

/**
 * Removes from the log what no stream shows any more: events before `$tb`, beyond `$maxCount`, older than `$maxAge`, and of
 * deleted streams. The newest event of a stream and every tombstone stay. It goes through the chunks that grow no more,
 * oldest first, a block at a time with room for live traffic in between, and puts a smaller chunk in the place of one or
 * several; positions stay what they are. Aborting the signal stops it between two blocks.
 */
export async function compact(
  storage: Storage,
  signal: AbortSignal,
  progress: (progress: CompactionProgress) => void = () => undefined,
  targetBytes = chunkBytes,
): Promise<CompactionReport> {
  await storage.seal();
  const chunks = storage.files.sealed.filter((chunk) => chunk.end <= storage.indexed);
  const sizeOf = (some: readonly Chunk[]) => some.reduce((bytes, chunk) => bytes + chunk.fileBytes, 0);
  const report = { chunksDone: 0, chunks: chunks.length, eventsRemoved: 0, bytesBefore: sizeOf(chunks), bytesAfter: 0 };
  let group: Scan[] = [];
  try {
    for (const chunk of chunks) {
      const scan = await scanned(storage, chunk, signal);
      if (group.length > 0 && scan.keptBytes + keptBytes(group) > targetBytes) {
        await rewrite(storage, group, signal);
        account(group);
        group = [];
      }
      group.push(scan);
    }
    await rewrite(storage, group, signal);
    account(group);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const isComplete = report.chunksDone === chunks.length;
  const last = chunks.at(-1)?.end ?? 0;
  return { ...report, bytesAfter: sizeOf(storage.files.sealed.filter((chunk) => chunk.end <= last)), isComplete };

  function account(scans: readonly Scan[]): void {
    report.chunksDone += scans.length;
    report.eventsRemoved += scans.reduce((events, scan) => events + scan.eventsRemoved, 0);
    progress({ ...report });
  }
}

const keptBytes = (scans: readonly Scan[]) => scans.reduce((bytes, scan) => bytes + scan.keptBytes, 0);

async function* pagesOf(chunk: Chunk, signal: AbortSignal): AsyncIterable<EventRecord[]> {
  for (let from = chunk.start; ;) {
    signal.throwIfAborted();
    const page = chunk.forwards(from, Infinity);
    const last = page.at(-1);
    if (!last) return;
    yield page;
    from = last.position + 1;
    await turn();
  }
}

/** Decides for each stream of a chunk once, so that the index and the log lose the same events. */
async function scanned(storage: Storage, chunk: Chunk, signal: AbortSignal): Promise<Scan> {
  const scan: Scan = { chunk, keptFrom: new Map(), removed: [], eventsRemoved: 0, keptBytes: 0 };
  const removedTo = new Map<number, number>();
  for await (const page of pagesOf(chunk, signal)) {
    for (const record of page) {
      const { streamNumber, revision } = record;
      if (!scan.keptFrom.has(streamNumber)) scan.keptFrom.set(streamNumber, keptFrom(storage, record));
      if (!isRemoved(scan, record)) {
        scan.keptBytes += record.bytes.length;
        continue;
      }
      scan.eventsRemoved++;
      removedTo.set(streamNumber, revision);
    }
  }
  scan.removed = Array.from(removedTo, ([streamNumber, last]) => ({ streamNumber, last }));
  return scan;
}

function keptFrom(storage: Storage, record: EventRecord): number {
  const name = record.streamNameBytes.toString('utf8');
  const state = storage.stream(name);
  if (!state) throw new Error(`the index has no stream with the number ${record.streamNumber}`);
  if (isEnded(storage, name)) return Infinity;
  return Math.min(firstVisible(storage, state), state.lastRevision);
}

function isRemoved({ keptFrom }: Scan, record: EventRecord): boolean {
  return record.revision !== tombstoneRevision && record.revision < (keptFrom.get(record.streamNumber) ?? 0);
}

/** Puts one chunk in the place of these, if that gains anything. */
async function rewrite(storage: Storage, scans: readonly Scan[], signal: AbortSignal): Promise<void> {
  const [first] = scans;
  const last = scans.at(-1);
  if (!first || !last || (scans.length === 1 && first.eventsRemoved === 0)) return;
  const { start } = first.chunk;
  const file = storage.files.unfinishedFileOf(start);
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await writeCompacted(handle, scans, { start, end: last.chunk.end }, signal);
      await handle.sync();
    } finally {
      await handle.close();
    }
    signal.throwIfAborted();
    // First the index: an entry never names an event that is gone.
    await storage.removeFromIndex(scans.flatMap((scan) => scan.removed));
    storage.files.replace(
      scans.map((scan) => scan.chunk),
      file,
    );
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

async function writeCompacted(
  handle: FileHandle,
  scans: readonly Scan[],
  range: { start: number; end: number },
  signal: AbortSignal,
): Promise<void> {
  const kept: { position: number; offset: number }[] = [];
  let offset = chunkHeaderBytes;
  for (const scan of scans) {
    for await (const page of pagesOf(scan.chunk, signal)) {
      const parts: Buffer[] = [];
      const begin = offset;
      for (const record of page) {
        if (isRemoved(scan, record)) continue;
        kept.push({ position: record.position, offset });
        parts.push(record.bytes);
        offset += record.bytes.length;
      }
      if (parts.length > 0) await writeAt(handle, Buffer.concat(parts), begin);
    }
  }
  const map = encodeMap(kept, range.start);
  await writeAt(handle, map, offset);
  const header = encodeChunkHeader({ ...range, records: kept.length, mapOffset: offset, mapCrc: crc32(map) });
  await writeAt(handle, header, 0);
}

async function writeAt(handle: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }
}
