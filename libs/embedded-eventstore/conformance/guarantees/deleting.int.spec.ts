import { askedServer } from '../asked-server.js';
import { eventsOf, isEvent, placeOf, placesOf } from '../wire.js';
import {
  appendCalls,
  appendOutcome,
  deleteOutcome,
  idsIn,
  idsOf,
  mustStore,
  newEvent,
  newEvents,
  newStream,
  write,
} from '../writing.js';

const server = askedServer();
const softDelete = async (stream: string, expected?: string) => deleteOutcome(await server.wire.softDelete(stream, expected));
const tombstone = async (stream: string, expected?: string) => deleteOutcome(await server.wire.tombstone(stream, expected));
const read = async (stream: string) => (await server.wire.read({ stream })).messages;

async function streamOf(count: number): Promise<string> {
  const stream = newStream();
  await mustStore(server.wire, stream, newEvents(count));
  return stream;
}

describe('a soft-deleted stream', () => {
  it('reads like a missing one', async () => {
    const stream = await streamOf(3);
    expect(await softDelete(stream, '2')).toMatchObject({ outcome: 'done' });
    expect(await read(stream)).toEqual([{ streamNotFound: stream }]);
    expect((await server.wire.read({ stream, from: 'end', direction: 'backwards' })).messages).toEqual([
      { streamNotFound: stream },
    ]);
  });

  it.each(['any', 'no_stream', '2'])('goes on with the old numbering when it is written to with %s', async (expected) => {
    const stream = await streamOf(3);
    await softDelete(stream);
    const events = newEvents(2);
    expect(await mustStore(server.wire, stream, events, expected)).toMatchObject({ revision: 4 });
    expect(placesOf(await read(stream))).toEqual([`${stream}@3`, `${stream}@4`]);
    const metadata = await server.wire.read({ stream: `$$${stream}`, full: true });
    expect(metadata.messages).toMatchObject([{ event: { data: '{"$tb":3}' } }]);
  });

  it('is deleted to a writer that expects it to exist, and wrong to one that expects another revision', async () => {
    const stream = await streamOf(3);
    await softDelete(stream);
    const append = async (expected: string) => appendOutcome(await server.wire.append(stream, newEvents(1), expected));
    expect(await append('stream_exists')).toEqual({ outcome: 'deleted' });
    expect(await append('0')).toEqual({ outcome: 'wrong expected version', current: '2', expected: '0' });
  });

  it('can be deleted again', async () => {
    const stream = await streamOf(3);
    await softDelete(stream);
    expect(await softDelete(stream)).toMatchObject({ outcome: 'done' });
    expect(await softDelete(stream, '2')).toMatchObject({ outcome: 'done' });
  });

  it('has lost its other metadata', async () => {
    const stream = await streamOf(2);
    await mustStore(server.wire, `$$${stream}`, [newEvent({ type: '$metadata', data: '{"$maxCount":10,"owner":"x"}' })]);
    await softDelete(stream);
    const { messages } = await server.wire.read({ stream: `$$${stream}`, full: true });
    expect(messages).toMatchObject([{ event: { data: '{"$tb":9223372036854775807}' } }]);
  });

  it('deleted, re-created and tombstoned before the eyes of a subscriber shows it just what was written', async () => {
    const stream = await streamOf(2);
    const subscription = server.wire.subscribe({ stream });
    await subscription.until((seen) => seen.includes('caughtUp'));
    await softDelete(stream);
    await mustStore(server.wire, stream, newEvents(1));
    await tombstone(stream);
    await subscription.until((_, ended) => ended !== undefined);
    const places = subscription.seen.filter(isEvent).map(placeOf);
    expect(places).toEqual([0, 1, 2, 9223372036854775807n].map((revision) => `${stream}@${revision}`));
    expect(subscription.ended).toMatchObject({ error: { code: 'FAILED_PRECONDITION' } });
  });
});

describe('a delete', () => {
  it.each(['9', 'no_stream'])('that expects %s of a stream of three is refused and hides nothing', async (expected) => {
    const stream = await streamOf(3);
    const wrong = { outcome: 'wrong expected version', current: '2', expected };
    expect(await softDelete(stream, expected)).toEqual(wrong);
    expect(await tombstone(stream, expected)).toEqual(wrong);
    expect(await read(stream)).toHaveLength(3);
  });

  it.each(['any', 'no_stream', 'stream_exists', '0'])(
    'of a missing stream is refused, whatever it expects (%s)',
    async (expected) => {
      const stream = newStream();
      const wrong = { outcome: 'wrong expected version', current: 'no_stream', expected };
      expect(await softDelete(stream, expected)).toEqual(wrong);
    },
  );

  it('answers with the position of the metadata event that makes it', async () => {
    const stream = await streamOf(1);
    const deleted = await softDelete(stream);
    const commit = deleted.outcome === 'done' ? deleted.position : '';
    const [seen] = eventsOf((await server.wire.read({ from: { commit, prepare: commit }, count: 1 })).messages);
    expect(seen?.event).toMatchObject({ at: `$$${stream}@0` });
  });
});

describe('a tombstoned stream', () => {
  it.each(appendCalls)('takes nothing over %s, whatever is expected', async (call) => {
    const stream = await streamOf(2);
    await tombstone(stream, '1');
    for (const expected of ['any', 'no_stream', 'stream_exists', '1'])
      expect(await write(server.wire, call, stream, newEvents(1), expected)).toEqual({ outcome: 'deleted' });
    expect(await write(server.wire, call, `$$${stream}`, [newEvent({ type: '$metadata' })])).toEqual({ outcome: 'deleted' });
  });

  it('is not even told what it already had: a retry is refused', async () => {
    const stream = newStream();
    const events = newEvents(2);
    await mustStore(server.wire, stream, events, 'no_stream');
    await tombstone(stream);
    expect(appendOutcome(await server.wire.append(stream, events, 'no_stream'))).toEqual({ outcome: 'deleted' });
  });

  it('is deleted to readers, subscribers and further deletes, and so is its metadata', async () => {
    const stream = await streamOf(2);
    await tombstone(stream);
    for (const name of [stream, `$$${stream}`]) {
      const { messages, error } = await server.wire.read({ stream: name });
      expect({ messages, error }).toMatchObject({
        messages: [],
        error: { code: 'FAILED_PRECONDITION', trailers: { exception: 'stream-deleted', 'stream-name': name } },
      });
    }
    expect(await softDelete(stream)).toEqual({ outcome: 'deleted' });
    expect(await tombstone(stream)).toEqual({ outcome: 'deleted' });
    const subscription = server.wire.subscribe({ stream });
    await subscription.until((_, ended) => ended !== undefined);
    expect(subscription.ended).toMatchObject({ error: { trailers: { exception: 'stream-deleted' } } });
  });

  it('keeps its events in $all, and a $streamDeleted event after them', async () => {
    const stream = newStream();
    const events = newEvents(2);
    const { at: from } = await mustStore(server.wire, stream, events.slice(0, 1));
    await mustStore(server.wire, stream, events.slice(1));
    await tombstone(stream);
    const { messages } = await server.wire.read({ from, filter: { prefix: [stream] }, full: true });
    expect(idsIn(messages).slice(0, 2)).toEqual(idsOf(events));
    expect(messages[2]).toMatchObject({
      event: { at: `${stream}@9223372036854775807`, metadata: { type: '$streamDeleted' } },
    });
  });

  it.each(['any', 'no_stream'])('need not have existed: with %s a missing stream can be tombstoned', async (expected) => {
    const stream = newStream();
    expect(await tombstone(stream, expected)).toMatchObject({ outcome: 'done' });
    expect(appendOutcome(await server.wire.append(stream, newEvents(1)))).toEqual({ outcome: 'deleted' });
  });
});
