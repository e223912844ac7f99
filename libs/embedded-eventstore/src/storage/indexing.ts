import { indexedAtOnce } from '../limits.js';
import { LogFiles } from './log-files.js';
import type { EventRecord } from './record.js';
import type { StreamIndex } from './stream-index.js';

/**
 * Brings the index up to a position of the log, a transaction per `indexedAtOnce` events. `progress` is told how far it is
 * after each.
 */
export function indexLog(logDirectory: string, index: StreamIndex, to: number, progress: (indexed: number) => void): void {
  const log = LogFiles.open(logDirectory, { readOnly: { from: index.indexed, to } });
  try {
    for (let next = index.indexed; index.indexed < to;) {
      const records: EventRecord[] = [];
      while (records.length < indexedAtOnce) {
        const page = log.page(next, false, Infinity);
        const last = page.at(-1);
        if (!last) break;
        records.push(...page);
        next = last.position + 1;
      }
      if (records.length === 0) throw new Error(`the log has no events between ${index.indexed} and ${to}`);
      index.add(records);
      index.refresh();
      progress(index.indexed);
    }
  } finally {
    log.close();
  }
}
