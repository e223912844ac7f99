import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import { DamagedFile } from './damage.js';
import { makeDirectory } from './directories.js';
import { isRunning, thisProcess, type DirectoryOwner } from './directory-owner.js';
import { checkIndexFile } from './index-file.js';
import { tombstoneRevision, type EventRecord } from './record.js';
import { applyRecord, decodeState, encodeState, newState, type StreamState } from './stream-state.js';

/** Version of the index; another one is refused. */
export const indexFormat = 2;

/** Revisions of a stream, both inclusive. */
export interface RevisionRange {
  streamNumber: number;
  first: number;
  last: number;
}

/**
 * Where the events of a stream lie, and what is known of each stream: an LMDB environment made from the log, which it
 * follows at a distance and from which it can be made anew. `indexed` says how far it got. A transaction is durable when it
 * returns. Several threads of one process may have it open; one of them writes.
 */
export class StreamIndex {
  private readonly root: RootDatabase;
  private readonly positions: Database<Buffer, Buffer>;
  private readonly streams: Database<Buffer, Buffer>;
  private readonly meta: Database<unknown, string>;

  private constructor(private readonly directory: string) {
    // With overlapping sync, lmdb's default, a transaction that returned is visible, not durable. Batching by event turn would
    // leave a promise of lmdb's own unhandled when a commit fails.
    this.root = open({
      path: directory,
      noSubdir: false,
      overlappingSync: false,
      eventTurnBatching: false,
      maxDbs: 4,
      encoding: 'binary',
    });
    this.positions = this.root.openDB({ name: 'positions', encoding: 'binary', keyEncoding: 'binary' });
    this.streams = this.root.openDB({ name: 'streams', encoding: 'binary', keyEncoding: 'binary' });
    this.meta = this.root.openDB({ name: 'meta', encoding: 'json' });
  }

  static async open(directory: string): Promise<StreamIndex> {
    makeDirectory(directory);
    checkIndexFile(join(directory, 'data.mdb'));
    let index: StreamIndex | undefined;
    try {
      index = new StreamIndex(directory);
      index.checkFormat();
      return index;
    } catch (error) {
      await index?.root.close();
      if (!isIndexDamage(error)) throw error;
      throw new DamagedFile(`the index in ${directory} is damaged and can be made anew from the log: ${String(error)}`);
    }
  }

  /** The position up to which the log is indexed; 0: nothing is. */
  get indexed(): number {
    return (this.meta.get('indexed') as number | undefined) ?? 0;
  }

  /** Streams that have or had events; the next one gets this number. */
  get streamCount(): number {
    return (this.meta.get('streams') as number | undefined) ?? 0;
  }

  state(name: string): StreamState | undefined {
    const bytes = this.streams.getBinary(streamKey(name));
    return bytes && decodeState(bytes);
  }

  *states(): Iterable<StreamState> {
    for (const { value } of this.streams.getRange({})) yield decodeState(value);
  }

  positionOf(streamNumber: number, revision: number): number | undefined {
    return this.positions.getBinary(placeKey(streamNumber, revision))?.readDoubleBE(0);
  }

  /** Positions of a stream's events from `first` to `last` inclusive (`last` below `first` reads backwards), as far as they exist. */
  positionsOf(streamNumber: number, first: number, last: number, limit: number): number[] {
    const reverse = last < first;
    const range = this.positions.getRange({
      start: placeKey(streamNumber, first),
      end: placeKey(streamNumber, last),
      inclusiveEnd: true,
      reverse,
      limit,
    });
    return Array.from(range, ({ value }) => value.readDoubleBE(0));
  }

  /** Every entry, for checks. */
  *places(): Iterable<{ streamNumber: number; revision: number; position: number }> {
    for (const { key, value } of this.positions.getRange({})) {
      yield { streamNumber: key.readUInt32BE(0), revision: key.readDoubleBE(4), position: value.readDoubleBE(0) };
    }
  }

  /** Adds records that follow what is indexed. */
  add(records: readonly EventRecord[]): void {
    const last = records.at(-1);
    if (!last) return;
    let streamCount = this.streamCount;
    const states = new Map<string, StreamState>();
    const stateOf = (name: string) => {
      const known = states.get(name) ?? this.state(name) ?? newState(name);
      states.set(name, known);
      return known;
    };
    const places: { key: Buffer; at: Buffer }[] = [];
    for (const record of records) {
      applyRecord(record, record.streamNameBytes.toString('utf8'), stateOf);
      streamCount = Math.max(streamCount, record.streamNumber + 1);
      if (record.revision === tombstoneRevision) continue;
      const at = Buffer.allocUnsafe(8);
      at.writeDoubleBE(record.position);
      places.push({ key: placeKey(record.streamNumber, record.revision), at });
    }
    // In the order of the keys neighbours share a page of the tree.
    places.sort((a, b) => a.key.compare(b.key));
    const named = Array.from(states.values(), (state) => ({ key: streamKey(state.name), value: encodeState(state) }));
    named.sort((a, b) => a.key.compare(b.key));
    this.root.transactionSync(() => {
      for (const { key, at } of places) this.positions.putSync(key, at);
      for (const { key, value } of named) this.streams.putSync(key, value);
      this.meta.putSync('streams', streamCount);
      this.meta.putSync('indexed', last.end);
    });
  }

  /** Overwrites one entry and one state. */
  put(place: { streamNumber: number; revision: number; position: number }, state: StreamState): void {
    const at = Buffer.alloc(8);
    at.writeDoubleBE(place.position);
    this.root.transactionSync(() => {
      this.positions.putSync(placeKey(place.streamNumber, place.revision), at);
      this.streams.putSync(streamKey(state.name), encodeState(state));
    });
  }

  /** Forgets events that are about to be removed from the log. */
  remove(ranges: readonly RevisionRange[]): void {
    this.root.transactionSync(() => {
      for (const { streamNumber, first, last } of ranges)
        for (let revision = first; revision <= last; revision++) this.positions.removeSync(placeKey(streamNumber, revision));
    });
  }

  /** Begins anew: the log tells all. */
  clear(): void {
    this.root.transactionSync(() => {
      this.positions.clearSync();
      this.streams.clearSync();
      this.meta.removeSync('indexed');
      this.meta.removeSync('streams');
    });
  }

  /** Reads see what another thread has committed. */
  refresh(): void {
    this.root.resetReadTxn();
  }

  /** One transaction compares and sets, so of two processes that start at once only one gets the directory. */
  claim(directory: string): void {
    const holder = this.root.transactionSync((): DirectoryOwner | undefined => {
      const owner = this.meta.get('owner') as DirectoryOwner | undefined;
      const self = thisProcess();
      // Under this very pid it was an earlier process, or a node of this one that did not stop: the storage knows the others.
      if (owner && owner.pid !== self.pid && isRunning(owner)) return owner;
      this.meta.putSync('owner', self);
      return undefined;
    });
    if (holder) throw new Error(`${directory} is in use by process ${holder.pid}`);
  }

  /** Left behind, the entry of an ended process does not hinder the next start. */
  release(): void {
    this.meta.removeSync('owner');
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  private checkFormat(): void {
    const format = this.meta.get('format');
    if (format === undefined) this.meta.putSync('format', indexFormat);
    else if (format !== indexFormat) {
      throw new Error(`${this.directory} has file format ${String(format)}; this version reads format ${indexFormat}`);
    }
  }
}

/** What LMDB says when a page is not what it should be. */
export const isIndexDamage = (error: unknown): boolean => /MDB_(?:CORRUPTED|PAGE_NOTFOUND|INVALID|PANIC)/.test(String(error));

const placeKeyBytes = 12;
function placeKey(streamNumber: number, revision: number): Buffer {
  const key = Buffer.allocUnsafe(placeKeyBytes);
  key.writeUInt32BE(streamNumber, 0);
  // Doubles that are not negative sort as their bytes do.
  key.writeDoubleBE(revision, 4);
  return key;
}

/** LMDB's keys are short: a long name is found by its hash. */
const longestKey = 512;
function streamKey(name: string): Buffer {
  const bytes = Buffer.from(name);
  return bytes.length < longestKey
    ? bytes
    : Buffer.concat([bytes.subarray(0, longestKey - 32), createHash('sha256').update(bytes).digest()]);
}
