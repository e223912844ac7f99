import {
  type Decider,
  encodeData,
  type Event,
  type EventOf,
  eventsOf,
  fold,
  isRejection,
  maxBatchBytes,
  maxBatchEvents,
  periodId,
  reject,
  type StreamProcessor,
} from '@recourse/eventing';
import { money, type Money } from '@recourse/money';
import { resetCheckpoint } from '@recourse/postgres';
import fc from 'fast-check';
import { openAggregateStore, type AggregateStore } from './aggregate-store.js';
import { stateOf } from './current-state.js';
import { openEventStore, type EventStore } from './event-store.js';
import { lastPeriodOf } from './last-period.js';
import { processorReader } from './reader.js';
import { StoreUnavailable } from './store-error.js';
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

type JarEvent =
  | Event<
      'JarOpened',
      {
        readonly no: number;
        readonly month: string;
        readonly held: Money;
        readonly rattles: number;
        readonly left: number;
        readonly sheets: number;
      }
    >
  | Event<'JarSheetCopied', { readonly sheet: number; readonly text: string }>
  | Event<'JarClosed', { readonly month: string }>
  | Event<'CoinDropped', { readonly amount: Money; readonly held: Money; readonly paper: string }>
  | Event<'JarRattled', { readonly rattle: number }>;
type JarCommand = { readonly type: 'DropCoin'; readonly amount: Money } | { readonly type: 'Rattle' };
interface Jar {
  readonly status: 'none' | 'opening' | 'open' | 'over';
  readonly no: number;
  readonly month: string;
  readonly held: bigint;
  /** How often it has rattled, and how often it has to. */
  readonly rattles: number;
  readonly left: number;
  /** Sheets that the period began with, and how many of them are there. */
  readonly sheets: number;
  readonly copied: number;
}
type Rules = Decider<JarCommand, Jar, JarEvent, 'NotOpen'>;
const event = eventsOf<JarEvent>();
const sheetBytes = 30_000;
const turnTypes = ['JarOpened', 'JarSheetCopied', 'JarClosed'];

/** Every coin is wrapped in paper, lets the jar rattle up to three times, and a new period begins with copies of its sheets. */
const jarOf = ({ fullEvents = 3, sheets = 2, paperBytes = 60_000 }): Rules => ({
  category: 'jar',
  initial: { status: 'none', no: 0, month: '', held: 0n, rattles: 0, left: 0, sheets: 0, copied: 0 },
  events: { JarOpened: 1, JarSheetCopied: 1, JarClosed: 1, CoinDropped: 1, JarRattled: 1 },
  periods: {
    closing: ({ status, month, sheets: begun }, at, length) =>
      status === 'open' && (length - 1 - begun >= fullEvents || at.slice(0, 7) > month)
        ? event('JarClosed', { month: at.slice(0, 7) })
        : undefined,
    following: ({ status, no, month, held, rattles, left }) =>
      status === 'over'
        ? [
            event('JarOpened', { no: no + 1, month, held: money(held), rattles, left, sheets }),
            ...Array.from({ length: sheets }, (_, sheet) => event('JarSheetCopied', { sheet, text: 'x'.repeat(sheetBytes) })),
          ]
        : undefined,
    isOpening: ({ status }) => status === 'opening',
  },
  decide: (command, { status, held, rattles }) => {
    if (status === 'opening' || status === 'over') return reject('NotOpen', status);
    if (command.type === 'Rattle') return [event('JarRattled', { rattle: rattles + 1 })];
    const { amount, at } = command;
    if (amount.minor === 1n) return [];
    const dropped = event('CoinDropped', { amount, held: money(held + amount.minor), paper: 'x'.repeat(paperBytes) });
    const first = { no: 1, month: at.slice(0, 7), held: money(0n), rattles: 0, left: 0, sheets: 0 };
    return status === 'none' ? [event('JarOpened', first), dropped] : [dropped];
  },
  evolve: (state, { type, data }) => {
    switch (type) {
      case 'JarOpened':
        return { ...data, status: data.sheets > 0 ? 'opening' : 'open', held: data.held.minor, copied: 0 };
      case 'JarSheetCopied': {
        if (state.status !== 'opening' || data.sheet !== state.copied) throw new Error('a sheet too many');
        const copied = state.copied + 1;
        return { ...state, copied, status: copied === state.sheets ? 'open' : 'opening' };
      }
      case 'JarClosed':
        return { ...state, status: 'over', month: data.month };
      case 'CoinDropped':
        return { ...state, held: data.held.minor, left: state.left + Number(data.amount.minor % 4n) };
      case 'JarRattled':
        return { ...state, rattles: data.rattle, left: state.left - 1 };
    }
  },
});
type Taken = EventOf<TillEvent, 'MoneyTaken'>;
const processorOf = (decider: Rules): StreamProcessor<Taken, JarCommand, Jar, JarEvent, 'NotOpen'> => ({
  name: 'jar',
  decider,
  inputs: ['MoneyTaken'],
  route: ({ stream, data }) => ({ id: stream.slice(-1), command: { type: 'DropCoin', amount: data.amount } }),
  onward: ({ status, left }) => (status === 'open' && left > 0 ? { type: 'Rattle' } : undefined),
});

const march = '2026-03-31T15:59:59.999Z';
let node: TestNode;
let store: EventStore;
let tills: AggregateStore;
let postgres: TestDatabase;
const running: Subscription[] = [];
const releaseAll: (() => void)[] = [];

const open = () =>
  openEventStore({ connectionString: node.connectionString, catalogue: { ...catalogue, ...jarOf({}).events }, log: quiet });
beforeEach(async () => {
  node = await startTestNode();
  store = open();
  tills = openAggregateStore({ eventStore: store, log: quiet });
  postgres = await createTestDatabase();
});
afterEach(async () => {
  for (const release of releaseAll.splice(0)) release();
  for (const runner of running.splice(0)) await runner.stop();
  await store.close();
  await postgres.remove();
  await node.remove();
});

const run = async (decider: Rules, eventStore = store) => {
  const runner = await runStreamProcessor(processorOf(decider), { eventStore, database: postgres.database, clock, log: quiet });
  running.push(runner);
  return runner;
};
const stop = async (runner: Subscription) => {
  running.splice(running.indexOf(runner), 1);
  await runner.stop();
};
const pay = async (id: string, minor: bigint, at = march) => {
  const executed = await tills.execute(till, id, { type: 'TakeMoney', amount: money(minor) }, contextOf(undefined, at));
  if (executed.outcome !== 'appended') throw new Error(executed.outcome);
};
const atHead = async (runner: Subscription) => {
  const head = await store.lastPosition();
  await eventually(() => runner.status().position >= head, 'the processor at the head');
};
const periodsOf = async (id: string) => {
  const newest = await lastPeriodOf(store, `jar-${id}`);
  return Promise.all(
    Array.from({ length: newest }, (_, no) => store.readStream<JarEvent>(`jar-${periodId(id, no + 1)}`, { limit: 5_000 })),
  );
};

/** What the log says comes of it: the decider over all inputs in their order, each once, in one period without end. */
async function expected(id: string, decider: Rules) {
  const processor = processorOf(decider);
  let state = decider.initial;
  const told: unknown[] = [];
  for await (const input of store.readAll<Taken>({ types: ['MoneyTaken'] })) {
    const route = processor.route(input);
    if (route?.id !== id) continue;
    for (let command: JarCommand | undefined = route.command; command; command = processor.onward?.(state)) {
      const decided = decider.decide({ ...command, at: input.metadata.recordedAt }, state);
      if (isRejection(decided)) throw new Error(decided.detail);
      state = fold(decider, decided, state);
      const { position, id: causationId } = input;
      told.push(...decided.map(({ type, data }) => ({ type, data, inputPosition: position.toString(), causationId })));
    }
  }
  return told.slice(1);
}
/** Each period begins with what the one before says, has its own events, and ends once; all of them together tell what one would. */
async function expectSettled(id: string, decider: Rules): Promise<number> {
  const periods = await periodsOf(id);
  let before: Jar | undefined;
  for (const period of periods) {
    const begins = before === undefined ? 1 : (decider.periods?.following(before) ?? []).length;
    if (before)
      expect(period.slice(0, begins).map(({ type, data }) => ({ type, data }))).toEqual(decider.periods?.following(before));
    expect(period.slice(begins, -1).filter(({ type }) => turnTypes.includes(type))).toEqual([]);
    before = fold(decider, period as readonly JarEvent[]);
    expect(before.status).toBe(period === periods.at(-1) ? before.status : 'over');
  }
  const own = periods.flat().filter(({ type }) => !turnTypes.includes(type));
  expect(
    own.map(({ type, data, metadata: { inputPosition, causationId } }) => ({ type, data, inputPosition, causationId })),
  ).toEqual(await expected(id, decider));
  return periods.length;
}

it('closes a period behind the batch that fills it, and begins the next with the batch that comes then', async () => {
  const jar = jarOf({});
  for (let i = 0; i < 20; i += 1) await pay('a', BigInt(i) + 1n);
  let appends = 0;
  const counting: EventStore = { ...store, append: (...append) => ((appends += 1), store.append(...append)) };
  await atHead(await run(jar, counting));
  const periods = await expectSettled('a', jar);
  expect(periods).toBeGreaterThan(4);
  expect(appends).toBeLessThanOrEqual(periods + 1); // no append of its own for a turn
});

it('closes a period before the input that finds its month over, and says nothing of that input', async () => {
  const jar = jarOf({ fullEvents: 1_000 });
  await pay('a', 6n);
  await pay('a', 7n, '2026-04-01T00:00:00.000Z');
  await pay('a', 1n, '2026-05-01T00:00:00.000Z');
  await atHead(await run(jar));
  expect(await expectSettled('a', jar)).toBe(3);
  const [first, second, third] = await periodsOf('a');
  const lastOf = (period: typeof first) => period?.at(-1)?.metadata.inputPosition;
  expect(first?.at(-1)).toMatchObject({ type: 'JarClosed', metadata: { effectiveAt: '2026-04-01T00:00:00.000Z' } });
  expect(lastOf(first)).toBe(first?.[0]?.metadata.inputPosition);
  expect(second?.[0]?.metadata.inputPosition).toBe(lastOf(first));
  expect(lastOf(third)).toBe(lastOf(second));
});

type Death = 'before the append' | 'after the append' | 'hanging before the append' | 'hanging after the append';
/** A processor that makes so many appends and dies at the next; says whether it came so far. */
async function liveAndDie(jar: Rules, how: Death, appends: number): Promise<boolean> {
  const eventStore = open();
  let made = 0;
  let dead = false;
  const die = async () => {
    dead = true;
    if (how.startsWith('hanging')) await new Promise<void>((resolve) => releaseAll.push(resolve));
    throw new StoreUnavailable(how);
  };
  const dying: EventStore = {
    ...eventStore,
    append: async (...append) => {
      if (dead || (how.endsWith('before the append') && made === appends)) await die();
      const outcome = await eventStore.append(...append);
      made += 1;
      if (how.endsWith('after the append') && made > appends) await die();
      return outcome;
    },
  };
  const runner = await run(jar, dying);
  const head = await store.lastPosition();
  await eventually(() => dead || runner.status().position >= head, how);
  if (!how.startsWith('hanging')) {
    await stop(runner);
    await eventStore.close();
  }
  return dead;
}

describe.each([
  { of: 'one append', sheets: 2 },
  { of: 'several appends', sheets: 12 },
])('a period that begins with $of', ({ sheets }) => {
  const jar = jarOf({ sheets });

  it.each<{ how: Death; appends: number }>([
    { how: 'before the append', appends: 1 },
    { how: 'after the append', appends: 0 },
    { how: 'after the append', appends: 1 },
  ])('is turned once, whichever append a processor dies at: $how, $appends before it', async ({ how, appends }) => {
    for (let i = 0; i < 14; i += 1) await pay('a', BigInt(i) + 2n);
    let lives = 1;
    while (await liveAndDie(jar, how, appends)) lives += 1;
    expect(lives).toBeGreaterThan(3);
    expect(await expectSettled('a', jar)).toBeGreaterThan(3);
  });

  it.each<Death>(['hanging before the append', 'hanging after the append'])(
    'is not disturbed by one that was left behind %s and wakes up periods later',
    async (how) => {
      for (let i = 0; i < 20; i += 1) await pay('a', BigInt(i) + 2n);
      for (const appends of [0, 1, 0]) expect(await liveAndDie(jar, how, appends)).toBe(true);
      await atHead(await run(jar));
      for (let i = 0; i < 4; i += 1) await pay('a', BigInt(i) + 2n);
      for (const release of releaseAll.splice(0)) release();
      await pay('a', 9n);
      for (const runner of running) await atHead(runner);
      await expectSettled('a', jar);
    },
  );
});

it('turns periods of several accounts in any order of payments and deaths', async () => {
  const jar = jarOf({});
  const step = fc.oneof(
    fc.record({
      pay: fc.bigInt({ min: 1n, max: 9n }),
      into: fc.constantFrom('a', 'b'),
      at: fc.constantFrom(march, '2026-04-02T00:00:00.000Z'),
    }),
    fc.record({ death: fc.constantFrom<Death>('before the append', 'after the append'), appends: fc.nat(2) }),
    fc.constant({ forget: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      for (const step of steps) {
        if ('pay' in step) await pay(step.into, step.pay, step.at);
        else if ('death' in step) await liveAndDie(jar, step.death, step.appends);
        else await resetCheckpoint(postgres.database.db, processorReader('jar'));
      }
      const runner = await run(jar);
      await atHead(runner);
      await stop(runner);
      for (const id of ['a', 'b']) await expectSettled(id, jar);
    }),
    { numRuns: 12 },
  );
});

it('turns each period once when two run at once, over a restarting node', async () => {
  const jar = jarOf({ fullEvents: 10, sheets: 12, paperBytes: 10 });
  const both = [await run(jar, open()), await run(jar, open())];
  const payments = Array.from({ length: 200 }, (_, i) => pay(`${i % 10}${'ab'[i % 2]!}`, BigInt(i % 5) + 1n));
  await Promise.race(payments);
  await node.restart();
  await Promise.all(payments);
  for (const runner of both) await atHead(runner);
  for (const id of ['a', 'b']) await expectSettled(id, jar);
});

it('begins with more than an append holds in several that stay within their bounds, and is known as a whole in between', async () => {
  const jar = jarOf({ sheets: 60 });
  for (let i = 0; i < 8; i += 1) await pay('a', 4n);
  const bytes: number[] = [];
  const counting: EventStore = {
    ...store,
    append: (stream, revision, events, metadata) => {
      expect(events.length).toBeLessThanOrEqual(maxBatchEvents + 1);
      bytes.push(events.reduce((sum, { data }) => sum + encodeData(data).length, 0));
      return store.append(stream, revision, events, metadata);
    },
  };
  expect(await liveAndDie(jar, 'after the append', 3)).toBe(true);
  const half = (await periodsOf('a')).at(-1) ?? [];
  expect(fold(jar, half as readonly JarEvent[]).status).toBe('opening');
  expect(await stateOf(store, jar, 'a')).toMatchObject({ status: 'open', no: 2, copied: 60, held: 20n });
  await atHead(await run(jar, counting));
  await expectSettled('a', jar);
  expect(bytes.length).toBeGreaterThan((60 * sheetBytes) / maxBatchBytes);
  expect(Math.max(...bytes)).toBeLessThan(maxBatchBytes + 1_000);
});

it('is never read whole: one that starts reads the newest period, and goes on from the position that its first event names', async () => {
  const jar = jarOf({ fullEvents: 40, paperBytes: 10 });
  const first = await run(jar);
  for (let round = 0; round < 30; round += 1) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => pay(`${i}a`, BigInt(i) + 2n)));
    await atHead(first);
  }
  await stop(first);
  await resetCheckpoint(postgres.database.db, processorReader('jar'));
  const periods = await periodsOf('a');
  const all = periods.flat().length;
  expect(periods.length).toBeGreaterThan(8);
  let read = 0;
  const counting: EventStore = {
    ...store,
    readStream: async (...of: Parameters<EventStore['readStream']>) => {
      const events = await store.readStream(...of);
      read += events.length;
      return events;
    },
  } as EventStore;
  await pay('a', 2n);
  await atHead(await run(jar, counting));
  await expectSettled('a', jar);
  expect(read).toBeLessThan(Math.max(...periods.map(({ length }) => length)) + 20);
  expect(all).toBeGreaterThan(8 * read);
});
