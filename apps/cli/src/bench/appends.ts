import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Recorded } from '@recourse/eventing';
import { openEventStore } from '@recourse/eventstore';
import { catalogue } from '@recourse/nest';
import type { DomainEvent } from '@recourse/ledger';
import type { Round } from './report.js';
import { atOnce } from './market.js';
import { startChild } from '../child.js';

/** Events that one append stored. */
export type Append = readonly [Recorded<DomainEvent>, ...Recorded<DomainEvent>[]];

/** What a command stored stands together in its stream. */
export function appendsOf(events: readonly Recorded<DomainEvent>[]): Append[] {
  const appends = new Map<string, [Recorded<DomainEvent>, ...Recorded<DomainEvent>[]]>();
  for (const event of events) {
    const key = `${event.stream} ${event.metadata.commandId}`;
    const known = appends.get(key);
    if (known === undefined) appends.set(key, [event]);
    else known.push(event);
  }
  return [...appends.values()];
}

/** Deals out what so many refunds together appended: as many appends to each as they have on average, or one more. */
export function chainsOf(appends: readonly Append[], refunds: number): Append[][] {
  const chains = Array.from({ length: refunds }, (): Append[] => []);
  for (const [index, append] of appends.entries()) chains[index % refunds]?.push(append);
  return chains;
}

/** The floor: a node of the same make on the same disk that nobody reads. */
export async function startAppendFloor(directory: string, logFile: string) {
  const node = await startChild({
    name: 'the event store of the floor',
    file: join(dirname(createRequire(import.meta.url).resolve('@recourse/embedded-eventstore')), 'main.js'),
    arguments: ['--dir', directory, '--port', '0'],
    logFile,
    onLost: () => undefined,
  });
  const eventStore = openEventStore({
    connectionString: String(node.facts['connectionString']),
    catalogue,
    log: () => undefined,
  });
  let streams = 0;
  return {
    /**
     * Appends again what refunds have appended, data and metadata and all, one append of a refund after the other, each to a
     * stream of its own, and so many refunds at once. What the fund appended in common is one append per refund here.
     */
    async replay(events: readonly Recorded<DomainEvent>[], refunds: number, refundsAtOnce: number): Promise<Round> {
      const startedAt = performance.now();
      const latenciesMs = await atOnce(chainsOf(appendsOf(events), refunds), refundsAtOnce, async (chain) => {
        const begunAt = performance.now();
        for (const append of chain) {
          const outcome = await eventStore.append(
            `floor-${(streams += 1)}`,
            'no_stream',
            append.map(({ type, data }) => ({ type, data })),
            append.map(({ metadata }) => metadata),
          );
          if (outcome.status !== 'appended') throw new Error('a stream of the floor was there already');
        }
        return performance.now() - begunAt;
      });
      return { perSecond: (refunds * 1_000) / (performance.now() - startedAt), latenciesMs };
    },
    async stop(): Promise<void> {
      await eventStore.close();
      await node.stop();
    },
  };
}
export type AppendFloor = Awaited<ReturnType<typeof startAppendFloor>>;
