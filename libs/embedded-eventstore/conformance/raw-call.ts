import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';

/** gRPC by hand over HTTP/2, to send what no gRPC library would, and to see what is really sent back. */
export interface RawCall {
  readonly stream: ClientHttp2Stream;
  /** The pieces of data as they came. */
  readonly pieces: Buffer[];
  /** Response headers and trailers together, once the call is over. */
  readonly ended: Promise<IncomingHttpHeaders>;
}

export const streamsPath = (method: string) => `/event_store.client.streams.Streams/${method}`;

export async function openSession(port: number, settings = {}): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`, { settings });
  session.on('error', () => undefined);
  await once(session, 'remoteSettings');
  return session;
}

export function openCall(session: ClientHttp2Session, path: string, headers: Record<string, string> = {}): RawCall {
  const stream = session.request(
    { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers },
    { endStream: false },
  );
  const pieces: Buffer[] = [];
  const all: IncomingHttpHeaders = {};
  const collect = (more: IncomingHttpHeaders) => void Object.assign(all, more);
  stream
    .on('response', collect)
    .on('trailers', collect)
    .on('error', () => undefined);
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  const ended = new Promise<IncomingHttpHeaders>((resolve) => stream.once('close', () => resolve(all)));
  return { stream, pieces, ended };
}

/** One call with these bytes as its whole request; resolves with headers and trailers. */
export function call(session: ClientHttp2Session, path: string, bytes: Buffer, headers?: Record<string, string>) {
  const opened = openCall(session, path, headers);
  opened.stream.end(bytes);
  return opened.ended;
}

export function framed(message: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** The messages in what came back. */
export function messagesIn(pieces: readonly Buffer[]): Buffer[] {
  const bytes = Buffer.concat(pieces);
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end <= bytes.length) messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

export function field(number: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  const length = [];
  let rest = bytes.length;
  for (; rest >= 128; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), bytes]);
}

const event = (id: number) => {
  const entry = (key: string, value: string) => field(2, Buffer.concat([field(1, key), field(2, value)]));
  const type = [entry('type', 'Tested'), entry('content-type', 'application/json')];
  return field(id, Buffer.concat([field(1, field(2, randomUUID())), ...type, field(4, '{}')]));
};
const toAnyRevision = (stream: string) => Buffer.concat([field(1, field(3, stream)), field(4, '')]);

/** BatchAppendReq: a whole append of one event. */
export const batchRequest = (stream: string) =>
  framed(Buffer.concat([field(1, field(2, randomUUID())), field(2, toAnyRevision(stream)), event(3), Buffer.from([0x20, 0x01])]));
/** AppendReq: the options, and an event. */
export const appendOptions = (stream: string) => framed(field(1, toAnyRevision(stream)));
export const appendEvent = () => framed(event(2));

/** ReadReq: a stream from its start, ids as text. */
export const readStreamRequest = (stream: string) => {
  const from = Buffer.concat([field(1, field(3, stream)), field(3, '')]);
  const rest = [Buffer.from([0x28, 100]), field(8, ''), field(9, field(2, ''))];
  return framed(field(1, Buffer.concat([field(1, from), ...rest])));
};
/** ReadReq: a subscription to `$all` from its start. */
export const subscribeRequest = framed(
  field(1, Buffer.concat([field(2, field(2, '')), field(6, ''), field(8, ''), field(9, field(2, ''))])),
);
