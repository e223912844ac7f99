import type { Recorded } from '@recourse/eventing';
import { listParked } from '@recourse/postgres';
import type { QueryExecutorProvider } from 'kysely';
import type { EventStore } from './event-store.js';

export interface ReplayRequest {
  /** As `listParked` shows it: `projection:name.v1` or `process:name.v1`. */
  readonly reader: string;
  /** As `listParked` shows it: the stream, unless a process named another lane. */
  readonly lane: string;
  /** What an operator did about it; goes to the log. */
  readonly reason: string;
}

export interface Replayed {
  readonly replayed: number;
  /** The event that still cannot be handled; it and those behind it stay parked. */
  readonly failed?: { readonly eventId: string; readonly error: string };
}

const pageEvents = 500;

/** The parked events of one lane in the order of the log, 1,000 at most, as they are in the store. @throws Error when one is not there */
export async function readParked(
  eventStore: EventStore,
  db: QueryExecutorProvider,
  { reader, lane }: Pick<ReplayRequest, 'reader' | 'lane'>,
): Promise<Recorded[]> {
  const rows = await listParked(db, { reader, lane });
  const found: Recorded[] = [];
  for (const stream of new Set(rows.map((row) => row.stream))) {
    const positions = new Set(rows.filter((row) => row.stream === stream).map((row) => row.position));
    found.push(...(await eventsAt(eventStore, stream, positions)));
  }
  return found.toSorted((a, b) => (a.position < b.position ? -1 : 1));
}

async function eventsAt(eventStore: EventStore, stream: string, positions: ReadonlySet<bigint>): Promise<Recorded[]> {
  const found: Recorded[] = [];
  for (let from = 0n; found.length < positions.size;) {
    const page = await eventStore.readStream(stream, { from, limit: pageEvents });
    found.push(...page.filter((event) => positions.has(event.position)));
    const last = page.at(-1);
    if (!last) throw new Error(`${positions.size - found.length} parked events of ${stream} are not in the event store`);
    from = last.revision + 1n;
  }
  return found;
}
