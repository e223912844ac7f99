import { fullPeriodEvents, periodId, type Metadata } from '@recourse/eventing';
import { money } from '@recourse/money';
import { openAggregateStore, type AggregateStore } from './aggregate-store.js';
import type { EventStore, ReadStreamOptions } from './event-store.js';
import { lastPeriodOf } from './last-period.js';
import {
  contextOf,
  openTestStore,
  purse,
  purseEvent,
  quiet,
  startTestNode,
  type PurseCommand,
  type TestNode,
} from './testbed.js';

const march = '2026-03-31T15:59:59.999Z';
const april = '2026-04-01T00:00:00.000Z';
const put = (minor: bigint): PurseCommand => ({ type: 'PutCoin', amount: money(minor) });

let node: TestNode;
let store: EventStore;
const worker = (eventStore: EventStore = store): AggregateStore => openAggregateStore({ eventStore, log: quiet });
const eventsIn = async (account: string, no: number) =>
  (await store.readStream(`purse-${periodId(account, no)}`, { limit: 5_000 })).map(({ type, data }) => ({ type, data }));

beforeAll(async () => {
  node = await startTestNode();
  store = openTestStore(node.connectionString);
});
afterAll(async () => {
  await store.close();
  await node.remove();
});

describe('an account in periods', () => {
  it('closes the period that is due with the next command, and goes on with what it carried', async () => {
    const purses = worker();
    await purses.execute(purse, 'm1', put(5n), contextOf(undefined, march));
    expect(await purses.execute(purse, 'm1', put(3n), contextOf(undefined, april))).toMatchObject({
      outcome: 'appended',
      events: [purseEvent('CoinPut', { amount: money(3n) })],
      revision: 1n,
    });
    expect(await eventsIn('m1', 1)).toEqual([
      purseEvent('PurseOpened', { carried: money(0n), month: '2026-03' }),
      purseEvent('CoinPut', { amount: money(5n) }),
      purseEvent('PurseClosed', { carried: money(5n), month: '2026-04' }),
    ]);
    expect(await eventsIn('m1', 2)).toEqual([
      purseEvent('PurseOpened', { carried: money(5n), month: '2026-04' }),
      purseEvent('CoinPut', { amount: money(3n) }),
    ]);
  });

  it('turns the period once, whoever turns it: workers that come at once all find the open one', async () => {
    await worker().execute(purse, 'many', put(1n), contextOf(undefined, march));
    const workers = [worker(), worker(), worker()];
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, no) => workers[no % 3]!.execute(purse, 'many', put(1n), contextOf(undefined, april))),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 12 }, () => 'appended'));
    expect(await eventsIn('many', 1)).toHaveLength(3);
    expect((await eventsIn('many', 2)).filter(({ type }) => type === 'CoinPut')).toHaveLength(12);
    expect(await eventsIn('many', 3)).toEqual([]);
  });

  it('goes on where a crash left a closed period without the next one', async () => {
    await worker().execute(purse, 'crash', put(7n), contextOf(undefined, march));
    const { commandId, correlationId, actor } = contextOf();
    const metadata: Metadata = { commandId, correlationId, actor, schemaVersion: 1, recordedAt: april, effectiveAt: april };
    await store.append('purse-crash.0001', 1n, [purseEvent('PurseClosed', { carried: money(7n), month: '2026-04' })], [metadata]);
    expect(await worker().execute(purse, 'crash', put(1n), contextOf(undefined, april))).toMatchObject({ outcome: 'appended' });
    expect((await eventsIn('crash', 2))[0]).toEqual(purseEvent('PurseOpened', { carried: money(7n), month: '2026-04' }));
  });

  it('knows a command that took effect in a period that is over, by the moment at which it was first met', async () => {
    const context = contextOf(undefined, march);
    const first = await worker().execute(purse, 'again', put(5n), context);
    await worker().execute(purse, 'again', put(1n), contextOf(undefined, april));
    const late = { ...context, at: '2026-04-02T00:00:00.000Z', since: march };
    expect(await worker().execute(purse, 'again', put(5n), late)).toEqual({ ...first, outcome: 'recorded' });
    expect((await eventsIn('again', 2)).filter(({ type }) => type === 'CoinPut')).toHaveLength(1);
  });

  it('answers a refusal and a command with nothing to do from the open period', async () => {
    const purses = worker();
    await purses.execute(purse, 'idle', put(5n), contextOf(undefined, march));
    expect(await purses.execute(purse, 'idle', put(0n), contextOf(undefined, april))).toMatchObject({
      outcome: 'nothing',
      revision: 0n,
    });
    expect(await eventsIn('idle', 2)).toHaveLength(1);
  });

  it('is never read whole: a worker that starts on 200,000 events reads one period', async () => {
    const months = 50;
    const at = (no: number) => `2026-${String((no % 12) + 1).padStart(2, '0')}-01T00:00:00.000Z`;
    for (let no = 1; no <= months; no += 1) {
      const stream = `purse-${periodId('old', no)}`;
      const carried = money(BigInt((no - 1) * fullPeriodEvents));
      const events = [
        purseEvent('PurseOpened', { carried, month: '2026-01' }),
        ...Array.from({ length: fullPeriodEvents }, () => purseEvent('CoinPut', { amount: money(1n) })),
        ...(no < months ? [purseEvent('PurseClosed', { carried: money(BigInt(no * fullPeriodEvents)), month: '2026-01' })] : []),
      ];
      for (let from = 0; from < events.length; from += 1_000) {
        const part = events.slice(from, from + 1_000);
        const { correlationId, actor } = contextOf();
        const metadata = part.map((): Metadata => {
          return { commandId: `${no}/${from}`, correlationId, actor, schemaVersion: 1, recordedAt: at(no), effectiveAt: at(no) };
        });
        await store.append(stream, from === 0 ? 'no_stream' : BigInt(from - 1), part, metadata);
      }
    }
    let read = 0;
    const counting: EventStore = {
      ...store,
      readStream: async (stream: string, options: ReadStreamOptions) => {
        const events = await store.readStream(stream, options);
        read += events.length;
        return events;
      },
    } as EventStore;
    expect(await lastPeriodOf(store, 'purse-old')).toBe(months);
    const executed = await worker(counting).execute(purse, 'old', put(1n), contextOf(undefined, '2027-01-01T00:00:00.000Z'));
    expect(executed.outcome).toBe('appended');
    expect(await eventsIn('old', months + 1)).toEqual([
      purseEvent('PurseOpened', { carried: money(BigInt(months * fullPeriodEvents)), month: '2027-01' }),
      purseEvent('CoinPut', { amount: money(1n) }),
    ]);
    expect(read).toBeLessThan(fullPeriodEvents + 50);
  }, 120_000);
});
