import { crc32 } from 'node:zlib';
import { fieldSize, int64Max, lengthDelimited, varintSize, writeVarint } from '../wire.js';

/** The revision of the event that ends a tombstoned stream: int64's largest value on the wire. */
export const tombstoneRevision = int64Max;
export const linkType = '$>';
const linkTypeBytes = Buffer.from(linkType);

/** An event as a client proposes it; `id` has 16 bytes. */
export interface ProposedEvent {
  id: Buffer;
  type: Buffer;
  isJson: boolean;
  data: Buffer;
  metadata: Buffer;
}

/** Where the log puts it. */
export interface EventPlace {
  position: number;
  /** Position of the first event of its commit group: everything before that was on disk when this was written. */
  groupPosition: number;
  createdMs: number;
  streamNumber: number;
  streamName: Buffer;
  revision: number;
}

/** Records begin and end at multiples of this, so every position is one too. */
export const recordAlignment = 16;
export const recordHeaderBytes = 96;
const trailerBytes = 4;
const flagJson = 1;
const flagLink = 2;
const flagLastOfAppend = 4;
const idFieldBytes = 40;

const mapEntry = (key: string, value: string) => {
  const entry = Buffer.concat([
    Buffer.from([0x0a, key.length]),
    Buffer.from(key),
    Buffer.from([0x12, value.length]),
    Buffer.from(value),
  ]);
  return Buffer.concat([Buffer.from([0x32, entry.length]), entry]);
};
const jsonContentType = mapEntry('content-type', 'application/json');
const binaryContentType = mapEntry('content-type', 'application/octet-stream');
let newestCreated = { createdMs: -1, entry: Buffer.alloc(0) };
/** Events of one millisecond share it. */
function createdEntry(createdMs: number): Buffer {
  if (newestCreated.createdMs !== createdMs)
    newestCreated = { createdMs, entry: mapEntry('created', `${String(createdMs)}0000`) };
  return newestCreated.entry;
}
const typeKey = Buffer.from([0x0a, 4, ...Buffer.from('type'), 0x12]);

const hexDigits = Buffer.from('0123456789abcdef');
const dash = 0x2d;
const idTextBytes = 36;

/** The 36 characters of a UUID. */
function writeUuid(target: Buffer, offset: number, id: Buffer): void {
  let at = offset;
  for (let index = 0; index < id.length; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) target[at++] = dash;
    const byte = id[index] ?? 0;
    target[at++] = hexDigits[byte >> 4] ?? 0;
    target[at++] = hexDigits[byte & 15] ?? 0;
  }
}

export function uuidText(id: Buffer): string {
  const text = Buffer.alloc(idTextBytes);
  writeUuid(text, 0, id);
  return text.toString('latin1');
}

/**
 * One event as it lies in the log: a header with what the node itself asks for, then the finished answer to a reader,
 * `ReadResp { event: ReadEvent { event: RecordedEvent, commit_position } }`, which is sent as it is, then zeros up to a
 * multiple of 16, of which the last four bytes repeat the size for whoever reads backwards.
 *
 * Header (little endian): 0 size u32 · 4 CRC-32 of all that follows u32 · 8 position f64 · 16 group position f64 ·
 * 24 revision f64 · 32 created in ms f64 · 40 stream number u32 · 44 flags u16 · 46 name length u16 · 48 type length u16 ·
 * 52 RecordedEvent offset u32 · 56 its length u32 · 60 name offset u32 · 64 type offset u32 · 68 data offset u32 ·
 * 72 data length u32 · 76 answer length u32 · 80 id (16 bytes).
 */
export class EventRecord {
  constructor(readonly bytes: Buffer) {}

  /**
   * The record at an offset, if a whole and undamaged one with this position lies there. Undefined also if the buffer ends
   * before the record does: `sizeAt` tells how much is needed.
   */
  static at(buffer: Buffer, offset: number, position: number): EventRecord | undefined {
    const size = EventRecord.sizeAt(buffer, offset, position);
    if (size === undefined || offset + size > buffer.length) return undefined;
    const record = new EventRecord(buffer.subarray(offset, offset + size));
    return record.isIntact ? record : undefined;
  }

  /** Size of the record whose header lies at an offset; undefined if that is no header of a record with this position. */
  static sizeAt(buffer: Buffer, offset: number, position: number): number | undefined {
    if (offset + recordHeaderBytes > buffer.length) return undefined;
    const size = buffer.readUInt32LE(offset);
    if (size < recordHeaderBytes + trailerBytes || size % recordAlignment !== 0) return undefined;
    return buffer.readDoubleLE(offset + 8) === position ? size : undefined;
  }

  static encode(event: ProposedEvent, place: EventPlace): EventRecord {
    const { position, revision, streamName } = place;
    const contentType = event.isJson ? jsonContentType : binaryContentType;
    const created = createdEntry(place.createdMs);
    const typeEntryBytes = typeKey.length + varintSize(event.type.length) + event.type.length;
    const positionBytes = 1 + varintSize(position);
    const recordedBytes =
      idFieldBytes +
      fieldSize(fieldSize(streamName.length)) +
      (1 + varintSize(revision)) +
      2 * positionBytes +
      fieldSize(typeEntryBytes) +
      contentType.length +
      created.length +
      (event.metadata.length > 0 ? fieldSize(event.metadata.length) : 0) +
      (event.data.length > 0 ? fieldSize(event.data.length) : 0);
    const readEventBytes = fieldSize(recordedBytes) + positionBytes;
    const answerBytes = fieldSize(readEventBytes);
    const size = alignedSize(recordHeaderBytes + answerBytes + trailerBytes);
    const bytes = Buffer.allocUnsafe(size);

    let at = recordHeaderBytes;
    const tag = (value: number) => (bytes[at++] = value);
    const varint = (value: number) => (at = writeVarint(bytes, at, value));
    const copy = (value: Buffer) => (at += value.copy(bytes, at));

    tag(0x0a);
    varint(readEventBytes);
    tag(0x0a);
    varint(recordedBytes);
    const recordedOffset = at;
    tag(0x0a);
    tag(38);
    tag(0x12);
    tag(36);
    writeUuid(bytes, at, event.id);
    at += idTextBytes;
    tag(0x12);
    varint(fieldSize(streamName.length));
    tag(0x1a);
    varint(streamName.length);
    const nameOffset = at;
    copy(streamName);
    tag(0x18);
    varint(revision);
    tag(0x20);
    varint(position);
    tag(0x28);
    varint(position);
    tag(0x32);
    varint(typeEntryBytes);
    copy(typeKey);
    varint(event.type.length);
    const typeOffset = at;
    copy(event.type);
    copy(contentType);
    copy(created);
    if (event.metadata.length > 0) {
      tag(0x3a);
      varint(event.metadata.length);
      copy(event.metadata);
    }
    if (event.data.length > 0) {
      tag(0x42);
      varint(event.data.length);
      copy(event.data);
    }
    const dataOffset = at - event.data.length;
    tag(0x18);
    varint(position);

    const isLink = event.type.length === linkTypeBytes.length && event.type.equals(linkTypeBytes);
    bytes.writeUInt32LE(size, 0);
    bytes.writeDoubleLE(position, 8);
    bytes.writeDoubleLE(place.groupPosition, 16);
    bytes.writeDoubleLE(revision, 24);
    bytes.writeDoubleLE(place.createdMs, 32);
    bytes.writeUInt32LE(place.streamNumber, 40);
    bytes.writeUInt16LE((event.isJson ? flagJson : 0) | (isLink ? flagLink : 0), 44);
    bytes.writeUInt16LE(streamName.length, 46);
    bytes.writeUInt16LE(event.type.length, 48);
    bytes.writeUInt16LE(0, 50);
    bytes.writeUInt32LE(recordedOffset, 52);
    bytes.writeUInt32LE(recordedBytes, 56);
    bytes.writeUInt32LE(nameOffset, 60);
    bytes.writeUInt32LE(typeOffset, 64);
    bytes.writeUInt32LE(dataOffset, 68);
    bytes.writeUInt32LE(event.data.length, 72);
    bytes.writeUInt32LE(answerBytes, 76);
    event.id.copy(bytes, 80);
    bytes.fill(0, at, size - trailerBytes);
    bytes.writeUInt32LE(size, size - trailerBytes);
    return new EventRecord(bytes);
  }

  /** Marks the last event of an append; a crash keeps an append up to this mark or not at all. */
  endAppend(): void {
    this.bytes.writeUInt16LE(this.flags | flagLastOfAppend, 44);
  }

  /** Makes the record final: nothing may change it afterwards. */
  seal(): void {
    this.bytes.writeUInt32LE(crc32(this.bytes.subarray(8)), 4);
  }

  get isIntact(): boolean {
    return this.bytes.readUInt32LE(4) === crc32(this.bytes.subarray(8));
  }
  get isJson(): boolean {
    return (this.flags & flagJson) !== 0;
  }
  get isLink(): boolean {
    return (this.flags & flagLink) !== 0;
  }
  get isLastOfAppend(): boolean {
    return (this.flags & flagLastOfAppend) !== 0;
  }
  get position(): number {
    return this.bytes.readDoubleLE(8);
  }
  /** Where the next record begins, if nothing was removed in between. */
  get end(): number {
    return this.position + this.bytes.length;
  }
  get groupPosition(): number {
    return this.bytes.readDoubleLE(16);
  }
  get revision(): number {
    return this.bytes.readDoubleLE(24);
  }
  get createdMs(): number {
    return this.bytes.readDoubleLE(32);
  }
  get streamNumber(): number {
    return this.bytes.readUInt32LE(40);
  }
  get id(): Buffer {
    return this.bytes.subarray(80, recordHeaderBytes);
  }
  get streamNameBytes(): Buffer {
    return this.slice(this.bytes.readUInt32LE(60), this.bytes.readUInt16LE(46));
  }
  get typeBytes(): Buffer {
    return this.slice(this.bytes.readUInt32LE(64), this.bytes.readUInt16LE(48));
  }
  get data(): Buffer {
    return this.slice(this.bytes.readUInt32LE(68), this.bytes.readUInt32LE(72));
  }

  /** The finished answer to a reader that wants ids as text. */
  get frame(): Buffer {
    return this.slice(recordHeaderBytes, this.bytes.readUInt32LE(76));
  }

  /** The RecordedEvent message, its id as text or as two 64-bit halves. */
  recorded(structuredId: boolean): Buffer {
    const recorded = this.slice(this.bytes.readUInt32LE(52), this.bytes.readUInt32LE(56));
    return structuredId ? Buffer.concat([structuredIdField(this.id), recorded.subarray(idFieldBytes)]) : recorded;
  }

  private get flags(): number {
    return this.bytes.readUInt16LE(44);
  }

  private slice(offset: number, length: number): Buffer {
    return this.bytes.subarray(offset, offset + length);
  }
}

function alignedSize(bytes: number): number {
  return Math.ceil(bytes / recordAlignment) * recordAlignment;
}

function structuredIdField(id: Buffer): Buffer {
  const half = (tag: number, value: bigint) => {
    const bytes = [tag];
    let rest = value;
    for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    return bytes;
  };
  const structured = [...half(0x08, id.readBigUInt64BE(0)), ...half(0x10, id.readBigUInt64BE(8))];
  return Buffer.from([0x0a, structured.length + 2, 0x0a, structured.length, ...structured]);
}

/** ReadResp for one event: as stored where possible, else composed (resolved links, structured ids). */
export function readFrame(record: EventRecord, structuredIds: boolean, resolved?: { event: EventRecord | undefined }): Buffer {
  if (!resolved && !structuredIds) return record.frame;
  const event = resolved ? resolved.event : record;
  const parts: Buffer[] = [];
  if (event) parts.push(lengthDelimited(0x0a, event.recorded(structuredIds)));
  if (resolved) parts.push(lengthDelimited(0x12, record.recorded(structuredIds)));
  const position = Buffer.alloc(1 + varintSize(record.position), 0x18);
  writeVarint(position, 1, record.position);
  return lengthDelimited(0x0a, Buffer.concat([...parts, position]));
}
