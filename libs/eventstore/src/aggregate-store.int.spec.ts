import { randomUUID } from 'node:crypto';
import { money } from '@recourse/money';
import fc from 'fast-check';
import { maxConflicts, maxLoadedEvents, openAggregateStore, type AggregateStore } from './aggregate-store.js';
import { actionCommandId } from './event-id.js';
import type { EventStore } from './event-store.js';
import { StoreUnavailable, StreamTooLong, TooMuchContention } from './store-error.js';
import { contextOf, openTestStore, quiet, startTestNode, startWire, take, till, tillEvent, type TestNode } from './testbed.js';

let node: TestNode;
const stores: EventStore[] = [];
const connectStore = (connectionString = node.connectionString, appendTimeoutMs = 10_000): EventStore => {
  const store = openTestStore(connectionString, { appendTimeoutMs });
  stores.push(store);
  return store;
};
const worker = (eventStore: EventStore = connectStore()): AggregateStore => openAggregateStore({ eventStore, log: quiet });
const amounts = async (id: string) =>
  (await connectStore().readStream(`till-${id}`, { limit: 10_000 })).map((event) => event.data);

beforeAll(async () => {
  node = await startTestNode();
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});
afterAll(() => node.remove());

describe('a command', () => {
  it('is appended, recorded, refused or has nothing to do, and says where', async () => {
    const tills = worker();
    const context = contextOf();
    const appended = await tills.execute(till, 'a', take(5n), context);
    expect(appended).toMatchObject({
      outcome: 'appended',
      events: [tillEvent('MoneyTaken', { amount: money(5n) })],
      revision: 0n,
    });
    expect(await tills.execute(till, 'a', take(5n), context)).toEqual({ ...appended, outcome: 'recorded' });
    const { position } = appended as { position: bigint };
    expect(await tills.execute(till, 'a', take(0n), contextOf())).toEqual({
      outcome: 'nothing',
      events: [],
      revision: 0n,
      position,
    });
    expect(await worker().execute(till, 'a', take(0n), contextOf())).toEqual({
      outcome: 'nothing',
      events: [],
      revision: 0n,
      position,
    });
    expect(await tills.execute(till, 'never-used', take(0n), contextOf())).toEqual({
      outcome: 'nothing',
      events: [],
      revision: -1n,
      position: 0n,
    });
    await tills.execute(till, 'a', { type: 'CloseTill' }, contextOf());
    expect(await tills.execute(till, 'a', take(1n), contextOf())).toMatchObject({
      outcome: 'rejected',
      rejection: { rejected: 'Closed' },
    });
  });

  it('stamps its events with who, when and why', async () => {
    const eventStore = connectStore();
    const context = { ...contextOf('c-1', '2026-03-01T08:00:00.000Z'), causationId: 'event-1' };
    await worker(eventStore).execute(till, 'stamped', take(1n), context);
    const { at, ...carried } = context;
    expect((await eventStore.readStream('till-stamped', { limit: 1 }))[0]!.metadata).toEqual({
      ...carried,
      schemaVersion: 1,
      recordedAt: at,
      effectiveAt: at,
    });
  });

  it('has one effect when it is delivered again after other events, after a restart and through two workers at once', async () => {
    const first = worker();
    const context = contextOf();
    const command = { type: 'TakeCoins', coins: 2 } as const;
    const appended = await first.execute(till, 'again', command, context);
    await first.execute(till, 'again', take(7n), contextOf());
    const later = { ...context, at: '2026-03-02T00:00:00.000Z' };
    expect(await first.execute(till, 'again', command, later)).toEqual({ ...appended, outcome: 'recorded' });
    await node.restart();
    const both = [worker(), worker()];
    for (const answer of await Promise.all(both.map((one) => one.execute(till, 'again', command, later)))) {
      expect(answer).toEqual({ ...appended, outcome: 'recorded' });
    }
    const fresh = contextOf();
    const race = await Promise.all(
      both.map((one, i) => one.execute(till, 'again', take(9n), { ...fresh, at: `2026-03-0${i + 3}T00:00:00.000Z` })),
    );
    expect(race.map((answer) => answer.outcome).toSorted()).toEqual(['appended', 'recorded']);
    expect(race[0]).toEqual({ ...race[1], outcome: race[0]!.outcome });
    expect((await amounts('again')).map((data) => data)).toHaveLength(4);
  });

  it('is not answered from a state that others have changed since', async () => {
    const [one, other] = [worker(), worker()];
    await one.execute(till, 'stale', take(1n), contextOf());
    await other.execute(till, 'stale', { type: 'CloseTill' }, contextOf());
    expect(await one.execute(till, 'stale', take(0n), contextOf())).toMatchObject({ outcome: 'rejected' });
  });
});

it('lets many commands of two workers into one stream, each once', async () => {
  const workers = [worker(), worker()];
  const contexts = Array.from({ length: 60 }, () => contextOf());
  await Promise.all(contexts.flatMap((context) => workers.map((one) => one.execute(till, 'busy', take(1n), context))));
  expect(await amounts('busy')).toHaveLength(60);
});

it('gives up with a name for it when others are faster every time', async () => {
  const eventStore = connectStore();
  const rival = worker(connectStore());
  let attempts = 0;
  const outrun: EventStore = {
    ...eventStore,
    append: async (...append) => {
      attempts += 1;
      await rival.execute(till, 'outrun', take(1n), contextOf());
      return eventStore.append(...append);
    },
  };
  await expect(worker(outrun).execute(till, 'outrun', take(5n), contextOf())).rejects.toThrow(TooMuchContention);
  expect(attempts).toBe(maxConflicts);
  expect(await amounts('outrun')).toEqual(Array.from({ length: maxConflicts }, () => ({ amount: money(1n) })));
});

it('refuses to load more events than a command may', async () => {
  const tills = worker();
  for (let i = 0; i < 10; i += 1) await tills.execute(till, 'long', { type: 'TakeCoins', coins: 500 }, contextOf());
  await worker().execute(till, 'long', take(1n), contextOf());
  const length = maxLoadedEvents + 1;
  expect(await amounts('long')).toHaveLength(length);
  await expect(tills.execute(till, 'long', take(1n), contextOf())).rejects.toThrow(StreamTooLong);
  await expect(worker().execute(till, 'long', take(1n), contextOf())).rejects.toThrow(StreamTooLong);
  expect(await amounts('long')).toHaveLength(length);
});

describe('when the store does not answer', () => {
  it('finds out whether the append took effect', async () => {
    const wire = await startWire(node.port);
    const eventStore = connectStore(wire.connectionString, 300);
    const arrived: string[] = [];
    const deaf: EventStore = {
      ...eventStore,
      append: async (...append) => {
        if (arrived.length === 0) wire.swallowAnswers();
        const outcome = eventStore.append(...append);
        outcome.catch((error: unknown) => {
          arrived.push(String(error));
          wire.cut();
        });
        return outcome;
      },
    };
    const answer = await worker(deaf).execute(till, 'deaf', take(5n), contextOf());
    expect(arrived).toHaveLength(1);
    expect(answer).toMatchObject({ outcome: 'recorded', revision: 0n });
    expect(await amounts('deaf')).toHaveLength(1);
    await wire.close();
  });

  it('loses and doubles nothing while connections break under load', async () => {
    const wire = await startWire(node.port);
    const workers = [worker(connectStore(wire.connectionString, 2_000)), worker(connectStore(wire.connectionString, 2_000))];
    let done = 0;
    const commands = Array.from({ length: 300 }, (_, i) => ({ id: `cut-${i % 10}`, context: contextOf() }));
    await Promise.all(
      commands.map(async ({ id, context }, i) => {
        await workers[i % 2]!.execute(till, id, take(1n), context);
        done += 1;
        if (done % 60 === 0) wire.cut();
      }),
    );
    for (let i = 0; i < 10; i += 1) expect(await amounts(`cut-${i}`)).toHaveLength(30);
    await wire.close();
  });

  it('goes on after the node was restarted under load', async () => {
    const tills = worker();
    const commands = Array.from({ length: 200 }, (_, i) => tills.execute(till, `restart-${i % 20}`, take(1n), contextOf()));
    await Promise.race(commands);
    await node.restart();
    await Promise.all(commands);
    for (let i = 0; i < 20; i += 1) expect(await amounts(`restart-${i}`)).toHaveLength(10);
  });

  it('says so, in bounded time', async () => {
    const tills = worker(connectStore('esdb://127.0.0.1:1?tls=false', 200));
    await expect(tills.execute(till, 'nowhere', take(1n), contextOf())).rejects.toThrow(StoreUnavailable);
  });
});

it('forgets streams beyond its bounds and still answers right', async () => {
  const eventStore = connectStore();
  const tills = openAggregateStore({ eventStore, log: quiet, maxWarmStreams: 2, maxWarmEvents: 8 });
  const contexts = Array.from({ length: 12 }, () => contextOf());
  for (const [i, context] of contexts.entries())
    await tills.execute(till, `small-${i % 4}`, { type: 'TakeCoins', coins: 3 }, context);
  for (const [i, context] of contexts.entries())
    expect((await tills.execute(till, `small-${i % 4}`, take(1n), context)).outcome).toBe('recorded');
});

it('sums up each command once, whoever delivers it in whatever order', async () => {
  const workers = [worker(), worker()];
  const delivery = fc.record({ worker: fc.nat(1), command: fc.nat(5), together: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(delivery, { minLength: 1, maxLength: 12 }), async (deliveries) => {
      const id = randomUUID();
      const contexts = Array.from({ length: 6 }, () => contextOf());
      let before: Promise<unknown>[] = [];
      for (const { worker: who, command, together } of deliveries) {
        if (!together) await Promise.all(before.splice(0));
        before = [...before, workers[who]!.execute(till, id, take(10n ** BigInt(command)), contexts[command]!)];
      }
      await Promise.all(before);
      const expected = [...new Set(deliveries.map(({ command }) => money(10n ** BigInt(command)).minor))].toSorted((a, b) =>
        Number(a - b),
      );
      const stored = (await amounts(id)) as { amount: { minor: bigint } }[];
      expect(stored.map((data) => data.amount.minor).toSorted((a, b) => Number(a - b))).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

it('derives the command of an action from its cause and its name alone', () => {
  expect(actionCommandId('e1', 'refunding/pay')).toBe(actionCommandId('e1', 'refunding/pay'));
  expect(
    new Set([actionCommandId('e1', 'a'), actionCommandId('e1', 'b'), actionCommandId('e2', 'a'), actionCommandId('e1a', '')])
      .size,
  ).toBe(4);
});
