import { Buffer } from 'node:buffer';
import {
  type Catalogue,
  currentVersion,
  encodeData,
  type Event,
  maxBatchBytes,
  maxBatchEvents,
  type Metadata,
} from '@recourse/eventing';
import type { EventToAppend } from './event-store.js';

/** What an event has of the input behind it. */
export type Cause = Omit<Metadata, 'schemaVersion' | 'recordedAt'>;

/** What one append of a stream processor gathers, at a time that is only noted. */
export function appendBatch<E extends Event>(catalogue: Catalogue<E>, now: string) {
  const events: (E & EventToAppend)[] = [];
  const metadata: Metadata[] = [];
  let bytes = 0;
  const put = (encoded: readonly (E & EventToAppend)[], from: Cause): void => {
    const recordedAt = now > from.effectiveAt ? now : from.effectiveAt;
    for (const event of encoded) {
      events.push(event);
      metadata.push({ ...from, schemaVersion: currentVersion(catalogue, event.type), recordedAt });
    }
  };
  const encode = (decided: readonly E[]) => decided.map((event) => ({ ...event, encoded: encodeData(event.data) }));
  return {
    events,
    metadata,
    /** Whether there was room for all of them. One decision is never divided, so the first has it. */
    add(decided: readonly E[], from: Cause): boolean {
      const encoded = encode(decided);
      const size = encoded.reduce((sum, event) => sum + Buffer.byteLength(event.encoded), 0);
      if (events.length > 0 && (bytes + size > maxBatchBytes || events.length + decided.length > maxBatchEvents)) return false;
      put(encoded, from);
      bytes += size;
      return true;
    },
    /** The last one, which is small and so may stand beyond the bounds. */
    end(last: E, from: Cause): void {
      put(encode([last]), from);
    },
  };
}
