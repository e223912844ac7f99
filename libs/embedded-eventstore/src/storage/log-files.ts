import { readdirSync, renameSync, truncateSync, unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { chunkBytes, openChunkFiles, readBlockBytes } from '../limits.js';
import { ChunkWriter } from './chunk-writer.js';
import { Chunk } from './chunk.js';
import { DamagedFile } from './damage.js';
import { makeDirectory, syncDirectory, syncFile } from './directories.js';
import { EventRecord, recordAlignment, recordHeaderBytes } from './record.js';

/** The first event's position; 0 stands for the start of the log. */
export const firstPosition = recordAlignment;

export const chunkFileName = /^(\d{16})\.chunk$/;
export const chunkFile = (start: number) => `${String(start).padStart(16, '0')}.chunk`;
/** A chunk that compaction or a backup has not finished. */
export const unfinishedSuffix = '.unfinished';

export interface LogFilesOptions {
  /** A chunk that has reached this size is followed by a new one. */
  chunkBytes?: number;
  /** Only events of this part are read, nothing is changed; another LogFiles may write behind it. */
  readOnly?: { from: number; to: number };
  /** Gets one line for what recovery does. */
  log?: (line: string) => void;
  /** The log is known to have been durable up to here; damage before it is never taken for an unfinished write. */
  durableTo?: number;
}

/**
 * The log: chunks in the order of their positions, of which the last one grows. A position is the place of the event's
 * bytes in the log as it was written, so it needs no table and outlives restart, backup and compaction.
 */
export class LogFiles {
  private readonly chunks: Chunk[] = [];
  /** Chunks with an open file, the one used longest ago first. */
  private readonly open = new Set<Chunk>();
  private writer: { chunk: Chunk; file: ChunkWriter } | undefined;
  private newest = 0;
  private isWriting = false;
  private sealAfterWrite = false;

  private constructor(
    private readonly directory: string,
    private readonly options: LogFilesOptions,
  ) {}

  /** Opens or creates the log and cuts an append that a crash left in half. Throws DamagedFile for anything else that is amiss. */
  static open(directory: string, options: LogFilesOptions = {}): LogFiles {
    const log = new LogFiles(directory, options);
    if (!options.readOnly) makeDirectory(directory);
    try {
      log.load();
      return log;
    } catch (error) {
      log.close();
      throw error;
    }
  }

  get start(): number {
    return this.chunks[0]?.start ?? firstPosition;
  }

  /** The position after the last durable event: that of the next one. */
  get end(): number {
    return this.chunks.at(-1)?.end ?? firstPosition;
  }

  /** Position of the newest event; 0 if there is none. */
  get lastPosition(): number {
    return this.newest;
  }

  /** Chunks that grow no more. */
  get sealed(): readonly Chunk[] {
    return this.chunks.slice(0, -1);
  }

  get all(): readonly Chunk[] {
    return this.chunks;
  }

  record(position: number): EventRecord | undefined {
    return this.chunkOf(position)?.record(position);
  }

  /** True also for a position whose event a compaction may have removed. */
  mayHave(position: number): boolean {
    if (!Number.isSafeInteger(position) || position % recordAlignment !== 0) return false;
    const chunk = this.chunkOf(position);
    if (!chunk || position >= chunk.end) return false;
    if (chunk.isCompacted) return true;
    return EventRecord.sizeAt(chunk.read(chunk.offsetOf(position), recordHeaderBytes), 0, position) !== undefined;
  }

  /** Records at positions that ascend or descend, until they make `enough` bytes; undefined in place of those that are gone. */
  records(positions: readonly number[], enough: number): (EventRecord | undefined)[] {
    const found: (EventRecord | undefined)[] = [];
    let left = enough;
    for (let index = 0; index < positions.length && left > 0;) {
      const chunk = this.chunkOf(positions[index] ?? 0);
      let next = index + 1;
      while (next < positions.length && this.chunkOf(positions[next] ?? 0) === chunk) next++;
      const part = positions.slice(index, next);
      const records = chunk?.records(part, left) ?? part.map(() => undefined);
      for (const record of records) left -= record?.bytes.length ?? 0;
      found.push(...records);
      index = next;
    }
    return found;
  }

  /**
   * Events at and after `from` (backwards: before it), at most `limit` and what one read of a file gives; none only at the
   * end. Quickest where `from` is an event's position or one more than that.
   */
  page(from: number, backwards: boolean, limit: number): EventRecord[] {
    return backwards ? this.before(from, limit) : this.from(from, limit);
  }

  private from(from: number, limit: number): EventRecord[] {
    for (let index = Math.max(0, this.indexOf(from)); index < this.chunks.length; index++) {
      const page = this.chunks[index]?.forwards(from, limit) ?? [];
      if (page.length > 0) return page;
    }
    return [];
  }

  private before(before: number, limit: number): EventRecord[] {
    for (let index = this.indexOf(before); index >= 0; index--) {
      const page = this.chunks[index]?.backwards(before, limit) ?? [];
      if (page.length > 0) return page;
    }
    return [];
  }

  /**
   * Writes sealed records that continue the log; resolves when they are durable and readable. One write at a time. A
   * rejection leaves it unknown what is on disk, and nothing more may be written.
   */
  async append(records: readonly EventRecord[]): Promise<void> {
    const last = records.at(-1);
    if (!last) return;
    const { chunk, file } = this.place();
    const bytes = records.length === 1 ? last.bytes : Buffer.concat(records.map((record) => record.bytes));
    this.isWriting = true;
    const writing = file.write(bytes);
    if (writing) await writing;
    this.isWriting = false;
    chunk.endAt(last.end);
    this.newest = last.position;
    if (this.sealAfterWrite) this.begin(last.end);
  }

  /**
   * Puts a finished compacted chunk, which lies beside the log as an unfinished one, in place of those whose positions it
   * covers. After a crash at any moment the log has either these or that.
   */
  replace(old: readonly Chunk[], unfinished: string): void {
    const file = unfinished.slice(0, -unfinishedSuffix.length);
    const at = this.chunks.findIndex((chunk) => chunk.file === file);
    for (const chunk of old) this.closeChunk(chunk);
    renameSync(unfinished, file);
    syncDirectory(this.directory);
    const merged = Chunk.load(file, this.opened);
    if (!merged) throw new DamagedFile(`${file} has no header`);
    this.chunks.splice(at, old.length, merged);
    // Their positions are covered by the first one now; a crash before this is tidied up by the next start.
    for (const chunk of old) if (chunk.file !== file) unlinkSync(chunk.file);
    syncDirectory(this.directory);
  }

  /** Makes what is written so far a sealed chunk, at once or when the write under way is done. */
  seal(): void {
    const last = this.chunks.at(-1);
    if (!last || last.end === last.start) return;
    if (this.isWriting) this.sealAfterWrite = true;
    else this.begin(last.end);
  }

  fileOf(start: number): string {
    return join(this.directory, chunkFile(start));
  }

  /** For files that are to lie beside the chunks until `replace` takes them. */
  unfinishedFileOf(start: number): string {
    return this.fileOf(start) + unfinishedSuffix;
  }

  close(): void {
    this.writer?.file.close();
    this.writer = undefined;
    for (const chunk of this.chunks) chunk.close();
    this.open.clear();
  }

  private load(): void {
    const { readOnly, durableTo = 0 } = this.options;
    const names = readdirSync(this.directory).toSorted();
    const chunkNames = names.filter((name) => chunkFileName.test(name));
    if (readOnly) return this.loadPart(chunkNames, readOnly);
    for (const name of names) if (name.endsWith(unfinishedSuffix)) unlinkSync(join(this.directory, name));
    for (const name of chunkNames) {
      const chunk = Chunk.load(join(this.directory, name), this.opened);
      if (chunk) this.add(chunk);
      // A crash can leave only the newest chunk without a header: nothing was in it yet.
      else if (name === chunkNames.at(-1) && this.end >= durableTo) unlinkSync(join(this.directory, name));
      else throw new DamagedFile(`${join(this.directory, name)} is cut off within its header`);
    }
    const last = this.chunks.at(-1);
    if (last && !last.isCompacted) this.recover(last);
    if (this.end < durableTo) throw new DamagedFile(`the log in ${this.directory} ends at ${this.end}, before ${durableTo}`);
    this.newest = this.before(this.end, 1)[0]?.position ?? 0;
  }

  private loadPart(names: readonly string[], { from, to }: { from: number; to: number }): void {
    const starts = names.map((name) => Number(chunkFileName.exec(name)?.[1]));
    for (const [index, start] of starts.entries()) {
      if (start >= to || (starts[index + 1] ?? Infinity) <= from) continue;
      const chunk = Chunk.load(this.fileOf(start), this.opened);
      if (chunk) this.chunks.push(chunk);
    }
    const last = this.chunks.at(-1);
    if (last && last.end > to && !last.isCompacted) last.endAt(to);
  }

  private add(chunk: Chunk): void {
    const previous = this.chunks.at(-1);
    if (basename(chunk.file) !== chunkFile(chunk.start)) throw new DamagedFile(`${chunk.file} holds another chunk`);
    const expected = previous?.end ?? firstPosition;
    if (previous?.isCompacted && chunk.end <= expected && chunk.end > chunk.start) {
      // Left over: the chunk before it was made from this one too.
      unlinkSync(chunk.file);
      return;
    }
    if (chunk.start !== expected) {
      throw new DamagedFile(`${chunk.file} begins at ${chunk.start}, but the log before it ends at ${expected}`);
    }
    this.chunks.push(chunk);
  }

  /** Checks the chunk that was written last and cuts what a crash left of appends nobody was answered for. */
  private recover(chunk: Chunk): void {
    const { end, broken } = wholeAppends(chunk);
    if (end === chunk.end) return;
    const isFilledAhead = broken === end && hasOnlyZeros(chunk, end);
    if (end < (this.options.durableTo ?? 0)) {
      const at = chunk.offsetOf(broken ?? chunk.end);
      throw new DamagedFile(`${chunk.file} is damaged at byte ${at}: it was known to be on disk beyond that`);
    }
    if (broken !== undefined && !isFilledAhead) {
      const later = laterGroup(chunk, broken);
      if (later !== undefined) {
        throw new DamagedFile(
          `${chunk.file} is damaged at byte ${chunk.offsetOf(broken)}: what was written after it says it was on disk`,
        );
      }
    }
    const cut = chunk.end - end;
    chunk.endAt(end);
    chunk.close();
    truncateSync(chunk.file, chunk.offsetOf(end));
    syncFile(chunk.file);
    if (!isFilledAhead) this.options.log?.(`${cut} bytes of unfinished appends were cut off the end of the log`);
  }

  private place(): { chunk: Chunk; file: ChunkWriter } {
    const last = this.chunks.at(-1);
    const limit = this.options.chunkBytes ?? chunkBytes;
    if (!last || last.isCompacted || last.fileBytes >= limit) return this.begin(this.end);
    return (this.writer ??= { chunk: last, file: new ChunkWriter(last.file, last.offsetOf(last.end)) });
  }

  private begin(start: number): { chunk: Chunk; file: ChunkWriter } {
    this.writer?.file.close();
    this.writer = undefined;
    this.sealAfterWrite = false;
    const file = this.fileOf(start);
    const chunk = Chunk.create(file, start, this.opened);
    syncDirectory(this.directory);
    this.chunks.push(chunk);
    return (this.writer = { chunk, file: new ChunkWriter(file, chunk.offsetOf(start)) });
  }

  private readonly opened = (chunk: Chunk): void => {
    this.open.add(chunk);
    for (const oldest of this.open) {
      if (this.open.size <= openChunkFiles) return;
      if (oldest !== chunk) this.closeChunk(oldest);
    }
  };

  private closeChunk(chunk: Chunk): void {
    chunk.close();
    this.open.delete(chunk);
  }

  private chunkOf(position: number): Chunk | undefined {
    return this.chunks[this.indexOf(position)];
  }

  /** Index of the last chunk that begins at or before a position; −1 before the first. */
  private indexOf(position: number): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.chunks[middle]?.start ?? Infinity) <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Where the last whole append ends, and where the first record that is none lies. */
function wholeAppends(chunk: Chunk): { end: number; broken: number | undefined } {
  let end = chunk.start;
  let from = chunk.start;
  for (let next = chunk.start; next < chunk.end;) {
    const records = intactPage(chunk, from, next);
    const last = records.at(-1);
    if (!last) return { end, broken: next };
    for (const record of records) if (record.isLastOfAppend) end = record.end;
    from = last.position + 1;
    next = last.end;
  }
  return { end, broken: undefined };
}

/** The records from the one at `next` on, which follows the one at `from`; near a broken one by one, and none where it lies. */
function intactPage(chunk: Chunk, from: number, next: number): EventRecord[] {
  try {
    return chunk.forwards(from, Infinity);
  } catch (error) {
    if (!(error instanceof DamagedFile)) throw error;
    const record = intactRecord(chunk, next);
    return record ? [record] : [];
  }
}

function intactRecord(chunk: Chunk, position: number): EventRecord | undefined {
  try {
    return chunk.record(position);
  } catch (error) {
    if (error instanceof DamagedFile) return undefined;
    throw error;
  }
}

function hasOnlyZeros(chunk: Chunk, from: number): boolean {
  for (let block = from; block < chunk.end; block += readBlockBytes) {
    const bytes = chunk.read(chunk.offsetOf(block), Math.min(readBlockBytes, chunk.end - block));
    if (!bytes.equals(Buffer.alloc(bytes.length))) return false;
  }
  return true;
}

/** A record behind a broken one that was written when the broken one was durable already. */
function laterGroup(chunk: Chunk, broken: number): number | undefined {
  for (let block = broken + recordAlignment; block < chunk.end; block += readBlockBytes) {
    const bytes = chunk.read(chunk.offsetOf(block), Math.min(readBlockBytes + recordHeaderBytes, chunk.end - block));
    for (let at = 0; at < readBlockBytes && at < bytes.length; at += recordAlignment) {
      if (EventRecord.sizeAt(bytes, at, block + at) === undefined) continue;
      const record = intactRecord(chunk, block + at);
      if (record && record.groupPosition > broken) return block + at;
    }
  }
  return undefined;
}
