import { unavailable } from '../calls/refusal.js';
import type { GrpcCall } from './grpc-call.js';

/**
 * The way out of a streaming call. For a slow client at most `maxUnsentBytes` and one message wait (less if all calls
 * together hold too much): after a `write` that returned false nothing more is produced until `ready`.
 */
export class Outlet {
  private wakeSleeper: (() => void) | undefined;
  private wakeWriter: (() => void) | undefined;

  constructor(
    private readonly call: GrpcCall,
    private readonly isStopping: AbortSignal,
  ) {}

  /** Nobody reads any more. */
  get isClosed(): boolean {
    return this.call.isOver;
  }

  /** False: wait for `ready` before the next one. */
  write(message: Buffer): boolean {
    return this.call.write(message);
  }

  /** Resolves when the client has taken enough of what was written, or the call is over. Throws a Refusal when the node stops. */
  async ready(): Promise<void> {
    while (!this.isClosed && this.call.isFull()) {
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

  /** The call has room again. */
  readonly drained = (): void => {
    this.wakeWriter?.();
  };

  /** The call is over, or the node stops: nobody waits on. */
  readonly rouse = (): void => {
    this.wakeSleeper?.();
    this.wakeWriter?.();
  };

  private refuseWhenStopping(): void {
    if (this.isStopping.aborted) throw unavailable('the node is stopping');
  }
}
