import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { appendFor, type Append } from './appending.js';
import { eventsFrom } from './workload.js';

export interface StoreSize {
  readonly events: number;
  readonly streams: number;
}

/** So many appends wait while the store is filled. */
const fillWaiting = 64;
const fillTimeoutMs = 600_000;
const noteFile = 'bench-store.json';
/** Of the events' form; a store of another form is not used again. */
const form = 1;

export const largeStream = (no: number): string => `large-${no}`;

/** The directory of the node's files within that of a store. */
export const nodeDirectory = (directory: string): string => join(directory, 'node');

/** @returns whether a store of this size is there. @throws Error when something else is */
export async function isFilled(directory: string, size: StoreSize): Promise<boolean> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const names = await readdir(directory);
  if (names.length === 0) return false;
  if (!names.includes(noteFile))
    throw new Error(`${directory} holds no complete store of this benchmark; name an empty directory`);
  const wanted = noteOf(size);
  const found = await readFile(join(directory, noteFile), 'utf8');
  if (found !== wanted) throw new Error(`the store in ${directory} is ${found.trim()}, wanted is ${wanted.trim()}`);
  return true;
}

/** To be called when all of it is on the disk. */
export const noteFilled = (directory: string, size: StoreSize): Promise<void> =>
  writeFile(join(directory, noteFile), noteOf(size), { mode: 0o600 });

const noteOf = ({ events, streams }: StoreSize): string => `${JSON.stringify({ form, events, streams })}\n`;

/** One append to each stream, its share of the events in it, in the order of their numbers but for the appends that wait together. */
export async function fill(
  client: EventStoreDBClient,
  { events, streams }: StoreSize,
  onProgress: (events: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let stream = 0;
  const startOf = (no: number) => Math.floor((no * events) / streams);
  const next = (): Append => {
    const no = startOf(stream);
    const append = { stream: largeStream(stream), events: eventsFrom(no, startOf(stream + 1) - no) };
    stream += 1;
    if (stream % 1_000 === 0) onProgress(no);
    return append;
  };
  await appendFor(client, { waiting: fillWaiting, forMs: fillTimeoutMs, next, isOver: () => stream === streams }, signal);
  if (stream < streams) throw new Error(`the store was not filled within ${fillTimeoutMs} ms`);
}

/** Single events to any of the streams that such a store has. */
export function toLarge({ events, streams }: StoreSize): () => Append {
  let no = events;
  return () => ({ stream: largeStream(Math.floor(Math.random() * streams)), events: eventsFrom((no += 1), 1) });
}
