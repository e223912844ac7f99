import { appendFor, inOneStream, type Append } from './appending.js';
import { catchUp, readAll, readStream } from './reading.js';
import type { Round } from './report.js';
import { freshName, type Server } from './servers.js';
import { eventOf, eventsFrom, halfMatching } from './workload.js';

export interface Extent {
  /** How long appends are made. */
  readonly forMs: number;
  /** How many events are read; `halfMatching` of them where a filter is. */
  readonly readEvents: number;
  readonly signal: AbortSignal;
}

/** One row of the table: the same work for the event store and for both ceilings. */
export interface Row {
  readonly key: RowKey;
  readonly title: string;
  readonly kind: 'append' | 'read';
  measure(server: Server, extent: Extent): Promise<Round>;
}

/** Rows that the ceilings have too. */
export const rowKeys = [
  'append-1',
  'append-64',
  'append-64-classic',
  'append-100',
  'one-stream',
  'read-all',
  'read-stream',
  'catch-up',
  'catch-up-half',
] as const;
export type RowKey = (typeof rowKeys)[number];

/** Rows that need a store of many events; a running server that is not ours is not asked for them. */
export const largeRowKeys = ['open', 'catch-up-rare', 'append-large', 'full-read'] as const;
export type LargeRowKey = (typeof largeRowKeys)[number];

export type AnyRowKey = RowKey | LargeRowKey;
export const allRowKeys: readonly AnyRowKey[] = [...rowKeys, ...largeRowKeys];

const streamsAtHand = 1_000;

/** To random ones of some streams, whatever their revision. */
function toAny(count: number): () => Append {
  const prefix = freshName('any');
  let no = 0;
  return () => ({
    stream: `${prefix}-${Math.floor(Math.random() * streamsAtHand)}`,
    events: count === 1 ? [eventOf((no += 1))] : eventsFrom((no += count), count),
  });
}

export const rows: readonly Row[] = [
  {
    key: 'append-1',
    title: 'append, 1 waiting',
    kind: 'append',
    measure: ({ client }, { forMs, signal }) => appendFor(client, { waiting: 1, forMs, next: toAny(1) }, signal),
  },
  {
    key: 'append-64',
    title: 'append, 64 waiting (batch call)',
    kind: 'append',
    measure: ({ client }, { forMs, signal }) => appendFor(client, { waiting: 64, forMs, next: toAny(1) }, signal),
  },
  {
    key: 'append-64-classic',
    title: 'append, 64 waiting (classic call)',
    kind: 'append',
    measure: ({ client }, { forMs, signal }) =>
      appendFor(client, { waiting: 64, forMs, isClassic: true, next: toAny(1) }, signal),
  },
  {
    key: 'append-100',
    title: 'append of 100 events, 4 waiting',
    kind: 'append',
    measure: ({ client }, { forMs, signal }) => appendFor(client, { waiting: 4, forMs, next: toAny(100) }, signal),
  },
  {
    key: 'one-stream',
    title: 'one stream, exact revision, packs of 64',
    kind: 'append',
    measure: ({ client }, { forMs, signal }) =>
      appendFor(client, { waiting: 1, forMs, next: inOneStream(freshName('one'), 64, eventsFrom) }, signal),
  },
  {
    key: 'read-all',
    title: 'read $all',
    kind: 'read',
    measure: (server, { readEvents, signal }) => readAll(server, readEvents, signal),
  },
  {
    key: 'read-stream',
    title: 'read one stream',
    kind: 'read',
    measure: (server, { readEvents, signal }) => readStream(server, readEvents, signal),
  },
  {
    key: 'catch-up',
    title: 'catch up on $all',
    kind: 'read',
    measure: (server, { readEvents, signal }) => catchUp(server, { count: readEvents }, signal),
  },
  {
    key: 'catch-up-half',
    title: 'catch up, filtered, half matching',
    kind: 'read',
    measure: (server, { readEvents, signal }) =>
      catchUp(server, { count: readEvents * halfMatching.share, prefix: halfMatching.prefix }, signal),
  },
];
