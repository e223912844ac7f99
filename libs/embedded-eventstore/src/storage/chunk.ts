import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { readBlockBytes } from '../limits.js';
import { DamagedFile } from './damage.js';
import { EventRecord, recordAlignment, recordHeaderBytes } from './record.js';

/** Version of the log's files; a newer one is refused. */
export const logFormat = 2;
export const chunkHeaderBytes = 64;
const magic = Buffer.from('RCEVLOG\0', 'latin1');
const mapEntryBytes = 12;

/** Where the records of a compacted chunk lie: positions keep their gaps, bytes do not. */
interface RecordMap {
  /** Position of each record, less the chunk's first one. */
  positions: Float64Array;
  offsets: Uint32Array;
}

export interface ChunkHeader {
  /** First position the chunk answers for. */
  start: number;
  /** The position after its last one; 0 while the file's size says it: a chunk that was not compacted. */
  end: number;
  records: number;
  mapOffset: number;
  mapCrc: number;
}

/**
 * Header (little endian): 0 magic (8 bytes) · 8 format u32 · 12 CRC-32 of what follows u32 · 16 start f64 · 24 end f64 ·
 * 32 records of a compacted chunk u32 · 36 CRC-32 of its map u32 · 40 offset of the map f64.
 */
export function encodeChunkHeader(header: ChunkHeader): Buffer {
  const bytes = Buffer.alloc(chunkHeaderBytes);
  magic.copy(bytes);
  bytes.writeUInt32LE(logFormat, 8);
  bytes.writeDoubleLE(header.start, 16);
  bytes.writeDoubleLE(header.end, 24);
  bytes.writeUInt32LE(header.records, 32);
  bytes.writeUInt32LE(header.mapCrc, 36);
  bytes.writeDoubleLE(header.mapOffset, 40);
  bytes.writeUInt32LE(crc32(bytes.subarray(16)), 12);
  return bytes;
}

/** Undefined if the file ends before the header does. */
function decodeChunkHeader(bytes: Buffer, file: string): ChunkHeader | undefined {
  if (bytes.length < chunkHeaderBytes) return undefined;
  if (!bytes.subarray(0, magic.length).equals(magic)) throw new DamagedFile(`${file} does not begin as a chunk of a log`);
  const format = bytes.readUInt32LE(8);
  if (format !== logFormat) throw new Error(`${file} has format ${format}; this version reads format ${logFormat}`);
  if (bytes.readUInt32LE(12) !== crc32(bytes.subarray(16))) throw new DamagedFile(`${file} has a damaged header`);
  return {
    start: bytes.readDoubleLE(16),
    end: bytes.readDoubleLE(24),
    records: bytes.readUInt32LE(32),
    mapCrc: bytes.readUInt32LE(36),
    mapOffset: bytes.readDoubleLE(40),
  };
}

export function encodeMap(records: readonly { position: number; offset: number }[], start: number): Buffer {
  const bytes = Buffer.alloc(records.length * mapEntryBytes);
  for (const [index, { position, offset }] of records.entries()) {
    bytes.writeDoubleLE(position - start, index * mapEntryBytes);
    bytes.writeUInt32LE(offset, index * mapEntryBytes + 8);
  }
  return bytes;
}

/**
 * One file of the log. As written, an event's position is its place in the file: nothing has to be looked up. A compacted
 * chunk has a map instead. Files are opened when they are read and can be closed at any time between two reads.
 */
export class Chunk {
  private descriptor: number | undefined;
  private loadedMap: RecordMap | undefined;
  /** Of a chunk as written: the position after its last durable record. */
  private writtenEnd: number;

  private constructor(
    readonly file: string,
    private readonly header: ChunkHeader,
    private readonly opened: (chunk: Chunk) => void,
  ) {
    this.writtenEnd = header.start;
  }

  /**
   * Undefined if the file holds no whole header, as a crash leaves it when a chunk is begun. `opened` is told when a file
   * descriptor is taken.
   */
  static load(file: string, opened: (chunk: Chunk) => void): Chunk | undefined {
    const descriptor = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(chunkHeaderBytes);
      const read = readSync(descriptor, bytes, 0, chunkHeaderBytes, 0);
      const header = decodeChunkHeader(bytes.subarray(0, read), file);
      if (!header) return undefined;
      const chunk = new Chunk(file, header, opened);
      const { size } = fstatSync(descriptor);
      chunk.writtenEnd = header.start + size - chunkHeaderBytes;
      if (chunk.isCompacted && size !== header.mapOffset + header.records * mapEntryBytes) {
        throw new DamagedFile(`${file} is ${size} bytes long, not as long as its header says`);
      }
      return chunk;
    } finally {
      closeSync(descriptor);
    }
  }

  /** Makes the file, durable but for its name in the directory. */
  static create(file: string, start: number, opened: (chunk: Chunk) => void): Chunk {
    const header = { start, end: 0, records: 0, mapOffset: 0, mapCrc: 0 };
    const descriptor = openSync(file, 'wx', 0o600);
    try {
      writeSync(descriptor, encodeChunkHeader(header), 0, chunkHeaderBytes, 0);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return new Chunk(file, header, opened);
  }

  get start(): number {
    return this.header.start;
  }
  get isCompacted(): boolean {
    return this.header.end > 0;
  }
  get end(): number {
    return this.isCompacted ? this.header.end : this.writtenEnd;
  }
  /** Bytes of the file that hold header and records. */
  get fileBytes(): number {
    return this.isCompacted ? this.header.mapOffset : this.offsetOf(this.end);
  }
  get isOpen(): boolean {
    return this.descriptor !== undefined;
  }

  /** Of a chunk as written: where in the file a position lies or will lie. */
  offsetOf(position: number): number {
    return chunkHeaderBytes + position - this.start;
  }

  /** What was written up to here is durable: readers may see it. Also takes the end back to where a crash left it whole. */
  endAt(position: number): void {
    this.writtenEnd = position;
  }

  /** The record at a position; undefined if there is none. Throws if there is a damaged one. */
  record(position: number): EventRecord | undefined {
    const offset = this.find(position);
    if (offset === undefined) return undefined;
    return this.recordAt(offset, position);
  }

  /** Records at and after a position, in the order of the log, at most `limit` and one block. */
  forwards(from: number, limit: number): EventRecord[] {
    const offset = this.firstAt(from);
    const end = this.fileBytes;
    if (offset >= end) return [];
    return this.block(offset, Math.min(end, offset + blockBytes(limit)), limit);
  }

  /** Records before a position, newest first, at most `limit` and one block. */
  backwards(before: number, limit: number): EventRecord[] {
    const end = before >= this.end ? this.fileBytes : this.firstAt(before);
    if (end <= chunkHeaderBytes) return [];
    let begin = Math.max(chunkHeaderBytes, end - blockBytes(limit));
    let bytes = this.read(begin, end - begin);
    const last = bytes.readUInt32LE(bytes.length - 4);
    if (last > bytes.length) {
      if (last > end - chunkHeaderBytes) throw this.damagedAt(end - 4);
      begin = end - last;
      bytes = this.read(begin, last);
    }
    const page: EventRecord[] = [];
    for (let at = bytes.length; at > 0 && page.length < limit;) {
      const size = bytes.readUInt32LE(at - 4);
      if (size > at) break;
      at -= size;
      const record = size > recordHeaderBytes ? EventRecord.at(bytes, at, bytes.readDoubleLE(at + 8)) : undefined;
      if (record?.bytes.length !== size) throw this.damagedAt(begin + at);
      page.push(record);
    }
    return page;
  }

  /**
   * Records at positions that ascend or descend, until they make `enough` bytes; undefined in place of those that were
   * removed. Neighbours are read at once.
   */
  records(positions: readonly number[], enough: number): (EventRecord | undefined)[] {
    const found: (EventRecord | undefined)[] = [];
    let left = enough;
    let bytes: Buffer = Buffer.alloc(0);
    let begin = 0;
    for (const [index, position] of positions.entries()) {
      if (left <= 0) break;
      const offset = this.find(position);
      let record = offset === undefined || offset < begin ? undefined : EventRecord.at(bytes, offset - begin, position);
      if (offset !== undefined && !record) {
        const next = positions[index + 1];
        if (next !== undefined && Math.abs(next - position) <= nearBytes) {
          begin = next > position ? offset : Math.max(chunkHeaderBytes, offset + usualRecordBytes - neighbourhoodBytes);
          bytes = this.read(begin, Math.min(neighbourhoodBytes, this.fileBytes - begin));
          record = EventRecord.at(bytes, offset - begin, position);
        }
        record ??= this.recordAt(offset, position);
      }
      left -= record?.bytes.length ?? 0;
      found.push(record);
    }
    return found;
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
    this.loadedMap = undefined;
  }

  read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(length);
    const read = readSync(this.open(), bytes, 0, length, offset);
    return read === length ? bytes : bytes.subarray(0, read);
  }

  damagedAt(offset: number): DamagedFile {
    return new DamagedFile(`${this.file} is damaged at byte ${offset}`);
  }

  private open(): number {
    if (this.descriptor === undefined) {
      this.descriptor = openSync(this.file, constants.O_RDONLY);
      this.opened(this);
    }
    return this.descriptor;
  }

  private recordAt(offset: number, position: number): EventRecord {
    let bytes = this.read(offset, Math.min(usualRecordBytes, this.fileBytes - offset));
    const size = EventRecord.sizeAt(bytes, 0, position);
    if (size === undefined || offset + size > this.fileBytes) throw this.damagedAt(offset);
    if (size > bytes.length) bytes = this.read(offset, size);
    const record = EventRecord.at(bytes, 0, position);
    if (!record) throw this.damagedAt(offset);
    return record;
  }

  private block(begin: number, end: number, limit: number): EventRecord[] {
    const bytes = this.read(begin, end - begin);
    const page: EventRecord[] = [];
    for (let at = 0; at < bytes.length && page.length < limit;) {
      if (at + recordHeaderBytes > bytes.length) break;
      const size = bytes.readUInt32LE(at);
      const position = bytes.readDoubleLE(at + 8);
      if (at + size > bytes.length && begin + at + size <= this.fileBytes && size % recordAlignment === 0) {
        // A record larger than the block has one of its own.
        if (page.length === 0) return [this.recordAt(begin + at, position)];
        break;
      }
      const record = EventRecord.at(bytes, at, position);
      if (!record) throw this.damagedAt(begin + at);
      page.push(record);
      at += size;
    }
    if (page.length === 0) throw this.damagedAt(begin);
    return page;
  }

  /** Offset of exactly this position; undefined if it is none or was removed. */
  private find(position: number): number | undefined {
    if (position < this.start || position >= this.end || position % recordAlignment !== 0) return undefined;
    if (!this.isCompacted) return this.offsetOf(position);
    const { positions, offsets } = this.map();
    const index = firstNotBelow(positions, position - this.start);
    return positions[index] === position - this.start ? offsets[index] : undefined;
  }

  /** Offset of the first record at or after a position. */
  private firstAt(position: number): number {
    if (position <= this.start) return chunkHeaderBytes;
    if (position >= this.end) return this.fileBytes;
    if (this.isCompacted) {
      const { positions, offsets } = this.map();
      return offsets[firstNotBelow(positions, position - this.start)] ?? this.fileBytes;
    }
    const within = position % recordAlignment;
    const offset = this.offsetOf(position - within);
    if (EventRecord.sizeAt(this.read(offset, recordHeaderBytes), 0, position - within) === undefined)
      return this.offsetOf(this.nextRecord(position));
    return within === 0 ? offset : offset + this.recordAt(offset, position - within).bytes.length;
  }

  /** Whoever starts beyond the end of the log may find himself in the midst of an event later. */
  private nextRecord(after: number): number {
    for (let block = after - (after % recordAlignment); block < this.end; block += readBlockBytes) {
      const bytes = this.read(this.offsetOf(block), Math.min(readBlockBytes + recordHeaderBytes, this.end - block));
      for (let at = 0; at < Math.min(readBlockBytes, bytes.length); at += recordAlignment)
        if (EventRecord.sizeAt(bytes, at, block + at) !== undefined) return block + at;
    }
    return this.end;
  }

  private map(): RecordMap {
    if (this.loadedMap) return this.loadedMap;
    const { records, mapOffset, mapCrc } = this.header;
    const bytes = this.read(mapOffset, records * mapEntryBytes);
    if (crc32(bytes) !== mapCrc) throw this.damagedAt(mapOffset);
    const positions = new Float64Array(records);
    const offsets = new Uint32Array(records);
    for (let index = 0; index < records; index++) {
      positions[index] = bytes.readDoubleLE(index * mapEntryBytes);
      offsets[index] = bytes.readUInt32LE(index * mapEntryBytes + 8);
    }
    return (this.loadedMap = { positions, offsets });
  }
}

/** Most events fit, so that one read gets them. */
const usualRecordBytes = 4_096;
const expectedRecordBytes = 1_024;
/** Records closer than this are read together. */
const nearBytes = 16 * 1024;
const neighbourhoodBytes = 64 * 1024;

/** A few events do not need a large block. */
function blockBytes(limit: number): number {
  return Math.min(readBlockBytes, Math.max(usualRecordBytes, limit * expectedRecordBytes));
}

function firstNotBelow(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
