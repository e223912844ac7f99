import { fieldSize, int64Max, lengthDelimited, varintSize, writeVarint } from './wire.js';

/** The revision of the event that ends a tombstoned stream: int64's largest value on the wire. */
export const tombstoneRevision = int64Max;
export const linkType = '$>';

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
  createdMs: number;
  streamNumber: number;
  streamName: Buffer;
  revision: number;
}

const recordVersion = 1;
const headerBytes = 76;
const flagJson = 1;
const flagLink = 2;
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
const createdEntry = (createdMs: number) => mapEntry('created', `${String(createdMs)}0000`);
const typeKey = Buffer.from([0x0a, 4, ...Buffer.from('type'), 0x12]);

export function uuidText(id: Buffer): string {
  const hex = id.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * One event as it lies in the log: a header with what the node itself asks for, then the finished answer to a reader,
 * `ReadResp { event: ReadEvent { event: RecordedEvent, commit_position } }`, which is sent as it is.
 *
 * Header (little endian): 0 version u8 · 1 flags u8 · 2 name length u16 · 4 type length u16 · 8 position f64 · 16 revision f64 ·
 * 24 created in ms f64 · 32 stream number u32 · 36 RecordedEvent offset u32 · 40 its length u32 · 44 name offset u32 ·
 * 48 type offset u32 · 52 data offset u32 · 56 data length u32 · 60 id (16 bytes).
 */
export class EventRecord {
  constructor(readonly bytes: Buffer) {
    if (bytes[0] !== recordVersion) throw new Error(`event record of unknown version ${String(bytes[0])}`);
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
    const bytes = Buffer.allocUnsafe(headerBytes + fieldSize(readEventBytes));

    let at = headerBytes;
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
    at += bytes.write(uuidText(event.id), at, 'latin1');
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

    const isLink = event.type.toString('latin1') === linkType;
    bytes.writeUInt8(recordVersion, 0);
    bytes.writeUInt8((event.isJson ? flagJson : 0) | (isLink ? flagLink : 0), 1);
    bytes.writeUInt16LE(streamName.length, 2);
    bytes.writeUInt16LE(event.type.length, 4);
    bytes.writeUInt16LE(0, 6);
    bytes.writeDoubleLE(position, 8);
    bytes.writeDoubleLE(revision, 16);
    bytes.writeDoubleLE(place.createdMs, 24);
    bytes.writeUInt32LE(place.streamNumber, 32);
    bytes.writeUInt32LE(recordedOffset, 36);
    bytes.writeUInt32LE(recordedBytes, 40);
    bytes.writeUInt32LE(nameOffset, 44);
    bytes.writeUInt32LE(typeOffset, 48);
    bytes.writeUInt32LE(dataOffset, 52);
    bytes.writeUInt32LE(event.data.length, 56);
    event.id.copy(bytes, 60);
    return new EventRecord(bytes);
  }

  get isJson(): boolean {
    return (this.bytes.readUInt8(1) & flagJson) !== 0;
  }
  get isLink(): boolean {
    return (this.bytes.readUInt8(1) & flagLink) !== 0;
  }
  get position(): number {
    return this.bytes.readDoubleLE(8);
  }
  get revision(): number {
    return this.bytes.readDoubleLE(16);
  }
  get createdMs(): number {
    return this.bytes.readDoubleLE(24);
  }
  get streamNumber(): number {
    return this.bytes.readUInt32LE(32);
  }
  get id(): Buffer {
    return this.bytes.subarray(60, headerBytes);
  }
  get streamNameBytes(): Buffer {
    return this.slice(this.bytes.readUInt32LE(44), this.bytes.readUInt16LE(2));
  }
  get typeBytes(): Buffer {
    return this.slice(this.bytes.readUInt32LE(48), this.bytes.readUInt16LE(4));
  }
  get data(): Buffer {
    return this.slice(this.bytes.readUInt32LE(52), this.bytes.readUInt32LE(56));
  }

  /** The finished answer to a reader that wants ids as text. */
  get frame(): Buffer {
    return this.bytes.subarray(headerBytes);
  }

  /** The RecordedEvent message, its id as text or as two 64-bit halves. */
  recorded(structuredId: boolean): Buffer {
    const recorded = this.slice(this.bytes.readUInt32LE(36), this.bytes.readUInt32LE(40));
    return structuredId ? Buffer.concat([structuredIdField(this.id), recorded.subarray(idFieldBytes)]) : recorded;
  }

  private slice(offset: number, length: number): Buffer {
    return this.bytes.subarray(offset, offset + length);
  }
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
