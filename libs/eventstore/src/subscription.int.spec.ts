import { EventStoreDBClient } from '@eventstore/db-client';
import { money } from '@recourse/money';
import { UnknownEventType, type Recorded } from '@recourse/eventing';
import { openAggregateStore } from './aggregate-store.js';
import { openEventStore, type EventStore } from './event-store.js';
import { maxBatchEvents, type Batch, type Subscription, type SubscriptionOptions } from './subscription.js';
import {
  contextOf,
  eventually,
  lamp,
  openTestStore,
  quiet,
  startTestNode,
  startWire,
  take,
  till,
  tillEvent,
  type TestNode,
} from './testbed.js';

let node: TestNode;
let store: EventStore;
const running: Subscription[] = [];
beforeEach(async () => {
  node = await startTestNode();
  store = openTestStore(node.connectionString);
});
afterEach(async () => {
  for (const subscription of running.splice(0)) await subscription.stop();
  await store.close();
  await node.remove();
});

/** Keeps its checkpoint beside what it has seen, as every real reader does. */
function reader(options: Partial<SubscriptionOptions> = {}, from = store) {
  const seen: Recorded[] = [];
  const batches: Batch[] = [];
  let checkpoint = 0n;
  const subscription = from.subscribe({
    name: 'reader',
    after: () => Promise.resolve(checkpoint),
    ...options,
    handle: async (batch) => {
      await options.handle?.(batch);
      seen.push(...batch.events);
      batches.push(batch);
      checkpoint = batch.upTo;
    },
  });
  running.push(subscription);
  return { seen, batches, subscription, checkpoint: () => checkpoint };
}
const tills = () => openAggregateStore({ eventStore: store, log: quiet });
const coins = (id: string, count: number) => tills().execute(till, id, { type: 'TakeCoins', coins: count }, contextOf());
const log = async () => {
  const events: Recorded[] = [];
  for await (const event of store.readAll()) events.push(event);
  return events;
};

it('delivers history and what comes later in the order of the log, in bounded batches', async () => {
  await coins('a', 500);
  await coins('b', 500);
  const { seen, batches, subscription } = reader();
  await eventually(() => seen.length === 1_000, 'history');
  await coins('a', 3);
  await eventually(() => seen.length === 1_003, 'live events');
  expect(seen).toEqual(await log());
  expect(Math.max(...batches.map((batch) => batch.events.length))).toBeLessThanOrEqual(maxBatchEvents);
  await eventually(() => subscription.status().state === 'at-head', 'the head');
  expect(subscription.status()).toMatchObject({
    position: await store.lastPosition(),
    headSeenAt: expect.any(Number),
    error: undefined,
  });
});

it('never claims to be past an event that it has yet to deliver', async () => {
  for (let i = 0; i < 5; i += 1) await coins(`till-${i}`, 400);
  // Slow, so that more than a batch waits behind it, with the server's checkpoints in between.
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 150));
  const { seen, batches } = reader({ handle: slow });
  await eventually(() => seen.length === 2_000, 'all events');
  const late = batches.flatMap(({ events }, index) =>
    events.filter(({ position }) => position <= (batches[index - 1]?.upTo ?? 0n)),
  );
  expect(late).toEqual([]);
});

it('knows that it is at the head of an empty log', async () => {
  const { subscription } = reader();
  await eventually(() => subscription.status().state === 'at-head', 'the head');
  expect(subscription.status().headSeenAt).toBeDefined();
});

it('goes on behind a position and delivers the wanted types only, but passes everything', async () => {
  await coins('a', 2);
  const after = await store.lastPosition();
  await tills().execute(till, 'a', { type: 'CloseTill' }, contextOf());
  await openAggregateStore({ eventStore: store, log: quiet }).execute(
    lamp,
    'hall',
    { type: 'LightLamp', room: 'hall' },
    contextOf(),
  );
  const { seen, checkpoint } = reader({ after: () => Promise.resolve(after), types: ['TillClosed'] });
  const head = await store.lastPosition();
  await eventually(() => checkpoint() === head, 'the position of the last event');
  expect(seen.map((event) => event.type)).toEqual(['TillClosed']);
});

it('moves its position past events of the store itself', async () => {
  await coins('a', 1);
  const { seen, checkpoint } = reader();
  await eventually(() => seen.length === 1, 'the event');
  const before = checkpoint();
  const client = EventStoreDBClient.connectionString(node.connectionString);
  for (let i = 0; i < 64; i += 1) await client.setStreamMetadata(`other-${i}`, { maxCount: 5 });
  await eventually(() => checkpoint() > before, 'a checkpoint of the server');
  await coins('a', 1);
  await eventually(() => seen.length === 2, 'the next event');
  await client.dispose();
});

it('lets the server wait while the handler works', async () => {
  const wire = await startWire(node.port);
  const slow = openTestStore(wire.connectionString);
  const heavy = 'x'.repeat(8_000);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  for (let i = 0; i < 60; i += 1) {
    const events = Array.from({ length: 50 }, () => tillEvent('MoneyTaken', { amount: money(1n), from: heavy }));
    const { at, ...context } = contextOf();
    await store.append(
      `till-${i}`,
      'no_stream',
      events,
      events.map(() => ({ ...context, schemaVersion: 1, recordedAt: at, effectiveAt: at })),
    );
  }
  const { seen } = reader({ handle: () => held }, slow);
  let before = -1;
  await eventually(async () => {
    const now = wire.answeredBytes();
    const still = now > 0 && now === before;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return still;
  }, 'the wire falling silent');
  expect(wire.answeredBytes()).toBeLessThan(15_000_000);
  expect(seen).toEqual([]);
  release();
  await eventually(() => seen.length === 3_000, 'all events');
  await running.pop()!.stop();
  await slow.close();
  await wire.close();
});

it('loses and doubles nothing while the node restarts and connections break under load', async () => {
  const wire = await startWire(node.port);
  const cut = openTestStore(wire.connectionString);
  const { seen, subscription } = reader({}, cut);
  const aggregate = tills();
  let done = 0;
  const commands = Array.from({ length: 600 }, async (_, i) => {
    await aggregate.execute(till, `till${i % 50}`, take(1n), contextOf());
    done += 1;
    if (done % 100 === 0) wire.cut();
  });
  await eventually(() => seen.length > 50, 'some events');
  await node.restart();
  await Promise.all(commands);
  const all = await log();
  expect(all).toHaveLength(600);
  await eventually(() => seen.length >= 600, 'all events');
  expect(seen).toEqual(all);
  await eventually(() => subscription.status().state === 'at-head', 'the head');
  await running.pop()!.stop();
  await cut.close();
  await wire.close();
});

it('gives a batch again after its handler failed, from the checkpoint', async () => {
  await coins('a', 10);
  let failures = 0;
  const { seen } = reader({
    handle: async () => {
      if (failures === 3) return;
      failures += 1;
      throw new Error('the database is away');
    },
  });
  await eventually(() => seen.length === 10, 'the events');
  expect(seen).toEqual(await log());
});

it('stops at a type it does not know, with everything before it handled, and says which', async () => {
  await coins('a', 3);
  await tills().execute(till, 'a', { type: 'CloseTill' }, contextOf());
  await coins('b', 1);
  const older = { MoneyTaken: 1 } as const;
  const old = openEventStore({ connectionString: node.connectionString, catalogue: older, log: quiet });
  const { seen, subscription } = reader({ types: ['MoneyTaken'] }, old);
  expect(await subscription.stopped).toEqual(new UnknownEventType('TillClosed'));
  expect(seen).toHaveLength(3);
  expect(subscription.status()).toMatchObject({
    state: 'stopped',
    position: seen[2]!.position,
    error: expect.stringContaining('TillClosed'),
  });
  await old.close();
});

it('waits for the batch in work when it is stopped, and is over then', async () => {
  await coins('a', 1);
  let finished = false;
  let begun: () => void = () => undefined;
  const started = new Promise<void>((resolve) => (begun = resolve));
  const { subscription } = reader({
    handle: async () => {
      begun();
      await new Promise((resolve) => setTimeout(resolve, 50));
      finished = true;
    },
  });
  await started;
  await subscription.stop();
  expect(finished).toBe(true);
  expect(await subscription.stopped).toBeUndefined();
  expect(subscription.status().state).toBe('stopped');
});

it('can be stopped while the store is away', async () => {
  await node.stop();
  const { subscription } = reader();
  await eventually(() => subscription.status().error !== undefined, 'a failure');
  await subscription.stop();
  await node.start();
});
