import { Refusal } from '../calls/refusal.js';
import { maxRequestBytes } from '../limits.js';
import { status } from './grpc-status.js';

/** gRPC's framing: before each message a byte that says whether it is compressed, and its length in four. */
export const frameHeaderBytes = 5;

/** Memory shared by all calls; `take` throws a Refusal when there is none left. */
export interface MemoryBudget {
  take(bytes: number): void;
  give(bytes: number): void;
}

const nothing: Buffer = Buffer.alloc(0);
const leastPartialBytes = 512;

/**
 * Cuts the bytes of one call into messages. One that arrives whole is a slice of what arrived; one that spans pieces is
 * gathered in a buffer that grows with what has come, not with what was announced.
 */
export class FrameReader {
  private piece = nothing;
  private at = 0;
  private partial = nothing;
  private filled = 0;
  private needed = frameHeaderBytes;
  private knowsLength = false;

  constructor(private readonly budget: MemoryBudget) {}

  push(piece: Buffer): void {
    this.piece = this.at < this.piece.length ? Buffer.concat([this.piece.subarray(this.at), piece]) : piece;
    this.at = 0;
  }

  /** The next whole message; undefined when more bytes are needed. Throws a Refusal for one that is not acceptable. */
  next(): Buffer | undefined {
    if (this.filled === 0) {
      const whole = this.whole();
      if (whole) return whole;
    }
    while (this.at < this.piece.length) {
      this.fill();
      if (this.filled < this.needed) return undefined;
      if (!this.knowsLength) {
        this.needed = frameHeaderBytes + announcedLength(this.partial, 0);
        this.knowsLength = true;
      }
      if (this.filled < this.needed) continue;
      const message = this.partial.subarray(frameHeaderBytes, this.needed);
      this.release();
      return message;
    }
    return undefined;
  }

  /** Bytes of a message are there, but not all. */
  get isMidMessage(): boolean {
    return this.filled > 0;
  }

  release(): void {
    this.budget.give(this.partial.length);
    this.partial = nothing;
    this.filled = 0;
    this.needed = frameHeaderBytes;
    this.knowsLength = false;
  }

  private whole(): Buffer | undefined {
    const { piece, at } = this;
    const start = at + frameHeaderBytes;
    if (start > piece.length) return undefined;
    const end = start + announcedLength(piece, at);
    if (end > piece.length) return undefined;
    this.at = end;
    return piece.subarray(start, end);
  }

  private fill(): void {
    const bytes = Math.min(this.needed - this.filled, this.piece.length - this.at);
    this.reserve(this.filled + bytes);
    this.piece.copy(this.partial, this.filled, this.at, this.at + bytes);
    this.filled += bytes;
    this.at += bytes;
  }

  private reserve(bytes: number): void {
    if (bytes <= this.partial.length) return;
    const size = Math.max(bytes, Math.min(2 * this.partial.length, this.needed), leastPartialBytes);
    this.budget.take(size - this.partial.length);
    const larger = Buffer.allocUnsafeSlow(size);
    this.partial.copy(larger, 0, 0, this.filled);
    this.partial = larger;
  }
}

function announcedLength(bytes: Buffer, at: number): number {
  if (bytes[at] !== 0) throw compressed();
  const length = bytes.readUInt32BE(at + 1);
  if (length > maxRequestBytes) {
    const message = `Received message larger than max (${length} vs. ${maxRequestBytes})`;
    throw new Refusal(status.RESOURCE_EXHAUSTED, message);
  }
  return length;
}

const compressed = () =>
  new Refusal(status.UNIMPLEMENTED, 'the node takes no compressed messages', { 'grpc-accept-encoding': 'identity' });

/** Messages, framed, in one buffer; `bytes` is the size of them all with their headers. */
export function packed(messages: readonly Buffer[], bytes: number): Buffer {
  const pack = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const message of messages) {
    const { length } = message;
    pack[at] = 0;
    pack[at + 1] = length >>> 24;
    pack[at + 2] = length >>> 16;
    pack[at + 3] = length >>> 8;
    pack[at + 4] = length;
    pack.set(message, at + frameHeaderBytes);
    at += frameHeaderBytes + length;
  }
  return pack;
}
