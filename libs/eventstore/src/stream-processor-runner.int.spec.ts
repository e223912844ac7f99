import {
  encodeData,
  eventsOf,
  fold,
  maxBatchBytes,
  reject,
  type Decider,
  type Event,
  type EventOf,
  type Recorded,
  type StreamProcessor,
} from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { resetCheckpoint, writeCheckpoint } from '@recourse/postgres';
import fc from 'fast-check';
import type { Alarm } from './alarm.js';
import { openAggregateStore, type AggregateStore } from './aggregate-store.js';
import { openEventStore, type EventStore } from './event-store.js';
import { processorReader } from './reader.js';
import { InputRefused, StoreUnavailable } from './store-error.js';
import { runStreamProcessor } from './stream-processor-runner.js';
import type { Subscription } from './subscription.js';
import {
  catalogue,
  clock,
  contextOf,
  createTestDatabase,
  eventually,
  quiet,
  startTestNode,
  till,
  type TestDatabase,
  type TestNode,
  type TillEvent,
} from './testbed.js';

type PurseEvent =
  | Event<'PurseFilled', { readonly amount: Money; readonly total: Money; readonly note?: string }>
  | Event<'PurseCounted', { readonly total: Money }>;
type PurseCommand = { readonly type: 'FillPurse'; readonly amount: Money; readonly note?: string };
const event = eventsOf<PurseEvent>();

/** Fills with all but single coins, counts itself at every third, and cannot hold thirteen. */
const purse: Decider<PurseCommand, bigint, PurseEvent, 'Unlucky'> = {
  category: 'purse',
  initial: 0n,
  events: { PurseFilled: 1, PurseCounted: 1 },
  decide: ({ amount, note }, state) => {
    if (amount.minor === 13n) return reject('Unlucky', 'thirteen');
    if (amount.minor === 1n) return [];
    const total = money(state + amount.minor);
    const filled = event('PurseFilled', { amount, total, ...(note === undefined ? {} : { note }) });
    return amount.minor % 3n === 0n ? [filled, event('PurseCounted', { total })] : [filled];
  },
  evolve: (state, filled) => (filled.type === 'PurseFilled' ? state + filled.data.amount.minor : state),
};
type Taken = EventOf<TillEvent, 'MoneyTaken'>;
/** Tills whose id ends in the same letter share a purse; those called `own…` keep their money. */
const processor: StreamProcessor<Taken, PurseCommand, bigint, PurseEvent, 'Unlucky'> = {
  name: 'purse',
  decider: purse,
  inputs: ['MoneyTaken'],
  route: ({ stream, data }) =>
    stream.startsWith('till-own')
      ? undefined
      : {
          id: stream.slice(-1),
          command: { type: 'FillPurse', amount: data.amount, ...(data.from === undefined ? {} : { note: data.from }) },
        },
};

type DripEvent =
  Event<'TankFilled', { readonly drops: number }> | Event<'Dripped', { readonly no: number; readonly trace: string }>;
type DripCommand = { readonly type: 'FillTank'; readonly drops: number } | { readonly type: 'Drip' };
const dripEvent = eventsOf<DripEvent>();
const dropBytes = 3_000;
/** One coin is one drop, and every drop falls by itself. */
const drip: Decider<DripCommand, { readonly left: number; readonly fallen: number }, DripEvent, never> = {
  category: 'drip',
  initial: { left: 0, fallen: 0 },
  events: { TankFilled: 1, Dripped: 1 },
  decide: (command, { fallen }) =>
    command.type === 'FillTank'
      ? [dripEvent('TankFilled', { drops: command.drops })]
      : [dripEvent('Dripped', { no: fallen + 1, trace: 'x'.repeat(dropBytes) })],
  evolve: ({ left, fallen }, happened) =>
    happened.type === 'TankFilled' ? { left: left + happened.data.drops, fallen } : { left: left - 1, fallen: fallen + 1 },
};
const dripping: StreamProcessor<Taken, DripCommand, { readonly left: number; readonly fallen: number }, DripEvent, never> = {
  name: 'drip',
  decider: drip,
  inputs: ['MoneyTaken'],
  route: ({ stream, data }) => ({ id: stream.slice(-1), command: { type: 'FillTank', drops: Number(data.amount.minor) } }),
  onward: ({ left }) => (left > 0 ? { type: 'Drip' } : undefined),
};

let node: TestNode;
let store: EventStore;
let tills: AggregateStore;
let postgres: TestDatabase;
const running: Subscription[] = [];
const alarms: Alarm[] = [];
const releaseAll: (() => void)[] = [];

const open = () =>
  openEventStore({
    connectionString: node.connectionString,
    catalogue: { ...catalogue, ...purse.events, ...drip.events },
    log: quiet,
  });
beforeEach(async () => {
  node = await startTestNode();
  store = open();
  tills = openAggregateStore({ eventStore: store, log: quiet });
  postgres = await createTestDatabase();
  alarms.length = 0;
});
afterEach(async () => {
  for (const release of releaseAll.splice(0)) release();
  for (const runner of running.splice(0)) await runner.stop();
  await store.close();
  await postgres.remove();
  await node.remove();
});

const run = async (eventStore = store, reading = processor) => {
  const options = { eventStore, database: postgres.database, clock, log: quiet, onAlarm: (alarm: Alarm) => alarms.push(alarm) };
  const runner = await runStreamProcessor(reading, options);
  running.push(runner);
  return runner;
};
const pay = async (id: string, minor: bigint, from?: string) => {
  const executed = await tills.execute(
    till,
    id,
    { type: 'TakeMoney', amount: money(minor), ...(from === undefined ? {} : { from }) },
    contextOf(),
  );
  if (executed.outcome !== 'appended') throw new Error(executed.outcome);
};
const atHead = async (runner: Subscription) => {
  const head = await store.lastPosition();
  await eventually(() => runner.status().position >= head, 'the processor at the head');
};

/** What the log says a purse must hold: the decider over all inputs in their order, each once. */
async function expected(id: string) {
  const held: { type: string; data: unknown; inputPosition: string }[] = [];
  for await (const input of store.readAll<Taken>({ types: ['MoneyTaken'] })) {
    const route = processor.route(input);
    if (route?.id !== id) continue;
    const state = fold(purse, held as unknown as PurseEvent[]);
    const decided = purse.decide({ ...route.command, at: '' }, state) as readonly PurseEvent[];
    held.push(...decided.map(({ type, data }) => ({ type, data, inputPosition: input.position.toString() })));
  }
  return held;
}
const stored = async (id: string) =>
  (await store.readStream(`purse-${id}`, { limit: 10_000 })).map(({ type, data, metadata }) => ({
    type,
    data,
    inputPosition: metadata.inputPosition,
  }));
const expectSettled = async (...ids: string[]) => {
  for (const id of ids) expect(await stored(id)).toEqual(await expected(id));
};

it('decides the inputs of each stream in the order of the log, and says which they were', async () => {
  for (let i = 0; i < 30; i += 1) await pay(`x${i % 4}${'ab'[i % 2]!}`, BigInt(i % 7) + 1n);
  await pay('own', 5n);
  const runner = await run();
  await atHead(runner);
  await expectSettled('a', 'b');
  expect(await stored('n')).toEqual([]);
  const [first] = await store.readStream('purse-a', { limit: 1 });
  const cause: Recorded[] = [];
  for await (const input of store.readAll()) if (input.position.toString() === first!.metadata.inputPosition) cause.push(input);
  expect(first!.metadata).toMatchObject({
    causationId: cause[0]!.id,
    correlationId: cause[0]!.metadata.correlationId,
    actor: { subject: 'system:purse', platform: 'demo' },
  });
});

it('appends what waits as few batches within their bounds', async () => {
  for (let i = 0; i < 4; i += 1) await tills.execute(till, `${i}a`, { type: 'TakeCoins', coins: 1 }, contextOf());
  await Promise.all(Array.from({ length: 600 }, (_, i) => pay(`${i % 20}a`, 2n)));
  for (let i = 0; i < 12; i += 1) await pay('wide', 2n, 'x'.repeat(60_000));
  const appends: { events: number; bytes: number }[] = [];
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const counting: EventStore = {
    ...store,
    append: async (stream, revision, events, metadata) => {
      if (appends.length === 0) await held;
      appends.push({ events: events.length, bytes: events.reduce((sum, one) => sum + encodeData(one.data).length, 0) });
      return store.append(stream, revision, events, metadata);
    },
  };
  const runner = await run(counting);
  await eventually(() => runner.status().state === 'reading', 'the first batch');
  release();
  await atHead(runner);
  await expectSettled('a', 'e');
  expect(appends.reduce((sum, { events }) => sum + events, 0)).toBe(612);
  expect(appends.length).toBeLessThan(100);
  expect(Math.max(...appends.map(({ bytes }) => bytes))).toBeLessThanOrEqual(maxBatchBytes);
});

describe('what goes on behind one input', () => {
  const dripped = async () =>
    (await store.readStream<DripEvent>('drip-a', { limit: 5_000 })).filter(({ type }) => type === 'Dripped');
  const runDripping = async (eventStore: EventStore) => {
    const options = { eventStore, database: postgres.database, clock, log: quiet };
    const runner = await runStreamProcessor(dripping, options);
    running.push(runner);
    return runner;
  };

  it('is spread over appends that stay within their bounds, however much it is', async () => {
    const appends: { events: number; bytes: number }[] = [];
    const counting: EventStore = {
      ...store,
      append: (stream, revision, events, metadata) => {
        const bytes = (some: readonly unknown[]) => some.reduce<number>((sum, one) => sum + JSON.stringify(one).length, 0);
        appends.push({ events: events.length, bytes: bytes(events.map(({ data }) => data)) + bytes(metadata) });
        return store.append(stream, revision, events, metadata);
      },
    };
    await pay('a', 1_000n);
    await pay('a', 2n);
    await atHead(await runDripping(counting));
    const fallen = await dripped();
    expect(fallen.map(({ data }) => (data as { no: number }).no)).toEqual(Array.from({ length: 1_002 }, (_, i) => i + 1));
    expect(appends.length).toBeGreaterThan((1_002 * dropBytes) / maxBatchBytes);
    expect(Math.max(...appends.map(({ bytes }) => bytes))).toBeLessThan(1_048_576);
    const [first, last] = [fallen[0]!, fallen.at(-1)!];
    expect(fallen[999]!.metadata.inputPosition).toBe(first.metadata.inputPosition);
    expect(last.metadata.inputPosition).not.toBe(first.metadata.inputPosition);
  });

  it.each([1, 2, 5])('goes on after a crash behind append %d, though no further input comes', async (survived) => {
    await pay('a', 500n);
    const dyingStore = open();
    let appended = 0;
    const dying: EventStore = {
      ...dyingStore,
      append: async (...append) => {
        if (appended === survived) throw new StoreUnavailable('dead');
        appended += 1;
        return dyingStore.append(...append);
      },
    };
    const killed = await runDripping(dying);
    await eventually(() => killed.status().error !== undefined, 'the crash');
    running.splice(0);
    await killed.stop();
    await dyingStore.close();
    const fallen = (await dripped()).length;
    expect(fallen).toBeGreaterThan(0);
    expect(fallen).toBeLessThan(500);
    await atHead(await runDripping(store));
    expect((await dripped()).map(({ data }) => (data as { no: number }).no)).toEqual(
      Array.from({ length: 500 }, (_, i) => i + 1),
    );
  });
});

type Crash =
  | 'before the append'
  | 'after the append'
  | 'hanging before the append'
  | 'hanging after the append'
  | 'in the middle of a batch';

/** A processor that dies at the first chance, in this way; a hanging one is left behind and wakes up at the end of the test. */
async function runAndCrash(how: Crash): Promise<void> {
  const eventStore = open();
  let crashed = false;
  const forever = () => new Promise<void>((resolve) => releaseAll.push(resolve));
  const die = async () => {
    crashed = true;
    if (how.startsWith('hanging')) await forever();
    throw new StoreUnavailable(how);
  };
  const dying: EventStore = {
    ...eventStore,
    append: async (...append) => {
      if (how.endsWith('before the append')) await die();
      const outcome = await eventStore.append(...append);
      if (how.endsWith('after the append')) await die();
      return outcome;
    },
  };
  let routed = 0;
  const crashing = {
    ...processor,
    route: (input: Recorded<Taken>) => {
      if (how === 'in the middle of a batch' && routed++ > 1) {
        crashed = true;
        throw new Error(how);
      }
      return processor.route(input);
    },
  };
  const runner = await run(dying, crashing);
  const head = await store.lastPosition();
  await eventually(() => crashed || runner.status().position >= head, how);
  if (!how.startsWith('hanging')) {
    running.splice(running.indexOf(runner), 1);
    await runner.stop();
    await eventStore.close();
  }
}

it.each<Crash>([
  'before the append',
  'after the append',
  'hanging before the append',
  'hanging after the append',
  'in the middle of a batch',
])('loses and doubles nothing when it is killed %s', async (how) => {
  for (let i = 0; i < 10; i += 1) await pay(`${i % 2}a`, BigInt(i) + 1n);
  await runAndCrash(how);
  for (let i = 0; i < 10; i += 1) await pay(`${i % 2}a`, BigInt(i) + 1n);
  await runAndCrash(how);
  await atHead(await run());
  await expectSettled('a');
  for (const release of releaseAll.splice(0)) release();
  await pay('a', 6n);
  for (const runner of running) await atHead(runner);
  await expectSettled('a');
});

it('loses and doubles nothing in any order of payments and crashes', async () => {
  const step = fc.oneof(
    fc.record({ pay: fc.bigInt({ min: 1n, max: 12n }), into: fc.constantFrom('a', 'b') }),
    fc.record({ crash: fc.constantFrom<Crash>('before the append', 'after the append', 'in the middle of a batch') }),
    fc.constant({ forget: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
      for (const step of steps) {
        if ('pay' in step) await pay(step.into, step.pay);
        else if ('crash' in step) await runAndCrash(step.crash);
        else await resetCheckpoint(postgres.database.db, processorReader('purse'));
      }
      const runner = await run();
      await atHead(runner);
      await runner.stop();
      running.splice(0);
      await expectSettled('a', 'b');
    }),
    { numRuns: 12 },
  );
});

it('does not double when two run at once, over a restarting node', async () => {
  const both = [await run(open()), await run(open())];
  const payments = Array.from({ length: 300 }, (_, i) => pay(`${i % 10}${'abc'[i % 3]!}`, BigInt(i % 5) + 1n));
  await Promise.race(payments);
  await node.restart();
  await Promise.all(payments);
  for (const runner of both) await atHead(runner);
  await expectSettled('a', 'b', 'c');
});

it('goes on behind what another writer appended to its stream', async () => {
  const runner = await run();
  await pay('a', 2n);
  await atHead(runner);
  await openAggregateStore({ eventStore: store, log: quiet }).execute(
    purse,
    'a',
    { type: 'FillPurse', amount: money(100n) },
    contextOf(),
  );
  await pay('a', 4n);
  await atHead(runner);
  const totals = (await stored('a')).map((one) => (one.data as { total: Money }).total.minor);
  expect(totals).toEqual([2n, 102n, 106n]);
});

it('does not depend on its note of where it stands', async () => {
  await pay('a', 2n);
  const first = await run();
  await atHead(first);
  await first.stop();
  await resetCheckpoint(postgres.database.db, processorReader('purse'));
  await pay('a', 4n);
  const second = await run();
  await atHead(second);
  await second.stop();
  await writeCheckpoint(postgres.database.db, processorReader('purse'), 10n ** 12n); // of a log that was lost
  await pay('a', 5n);
  await atHead(await run());
  await expectSettled('a');
});

it('stands still at an input its decider refuses, with an alarm, after it has taken what came before', async () => {
  await pay('a', 2n);
  await pay('a', 13n);
  await pay('a', 4n);
  const runner = await run();
  expect(await runner.stopped).toBeInstanceOf(InputRefused);
  expect(alarms).toEqual([expect.objectContaining({ reader: 'processor:purse', stream: 'purse-a', error: 'Unlucky: thirteen' })]);
  expect(await stored('a')).toHaveLength(1);
  expect(runner.status()).toMatchObject({ state: 'stopped', error: expect.stringContaining('thirteen') });
});
