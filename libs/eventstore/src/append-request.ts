import { Buffer } from 'node:buffer';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import timestamp from 'google-protobuf/google/protobuf/timestamp_pb.js';

export type ExpectedRevision = bigint | 'no_stream';

/** An event as it goes over the wire; data and metadata are JSON text. */
export interface ProposedEvent {
  /** A UUID in its usual form. */
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

export interface AppendRequest {
  readonly correlationId: string;
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly ProposedEvent[];
  /** In ms since 1970. */
  readonly deadlineMs: number;
}

/**
 * The bytes of one message of the protocol's BatchAppend call. Repeated fields of a protobuf message may stand behind the others,
 * so the events, of which there are many, are written without an object for each.
 */
export function appendRequest({ correlationId, stream, expected, events, deadlineMs }: AppendRequest): Buffer {
  const options = new streams.BatchAppendReq.Options();
  options.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream)));
  options.setDeadline(timestamp.Timestamp.fromDate(new Date(deadlineMs)));
  if (expected === 'no_stream') options.setNoStream(new empty.Empty());
  else options.setStreamPosition(expected.toString());
  const request = new streams.BatchAppendReq();
  request.setCorrelationId(new shared.UUID().setString(correlationId));
  request.setOptions(options);
  request.setIsFinal(true);
  return Buffer.concat([request.serializeBinary(), proposedEvents(events)]);
}

const tags = { id: 0x0a, properties: 0x12, metadata: 0x1a, data: 0x22, proposed: 0x1a, uuidText: 0x12 } as const;
const idBytes = 36;

function proposedEvents(events: readonly ProposedEvent[]): Buffer {
  const sized = events.map((event) => {
    const properties = propertiesOf(event.type);
    const metadataBytes = Buffer.byteLength(event.metadata);
    const dataBytes = Buffer.byteLength(event.data);
    const bytes = fieldBytes(fieldBytes(idBytes)) + properties.length + fieldBytes(metadataBytes) + fieldBytes(dataBytes);
    return { event, properties, metadataBytes, dataBytes, bytes };
  });
  const into = Buffer.allocUnsafe(sized.reduce((sum, { bytes }) => sum + fieldBytes(bytes), 0));
  let at = 0;
  for (const { event, properties, metadataBytes, dataBytes, bytes } of sized) {
    at = writeHead(into, at, tags.proposed, bytes);
    at = writeHead(into, at, tags.id, fieldBytes(idBytes));
    at = writeHead(into, at, tags.uuidText, idBytes);
    at += into.write(event.id, at, 'latin1');
    at += properties.copy(into, at);
    at = writeHead(into, at, tags.metadata, metadataBytes);
    at += into.write(event.metadata, at, 'utf8');
    at = writeHead(into, at, tags.data, dataBytes);
    at += into.write(event.data, at, 'utf8');
  }
  return into;
}

const maxKnownTypes = 1_000;
const known = new Map<string, Buffer>();

/** Type and content type of an event, the same for all of its type. */
function propertiesOf(type: string): Buffer {
  const found = known.get(type);
  if (found) return found;
  const entry = (key: string, value: string) => field(tags.properties, Buffer.concat([text(0x0a, key), text(0x12, value)]));
  const properties = Buffer.concat([entry('type', type), entry('content-type', 'application/json')]);
  if (known.size < maxKnownTypes) known.set(type, properties);
  return properties;
}

const text = (tag: number, value: string): Buffer => field(tag, Buffer.from(value));

function field(tag: number, value: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(fieldBytes(value.length));
  value.copy(whole, writeHead(whole, 0, tag, value.length));
  return whole;
}

const varintBytes = (value: number): number => {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = rest >>> 7) bytes += 1;
  return bytes;
};
/** Of a field with a number below 16 and so many bytes in it. */
const fieldBytes = (length: number): number => 1 + varintBytes(length) + length;

function writeHead(into: Buffer, at: number, tag: number, length: number): number {
  let next = at;
  into[next++] = tag;
  let rest = length;
  for (; rest >= 128; rest = rest >>> 7) into[next++] = (rest & 0x7f) | 0x80;
  into[next++] = rest;
  return next;
}
