import { randomUUID } from 'node:crypto';
import {
  ANY,
  BACKWARDS,
  END,
  EventStoreDBClient,
  eventTypeFilter,
  excludeSystemEvents,
  FORWARDS,
  jsonEvent,
  NO_STREAM,
  START,
  StreamDeletedError,
  StreamNotFoundError,
  streamNameFilter,
  WrongExpectedVersionError,
  type AllStreamSubscription,
  type AppendResult,
} from '@eventstore/db-client';
import { target, type Target } from '../target.js';

/** What the application relies on, through the public client. Each test uses streams of its own, so a shared server will do. */
let asked: Target;
let client: EventStoreDBClient;
beforeAll(async () => {
  asked = await target();
  client = EventStoreDBClient.connectionString(asked.connectionString);
});
afterAll(async () => {
  await client.dispose();
  await asked.release();
});

const newStream = (category = 'order') => `${category}-${randomUUID()}`;
const placed = (n = 0, id: string = randomUUID()) =>
  jsonEvent({ id, type: 'OrderPlaced', data: { n }, metadata: { actor: 'm1' } });
const positionOf = ({ position }: AppendResult) => {
  if (!position) throw new Error('the append has no position');
  return position;
};

async function readIds(stream: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event } of client.readStream(stream)) ids.push(event?.id ?? 'absent');
  return ids;
}

/** The next events of a subscription, in order. */
async function take(subscription: AsyncIterable<{ event?: { id: string; streamId: string } }>, count: number): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event } of subscription) {
    if (event) ids.push(event.id);
    if (ids.length === count) break;
  }
  return ids;
}

describe('a writer', () => {
  it('reads back what it wrote, with its metadata and the position it was told', async () => {
    const stream = newStream();
    const event = placed(7);
    const result = await client.appendToStream(stream, event, { expectedRevision: NO_STREAM });
    for await (const resolved of client.readStream(stream)) {
      expect(resolved.event).toMatchObject({
        id: event.id,
        type: 'OrderPlaced',
        data: { n: 7 },
        metadata: { actor: 'm1' },
        streamId: stream,
        revision: 0n,
        isJson: true,
        position: positionOf(result),
      });
    }
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 0n });
  });

  it('is told the current revision when it expected another', async () => {
    const stream = newStream();
    await client.appendToStream(stream, [placed(), placed()], { expectedRevision: NO_STREAM });
    const late = client.appendToStream(stream, placed(), { expectedRevision: 0n });
    await expect(late).rejects.toThrow(WrongExpectedVersionError);
    await expect(late).rejects.toMatchObject({ actualVersion: 1n, expectedVersion: 0n, streamName: stream });
  });

  it('wins alone against 32 others at the same revision', async () => {
    const stream = newStream();
    const attempts = Array.from({ length: 32 }, (_, n) =>
      client.appendToStream(stream, [placed(n), placed(n)], { expectedRevision: NO_STREAM }),
    );
    const results = await Promise.allSettled(attempts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readIds(stream)).toHaveLength(2);
  });

  it('gets the first answer again when it repeats an append at its revision', async () => {
    const stream = newStream();
    const events = [placed(0), placed(1)];
    const first = await client.appendToStream(stream, events, { expectedRevision: NO_STREAM });
    await client.appendToStream(stream, placed(2), { expectedRevision: 1n });
    expect(await client.appendToStream(stream, events, { expectedRevision: NO_STREAM })).toEqual(first);
    expect(await readIds(stream)).toHaveLength(3);
  });

  it('stores an append whole or not at all, also one that takes several messages', async () => {
    const stream = newStream();
    const events = Array.from({ length: 400 }, (_, n) => placed(n));
    await client.appendToStream(stream, events, { expectedRevision: NO_STREAM, batchAppendSize: 4_096 });
    expect(await readIds(stream)).toEqual(events.map(({ id }) => id));
  });
});

describe('a reader', () => {
  it('sees a stream from both ends', async () => {
    const stream = newStream();
    const events = Array.from({ length: 600 }, (_, n) => placed(n));
    await client.appendToStream(stream, events, { expectedRevision: NO_STREAM });
    const ids = events.map(({ id }) => id);
    expect(await readIds(stream)).toEqual(ids);
    const lastThree: string[] = [];
    for await (const { event } of client.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 3 }))
      lastThree.push(event?.id ?? '');
    expect(lastThree).toEqual(ids.slice(-3).reverse());
    const middle: string[] = [];
    for await (const { event } of client.readStream(stream, { direction: FORWARDS, fromRevision: 298n, maxCount: 2 }))
      middle.push(event?.id ?? '');
    expect(middle).toEqual(ids.slice(298, 300));
  });

  it('is told of a stream that is missing, soft-deleted or tombstoned', async () => {
    await expect(readIds(newStream())).rejects.toThrow(StreamNotFoundError);
    const deleted = newStream();
    await client.appendToStream(deleted, placed());
    await client.deleteStream(deleted);
    await expect(readIds(deleted)).rejects.toThrow(StreamNotFoundError);
    const tombstoned = newStream();
    await client.appendToStream(tombstoned, placed());
    await client.tombstoneStream(tombstoned);
    await expect(readIds(tombstoned)).rejects.toThrow(StreamDeletedError);
    await expect(client.appendToStream(tombstoned, placed())).rejects.toThrow(StreamDeletedError);
  });

  it('sees of a limited stream what its metadata leaves', async () => {
    const stream = newStream();
    const events = Array.from({ length: 5 }, (_, n) => placed(n));
    await client.appendToStream(stream, events);
    await client.setStreamMetadata(stream, { maxCount: 2 });
    expect(await client.getStreamMetadata(stream)).toMatchObject({ metadata: { maxCount: 2 } });
    expect(await readIds(stream)).toEqual(events.slice(-2).map(({ id }) => id));
  });

  it('finds in $all every append at its position', async () => {
    const events = [placed(0), placed(1)];
    const stream = newStream();
    const result = await client.appendToStream(stream, events);
    const seen: string[] = [];
    for await (const { event } of client.readAll({ fromPosition: positionOf(result), maxCount: 1 })) seen.push(event?.id ?? '');
    expect(seen).toEqual([events[1]?.id]);
  });
});

describe('a subscriber', () => {
  it('to a stream sees history and what comes, in order, once', async () => {
    const stream = newStream();
    const events = Array.from({ length: 100 }, (_, n) => placed(n));
    await client.appendToStream(stream, events.slice(0, 50));
    const subscription = client.subscribeToStream(stream, { fromRevision: START });
    const seen = take(subscription, 100);
    for (const event of events.slice(50)) await client.appendToStream(stream, event);
    expect(await seen).toEqual(events.map(({ id }) => id));
    await subscription.unsubscribe();
  });

  it('goes on after the revision it has', async () => {
    const stream = newStream();
    const events = Array.from({ length: 5 }, (_, n) => placed(n));
    await client.appendToStream(stream, events);
    const subscription = client.subscribeToStream(stream, { fromRevision: 2n });
    expect(await take(subscription, 2)).toEqual(events.slice(3).map(({ id }) => id));
    await subscription.unsubscribe();
  });

  it('to $all sees the events of concurrent writers in the order of their positions, once', async () => {
    const from = positionOf(await client.appendToStream(newStream('start'), placed()));
    const category = `race${randomUUID().replaceAll('-', '')}`;
    const subscription = client.subscribeToAll({ fromPosition: from, filter: streamNameFilter({ prefixes: [category] }) });
    const seen = take(subscription, 400);
    const written: { id: string; position: bigint }[] = [];
    const writer = async (n: number) => {
      for (let round = 0; round < 25; round++) {
        const event = placed(round);
        const { commit } = positionOf(await client.appendToStream(`${category}-${n}`, event));
        written.push({ id: event.id, position: commit });
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, n) => writer(n)));
    written.sort((a, b) => (a.position < b.position ? -1 : 1));
    expect(await seen).toEqual(written.map(({ id }) => id));
    expect(new Set(written.map(({ position }) => position)).size).toBe(400);
    await subscription.unsubscribe();
  });

  it('to $all goes on after the position it has', async () => {
    const stream = newStream();
    const first = positionOf(await client.appendToStream(stream, placed(0)));
    const second = placed(1);
    await client.appendToStream(stream, second);
    const subscription = client.subscribeToAll({ fromPosition: first });
    expect(await take(subscription, 1)).toEqual([second.id]);
    await subscription.unsubscribe();
  });

  it('with a filter is told how far the log was searched though nothing matched', async () => {
    const from = positionOf(await client.appendToStream(newStream(), placed()));
    let last = from;
    const filter = eventTypeFilter({
      prefixes: [`Never${randomUUID()}`],
      checkpointInterval: 2,
      maxSearchWindow: 4,
      checkpointReached: (_subscription: AllStreamSubscription, position: { commit: bigint; prepare: bigint }) => {
        last = position;
        wake();
      },
    });
    let wake: () => void = () => undefined;
    const subscription = client.subscribeToAll({ fromPosition: from, filter });
    subscription.on('data', () => undefined);
    const positions: bigint[] = [];
    for (let n = 0; n < 40; n++) positions.push(positionOf(await client.appendToStream(newStream(), placed(n))).commit);
    // A checkpoint comes every eight events, so the last one lies among the last eight.
    const [floor = 0n] = positions.slice(-8);
    await new Promise<void>((resolve) => {
      wake = () => {
        if (last.commit >= floor) resolve();
      };
      wake();
    });
    await subscription.unsubscribe();
  });

  it('without system events sees none', async () => {
    const from = positionOf(await client.appendToStream(newStream(), placed()));
    const stream = newStream();
    await client.appendToStream(stream, placed());
    await client.setStreamMetadata(stream, { maxCount: 3 });
    const last = placed();
    await client.appendToStream(stream, last, { expectedRevision: ANY });
    const subscription = client.subscribeToAll({ fromPosition: from, filter: excludeSystemEvents() });
    const types: string[] = [];
    for await (const { event } of subscription) {
      if (event) types.push(event.type);
      if (event?.id === last.id) break;
    }
    expect(types.filter((type) => type.startsWith('$'))).toEqual([]);
    await subscription.unsubscribe();
  });
});
