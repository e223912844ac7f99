import { money } from '@recourse/money';
import { shape, systemActor, UnknownEventType, type Event, type Metadata, type Recorded } from '@recourse/eventing';
import { eventIdOf } from './event-id.js';
import { openEventStore, type EventStore } from './event-store.js';
import { AppendTooLarge, UnreadableEvent } from './store-error.js';
import { catalogue, openTestStore, quiet, startTestNode, tillEvent, type TestNode } from './testbed.js';

let node: TestNode;
let store: EventStore;
beforeAll(async () => {
  node = await startTestNode();
  store = openTestStore(node.connectionString);
});
afterAll(async () => {
  await store.close();
  await node.remove();
});

const metadata = (commandId = 'c1'): Metadata => ({
  commandId,
  correlationId: 'r1',
  actor: systemActor('test', 'demo'),
  schemaVersion: 1,
  recordedAt: '2026-03-01T00:00:00.000Z',
  effectiveAt: '2026-03-01T00:00:00.000Z',
});
const taken = (minor: bigint) => tillEvent('MoneyTaken', { amount: money(minor) });
const append = async (stream: string, from: bigint | 'no_stream', ...events: Event[]) => {
  const outcome = await store.append(
    stream,
    from,
    events,
    events.map(() => metadata()),
  );
  if (outcome.status !== 'appended') throw new Error('conflict');
  return outcome;
};
const all = async (options?: Parameters<EventStore['readAll']>[0]) => {
  const events: Recorded[] = [];
  for await (const event of store.readAll(options)) events.push(event);
  return events;
};

it('has nothing at the beginning', async () => {
  expect(await store.lastPosition()).toBe(0n);
  expect(await store.readStream('till-missing', { limit: 10 })).toEqual([]);
  expect(await all()).toEqual([]);
});

it('reads back what it appended, with amounts as Money and places as bigint', async () => {
  const { revision, position } = await append('till-1', 'no_stream', taken(5n), tillEvent('TillClosed', {}));
  const events = await store.readStream('till-1', { limit: 10 });
  expect(events).toMatchObject([
    { type: 'MoneyTaken', data: { amount: money(5n) }, stream: 'till-1', revision: 0n, metadata: metadata() },
    { type: 'TillClosed', data: {}, stream: 'till-1', revision: 1n, position },
  ]);
  expect(revision).toBe(1n);
  expect(events[0]!.position).toBeLessThan(position!);
  expect(await store.lastPosition()).toBe(position);
});

it('reads streams from a revision, backwards and in part', async () => {
  await append('till-2', 'no_stream', taken(1n), taken(2n), taken(3n), taken(4n));
  const revisions = async (options: Parameters<EventStore['readStream']>[1]) =>
    (await store.readStream('till-2', options)).map((event) => Number(event.revision));
  expect(await revisions({ from: 1n, limit: 2 })).toEqual([1, 2]);
  expect(await revisions({ direction: 'backwards', limit: 2 })).toEqual([3, 2]);
  expect(await revisions({ from: 2n, direction: 'backwards', limit: 10 })).toEqual([2, 1, 0]);
  expect(await revisions({ from: 9n, limit: 10 })).toEqual([]);
});

it('answers an append at another revision with a conflict', async () => {
  await append('till-3', 'no_stream', taken(1n));
  expect(await store.append('till-3', 'no_stream', [taken(2n)], [metadata('c2')])).toEqual({ status: 'conflict' });
  expect(await store.append('till-3', 7n, [taken(2n)], [metadata('c2')])).toEqual({ status: 'conflict' });
});

it('takes a repeat at the same revision as one append, and other content under the same command as a conflict', async () => {
  const first = await append('till-4', 'no_stream', taken(1n));
  await append('till-4', 0n, taken(2n));
  expect(await append('till-4', 'no_stream', taken(1n))).toEqual(first);
  expect(await store.append('till-4', 'no_stream', [taken(9n)], [metadata()])).toEqual({ status: 'conflict' });
  expect(await store.readStream('till-4', { limit: 10 })).toHaveLength(2);
});

it('reads the log behind a position, by type, without the events of the store itself', async () => {
  const events = await all();
  expect(events.every((event) => !event.stream.startsWith('$'))).toBe(true);
  expect(events.map((event) => event.position)).toEqual(events.map((event) => event.position).toSorted((a, b) => Number(a - b)));
  const third = events[2]!;
  expect(await all({ after: third.position })).toEqual(events.slice(3));
  expect((await all({ types: ['TillClosed'] })).map((event) => event.type)).toEqual(['TillClosed']);
});

it('leaves the log at any point without keeping a call open', async () => {
  for await (const event of store.readAll()) {
    expect(event.revision).toBe(0n);
    break;
  }
});

it('brings stored shapes to the newest one, and stops at types and versions it does not know', async () => {
  await append('till-5', 'no_stream', taken(1n));
  const newer = openEventStore({
    connectionString: node.connectionString,
    catalogue: { ...catalogue, MoneyTaken: shape<{ amount: unknown }>().then((older) => ({ ...older, from: 'unknown' })) },
    log: quiet,
  });
  const older = openEventStore({ connectionString: node.connectionString, catalogue: { TillClosed: 1 }, log: quiet });
  try {
    expect((await newer.readStream('till-5', { limit: 1 }))[0]!.data).toEqual({ amount: money(1n), from: 'unknown' });
    await newer.append('till-6', 'no_stream', [taken(1n)], [{ ...metadata(), schemaVersion: 2 }]);
    await expect(store.readStream('till-6', { limit: 1 })).rejects.toThrow(UnreadableEvent);
    await expect(older.readStream('till-5', { limit: 1 })).rejects.toThrow(UnknownEventType);
    await expect(older.readAll({ types: ['TillClosed'] }).next()).rejects.toThrow(UnknownEventType);
  } finally {
    await newer.close();
    await older.close();
  }
});

it('refuses what can never be stored', async () => {
  await expect(store.append('$till', 'no_stream', [taken(1n)], [metadata()])).rejects.toThrow(RangeError);
  await expect(store.append('till-7', 'no_stream', [], [])).rejects.toThrow(RangeError);
  const wide = Array.from({ length: 17 }, () => tillEvent('MoneyTaken', { amount: money(1n), from: 'x'.repeat(65_000) }));
  await expect(
    store.append(
      'till-7',
      'no_stream',
      wide,
      wide.map(() => metadata()),
    ),
  ).rejects.toThrow(AppendTooLarge);
  expect(() => openTestStore('not a connection string with a secret')).toThrow(/esdb:/);
});

it('gives ids that stand for stream, command, index and content', () => {
  const id = eventIdOf('till-1', 'c1', 0, 'content');
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set([id, eventIdOf('till-1', 'c1', 0, 'content')]).size).toBe(1);
  const others = [
    eventIdOf('till-2', 'c1', 0, 'content'),
    eventIdOf('till-1', 'c2', 0, 'content'),
    eventIdOf('till-1', 'c1', 1, 'content'),
    eventIdOf('till-1', 'c1', 0, 'other'),
  ];
  expect(new Set([id, ...others]).size).toBe(5);
});
