import { isUtf8 } from 'node:buffer';
import {
  appendEventOverheadBytes,
  maxAppendDataBytes,
  maxAppendTotalBytes,
  maxEventTypeBytes,
  maxStreamNameBytes,
} from '../limits.js';
import type { ProposedEvent } from '../storage/record.js';
import { status } from '../transport/grpc-status.js';
import { WireReader } from '../wire.js';
import type { Expected } from '../writing/append-decision.js';
import { invalid, Refusal } from './refusal.js';

/** What an append or a delete names: absent parts are told apart, because each is refused in its own way. */
export interface StreamOptions {
  stream: Buffer | undefined;
  expected: Expected | undefined;
}

export interface BatchOptions extends StreamOptions {
  /** Milliseconds since 1970. */
  deadlineMs: number | undefined;
}

/** A decoded but unchecked event. */
export interface RawEvent {
  id: Buffer | undefined;
  type: Buffer | undefined;
  contentType: 'json' | 'other' | undefined;
  data: Buffer;
  metadata: Buffer;
}

/** A correlation id as it came, to be echoed to the byte, and as a key. */
export interface BatchPart {
  correlation: Buffer | undefined;
  options: BatchOptions | undefined;
  events: RawEvent[];
  isFinal: boolean;
}

const nothing: Buffer = Buffer.alloc(0);
const typeKey = Buffer.from('type');
const contentTypeKey = Buffer.from('content-type');
const jsonType = Buffer.from('application/json');

export function appendPart(bytes: Buffer): { options: StreamOptions } | { event: RawEvent } {
  const reader = new WireReader(bytes);
  let part: { options: StreamOptions } | { event: RawEvent } | undefined;
  while (reader.next()) {
    if (reader.field === 1) part = { options: streamOptions(reader.message()) };
    else if (reader.field === 2) part = { event: rawEvent(reader.message()) };
    else reader.skip();
  }
  if (!part) throw invalid('a request has neither options nor an event');
  return part;
}

export function batchPart(bytes: Buffer): BatchPart {
  const part: BatchPart = { correlation: undefined, options: undefined, events: [], isFinal: false };
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) part.correlation = reader.bytesValue();
    else if (reader.field === 2) part.options = batchOptions(reader.message());
    else if (reader.field === 3) part.events.push(rawEvent(reader.message()));
    else if (reader.field === 4) part.isFinal = reader.bool();
    else reader.skip();
  }
  return part;
}

/** DeleteReq and TombstoneReq have one shape. */
export function deleteOptions(bytes: Buffer): StreamOptions {
  const reader = new WireReader(bytes);
  let options: StreamOptions | undefined;
  while (reader.next()) {
    if (reader.field === 1) options = streamOptions(reader.message());
    else reader.skip();
  }
  if (!options) throw invalid('a request has no options');
  return options;
}

function streamOptions(reader: WireReader): StreamOptions {
  const options: StreamOptions = { stream: undefined, expected: undefined };
  while (reader.next()) readStreamOption(reader, options);
  return options;
}

function batchOptions(reader: WireReader): BatchOptions {
  const options: BatchOptions = { stream: undefined, expected: undefined, deadlineMs: undefined };
  while (reader.next()) {
    // Older clients send a point in time, newer ones the time that is left.
    if (reader.field === 6) options.deadlineMs = timeMs(reader.message());
    else if (reader.field === 7) options.deadlineMs = Date.now() + timeMs(reader.message());
    else readStreamOption(reader, options);
  }
  return options;
}

function readStreamOption(reader: WireReader, options: StreamOptions): void {
  switch (reader.field) {
    case 1:
      options.stream = streamIdentifier(reader.message());
      return;
    case 2:
      options.expected = { kind: 'revision', revision: reader.uint64() };
      return;
    case 3:
    case 4:
    case 5:
      options.expected = { kind: reader.field === 3 ? 'no_stream' : reader.field === 4 ? 'any' : 'stream_exists' };
      return reader.skip();
    default:
      return reader.skip();
  }
}

export function streamIdentifier(reader: WireReader): Buffer {
  let name = nothing;
  while (reader.next()) {
    if (reader.field === 3) name = reader.bytesValue();
    else reader.skip();
  }
  return name;
}

/** Timestamp and Duration have one shape: seconds and nanoseconds. */
function timeMs(reader: WireReader): number {
  let ms = 0;
  while (reader.next()) {
    if (reader.field === 1) ms += Number(BigInt.asIntN(64, reader.uint64())) * 1_000;
    else if (reader.field === 2) ms += Number(BigInt.asIntN(64, reader.uint64())) / 1_000_000;
    else reader.skip();
  }
  return ms;
}

function rawEvent(reader: WireReader): RawEvent {
  const event: RawEvent = { id: undefined, type: undefined, contentType: undefined, data: nothing, metadata: nothing };
  while (reader.next()) {
    if (reader.field === 1) event.id = uuid(reader.message());
    else if (reader.field === 2) readMetadataEntry(reader.message(), event);
    else if (reader.field === 3) event.metadata = reader.bytesValue();
    else if (reader.field === 4) event.data = reader.bytesValue();
    else reader.skip();
  }
  return event;
}

function readMetadataEntry(reader: WireReader, event: RawEvent): void {
  let key: Buffer | undefined;
  let value = nothing;
  while (reader.next()) {
    if (reader.field === 1) key = reader.bytesValue();
    else if (reader.field === 2) value = reader.bytesValue();
    else reader.skip();
  }
  if (key?.equals(typeKey)) event.type = value;
  else if (key?.equals(contentTypeKey)) event.contentType = value.equals(jsonType) ? 'json' : 'other';
}

/** Sixteen bytes; undefined if the message holds no usable id. */
export function uuid(reader: WireReader): Buffer | undefined {
  let id: Buffer | undefined;
  while (reader.next()) {
    if (reader.field === 1) id = structuredUuid(reader.message());
    else if (reader.field === 2) id = textUuid(reader.bytesValue());
    else reader.skip();
  }
  return id;
}

function structuredUuid(reader: WireReader): Buffer {
  const id = Buffer.alloc(16);
  while (reader.next()) {
    if (reader.field === 1) id.writeBigUInt64BE(reader.uint64(), 0);
    else if (reader.field === 2) id.writeBigUInt64BE(reader.uint64(), 8);
    else reader.skip();
  }
  return id;
}

const notHex = 0xff;
const hexDigits = new Uint8Array(256).fill(notHex);
for (let digit = 0; digit < 16; digit++) {
  hexDigits[digit.toString(16).charCodeAt(0)] = digit;
  hexDigits[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}
const dash = 0x2d;

/** Thirty-two hexadecimal digits, with or without each of the usual dashes. */
function textUuid(text: Buffer): Buffer | undefined {
  const id = Buffer.allocUnsafe(16);
  let at = 0;
  for (let index = 0; index < 16; index++) {
    if ((index === 4 || index === 6 || index === 8 || index === 10) && text[at] === dash) at++;
    const high = hexDigits[text[at++] ?? 0] ?? notHex;
    const low = hexDigits[text[at++] ?? 0] ?? notHex;
    if (high === notHex || low === notHex) return undefined;
    id[index] = (high << 4) | low;
  }
  return at === text.length ? id : undefined;
}

export function utf8(bytes: Buffer, what: string): string {
  if (!isUtf8(bytes)) throw invalid(`${what} is not UTF-8`);
  return bytes.toString('utf8');
}

/** The name of a stream that may be written. */
export function writableStream(name: Buffer | undefined): string {
  const stream = readableStream(name);
  if (stream === '$all') throw invalid('$all cannot be written');
  if (stream.startsWith('$$$$')) throw invalid('metadata of a metadata stream cannot be written');
  return stream;
}

export function readableStream(name: Buffer | undefined): string {
  if (!name) throw invalid('the request names no stream');
  if (name.length === 0) throw invalid('a stream name may not be empty');
  if (name.length > maxStreamNameBytes) throw invalid(`a stream name may have ${maxStreamNameBytes} bytes`);
  return utf8(name, 'the stream name');
}

export function requireExpected(expected: Expected | undefined): Expected {
  if (!expected) throw invalid('the request names no expected revision');
  return expected;
}

export function proposedEvent(event: RawEvent): ProposedEvent {
  if (!event.type) throw missingProperty('type');
  if (event.contentType === undefined) throw missingProperty('content-type');
  if (event.type.length === 0) throw invalid('an event type may not be empty');
  if (event.type.length > maxEventTypeBytes) throw invalid(`an event type may have ${maxEventTypeBytes} bytes`);
  if (!isUtf8(event.type)) throw invalid('the event type is not UTF-8');
  if (!event.id) throw invalid('an event has no id or one that is no UUID');
  return {
    id: event.id,
    type: event.type,
    isJson: event.contentType === 'json',
    data: event.data,
    metadata: event.metadata,
  };
}

function missingProperty(name: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, `Required Metadata Property '${name}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });
}

/** Thrown while an append is still arriving, so that it never holds more than its limit. */
export class AppendTooLarge extends Refusal {
  constructor() {
    super(status.INVALID_ARGUMENT, `Maximum Append Size of ${maxAppendDataBytes} Exceeded.`, {
      exception: 'maximum-append-size-exceeded',
      'maximum-append-size': String(maxAppendDataBytes),
    });
  }
}

/** Sums up what one append holds. */
export class AppendSize {
  private data = 0;
  private total = 0;

  add(event: RawEvent): void {
    this.data += event.data.length;
    this.total += event.data.length + event.metadata.length + (event.type?.length ?? 0) + appendEventOverheadBytes;
  }

  /** Throws if the data is beyond EventStoreDB's limit, or everything together beyond the node's own. */
  check(): void {
    if (this.data > maxAppendDataBytes) throw new AppendTooLarge();
    this.checkTotal();
  }

  checkTotal(): void {
    if (this.total > maxAppendTotalBytes)
      throw invalid(`an append may hold ${maxAppendTotalBytes} bytes in all, metadata included`);
  }
}
