import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';

/** The protocol below its clients: HTTP/2 streams whose bytes are the test's own, and connections it can cut. */

/** What a call ended with: a gRPC status, an HTTP status other than 200, or a stream or connection that was closed. */
export type RawEnd = { grpc: number } | { http: number } | 'closed';
export interface RawAnswer {
  end: RawEnd | 'cancelled by the test';
  messages: Buffer[];
}

/** One gRPC message as it is on the wire; `declared` may lie about its length. */
export function frame(message: Buffer, declared = message.length, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(declared, 1);
  return Buffer.concat([head, message]);
}

export class RawConnection {
  private constructor(
    readonly session: ClientHttp2Session,
    private readonly socket: Socket,
  ) {}

  static async open(port: number, options: { maxSendHeaderBlockLength?: number } = {}): Promise<RawConnection> {
    const socket = connectTcp(port, '127.0.0.1');
    const session = connect(`http://127.0.0.1:${port}`, { ...options, createConnection: () => socket });
    session.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => session.once('connect', () => resolve()).once('error', reject));
    return new RawConnection(session, socket);
  }

  start(path: string, headers: Record<string, string | string[]> = {}): ClientHttp2Stream {
    const stream = this.session.request({
      ...headers,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    return stream;
  }

  /** Sends the bytes as one call. With `first`, the call is cancelled when its first message has come. */
  ask(
    path: string,
    bytes: Buffer,
    { first = false, headers = {} as Record<string, string | string[]> } = {},
  ): Promise<RawAnswer> {
    const stream = this.start(path, headers);
    stream.end(bytes);
    return answerOf(stream, first);
  }

  /** Resolves when the connection is gone on this side. */
  async close(how: 'close' | 'destroy' | 'reset' = 'close'): Promise<void> {
    if (this.session.destroyed) return;
    const gone = new Promise<void>((resolve) => this.session.once('close', () => resolve()));
    if (how === 'close') this.session.close();
    // Not by way of the session, which would end its calls politely.
    else if (how === 'destroy') this.socket.destroy();
    else this.socket.resetAndDestroy();
    await gone;
  }
}

export function answerOf(stream: ClientHttp2Stream, first = false): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const answer: RawAnswer = { end: 'closed', messages: [] };
    let bytes = Buffer.alloc(0);
    const status = (headers: IncomingHttpHeaders & IncomingHttpStatusHeader) => {
      const grpc = headers['grpc-status'];
      if (grpc !== undefined) answer.end = { grpc: Number(grpc) };
      else if (headers[':status'] !== undefined && headers[':status'] !== 200) answer.end = { http: headers[':status'] };
    };
    stream.on('response', status);
    stream.on('trailers', status);
    stream.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
        const length = bytes.readUInt32BE(1);
        answer.messages.push(bytes.subarray(5, 5 + length));
        bytes = bytes.subarray(5 + length);
      }
      if (!first || answer.messages.length === 0) return;
      answer.end = 'cancelled by the test';
      stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.once('close', () => resolve(answer));
  });
}

/** A TCP connection that does not speak the protocol. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** What the server sent until it, or this side, closed. */
export async function closed(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return Buffer.concat(chunks);
}
