import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { startEventStoreNode, type EventStoreNode } from '../src/index.js';
import { slowClientMs } from '../src/limits.js';
import { target, temporaryDirectory, type Target } from './target.js';
import { connect, eventsOf, readRequest, type ReadSketch, type Seen, type Wire } from './wire.js';

/** What a subscriber gets while events keep coming. */
const waitMs = 20_000;
const idsOf = (messages: readonly Seen[]) => eventsOf(messages).map(({ event }) => (event === 'absent' ? 'absent' : event.id));
const newEvents = (count: number, type = 'Tested', data = '{}') =>
  Array.from({ length: count }, () => ({ id: randomUUID(), type, data }));

describe('a live subscriber', () => {
  let asked: Target;
  let wire: Wire;
  beforeAll(async () => {
    asked = await target();
    wire = connect(asked.endpoint);
  });
  afterAll(async () => {
    wire.close();
    await asked.release();
  });

  it.each([
    ['a stream', (stream: string) => ({ stream })],
    ['a prefix of stream names', (stream: string) => ({ filter: { prefix: [stream], window: 32 } })],
    ['a pattern that cannot backtrack far', (stream: string) => ({ filter: { regex: `^${stream}$`, window: 32 } })],
    ['a pattern that can', (stream: string) => ({ filter: { regex: `^(${stream.slice(0, 9)})+.{1,60}$`, window: 32 } })],
  ])('of %s gets every event once and in order while it passes from history to live', async (_, sketchOf) => {
    const stream = `live-${randomUUID()}`;
    const ids: string[] = [];
    const append = async (count: number) => {
      const events = newEvents(count);
      ids.push(...events.map(({ id }) => id));
      await wire.append(stream, events);
    };
    await append(700);
    const sketch: ReadSketch = { ...sketchOf(stream), full: true };
    const subscriptions = [wire.subscribe(sketch)];
    for (const count of [1, 300, 1, 2, 40, 1, 600, 1, 1]) {
      await append(count);
      await wire.append(`noise-${randomUUID()}`, newEvents(3));
      subscriptions.push(wire.subscribe(sketch));
    }
    for (const subscription of subscriptions) {
      await subscription.until((seen) => eventsOf(seen).length >= ids.length && seen.includes('caughtUp'), waitMs);
      expect(idsOf(subscription.seen)).toEqual(ids);
      expect(subscription.seen.filter((seen) => seen === 'caughtUp' || seen === 'fellBehind')).toEqual(['caughtUp']);
      subscription.close();
    }
  });

  it('of a filter gets a checkpoint at every event that completes an interval, however the commits fall', async () => {
    const subscription = wire.subscribe({ from: 'end', filter: { prefix: [randomUUID()], window: 4, checkpoint: 2 } });
    await subscription.until((seen) => seen.includes('caughtUp'));
    const expected: unknown[] = [];
    let events = 0;
    for (const count of [1, 6, 1, 8, 16, 3, 5, 300, 4]) {
      const { success } = await wire.append(`noise-${randomUUID()}`, newEvents(count));
      // Only the position of an append's last event is told.
      if ((events + count) % 8 === 0) expected.push({ checkpoint: success?.position });
      events += count;
    }
    const checkpoints = () => subscription.seen.filter((seen) => typeof seen === 'object' && 'checkpoint' in seen);
    await subscription.until(() => checkpoints().length >= Math.floor(events / 8), waitMs);
    expect(checkpoints()).toHaveLength(Math.floor(events / 8));
    expect(checkpoints()).toEqual(expect.arrayContaining(expected));
    subscription.close();
  });
});

/** EventStoreDB 24.2.0 knows the state but does not send the message yet, so these ask a node of our own. */
describe('a live subscriber that is behind', () => {
  let directory: string;
  let node: EventStoreNode;
  let wire: Wire;
  let client: Client;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    node = await startEventStoreNode({ directory });
    wire = connect(`127.0.0.1:${node.port}`);
    client = new Client(`127.0.0.1:${node.port}`, credentials.createInsecure());
  });
  afterEach(async () => {
    wire.close();
    client.close();
    await node.stop();
    await rm(directory, { recursive: true });
  });

  it.each<[string, ReadSketch]>([
    ['a stream', { stream: 'paused' }],
    ['$all', {}],
    ['$all through a filter', { filter: { on: 'type', prefix: ['Paused'], window: 32 } }],
  ])(
    'of %s, its client having paused, is told so, gets what it missed once and in order, and catches up again',
    async (_, sketch) => {
      const subscription = subscribe(sketch);
      await subscription.until(() => subscription.seen.includes('caughtUp'));
      subscription.call.pause();
      const ids: string[] = [];
      const append = async (count: number) => {
        const events = newEvents(count, 'Paused', JSON.stringify('x'.repeat(10_000)));
        ids.push(...events.map(({ id }) => id));
        await wire.append('paused', events);
      };
      for (let index = 0; index < 20; index++) await append(50);
      // By now its client takes nothing more; it must keep the subscription waiting for long enough.
      for (const untilMs = performance.now() + 1.5 * slowClientMs; performance.now() < untilMs;) await append(1);
      subscription.call.resume();
      await subscription.until(() => subscription.seen.filter((seen) => seen === 'caughtUp').length === 2);
      await append(1);
      await subscription.until(() => subscription.seen.includes(ids.at(-1) ?? ''));
      expect(subscription.seen.filter((seen) => ids.includes(seen))).toEqual(ids);
      const transitions = subscription.seen.filter((seen) => seen === 'caughtUp' || seen === 'fellBehind');
      expect(transitions).toEqual(['caughtUp', 'fellBehind', 'caughtUp']);
      expect(subscription.seen.at(-2)).toBe('caughtUp');
      subscription.call.cancel();
    },
  );

  it('is not told so for a burst that it keeps up with', async () => {
    const subscription = subscribe({});
    await subscription.until(() => subscription.seen.includes('caughtUp'));
    const events = newEvents(5_000);
    for (let index = 0; index < events.length; index += 500) await wire.append('burst', events.slice(index, index + 500));
    await subscription.until(() => subscription.seen.includes(events.at(-1)?.id ?? ''));
    expect(subscription.seen).not.toContain('fellBehind');
    subscription.call.cancel();
  });

  /** What came: ids of events, and the names of other messages. */
  function subscribe(sketch: ReadSketch) {
    const seen: string[] = [];
    let news: () => void = () => undefined;
    const call = client.makeServerStreamRequest(
      '/event_store.client.streams.Streams/Read',
      (request: InstanceType<typeof streams.ReadReq>) => Buffer.from(request.serializeBinary()),
      (bytes) => streams.ReadResp.deserializeBinary(bytes),
      readRequest(sketch, true),
      new Metadata(),
    );
    call.on('data', (response: InstanceType<typeof streams.ReadResp>) => {
      const id = response.getEvent()?.getEvent()?.getId()?.getString();
      seen.push(id ?? (response.hasCaughtUp() ? 'caughtUp' : response.hasFellBehind() ? 'fellBehind' : 'other'));
      news();
    });
    call.on('error', () => news());
    const until = (condition: () => boolean) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('it did not come')), waitMs);
        news = () => {
          if (!condition()) return;
          clearTimeout(timer);
          resolve();
        };
        news();
      });
    return { seen, call, until };
  }
});
