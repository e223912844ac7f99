import { ANY, NO_STREAM, type AppendExpectedRevision, type EventData, type EventStoreDBClient } from '@eventstore/db-client';
import { within } from './lifetime.js';
import type { Round } from './report.js';

export interface Append {
  readonly stream: string;
  readonly events: readonly EventData[];
  readonly expectedRevision?: AppendExpectedRevision;
}
export interface AppendLoad {
  /** Appends that wait for their answer at a time. */
  readonly waiting: number;
  readonly forMs: number;
  /** Calls Append, one call per append, where otherwise all go through one BatchAppend. */
  readonly isClassic?: boolean;
  /** The next append; lanes take them in turn. */
  readonly next: () => Append;
  /** Ends it before its time. */
  readonly isOver?: () => boolean;
}

const graceMs = 60_000;
/** Any credentials of its own make the client use Append; without TLS it sends none. */
const classic = { credentials: { username: 'bench', password: 'bench' } };

/** Appends for so long. Per second counts events, a latency is an append's. @throws Error also when none of it is answered in time */
export async function appendFor(client: EventStoreDBClient, load: AppendLoad, signal: AbortSignal): Promise<Round> {
  const { waiting, forMs, next, isClassic = false, isOver = () => false } = load;
  const latenciesMs: number[] = [];
  let events = 0;
  let hasFailed = false;
  const startedAt = performance.now();
  const endAt = startedAt + forMs;
  let endedAt = startedAt;
  const lane = async () => {
    let begunAt = performance.now();
    while (begunAt < endAt && !hasFailed && !signal.aborted && !isOver()) {
      const append = next();
      const { expectedRevision = ANY } = append;
      await client.appendToStream(append.stream, [...append.events], { expectedRevision, ...(isClassic && classic) });
      events += append.events.length;
      endedAt = performance.now();
      latenciesMs.push(endedAt - begunAt);
      begunAt = endedAt;
    }
  };
  const lanes = Array.from({ length: waiting }, () =>
    lane().catch((error: unknown) => {
      hasFailed = true;
      throw error;
    }),
  );
  // An interrupt does not leave appends behind: the public client keeps those of all its connections in one table.
  await within(Promise.all(lanes), { timeoutMs: forMs + graceMs, what: 'appending' });
  signal.throwIfAborted();
  return { perSecond: (events * 1_000) / (endedAt - startedAt), latenciesMs };
}

/** One after the other to one new stream, each naming the revision before it. */
export function inOneStream(stream: string, count: number, eventsFrom: (no: number, count: number) => EventData[]): () => Append {
  let no = 0;
  return () => {
    const expectedRevision: AppendExpectedRevision = no === 0 ? NO_STREAM : BigInt(no - 1);
    const append = { stream, events: eventsFrom(no, count), expectedRevision };
    no += count;
    return append;
  };
}
