import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { firstRequestTimeoutMs, lastWordsMs, maxConnections, maxHeaderBytes, tcpKeepAliveMs } from '../limits.js';
import type { GrpcServer } from './grpc-server.js';
import type { HttpEndpoints } from './http-endpoints.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const nothing: Buffer = Buffer.alloc(0);

/** The node's port: by its first bytes a connection goes to the gRPC server, or to the HTTP/1.1 endpoints. */
export class NodePort {
  private readonly server: Server;
  private readonly http1: HttpServer;
  private readonly sockets = new Set<Socket>();
  /** Connections that have not shown their protocol, or speak HTTP/1.1, with the request that is being answered. */
  private readonly plain = new Map<Socket, IncomingMessage | undefined>();

  constructor(
    private readonly grpc: GrpcServer,
    endpoints: HttpEndpoints,
    private readonly firstRequestMs = firstRequestTimeoutMs,
  ) {
    const tcp = { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs };
    this.server = createServer(tcp, (socket) => this.accept(socket));
    this.server.maxConnections = maxConnections;
    this.http1 = createHttpServer({ maxHeaderSize: maxHeaderBytes }, (request, response) => {
      this.plain.set(request.socket, request);
      endpoints.http1(request, response);
    });
  }

  get connections(): { http1: number; http2: number } {
    return { http1: this.plain.size, http2: this.grpc.connections };
  }

  /** Resolves with the port; rejects if the address cannot be taken. `port` 0 takes a free one. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port }, () => {
        this.server.off('error', reject);
        resolve((this.server.address() as AddressInfo).port);
      });
    });
  }

  /** Accepts nothing more and tells every client to go; resolves when all are gone, soon after `graceMs` at the latest. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.grpc.closeSessions();
    for (const [socket, request] of this.plain) if (!request) socket.destroy();
    let timer = setTimeout(() => {
      this.grpc.abortCalls();
      timer = setTimeout(() => this.destroy(), lastWordsMs);
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  destroy(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    this.plain.set(socket, undefined);
    const timer = setTimeout(() => {
      if (!this.plain.get(socket)?.complete) socket.destroy();
    }, this.firstRequestMs);
    socket.once('close', () => {
      clearTimeout(timer);
      this.sockets.delete(socket);
      this.plain.delete(socket);
    });
    // Its close follows.
    socket.on('error', () => undefined);
    let seen = nothing;
    const look = (bytes: Buffer) => {
      seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes]);
      const length = Math.min(seen.length, preface.length);
      const isHttp2 = seen.compare(preface, 0, length, 0, length) === 0;
      if (isHttp2 && length < preface.length) return;
      socket.off('data', look);
      socket.pause();
      socket.unshift(seen);
      if (!isHttp2) {
        this.http1.emit('connection', socket);
        socket.resume();
        return;
      }
      clearTimeout(timer);
      this.plain.delete(socket);
      this.grpc.accept(socket);
    };
    socket.on('data', look);
  }
}
