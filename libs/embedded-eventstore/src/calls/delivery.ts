import { slowClientMs } from '../limits.js';
import type { Outlet } from '../transport/outlet.js';
import { caughtUp } from './responses.js';

/** `ReadResp { fell_behind {} }` */
const fellBehind = Buffer.from([0x4a, 0x00]);

/**
 * Writes to one subscriber, and knows how long its client has let it wait since it last had everything. EventStoreDB calls
 * a live subscription behind when its buffer of live events overflows; here there is no buffer, so it is a client that has
 * kept the subscription waiting, with more than a page unsent. It then gets history again and catches up anew.
 */
export class Delivery {
  isLive = false;
  private waitedMs = 0;

  constructor(private readonly outlet: Outlet) {}

  /** Undefined, or what to await before the next one. */
  write(message: Buffer): Promise<void> | undefined {
    return this.outlet.write(message) ? undefined : this.waitForClient();
  }

  get isLate(): boolean {
    return this.isLive && this.waitedMs >= slowClientMs;
  }

  async fallBehind(): Promise<void> {
    this.isLive = false;
    await this.write(fellBehind);
  }

  async goLive(): Promise<void> {
    this.isLive = true;
    await this.write(caughtUp);
    this.restart();
  }

  /** The client has everything. */
  restart(): void {
    this.waitedMs = 0;
  }

  private async waitForClient(): Promise<void> {
    const startedMs = performance.now();
    await this.outlet.ready();
    this.waitedMs += performance.now() - startedMs;
  }
}
