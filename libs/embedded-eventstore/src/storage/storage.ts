import { existsSync, realpathSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chunkBytes, indexAfterEvents, indexedInlineBytes, maxUnindexedEvents, pageBytes } from '../limits.js';
import { makeDirectory, syncDirectory } from './directories.js';
import { IndexThread } from './index-thread.js';
import { indexLog } from './indexing.js';
import { LogFiles } from './log-files.js';
import { RecentEvents } from './recent-events.js';
import type { EventRecord } from './record.js';
import { StreamIndex, type RemovedEvents } from './stream-index.js';
import type { StreamState } from './stream-state.js';

/** What one commit makes durable, all or nothing. The states are copies that nobody changes any more. */
export interface StorageBatch {
  records: readonly EventRecord[];
  states: readonly StreamState[];
}

export interface StorageOptions {
  chunkBytes?: number;
  /** Makes the index anew from the log; the way out when it is damaged. */
  rebuildIndex?: boolean;
  log?: (line: string) => void;
}

/** Directories this process has open: LMDB would share one environment between two nodes. */
const openHere = new Set<string>();

/**
 * The files of one node: `log/`, which holds the events and is the truth, and `index/`, which is made from it. Events are
 * durable when the log has them; the index follows in a thread of its own, and what it does not have yet is in memory.
 */
export class Storage {
  private readonly recent = new RecentEvents();
  private readonly indexThread: IndexThread;
  private indexing: Promise<void> | undefined;
  private indexFailure: Error | undefined;

  private constructor(
    private readonly directory: string,
    readonly files: LogFiles,
    readonly index: StreamIndex,
    private readonly log: (line: string) => void,
  ) {
    this.indexThread = new IndexThread({ indexDirectory: indexIn(directory), logDirectory: logIn(directory) });
  }

  /**
   * Opens or creates the files. Throws if another running process uses them, another version wrote them, or, as a
   * DamagedFile, if they are not what was written.
   */
  static async open(path: string, options: StorageOptions = {}): Promise<Storage> {
    makeDirectory(resolve(path));
    const directory = realpathSync(path);
    if (openHere.has(directory)) throw new Error(`${directory} is in use by process ${process.pid}`);
    if (existsSync(join(directory, 'data.mdb'))) throw new Error(`${directory} has file format 1; this version reads format 2`);
    openHere.add(directory);
    try {
      return await openFiles(directory, options);
    } catch (error) {
      openHere.delete(directory);
      throw error;
    }

    async function openFiles(directory: string, { rebuildIndex = false, log = () => undefined, ...size }: StorageOptions) {
      const index = await openIndex(indexIn(directory), rebuildIndex);
      let files: LogFiles | undefined;
      try {
        index.claim(directory);
        if (rebuildIndex) index.clear();
        files = LogFiles.open(logIn(directory), { ...size, log, durableTo: index.indexed });
        syncDirectory(directory);
        const storage = new Storage(directory, files, index, log);
        await storage.catchUp();
        return storage;
      } catch (error) {
        files?.close();
        await index.close();
        throw error;
      }
    }
  }

  get streamCount(): number {
    return this.index.streamCount;
  }

  /** Position of the newest event; 0 if there is none. */
  get lastPosition(): number {
    return this.files.lastPosition;
  }

  /** The position of the next event. */
  get end(): number {
    return this.files.end;
  }

  stream(name: string): StreamState | undefined {
    return this.recent.state(name) ?? this.index.state(name);
  }

  hasEventAt(position: number): boolean {
    return this.files.mayHave(position);
  }

  record(position: number): EventRecord | undefined {
    return this.files.record(position);
  }

  recordOf(streamNumber: number, revision: number): EventRecord | undefined {
    const position = this.recent.positionOf(streamNumber, revision) ?? this.index.positionOf(streamNumber, revision);
    return position === undefined ? undefined : this.record(position);
  }

  /**
   * Events of a stream from `first` to `last` inclusive (`last` below `first` reads backwards), at most `limit` or a page.
   * Those that a compaction removed are passed over; none are left when there are no more.
   */
  streamPage(streamNumber: number, first: number, last: number, limit: number): EventRecord[] {
    const records = this.files.records(this.positionsOf(streamNumber, first, last, limit), pageBytes);
    return records.filter((record) => record !== undefined);
  }

  /**
   * Events of the log at and after `from` (backwards: before it), at most `limit` or a page. `from` is 0, an event's
   * position, one more than that, or beyond the end.
   */
  logPage(from: number, backwards: boolean, limit: number): EventRecord[] {
    return this.files.page(from, backwards, limit);
  }

  /** Resolves when the batch is on disk; a rejection leaves it unknown whether it is. */
  async write({ records, states }: StorageBatch): Promise<void> {
    if (this.indexFailure) throw this.indexFailure;
    await this.files.append(records);
    this.recent.add(records, states);
    if (this.recent.taken >= indexAfterEvents) void this.indexRecent();
  }

  /** Undefined while the index keeps up; else settles when it has. */
  room(): Promise<unknown> | undefined {
    return this.recent.count < maxUnindexedEvents ? undefined : this.indexing;
  }

  /** Events that are only in memory beside the log. */
  get unindexedEvents(): number {
    return this.recent.count;
  }

  /** The position up to which the index on disk has the log. */
  get indexed(): number {
    return this.index.indexed;
  }

  /** Seals the newest chunk and brings the index up to it, so that a compaction may touch all that is there now. */
  async seal(): Promise<void> {
    this.files.seal();
    await this.indexAll();
  }

  /** Brings the index up to what is durable now. */
  async indexAll(): Promise<void> {
    const { end } = this.files;
    while (this.index.indexed < end) {
      const indexing = this.indexRecent();
      if (!indexing) break;
      await indexing;
    }
    if (this.indexFailure) throw this.indexFailure;
  }

  /** Forgets events of the index that are about to be removed from the log. */
  async removeFromIndex(streams: readonly RemovedEvents[]): Promise<void> {
    await this.indexThread.perform({ kind: 'remove', streams });
    this.index.refresh();
  }

  async close(): Promise<void> {
    try {
      await this.indexing;
      if (!this.indexFailure) await this.catchUp();
      this.index.release();
    } finally {
      await this.indexThread.stop();
      await this.index.close();
      openHere.delete(this.directory);
      this.files.close();
    }
  }

  private positionsOf(streamNumber: number, first: number, last: number, limit: number): number[] {
    const recentFrom = this.recent.firstRevision(streamNumber) ?? Infinity;
    const positions: number[] = [];
    const takeRecent = (from: number, to: number, step: number) => {
      for (let revision = from; step * revision <= step * to && positions.length < limit; revision += step) {
        const position = this.recent.positionOf(streamNumber, revision);
        if (position !== undefined) positions.push(position);
      }
    };
    if (first <= last) {
      if (first < recentFrom)
        positions.push(...this.index.positionsOf(streamNumber, first, Math.min(last, recentFrom - 1), limit));
      takeRecent(Math.max(first, recentFrom), last, 1);
    } else {
      takeRecent(first, Math.max(last, recentFrom), -1);
      if (last < recentFrom && positions.length < limit) {
        const rest = limit - positions.length;
        positions.push(...this.index.positionsOf(streamNumber, Math.min(first, recentFrom - 1), last, rest));
      }
    }
    return positions;
  }

  /** Indexes what the log has beyond the index: here if it is little, else in the thread. */
  private async catchUp(): Promise<void> {
    const { end } = this.files;
    const missing = end - Math.max(this.index.indexed, this.files.start);
    if (missing <= 0) return;
    if (missing <= indexedInlineBytes) indexLog(logIn(this.directory), this.index, end, () => undefined);
    else {
      // Only a store that was restored, or whose index is made anew, has so much that one would wonder.
      const say = missing > chunkBytes ? this.log : () => undefined;
      say(`indexing ${missing} bytes of the log`);
      await this.indexThread.perform({ kind: 'index', to: end }, (indexed) => say(`indexed up to ${indexed} of ${end}`));
    }
    this.index.refresh();
    this.recent.drop();
  }

  private indexRecent(): Promise<void> | undefined {
    if (this.indexing || this.indexFailure) return this.indexing;
    const to = this.recent.leave();
    if (to === undefined) return undefined;
    this.indexing = this.indexThread.perform({ kind: 'index', to }).then(
      () => {
        this.indexing = undefined;
        this.index.refresh();
        this.recent.drop();
        if (this.recent.taken >= indexAfterEvents) void this.indexRecent();
      },
      (error: unknown) => {
        this.indexing = undefined;
        this.indexFailure = error instanceof Error ? error : new Error(String(error));
        this.log(`the index could not be written: ${this.indexFailure.message}`);
      },
    );
    return this.indexing;
  }
}

/** An index that cannot even be opened is begun anew where that is asked for: nobody else can be using it. */
async function openIndex(directory: string, rebuild: boolean): Promise<StreamIndex> {
  try {
    return await StreamIndex.open(directory);
  } catch (error) {
    if (!rebuild) throw error;
    rmSync(directory, { recursive: true, force: true });
    return StreamIndex.open(directory);
  }
}

const logIn = (directory: string) => join(directory, 'log');
const indexIn = (directory: string) => join(directory, 'index');
