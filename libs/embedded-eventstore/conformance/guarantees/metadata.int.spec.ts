import { askedServer } from '../asked-server.js';
import { eventsOf, placesOf } from '../wire.js';
import { appendOutcome, idsIn, idsOf, mustStore, newEvent, newEvents, newStream } from '../writing.js';

const server = askedServer();
const describeStream = (stream: string, data: string, expected?: string) =>
  mustStore(server.wire, `$$${stream}`, [newEvent({ type: '$metadata', data })], expected);
const read = async (stream: string) => idsIn((await server.wire.read({ stream })).messages);

async function streamOf(count: number) {
  const stream = newStream();
  const events = newEvents(count);
  await mustStore(server.wire, stream, events);
  return { stream, ids: idsOf(events) };
}

describe('the metadata of a stream', () => {
  it('is its own stream: with revisions, optimistic concurrency and idempotency', async () => {
    const { stream } = await streamOf(1);
    const first = newEvent({ type: '$metadata', data: '{"owner":"x"}' });
    const answer = await server.wire.append(`$$${stream}`, [first], 'no_stream');
    expect(answer.success?.revision).toBe('0');
    expect(await describeStream(stream, '{"owner":"y"}', '0')).toMatchObject({ revision: 1 });
    const late = await server.wire.append(`$$${stream}`, [newEvent({ type: '$metadata' })], '0');
    expect(appendOutcome(late)).toEqual({ outcome: 'wrong expected version', current: '1', expected: '0' });
    expect(await server.wire.append(`$$${stream}`, [first], 'no_stream')).toEqual(answer);
  });

  it('shows its newest event only, under its own revision', async () => {
    const { stream } = await streamOf(1);
    for (let n = 0; n < 3; n++) await describeStream(stream, `{"n":${n}}`);
    const { messages } = await server.wire.read({ stream: `$$${stream}`, full: true });
    expect(messages).toMatchObject([{ event: { at: `$$${stream}@2`, data: '{"n":2}' } }]);
  });

  it('is kept as it was written: $acl, $cacheControl, $maxAge, own keys, spacing', async () => {
    const { stream, ids } = await streamOf(2);
    const data =
      '{ "$acl": {"$r": ["$all"]},\n "$cacheControl": 10, "$maxAge": 31536000, "colour": "red", "big": 12345678901234567890 }';
    await describeStream(stream, data);
    expect((await server.wire.read({ stream: `$$${stream}`, full: true })).messages).toMatchObject([{ event: { data } }]);
    expect(await read(stream)).toEqual(ids);
  });

  it('may come before the stream, which is missing until its first event', async () => {
    const stream = newStream();
    await describeStream(stream, '{"$maxCount":1}', 'no_stream');
    expect((await server.wire.read({ stream })).messages).toEqual([{ streamNotFound: stream }]);
    const events = newEvents(2);
    await mustStore(server.wire, stream, events, 'no_stream');
    expect(await read(stream)).toEqual([events[1]?.id]);
  });

  it('makes a stream exist for a writer that expects it to', async () => {
    const stream = newStream();
    await describeStream(stream, '{"n":1}');
    expect(await mustStore(server.wire, stream, newEvents(1), 'stream_exists')).toMatchObject({ revision: 0 });
  });

  it.each(['{oops', '[]', '"text"', '{"$maxCount":"many"}', '{"$tb":"1"}'])(
    'that is malformed hides nothing: %s',
    async (data) => {
      const { stream, ids } = await streamOf(3);
      await describeStream(stream, data);
      expect(await read(stream)).toEqual(ids);
    },
  );
});

describe('$maxCount', () => {
  it('leaves the newest, from the next read on, and moves with every append', async () => {
    const { stream, ids } = await streamOf(5);
    await describeStream(stream, '{"$maxCount":2}');
    expect(await read(stream)).toEqual(ids.slice(3));
    const more = newEvents(1);
    await mustStore(server.wire, stream, more, '4');
    expect(await read(stream)).toEqual([ids[4], ...idsOf(more)]);
  });

  it('gives the hidden events back when it is raised', async () => {
    const { stream, ids } = await streamOf(5);
    await describeStream(stream, '{"$maxCount":1}');
    expect(await read(stream)).toEqual(ids.slice(4));
    await describeStream(stream, '{"$maxCount":4}');
    // A compaction may have removed them in between, which nobody asked for here.
    expect(await read(stream)).toEqual(ids.slice(1));
  });
});

describe('$tb', () => {
  it('hides the events before it: readers forwards begin at the first that is left, backwards they end there', async () => {
    const { stream } = await streamOf(5);
    await describeStream(stream, '{"$tb":3}');
    const places = [`${stream}@3`, `${stream}@4`];
    expect(placesOf((await server.wire.read({ stream })).messages)).toEqual(places);
    expect(placesOf((await server.wire.read({ stream, from: 1, count: 1 })).messages)).toEqual(places.slice(0, 1));
    const backwards = await server.wire.read({ stream, from: 'end', direction: 'backwards' });
    expect(placesOf(backwards.messages)).toEqual(places.reverse());
  });

  it('beyond the end hides everything, yet the stream is not missing and keeps its numbering', async () => {
    const { stream } = await streamOf(5);
    await describeStream(stream, '{"$tb":50}');
    expect((await server.wire.read({ stream })).messages).toEqual([]);
    expect(await mustStore(server.wire, stream, newEvents(1), '4')).toMatchObject({ revision: 5 });
    expect((await server.wire.read({ stream })).messages).toEqual([]);
  });
});

describe('a truncated stream', () => {
  it('still knows a retry of what it hides', async () => {
    const stream = newStream();
    const events = newEvents(3);
    const first = await server.wire.append(stream, events, 'no_stream');
    await describeStream(stream, '{"$tb":3}');
    expect(await server.wire.append(stream, events, 'no_stream')).toEqual(first);
  });

  it('gives a new subscriber what is left, and everything that comes', async () => {
    const { stream, ids } = await streamOf(5);
    await describeStream(stream, '{"$maxCount":2}');
    const subscription = server.wire.subscribe({ stream });
    await subscription.until((seen) => seen.includes('caughtUp'));
    const more = newEvents(6);
    for (const event of more) await mustStore(server.wire, stream, [event]);
    await subscription.until((seen) => eventsOf(seen).length >= 8);
    subscription.close();
    expect(idsIn(subscription.seen)).toEqual([...ids.slice(3), ...idsOf(more)]);
  });
});
