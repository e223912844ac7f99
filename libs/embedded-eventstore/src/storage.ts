import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { open, type Database, type RootDatabase } from 'lmdb';
import { isRunning, thisProcess, type DirectoryOwner } from './directory-owner.js';
import { pageBytes } from './limits.js';
import { EventRecord } from './record.js';
import { decodeState, encodeState, type StreamState } from './stream-state.js';

/** Version of the files; a newer one is refused, an older one would be upgraded here. */
export const formatVersion = 1;

/** What one transaction makes durable, all or nothing. */
export interface StorageBatch {
  records: readonly EventRecord[];
  states: Iterable<StreamState>;
  /** Streams ever named; the next one gets this number. */
  streamCount: number;
}

/** Directories this process has open: LMDB would share one environment between two nodes. */
const openHere = new Set<string>();

/**
 * The files of one node: an LMDB environment with the log (`events`: position → record), the index
 * (`index`: [stream number, revision] → position), the stream states (`streams`: name → state) and `meta`.
 * Reads see committed transactions only.
 */
export class Storage {
  private readonly root: RootDatabase;
  private readonly events: Database<Buffer, number>;
  private readonly index: Database<Buffer, [number, number]>;
  private readonly streams: Database<Buffer, Buffer>;
  private readonly meta: Database<unknown, string>;

  private constructor(private readonly directory: string) {
    // Without overlapping sync a commit's promise resolves after LMDB has synced data and then the meta page, in that order;
    // with it (lmdb's default) the promise would mean visible, not durable.
    // Every write is an explicit batch, which is one transaction; batching by event turn besides would leave a promise of
    // lmdb's own unhandled when a commit fails.
    this.root = open({
      path: directory,
      noSubdir: false,
      overlappingSync: false,
      eventTurnBatching: false,
      maxDbs: 8,
      encoding: 'binary',
    });
    this.events = this.root.openDB({ name: 'events', encoding: 'binary' });
    this.index = this.root.openDB({ name: 'index', encoding: 'binary' });
    this.streams = this.root.openDB({ name: 'streams', encoding: 'binary', keyEncoding: 'binary' });
    this.meta = this.root.openDB({ name: 'meta', encoding: 'json' });
  }

  /** Opens or creates the files; throws if another running process uses them or a newer version wrote them. */
  static async open(path: string): Promise<Storage> {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const directory = realpathSync(path);
    if (openHere.has(directory)) throw inUse(directory, process.pid);
    openHere.add(directory);
    let storage: Storage | undefined;
    try {
      storage = new Storage(directory);
      storage.checkFormat();
      storage.claim();
      syncDirectory(directory);
      return storage;
    } catch (error) {
      await storage?.root.close();
      openHere.delete(directory);
      throw error;
    }
  }

  get streamCount(): number {
    return (this.meta.get('streams') as number | undefined) ?? 0;
  }

  /** Position of the newest event; 0 if there is none. */
  get lastPosition(): number {
    for (const position of this.events.getKeys({ reverse: true, limit: 1 })) return position;
    return 0;
  }

  stream(name: string): StreamState | undefined {
    const bytes = this.streams.getBinary(streamKey(name));
    return bytes && decodeState(bytes);
  }

  hasEventAt(position: number): boolean {
    return this.events.doesExist(position);
  }

  record(position: number): EventRecord | undefined {
    const bytes = this.events.getBinary(position);
    return bytes && new EventRecord(bytes);
  }

  positionOf(streamNumber: number, revision: number): number | undefined {
    return this.index.getBinary([streamNumber, revision])?.readDoubleBE(0);
  }

  recordOf(streamNumber: number, revision: number): EventRecord | undefined {
    const position = this.positionOf(streamNumber, revision);
    return position === undefined ? undefined : this.record(position);
  }

  /** Events of a stream from `first` to `last` inclusive (`last` below `first` reads backwards), at most `limit` or a page. */
  streamPage(streamNumber: number, first: number, last: number, limit: number): EventRecord[] {
    const reverse = last < first;
    const entries = this.index.getRange({
      start: [streamNumber, first],
      end: [streamNumber, last],
      inclusiveEnd: true,
      reverse,
      limit,
    });
    const page: EventRecord[] = [];
    let bytes = 0;
    for (const { value } of entries) {
      const record = this.record(value.readDoubleBE(0));
      if (!record) throw new Error(`the index of stream ${streamNumber} names a position without an event`);
      page.push(record);
      bytes += record.bytes.length;
      if (bytes >= pageBytes) break;
    }
    return page;
  }

  /** Events of the log at and after `from` (backwards: before it), at most `limit` or a page. */
  logPage(from: number, backwards: boolean, limit: number): EventRecord[] {
    const range = backwards ? { start: from, exclusiveStart: true, reverse: true, limit } : { start: from, limit };
    const page: EventRecord[] = [];
    let bytes = 0;
    for (const { value } of this.events.getRange(range)) {
      const record = new EventRecord(value);
      page.push(record);
      bytes += value.length;
      if (bytes >= pageBytes) break;
    }
    return page;
  }

  /** Resolves when the batch is on disk; a rejection leaves it unknown whether it is. */
  async write(batch: StorageBatch): Promise<void> {
    try {
      await this.root.batch(() => {
        for (const record of batch.records) {
          const { position } = record;
          const at = Buffer.allocUnsafe(8);
          at.writeDoubleBE(position);
          settleWithBatch(this.events.put(position, record.bytes));
          settleWithBatch(this.index.put([record.streamNumber, record.revision], at));
        }
        for (const state of batch.states) settleWithBatch(this.streams.put(streamKey(state.name), encodeState(state)));
        settleWithBatch(this.meta.put('streams', batch.streamCount));
      });
    } catch (error) {
      throw await causeOf(error);
    }
    this.root.resetReadTxn();
  }

  async close(): Promise<void> {
    try {
      await this.meta.remove('owner');
    } finally {
      // Left behind, the entry of an ended process does not hinder the next start.
      await this.root.close();
      openHere.delete(this.directory);
    }
  }

  private checkFormat(): void {
    const format = this.meta.get('format');
    if (format === undefined) this.meta.putSync('format', formatVersion);
    else if (format !== formatVersion) {
      throw new Error(`${this.directory} has file format ${String(format)}; this version reads format ${formatVersion}`);
    }
  }

  /** One transaction compares and sets, so of two processes that start at once only one gets the directory. */
  private claim(): void {
    const holder = this.root.transactionSync((): DirectoryOwner | undefined => {
      const owner = this.meta.get('owner') as DirectoryOwner | undefined;
      const self = thisProcess();
      // Under this very pid it was an earlier process, or a node of this one that did not stop: `openHere` knows the others.
      if (owner && owner.pid !== self.pid && isRunning(owner)) return owner;
      this.meta.putSync('owner', self);
      return undefined;
    });
    if (holder) throw inUse(this.directory, holder.pid);
  }
}

/** LMDB syncs its files, not the directory that names them; Windows cannot and need not. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(directory, 'r');
  fsyncSync(handle);
  closeSync(handle);
}

/** A part of a batch fails with the batch, whose promise is the one that is looked at. */
function settleWithBatch(part: Promise<boolean>): void {
  part.catch(() => undefined);
}

/** lmdb tells why a commit failed by a second promise, which would end the process if nobody took it. */
async function causeOf(failure: unknown): Promise<unknown> {
  const { commitError } = failure as { commitError?: Promise<never> };
  return commitError ? commitError.catch((cause: unknown) => cause) : failure;
}

const inUse = (directory: string, pid: number) => new Error(`${directory} is in use by process ${pid}`);

/** LMDB's keys are short: a long name is found by its hash. */
const longestKey = 512;
function streamKey(name: string): Buffer {
  const bytes = Buffer.from(name);
  return bytes.length < longestKey
    ? bytes
    : Buffer.concat([bytes.subarray(0, longestKey - 32), createHash('sha256').update(bytes).digest()]);
}
