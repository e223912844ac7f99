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

/** The events of a stream up to and including a revision. */
export interface RemovedEvents {
  streamNumber: number;
  last: number;
}

/**
 * Where the events of a stream lie, and what is known of each stream: an LMDB environment made from the log, which it
 * follows at a distance and from which it can be made anew. `indexed` says how far it got. A transaction is durable when it
 * returns. Several threads of one process may have it open; one of them writes.
 */
export class StreamIndex {
  private readonly root: RootDatabase;
  private readonly blocks: Database<Buffer, Buffer>;
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
    this.blocks = this.root.openDB({ name: 'positions', encoding: 'binary', keyEncoding: 'binary' });
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
    const block = this.blockAt(streamNumber, revision);
    return block && positionIn(block, revision);
  }

  /** Positions of a stream's events from `first` to `last` inclusive (`last` below `first` reads backwards), as far as they exist. */
  positionsOf(streamNumber: number, first: number, last: number, limit: number): number[] {
    const reverse = last < first;
    const start = reverse ? first : (this.blockAt(streamNumber, first)?.first ?? first);
    const end = reverse ? (this.blockAt(streamNumber, last)?.first ?? last) : last;
    const range = this.blocks.getRange({
      start: blockKey(streamNumber, start),
      end: blockKey(streamNumber, end),
      inclusiveEnd: true,
      reverse,
    });
    const found: number[] = [];
    let next = first;
    for (const { key, value } of range) {
      const block = blockOf(key, value);
      // Gaps are what a compaction removed.
      next = reverse ? Math.min(next, lastIn(block)) : Math.max(next, block.first);
      for (; found.length < limit && (reverse ? next >= last : next <= last); next += reverse ? -1 : 1) {
        const position = positionIn(block, next);
        if (position === undefined) break;
        found.push(position);
      }
      if (found.length >= limit) break;
    }
    return found;
  }

  /** Every entry, for checks. */
  *places(): Iterable<{ streamNumber: number; revision: number; position: number }> {
    for (const { key, value } of this.blocks.getRange({})) {
      const block = blockOf(key, value);
      for (let revision = block.first; revision <= lastIn(block); revision++)
        yield { streamNumber: block.streamNumber, revision, position: positionIn(block, revision) ?? 0 };
    }
  }

  /** The last block that begins at or before a revision. */
  private blockAt(streamNumber: number, revision: number): Block | undefined {
    const range = this.blocks.getRange({
      start: blockKey(streamNumber, revision),
      end: blockKey(streamNumber, 0),
      inclusiveEnd: true,
      reverse: true,
      limit: 1,
    });
    for (const { key, value } of range) return blockOf(key, value);
    return undefined;
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
    const names = new Map<number, string>();
    const blocks = new BlockBuilder();
    for (const record of records) {
      const { streamNumber, revision } = record;
      const name = names.get(streamNumber) ?? record.streamNameBytes.toString('utf8');
      names.set(streamNumber, name);
      applyRecord(record, name, stateOf);
      streamCount = Math.max(streamCount, streamNumber + 1);
      if (revision !== tombstoneRevision) blocks.add(streamNumber, revision, record.position);
    }
    const named = Array.from(states.values(), (state) => ({ key: streamKey(state.name), value: encodeState(state) }));
    named.sort((a, b) => a.key.compare(b.key));
    this.root.transactionSync(() => {
      for (const { key, value } of blocks.inOrder()) this.blocks.putSync(key, value);
      for (const { key, value } of named) this.streams.putSync(key, value);
      this.meta.putSync('streams', streamCount);
      this.meta.putSync('indexed', last.end);
    });
  }

  /** Overwrites one entry and one state. */
  put(place: { streamNumber: number; revision: number; position: number }, state: StreamState): void {
    const blocks = new BlockBuilder();
    blocks.add(place.streamNumber, place.revision, place.position);
    this.root.transactionSync(() => {
      for (const { key, value } of blocks.inOrder()) this.blocks.putSync(key, value);
      this.streams.putSync(streamKey(state.name), encodeState(state));
    });
  }

  /** Forgets the first events of streams, up to and including a revision. */
  remove(streams: readonly RemovedEvents[]): void {
    this.root.transactionSync(() => {
      for (const { streamNumber, last } of streams) {
        const end = blockKey(streamNumber, last);
        const range = this.blocks.getRange({ start: blockKey(streamNumber, 0), end, inclusiveEnd: true });
        const blocks = Array.from(range, ({ key, value }) => blockOf(key, Buffer.from(value)));
        for (const block of blocks) {
          this.blocks.removeSync(blockKey(streamNumber, block.first));
          const left = block.positions.subarray((last + 1 - block.first) * positionBytes);
          if (left.length > 0) this.blocks.putSync(blockKey(streamNumber, last + 1), left);
        }
      }
    });
  }

  /** Begins anew: the log tells all. */
  clear(): void {
    this.root.transactionSync(() => {
      this.blocks.clearSync();
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

/** Positions of events of one stream that follow each other, the first of them at revision `first`. */
interface Block {
  streamNumber: number;
  first: number;
  positions: Buffer;
}

const blockKeyBytes = 12;
const positionBytes = 8;
/** More would not fit into a page of the tree. */
const mostInBlock = 128;

function blockKey(streamNumber: number, first: number): Buffer {
  const key = Buffer.allocUnsafe(blockKeyBytes);
  key.writeUInt32BE(streamNumber, 0);
  // Doubles that are not negative sort as their bytes do.
  key.writeDoubleBE(first, 4);
  return key;
}

const blockOf = (key: Buffer, positions: Buffer): Block => ({
  streamNumber: key.readUInt32BE(0),
  first: key.readDoubleBE(4),
  positions,
});
const lastIn = ({ first, positions }: Block) => first + positions.length / positionBytes - 1;
const positionIn = (block: Block, revision: number) =>
  revision < block.first || revision > lastIn(block)
    ? undefined
    : block.positions.readDoubleBE((revision - block.first) * positionBytes);

/** Gathers the positions of each stream into blocks. */
class BlockBuilder {
  private readonly streams = new Map<number, { first: number; positions: number[] }[]>();

  add(streamNumber: number, revision: number, position: number): void {
    const blocks = this.streams.get(streamNumber) ?? [];
    const last = blocks.at(-1);
    // A compaction may have left a gap.
    if (last && last.positions.length < mostInBlock && revision === last.first + last.positions.length) {
      last.positions.push(position);
      return;
    }
    blocks.push({ first: revision, positions: [position] });
    this.streams.set(streamNumber, blocks);
  }

  /** In the order of the keys, in which neighbours share a page of the tree. */
  *inOrder(): Iterable<{ key: Buffer; value: Buffer }> {
    for (const [streamNumber, blocks] of [...this.streams].sort(([a], [b]) => a - b)) {
      for (const { first, positions } of blocks) {
        const value = Buffer.allocUnsafe(positions.length * positionBytes);
        positions.forEach((position, index) => value.writeDoubleBE(position, index * positionBytes));
        yield { key: blockKey(streamNumber, first), value };
      }
    }
  }
}

/** LMDB's keys are short: a long name is found by its hash. */
const longestKey = 512;
function streamKey(name: string): Buffer {
  const bytes = Buffer.from(name);
  return bytes.length < longestKey
    ? bytes
    : Buffer.concat([bytes.subarray(0, longestKey - 32), createHash('sha256').update(bytes).digest()]);
}
