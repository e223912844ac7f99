import { randomUUID } from 'node:crypto';

/** Requests written field by field, so that a test can put into them what no generated code would. */

const varint = (value: bigint) => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
};
export const numberField = (number: number, value: bigint) => Buffer.concat([varint(BigInt(number << 3)), varint(value)]);
export const field = (number: number, ...parts: (Buffer | string)[]) => {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([varint(BigInt((number << 3) | 2)), varint(BigInt(bytes.length)), bytes]);
};

export const streamsPath = (method: string) => `/event_store.client.streams.Streams/${method}`;

export interface Request {
  path: string;
  messages: Buffer[];
}

export const methods = [
  'Read stream',
  'Read $all',
  'Append',
  'BatchAppend',
  'Delete',
  'Tombstone',
  'Features',
  'Gossip',
] as const;
export type Method = (typeof methods)[number];

/** A valid request of each method; `extra` goes into every message of it, at every depth. */
export function request(method: Method, stream: string, extra: Buffer = Buffer.alloc(0)): Request {
  const identifier = field(1, field(3, stream), extra);
  const any = field(4, extra);
  const uuid = (number: number) => field(number, field(2, randomUUID()), extra);
  switch (method) {
    case 'Read stream':
      return { path: streamsPath('Read'), messages: [readMessage(field(1, identifier, field(3, extra), extra), extra)] };
    case 'Read $all': {
      const expression = field(1, field(2, stream), extra);
      const filter = field(7, expression, numberField(3, 32n), numberField(5, 1n), extra);
      return {
        path: streamsPath('Read'),
        messages: [readMessage(Buffer.concat([field(2, field(2, extra), extra), filter]), extra)],
      };
    }
    case 'Append': {
      const options = Buffer.concat([field(1, identifier, any, extra), extra]);
      return { path: streamsPath('Append'), messages: [options, Buffer.concat([field(2, eventFields(uuid(1), extra)), extra])] };
    }
    case 'BatchAppend': {
      const deadline = field(7, numberField(1, 60n), extra);
      const parts = [
        uuid(1),
        field(2, identifier, any, deadline, extra),
        field(3, eventFields(uuid(1), extra)),
        numberField(4, 1n),
        extra,
      ];
      return { path: streamsPath('BatchAppend'), messages: [Buffer.concat(parts)] };
    }
    case 'Delete':
    case 'Tombstone':
      return { path: streamsPath(method), messages: [Buffer.concat([field(1, identifier, any, extra), extra])] };
    case 'Features':
      return { path: '/event_store.client.server_features.ServerFeatures/GetSupportedMethods', messages: [extra] };
    case 'Gossip':
      return { path: '/event_store.client.gossip.Gossip/Read', messages: [extra] };
  }
}

const readMessage = (source: Buffer, extra: Buffer) =>
  Buffer.concat([
    field(1, source, numberField(5, 100n), field(9, field(2, extra), extra), field(10, numberField(1, 1n), extra), extra),
    extra,
  ]);

/** `deadline` in field 7 is the time that is left, where newer clients put it. */
export function batchAppend(stream: string, { secondsLeft = 60n, isFinal = true, data = '{}' } = {}): Buffer {
  return Buffer.concat([
    field(1, field(2, randomUUID())),
    field(2, field(1, field(3, stream)), field(4), field(7, numberField(1, secondsLeft))),
    field(3, eventFields(field(1, field(2, randomUUID())), Buffer.alloc(0), data)),
    numberField(4, isFinal ? 1n : 0n),
  ]);
}

function eventFields(id: Buffer, extra: Buffer, data = '{}'): Buffer {
  const entry = (key: string, value: string) => field(2, field(1, key), field(2, value), extra);
  return Buffer.concat([id, entry('type', 'Tested'), entry('content-type', 'application/json'), field(4, data), extra]);
}

/** Subscribes to `$all` from its start. */
export const subscribeToAll = field(1, field(2, field(2)), field(6), field(8), field(9, field(2)));
export const subscribeToStream = (stream: string) =>
  field(1, field(1, field(1, field(3, stream)), field(3)), field(6), field(8), field(9, field(2)));
export const readWholeStream = (stream: string) =>
  field(1, field(1, field(1, field(3, stream)), field(3)), numberField(5, 1_000_000n), field(8), field(9, field(2)));
