import { pageEvents, scanPageEvents, scanTurnMs } from '../limits.js';

/**
 * How many events a filtered reader takes per page. What most events are dropped from may be read in larger pages, which
 * spares turns of the event loop, but only as large as one page keeps the thread no longer than `scanTurnMs`: between two
 * pages everybody else has a turn, appends among them.
 */
export class ScanPace {
  events = pageEvents;

  /** After a page: how many events it had, how many were selected, and how long reading and filtering kept the thread. */
  took(seen: number, selected: number, tookMs: number): void {
    const isDropped = selected * 4 <= seen;
    if (!isDropped || tookMs > scanTurnMs) this.events = Math.max(pageEvents, this.events / 2);
    else if (seen === this.events && tookMs * 2 <= scanTurnMs) this.events = Math.min(scanPageEvents, this.events * 2);
  }
}
