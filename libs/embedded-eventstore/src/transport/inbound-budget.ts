import { Refusal } from '../calls/refusal.js';
import { maxInboundBytes } from '../limits.js';
import type { MemoryBudget } from './grpc-frames.js';
import { status } from './grpc-status.js';

/** Bounds what half-received messages and unfinished appends of all calls hold in memory together. */
export class InboundBudget implements MemoryBudget {
  held = 0;

  take(bytes: number): void {
    if (this.held + bytes > maxInboundBytes) {
      throw new Refusal(status.RESOURCE_EXHAUSTED, `the node holds ${maxInboundBytes} bytes of unfinished appends; try again`);
    }
    this.held += bytes;
  }

  give(bytes: number): void {
    this.held -= bytes;
  }
}
