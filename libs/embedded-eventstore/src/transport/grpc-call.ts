import type { ServerHttp2Stream } from 'node:http2';
import { failureOf, Refusal } from '../calls/refusal.js';
import { maxDeadlineMs, maxUnsentBytes, maxUnsentTotalBytes, packBytes } from '../limits.js';
import { FrameReader, frameHeaderBytes, packed, type MemoryBudget } from './grpc-frames.js';
import { okTrailers, status, timeoutMs, trailersOf, type Trailers } from './grpc-status.js';

/** What a method does with one call. An error thrown by `message` or `end` ends the call with its status. */
export interface CallHandler {
  /** The bytes are a slice of a larger buffer: what is kept beyond this turn should be a copy. */
  message(bytes: Buffer): void;
  /** The client has sent everything. */
  end(): void;
  /** The call is over, and not because the handler ended it: reset, connection lost, deadline, broken request. */
  cancelled?(): void;
  /** After a `write` that returned false, or `isFull`: there is room again. */
  drained?(): void;
  /** The node stops: the handler should end its call once what it accepted is answered. */
  stopping?(): void;
}

export type CallOpener = (call: GrpcCall) => CallHandler;

/** Sums up what was written to all calls and not yet taken by their clients. */
export class OutboundTotal {
  bytes = 0;

  get limitPerCall(): number {
    return this.bytes > maxUnsentTotalBytes ? packBytes : maxUnsentBytes;
  }
}

export interface CallServices {
  inbound: MemoryBudget;
  outbound: OutboundTotal;
  log: (line: string) => void;
}

const responseHeaders = { ':status': 200, 'content-type': 'application/grpc+proto' };
const withTrailers = { waitForTrailers: true, sendDate: false };
const withoutMore = { endStream: true, sendDate: false };

/**
 * The server's side of one call. What is written in one turn leaves as one piece, at its end; response headers go with
 * the first piece.
 */
export class GrpcCall {
  /** Nothing more can be written, and nothing more is delivered. */
  isOver = false;
  private handler: CallHandler | undefined;
  private readonly reader: FrameReader;
  private messages: Buffer[] = [];
  private packedBytes = 0;
  private streamBytes = 0;
  private willFlush = false;
  private wantsRoom = false;
  private isPaused = false;
  private isDelivering = false;
  private hasAll = false;
  private deadline: NodeJS.Timeout | undefined;

  constructor(
    private readonly stream: ServerHttp2Stream,
    private readonly services: CallServices,
    private readonly closed: (call: GrpcCall) => void,
  ) {
    this.reader = new FrameReader(services.inbound);
  }

  /** `timeout` is the call's `grpc-timeout` header. */
  start(open: CallOpener, timeout: string | undefined): void {
    const { stream } = this;
    stream.on('aborted', () => this.cancel());
    stream.on('close', () => this.close());
    if (timeout !== undefined) this.limitTo(timeout);
    if (this.isOver) return;
    this.handler = open(this);
    stream.on('data', (piece: Buffer) => this.receive(piece));
    stream.on('end', () => this.receiveEnd());
  }

  /** Queues one message; false when the client should take something before the next one. */
  write(message: Buffer): boolean {
    if (this.isOver) return true;
    this.messages.push(message);
    this.packedBytes += frameHeaderBytes + message.length;
    if (this.packedBytes >= packBytes) this.flush();
    else if (!this.willFlush) {
      this.willFlush = true;
      process.nextTick(flush, this);
    }
    return !this.isFull();
  }

  /** More is written but not taken than the call may hold; the handler's `drained` is called when that is over. */
  isFull(): boolean {
    this.wantsRoom = this.packedBytes + this.streamBytes > this.services.outbound.limitPerCall;
    return this.wantsRoom;
  }

  /** Ends the call well, after what was written. */
  end(): void {
    this.finish(okTrailers);
  }

  /** Ends the call with the status the error stands for, after what was written. */
  fail(error: unknown): void {
    if (!this.isOver) this.finish(trailersOf(failureOf(error, this.services.log)));
  }

  /** Ends the call from outside its handler, which learns of it. */
  abort(error: unknown): void {
    if (this.isOver) return;
    this.fail(error);
    this.handler?.cancelled?.();
  }

  /** Stops the client by HTTP/2 flow control; messages that are here already wait too. */
  pause(): void {
    if (this.isOver) return;
    this.isPaused = true;
    this.stream.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    // More comes in a later turn; what is here may pause the call again.
    this.stream.resume();
    this.deliver();
  }

  stopping(): void {
    this.handler?.stopping?.();
  }

  /** Sends what is waiting. */
  flush(): void {
    this.willFlush = false;
    const { stream } = this;
    if (this.packedBytes === 0 || this.isOver || stream.closed) return;
    if (!stream.headersSent) stream.respond(responseHeaders, withTrailers);
    stream.write(this.takePack(), this.written);
    this.account();
  }

  private receive(piece: Buffer): void {
    if (this.isOver) return;
    this.reader.push(piece);
    this.deliver();
  }

  private receiveEnd(): void {
    // A reset is no end of the request, though the stream ends too.
    if (this.isOver || this.stream.closed) return;
    this.hasAll = true;
    this.deliver();
  }

  private deliver(): void {
    if (this.isDelivering) return;
    this.isDelivering = true;
    try {
      while (this.mayRead()) {
        const message = this.reader.next();
        if (!message) break;
        this.handler?.message(message);
      }
      if (this.hasAll && this.mayRead()) {
        this.hasAll = false;
        if (this.reader.isMidMessage) throw new Refusal(status.INVALID_ARGUMENT, 'the request ends within a message');
        this.handler?.end();
      }
    } catch (error) {
      this.abort(error);
    } finally {
      this.isDelivering = false;
    }
  }

  private mayRead(): boolean {
    return !this.isPaused && !this.isOver;
  }

  private limitTo(timeout: string): void {
    const ms = timeoutMs(timeout);
    if (ms === undefined) this.fail(new Refusal(status.INTERNAL, `Invalid grpc-timeout value "${timeout}"`));
    else if (ms <= maxDeadlineMs) {
      const expire = () => this.abort(new Refusal(status.DEADLINE_EXCEEDED, 'Deadline exceeded'));
      this.deadline = setTimeout(expire, Math.ceil(ms));
    }
  }

  private cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.messages = [];
    this.packedBytes = 0;
    this.rest();
    this.handler?.cancelled?.();
  }

  private close(): void {
    this.cancel();
    this.account();
    this.closed(this);
  }

  private finish(trailers: Trailers): void {
    if (this.isOver) return;
    this.isOver = true;
    this.rest();
    const { stream } = this;
    if (stream.closed) return;
    if (!stream.headersSent && this.packedBytes === 0) {
      stream.respond({ ...responseHeaders, ...trailers }, withoutMore);
      this.stopClient();
      return;
    }
    if (!stream.headersSent) stream.respond(responseHeaders, withTrailers);
    stream.on('wantTrailers', () => {
      stream.sendTrailers(trailers);
      // Node.js sends them in the next turn.
      setImmediate(() => this.stopClient());
    });
    if (this.packedBytes === 0) stream.end();
    else stream.end(this.takePack(), this.written);
    this.account();
  }

  /** A client that is still sending is told that nobody reads. */
  private stopClient(): void {
    if (!this.stream.readableEnded && !this.stream.closed) this.stream.close();
  }

  private rest(): void {
    clearTimeout(this.deadline);
    this.reader.release();
    // The stream closes only when everything received has been read.
    this.stream.resume();
  }

  private takePack(): Buffer {
    const pack = packed(this.messages, this.packedBytes);
    this.messages = [];
    this.packedBytes = 0;
    return pack;
  }

  private readonly written = (): void => {
    this.account();
    if (this.wantsRoom && !this.isOver && !this.isFull()) this.handler?.drained?.();
  };

  private account(): void {
    const bytes = this.stream.destroyed ? 0 : this.stream.writableLength;
    this.services.outbound.bytes += bytes - this.streamBytes;
    this.streamBytes = bytes;
  }
}

function flush(call: GrpcCall): void {
  call.flush();
}

/** A method whose request is one message: `perform` gets it when the client has sent it and nothing else. */
export function oneRequest(perform: (request: Buffer, call: GrpcCall) => Omit<CallHandler, 'message' | 'end'>): CallOpener {
  return (call) => new OneRequest(call, perform);
}

class OneRequest implements CallHandler {
  private request: Buffer | undefined;
  private performing: Omit<CallHandler, 'message' | 'end'> | undefined;

  constructor(
    private readonly call: GrpcCall,
    private readonly perform: (request: Buffer, call: GrpcCall) => Omit<CallHandler, 'message' | 'end'>,
  ) {}

  message(bytes: Buffer): void {
    if (this.request) throw new Refusal(status.UNIMPLEMENTED, 'the method takes one request message, there are more');
    this.request = bytes;
  }

  end(): void {
    if (!this.request) throw new Refusal(status.UNIMPLEMENTED, 'the method takes one request message, there is none');
    this.performing = this.perform(this.request, this.call);
    this.request = undefined;
  }

  cancelled(): void {
    this.performing?.cancelled?.();
  }

  drained(): void {
    this.performing?.drained?.();
  }

  stopping(): void {
    this.performing?.stopping?.();
  }
}

/** A method with one request and one answer. */
export function oneAnswer(perform: (request: Buffer) => Buffer | Promise<Buffer>): CallOpener {
  return oneRequest((request, call) => {
    void answer(perform, request, call);
    return {};
  });
}

async function answer(perform: (request: Buffer) => Buffer | Promise<Buffer>, request: Buffer, call: GrpcCall): Promise<void> {
  try {
    call.write(await perform(request));
    call.end();
  } catch (error) {
    call.fail(error);
  }
}
