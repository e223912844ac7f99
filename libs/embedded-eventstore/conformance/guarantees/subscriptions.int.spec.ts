import { askedServer } from '../asked-server.js';
import { eventsOf, isEvent, type Position, type ReadSketch, type Seen, type SeenRead, type WireSubscription } from '../wire.js';
import { idsIn, mustStore, newEvent, newEvents, newStream } from '../writing.js';

const server = askedServer();
const waitMs = 20_000;

/** Writers at once, each with appends one after another; what they wrote in the order of the log. */
class Writers {
  readonly written: { id: string; stream: string; type: string; position: bigint }[] = [];
  private readonly waiting: { count: number; wake: () => void }[] = [];

  constructor(
    readonly tag: string,
    private readonly streams: number,
  ) {}

  async run(writers: number, appends: number): Promise<void> {
    const one = async (writer: number) => {
      const wire = server.connect();
      for (let round = 0; round < appends; round++) {
        const stream = `${this.tag}-${(writer + round) % this.streams}`;
        const type = round % 3 === 0 ? `Third-${this.tag}` : `Other-${this.tag}`;
        const events = newEvents(1 + (round % 2), { type });
        const { position } = await mustStore(wire, stream, events);
        for (const [index, { id }] of events.entries())
          this.written.push({ id: id ?? '', stream, type, position: position - BigInt(events.length - 1 - index) });
        for (const { count, wake } of this.waiting) if (this.written.length >= count) wake();
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, writer) => one(writer)));
    // Within an append the positions are not answered, but nothing else can stand between its events of one stream.
    this.written.sort((a, b) => (a.position < b.position ? -1 : 1));
  }

  /** Resolves when so many events are acknowledged. */
  reached(count: number): Promise<void> {
    return new Promise((wake) => this.waiting.push({ count, wake }));
  }

  ids(fits: (event: { stream: string; type: string }) => boolean = () => true): string[] {
    return this.written.filter(fits).map(({ id }) => id);
  }
}

/** A position before everything that the test writes. */
const now = async () => (await mustStore(server.wire, newStream('now'), newEvents(1))).at;
const own = (tag: string, seen: readonly Seen[]) =>
  eventsOf(seen).filter(({ event }) => event !== 'absent' && event.at.startsWith(tag));

/** Subscribes while the writers write, at once and again each time a hundred more events are there. */
async function subscribeWhileWriting(writers: Writers, sketch: () => ReadSketch): Promise<WireSubscription[]> {
  const subscriptions = [server.wire.subscribe(sketch())];
  const later = [100, 200, 300].map(async (count) => {
    await writers.reached(count);
    subscriptions.push(server.connect().subscribe(sketch()));
  });
  await Promise.all([writers.run(8, 40), ...later]);
  return subscriptions;
}

async function seesExactly(subscriptions: readonly WireSubscription[], tag: string, ids: readonly string[]): Promise<void> {
  for (const subscription of subscriptions) {
    await subscription.until((seen) => own(tag, seen).length >= ids.length, waitMs);
    expect(idsIn(own(tag, subscription.seen))).toEqual(ids);
  }
}

describe('a subscription', () => {
  it('confirms first, and says once that it has caught up, after the last event of history', async () => {
    const stream = newStream();
    await mustStore(server.wire, stream, newEvents(300));
    const subscription = server.wire.subscribe({ stream });
    await subscription.until((seen) => seen.includes('caughtUp'));
    await mustStore(server.wire, stream, newEvents(1));
    await subscription.until((seen) => eventsOf(seen).length === 301);
    subscription.close();
    expect(subscription.seen[0]).toBe('confirmation');
    expect(subscription.seen.indexOf('caughtUp')).toBe(301);
    expect(subscription.seen.filter((seen) => !isEvent(seen))).toEqual(['confirmation', 'caughtUp']);
  });

  it.each([
    ['start', 0],
    [0, 1],
    [2, 3],
    [4, 5],
    ['end', 5],
  ] as const)('to a stream of five from %s begins with revision %s', async (from, first) => {
    const stream = newStream();
    await mustStore(server.wire, stream, newEvents(5));
    const subscription = server.wire.subscribe({ stream, from });
    await subscription.until((seen) => seen.includes('caughtUp'));
    await mustStore(server.wire, stream, newEvents(1));
    await subscription.until((seen) => eventsOf(seen).length >= 6 - first);
    subscription.close();
    const revisions = Array.from({ length: 6 - first }, (_, index) => `${stream}@${first + index}`);
    expect(eventsOf(subscription.seen).map(({ event }) => (event === 'absent' ? event : event.at))).toEqual(revisions);
  });

  it('to a stream that is missing waits for it', async () => {
    const stream = newStream();
    const subscription = server.wire.subscribe({ stream });
    await subscription.until((seen) => seen.includes('caughtUp'));
    const events = newEvents(2);
    await mustStore(server.wire, stream, events);
    await subscription.until((seen) => eventsOf(seen).length === 2);
    subscription.close();
    expect(idsIn(subscription.seen)).toEqual(events.map(({ id }) => id));
  });

  it('from a revision far beyond the end stays silent until the stream is there', async () => {
    const stream = newStream();
    const subscription = server.wire.subscribe({ stream, from: 3 });
    await subscription.until((seen) => seen.includes('caughtUp'));
    const events = newEvents(6);
    for (const event of events) await mustStore(server.wire, stream, [event]);
    await subscription.until((seen) => eventsOf(seen).length >= 2);
    subscription.close();
    expect(idsIn(subscription.seen)).toEqual(events.slice(4).map(({ id }) => id));
  });

  it('that one reader gives up leaves the others alone', async () => {
    const stream = newStream();
    const [kept, given] = [server.wire.subscribe({ stream }), server.wire.subscribe({ stream })];
    for (const subscription of [kept, given]) await subscription.until((seen) => seen.includes('caughtUp'));
    given.close();
    const events = newEvents(20);
    for (const event of events) await mustStore(server.wire, stream, [event]);
    await kept.until((seen) => eventsOf(seen).length === 20);
    kept.close();
    expect(idsIn(kept.seen)).toEqual(events.map(({ id }) => id));
  });
});

describe('with eight writers at work there is no gap and no duplicate, whenever one subscribes', () => {
  it('to a stream', async () => {
    const writers = new Writers(newStream('race'), 1);
    const subscriptions = await subscribeWhileWriting(writers, () => ({ stream: `${writers.tag}-0` }));
    await seesExactly(subscriptions, writers.tag, writers.ids());
    for (const subscription of subscriptions) subscription.close();
  });

  it('to $all', async () => {
    const from = await now();
    const writers = new Writers(newStream('race'), 5);
    const subscriptions = await subscribeWhileWriting(writers, () => ({ from }));
    await seesExactly(subscriptions, writers.tag, writers.ids());
    for (const subscription of subscriptions) subscription.close();
  });

  it('to some streams of $all', async () => {
    const from = await now();
    const writers = new Writers(newStream('race'), 5);
    const [one, other] = [`${writers.tag}-1`, `${writers.tag}-3`];
    const filter = { prefix: [one, other], window: 8 };
    const subscriptions = await subscribeWhileWriting(writers, () => ({ from, filter }));
    await seesExactly(
      subscriptions,
      writers.tag,
      writers.ids(({ stream }) => stream === one || stream === other),
    );
    for (const subscription of subscriptions) subscription.close();
  });

  it('to the events of $all whose type fits a pattern', async () => {
    const from = await now();
    const writers = new Writers(newStream('race'), 5);
    const filter = { on: 'type' as const, regex: `^Thi.d-${writers.tag}$`, window: 8 };
    const subscriptions = await subscribeWhileWriting(writers, () => ({ from, filter }));
    await seesExactly(
      subscriptions,
      writers.tag,
      writers.ids(({ type }) => type.startsWith('Third')),
    );
    for (const subscription of subscriptions) subscription.close();
  });

  it('from the end: the first event seen is followed by every later one', async () => {
    const writers = new Writers(newStream('race'), 3);
    const subscriptions = await subscribeWhileWriting(writers, () => ({ from: 'end' as const }));
    const last = newEvent();
    await mustStore(server.wire, `${writers.tag}-0`, [last]);
    const ids = [...writers.ids(), last.id ?? ''];
    for (const subscription of subscriptions) {
      await subscription.until((seen) => idsIn(seen).includes(last.id ?? ''), waitMs);
      subscription.close();
      const seen = idsIn(own(writers.tag, subscription.seen));
      expect(seen).toEqual(ids.slice(ids.length - seen.length));
    }
  });
});

describe('who was cut off', () => {
  it('goes on after any event it has seen and gets exactly the rest, in a stream and in $all', async () => {
    const from = await now();
    const stream = newStream();
    const events = newEvents(12);
    for (const event of events) await mustStore(server.wire, stream, [event]);
    const all = eventsOf((await server.wire.read({ from, filter: { prefix: [stream] } })).messages);
    const ids = idsIn(all);
    for (const [index, { position }] of all.entries()) {
      const rest = ids.slice(index + 1);
      const { commit } = position as Position;
      const after = { from: { commit, prepare: commit }, filter: { prefix: [stream], window: 32 } };
      for (const subscription of [server.wire.subscribe({ stream, from: index }), server.wire.subscribe(after)]) {
        await subscription.until((seen) => seen.includes('caughtUp'));
        subscription.close();
        expect(idsIn(subscription.seen)).toEqual(rest);
      }
    }
  });
});

describe('a checkpoint of a filtered subscription', () => {
  /** History, then live events, every third of which matches; ends when the log's end was checkpointed. */
  async function watched(window: number, checkpoint: number) {
    const from = await now();
    const tag = newStream('checkpoint');
    const append = (n: number) => mustStore(server.wire, `${tag}-${n % 3}`, newEvents(1 + (n % 2)));
    for (let n = 0; n < 60; n++) await append(n);
    const filter = { prefix: [`${tag}-0`], window, checkpoint };
    const subscription = server.wire.subscribe({ from, filter });
    await subscription.until((seen) => seen.includes('caughtUp'));
    const { position: livesFrom } = await append(0);
    for (let n = 0; n < 60; n++) await append(n);
    const { position: last } = await append(0);
    await subscription.until((seen) => positions(seen.filter(isEvent)).includes(last), waitMs);
    subscription.close();
    const expected = eventsOf((await server.wire.read({ from, filter: { prefix: [`${tag}-0`] } })).messages);
    return { from, filter, livesFrom, seen: subscription.seen, expected };
  }
  const positions = (events: readonly SeenRead[]) => events.map(({ position }) => BigInt((position as Position).commit));
  const checkpointOf = (seen: Seen) =>
    typeof seen === 'object' && 'checkpoint' in seen ? BigInt(seen.checkpoint.commit) : undefined;
  const checkpointsIn = (seen: readonly Seen[]) => seen.map(checkpointOf).filter((position) => position !== undefined);

  it.each([
    [1, 1],
    [4, 1],
    [5, 3],
    [32, 1],
  ])('never goes back, nor beyond an event that is yet to be sent (window %s, interval %s)', async (window, checkpoint) => {
    const { seen, expected } = await watched(window, checkpoint);
    expect(seen.filter(isEvent)).toEqual(expected);
    const checkpoints = checkpointsIn(seen);
    expect(checkpoints.length).toBeGreaterThan(1);
    expect(checkpoints.every((position, index) => index === 0 || position > (checkpoints[index - 1] ?? 0n))).toBe(true);
    let reached = 0n;
    for (const message of seen) {
      reached = checkpointOf(message) ?? reached;
      if (isEvent(message)) expect(positions([message])[0]).toBeGreaterThan(reached);
    }
  });

  it('is where one can go on: what comes from there is exactly what had not come yet', async () => {
    const { seen, filter } = await watched(4, 1);
    const all = idsIn(seen);
    for (const [index, message] of seen.entries()) {
      const position = checkpointOf(message);
      if (position === undefined) continue;
      const at = String(position);
      const rest = server.wire.subscribe({ from: { commit: at, prepare: at }, filter });
      await rest.until((later) => later.includes('caughtUp'));
      rest.close();
      expect(idsIn(rest.seen)).toEqual(all.slice(idsIn(seen.slice(0, index)).length));
    }
  });

  it('comes though nothing matches, in history and live, and no later than window × interval events', async () => {
    const from = await now();
    const noise = newStream('noise');
    for (let n = 0; n < 30; n++) await mustStore(server.wire, noise, newEvents(1));
    const subscription = server.wire.subscribe({ from, filter: { prefix: [newStream('nothing')], window: 4, checkpoint: 2 } });
    await subscription.until((seen) => seen.includes('caughtUp'));
    const history = checkpointsIn(subscription.seen).length;
    expect(history).toBeGreaterThanOrEqual(3);
    for (let n = 0; n < 40; n++) await mustStore(server.wire, noise, newEvents(1));
    await subscription.until((seen) => checkpointsIn(seen).length >= history + 4);
    subscription.close();
    expect(checkpointsIn(subscription.seen).length).toBeGreaterThanOrEqual(history + 4);
    expect(subscription.seen.filter(isEvent)).toEqual([]);
  });
});
