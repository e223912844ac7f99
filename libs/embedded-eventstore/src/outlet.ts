import type { ServerWritableStream } from '@grpc/grpc-js';
import { maxUnsentBytes } from './limits.js';
import { unavailable } from './refusal.js';

/**
 * The way out of a streaming call. For a slow client at most 16 messages, or `maxUnsentBytes` and one message, wait:
 * after a `write` that returned false nothing more is produced until `ready`.
 */
export class Outlet {
  private closed = false;
  private unsentBytes = 0;
  private wakeSleeper: (() => void) | undefined;
  private wakeWriter: (() => void) | undefined;

  constructor(
    private readonly call: ServerWritableStream<Buffer, Buffer>,
    private readonly stopping: AbortSignal,
  ) {
    call.once('cancelled', this.close).once('close', this.close).once('finish', this.close);
    call.on('drain', () => this.wakeWriterIfRoom());
    stopping.addEventListener('abort', this.rouse);
  }

  /** Nobody reads any more. */
  get isClosed(): boolean {
    return this.closed || this.call.cancelled;
  }

  /** False: wait for `ready` before the next one. */
  write(message: Buffer): boolean {
    if (this.isClosed) return true;
    this.unsentBytes += message.length;
    this.call.write(message, () => {
      this.unsentBytes -= message.length;
      this.wakeWriterIfRoom();
    });
    return !this.isFull;
  }

  /** Resolves when the client has taken enough of what was written, or the call is over. Throws a Refusal when the node stops. */
  async ready(): Promise<void> {
    while (!this.isClosed && this.isFull) {
      this.refuseWhenStopping();
      await new Promise<void>((resolve) => (this.wakeWriter = resolve));
    }
    this.refuseWhenStopping();
  }

  /** Waits until the wake-up given to `arm`, or the call is over. Throws a Refusal when the node stops. */
  async sleep(arm: (wake: () => void) => () => void): Promise<void> {
    this.refuseWhenStopping();
    if (this.isClosed) return;
    let disarm: () => void = () => undefined;
    await new Promise<void>((resolve) => {
      this.wakeSleeper = resolve;
      disarm = arm(resolve);
    });
    disarm();
    this.refuseWhenStopping();
  }

  /** Lets other calls have their turn between two pages. */
  async breathe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.refuseWhenStopping();
  }

  private get isFull(): boolean {
    return this.call.writableNeedDrain || this.unsentBytes > maxUnsentBytes;
  }

  private wakeWriterIfRoom(): void {
    if (!this.isFull) this.wakeWriter?.();
  }

  private refuseWhenStopping(): void {
    if (this.stopping.aborted) throw unavailable('the node is stopping');
  }

  private readonly rouse = (): void => {
    this.wakeSleeper?.();
    this.wakeWriter?.();
  };

  private readonly close = (): void => {
    this.closed = true;
    this.stopping.removeEventListener('abort', this.rouse);
    this.rouse();
  };
}
