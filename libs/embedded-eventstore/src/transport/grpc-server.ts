import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { unavailable } from '../calls/refusal.js';
import {
  callWindowBytes,
  connectionWindowBytes,
  maxCancelBurst,
  maxCancelsPerSecond,
  maxConcurrentCalls,
  maxConnectionMemoryMb,
  maxFrameBytes,
  maxHeaderBytes,
  maxHeaderCount,
} from '../limits.js';
import { GrpcCall, type CallOpener, type CallServices } from './grpc-call.js';
import { status, trailersOf } from './grpc-status.js';

/** A method of the protocol; `kind` names its calls in the statistics. */
export interface GrpcMethod {
  kind: string;
  open: CallOpener;
}

export interface GrpcServerOptions extends CallServices {
  /** By path, `/package.Service/Method`. */
  methods: ReadonlyMap<string, GrpcMethod>;
  /** Gets what is no gRPC. */
  otherwise: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
}

const sessionOptions = {
  settings: {
    initialWindowSize: callWindowBytes,
    maxConcurrentStreams: maxConcurrentCalls,
    maxFrameSize: maxFrameBytes,
    maxHeaderListSize: maxHeaderBytes,
    enablePush: false,
  },
  maxHeaderListPairs: maxHeaderCount,
  maxSessionMemory: maxConnectionMemoryMb,
  maxSessionRejectedStreams: maxConcurrentCalls,
  streamResetBurst: maxCancelBurst,
  streamResetRate: maxCancelsPerSecond,
};

/** gRPC over HTTP/2 without TLS, on sockets somebody else accepts. */
export class GrpcServer {
  /** Open calls by the kind of their method. */
  readonly openCalls: Record<string, number> = {};
  private readonly sessions = new Set<ServerHttp2Session>();
  private readonly calls = new Set<GrpcCall>();

  constructor(private readonly options: GrpcServerOptions) {
    for (const { kind } of options.methods.values()) this.openCalls[kind] = 0;
  }

  get connections(): number {
    return this.sessions.size;
  }

  /** Takes over a socket whose next bytes are the HTTP/2 preface. */
  accept(socket: Socket): void {
    const session = performServerHandshake(socket, sessionOptions);
    session.setLocalWindowSize(connectionWindowBytes);
    this.sessions.add(session);
    session.once('close', () => this.sessions.delete(session));
    // Broken frames and lost connections: the session is destroyed, its calls learn of it.
    session.on('error', () => undefined);
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => this.receive(stream, headers));
  }

  /** Asks every open call to end once what it accepted is answered. */
  stopCalls(): void {
    for (const call of this.calls) call.stopping();
  }

  /** Tells every client to go; each connection closes after its last call. */
  closeSessions(): void {
    for (const session of this.sessions) session.close();
  }

  /** Ends what is still open. */
  abortCalls(): void {
    for (const call of this.calls) call.abort(unavailable('the node is stopping'));
  }

  private receive(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // Its close follows.
    stream.on('error', () => undefined);
    if (stream.destroyed) return;
    const path = headers[':path'] ?? '';
    const method = this.options.methods.get(path);
    const isGrpc = /^application\/grpc(?:$|[+;])/.test(headers['content-type'] ?? '');
    if (!method && !isGrpc) this.options.otherwise(stream, headers);
    else if (headers[':method'] !== 'POST') refuse(stream, { ':status': 405, allow: 'POST' });
    else if (!isGrpc) refuse(stream, { ':status': 415 });
    else if (!method) refuse(stream, unimplemented(path));
    else this.open(stream, headers, method);
  }

  private open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, { kind, open }: GrpcMethod): void {
    const call = new GrpcCall(stream, this.options, (closed) => {
      this.calls.delete(closed);
      this.count(kind, -1);
    });
    this.calls.add(call);
    this.count(kind, 1);
    const timeout = headers['grpc-timeout'];
    call.start(open, typeof timeout === 'string' ? timeout : undefined);
  }

  private count(kind: string, change: number): void {
    this.openCalls[kind] = (this.openCalls[kind] ?? 0) + change;
  }
}

const unimplemented = (path: string) => ({
  ':status': 200,
  'content-type': 'application/grpc+proto',
  ...trailersOf({ code: status.UNIMPLEMENTED, message: `the node does not offer ${path}`, trailers: {} }),
});

function refuse(stream: ServerHttp2Stream, headers: Record<string, string | number>): void {
  stream.respond(headers, { endStream: true });
  stream.resume();
  if (!stream.closed) stream.close();
}
