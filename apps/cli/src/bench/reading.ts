import { Readable } from 'node:stream';
import { eventTypeFilter, START } from '@eventstore/db-client';
import { within } from './lifetime.js';
import type { Round } from './report.js';
import type { Server } from './servers.js';

const timeoutMs = 180_000;

/** Per second counts events, the latency is that of the whole read. */
export const readAll = (server: Server, count: number, signal: AbortSignal): Promise<Round> =>
  timed(count, async () => {
    const reading = server.client.readAll({ fromPosition: server.from, maxCount: count });
    await taken(reading, count, `reading ${count} events of $all`, signal).finally(() => reading.cancel());
  });

export const readStream = (server: Server, count: number, signal: AbortSignal): Promise<Round> =>
  timed(count, async () => {
    const reading = server.client.readStream(server.readStream, { fromRevision: START, maxCount: count });
    await taken(reading, count, `reading ${count} events of one stream`, signal).finally(() => reading.cancel());
  });

export interface CatchUp {
  /** Events that have to arrive. */
  readonly count: number;
  /** Of their types. The window and the checkpoints are the client's own. */
  readonly prefix?: string;
}

/** A new subscription until so many events have arrived. */
export const catchUp = (server: Server, { count, prefix }: CatchUp, signal: AbortSignal): Promise<Round> =>
  timed(count, async () => {
    const subscription = server.client.subscribeToAll({
      fromPosition: server.from,
      ...(prefix !== undefined && { filter: eventTypeFilter({ prefixes: [prefix] }) }),
    });
    await taken(subscription, count, `catching up on ${count} events`, signal).finally(() => subscription.unsubscribe());
  });

async function timed(count: number, read: () => Promise<void>): Promise<Round> {
  const startedAt = performance.now();
  await read();
  const tookMs = performance.now() - startedAt;
  return { perSecond: (count * 1_000) / tookMs, latenciesMs: [tookMs] };
}

function taken(reading: unknown, count: number, what: string, signal: AbortSignal): Promise<void> {
  if (!(reading instanceof Readable)) throw new TypeError('the client reads by other means than a stream');
  const all = new Promise<void>((resolve, reject) => {
    let seen = 0;
    reading.on('data', () => {
      if ((seen += 1) === count) resolve();
    });
    reading.once('error', reject);
    reading.once('end', () => reject(new Error(`${what}: only ${seen} came`)));
  });
  return within(all, { timeoutMs, what, signal });
}
