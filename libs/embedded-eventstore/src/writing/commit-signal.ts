import { pageBytes, pageEvents } from '../limits.js';
import type { EventRecord } from '../storage/record.js';

/** The events of one commit, for those who have seen everything up to `after`. */
export interface FreshEvents {
  after: number;
  records: readonly EventRecord[];
}

type Wake = (fresh?: FreshEvents) => void;

/**
 * Wakes those who wait for new events: of one stream, or of any. A wait is used once. Who waits for any gets the events of
 * the commit along, so that a thousand subscribers at the end of the log do not read the same page a thousand times;
 * whoever is not at the end, and any commit larger than a page, which a slow subscriber would keep in memory, is served
 * from the log.
 */
export class CommitSignal {
  private readonly anyStream = new Set<Wake>();
  private readonly byStream = new Map<string, Set<Wake>>();
  private newest: number | undefined;

  /** Calls `wake` after the next commit that touches the stream (undefined: any commit); returns how to stop waiting. */
  wait(stream: string | undefined, wake: Wake): () => void {
    if (stream === undefined) {
      this.anyStream.add(wake);
      return () => this.anyStream.delete(wake);
    }
    const waiting = this.byStream.get(stream) ?? new Set();
    this.byStream.set(stream, waiting.add(wake));
    return () => {
      waiting.delete(wake);
      if (waiting.size === 0 && this.byStream.get(stream) === waiting) this.byStream.delete(stream);
    };
  }

  /** Nothing after this position is known to be durable; what comes will wake those who wait. */
  hasNothingAfter(position: number): boolean {
    return this.newest !== undefined && this.newest <= position;
  }

  /** After each commit, in order: the streams it touched and all events it stored. */
  committed(streams: Iterable<string>, records?: readonly EventRecord[]): void {
    const fresh = records && this.fresh(records);
    const woken = Array.from(this.anyStream, (wake) => () => wake(fresh));
    this.anyStream.clear();
    for (const stream of streams) {
      woken.push(...(this.byStream.get(stream) ?? []));
      this.byStream.delete(stream);
    }
    for (const wake of woken) wake();
  }

  private fresh(records: readonly EventRecord[]): FreshEvents | undefined {
    const after = this.newest;
    this.newest = records.at(-1)?.position ?? after;
    if (after === undefined || records.length === 0 || records.length > pageEvents) return undefined;
    const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
    return bytes > pageBytes ? undefined : { after, records };
  }
}
