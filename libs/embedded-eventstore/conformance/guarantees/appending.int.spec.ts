import { binaryEvent, NO_STREAM } from '@eventstore/db-client';
import fc from 'fast-check';
import { askedServer } from '../asked-server.js';
import { eventsOf } from '../wire.js';
import { appendCalls, batchOutcome, idsIn, idsOf, mustStore, newEvent, newEvents, newStream, write } from '../writing.js';

const server = askedServer();

describe.each(appendCalls)('an append over %s', (call) => {
  it.each([
    ['any', 'stored'],
    ['no_stream', 'stored'],
    ['stream_exists', 'wrong expected version'],
    ['0', 'wrong expected version'],
    ['7', 'wrong expected version'],
  ])('to a missing stream, expecting %s, is %s', async (expected, outcome) => {
    const stream = newStream();
    const answer = await write(server.wire, call, stream, newEvents(2), expected);
    expect(answer).toMatchObject(outcome === 'stored' ? { outcome, revision: '1' } : { outcome, current: 'no_stream', expected });
    const { messages } = await server.wire.read({ stream });
    if (outcome === 'stored') expect(messages).toHaveLength(2);
    else expect(messages).toEqual([{ streamNotFound: stream }]);
  });

  it.each([
    ['any', 'stored'],
    ['no_stream', 'wrong expected version'],
    ['stream_exists', 'stored'],
    ['1', 'wrong expected version'],
    ['2', 'stored'],
    ['3', 'wrong expected version'],
  ])('to a stream of three, expecting %s, is %s', async (expected, outcome) => {
    const stream = newStream();
    await mustStore(server.wire, stream, newEvents(3));
    const answer = await write(server.wire, call, stream, newEvents(2), expected);
    expect(answer).toMatchObject(outcome === 'stored' ? { outcome, revision: '4' } : { outcome, current: '2', expected });
    expect((await server.wire.read({ stream })).messages).toHaveLength(outcome === 'stored' ? 5 : 3);
  });

  it('gives its events the next revisions, in the order they were sent', async () => {
    const stream = newStream();
    const [first, second] = [newEvents(3), newEvents(4)];
    await write(server.wire, call, stream, first);
    expect(await write(server.wire, call, stream, second)).toMatchObject({ revision: '6' });
    const read = eventsOf((await server.wire.read({ stream })).messages);
    expect(idsIn(read)).toEqual(idsOf([...first, ...second]));
    expect(read.map(({ event }) => (event === 'absent' ? event : event.at))).toEqual(
      Array.from({ length: 7 }, (_, revision) => `${stream}@${revision}`),
    );
  });

  it('is stored whole or not at all, also when its last event is refused', async () => {
    const stream = newStream();
    const outcome = await write(server.wire, call, stream, [...newEvents(3), newEvent({ type: null })]);
    expect(outcome).toEqual({ outcome: 'failed', code: 'INVALID_ARGUMENT' });
    expect((await server.wire.read({ stream })).messages).toEqual([{ streamNotFound: stream }]);
  });

  it('of no event stores nothing, checks its expectation and answers the current revision', async () => {
    const stream = newStream();
    expect(await write(server.wire, call, stream, [], 'no_stream')).toMatchObject({ revision: 'no_stream' });
    await mustStore(server.wire, stream, newEvents(2));
    expect(await write(server.wire, call, stream, [], '1')).toMatchObject({ outcome: 'stored', revision: '1' });
    expect(await write(server.wire, call, stream, [], '0')).toMatchObject({ current: '1', expected: '0' });
    expect((await server.wire.read({ stream })).messages).toHaveLength(2);
  });

  it('wins alone against 31 others that expect the same revision, and they are told what it made of the stream', async () => {
    const stream = newStream();
    const attempts = Array.from({ length: 32 }, () => write(server.wire, call, stream, newEvents(3), 'no_stream'));
    const outcomes = await Promise.all(attempts);
    expect(outcomes.filter(({ outcome }) => outcome === 'stored')).toHaveLength(1);
    const lost = { outcome: 'wrong expected version', current: '2', expected: 'no_stream' };
    expect(outcomes.filter(({ outcome }) => outcome !== 'stored')).toEqual(Array.from({ length: 31 }, () => lost));
    expect((await server.wire.read({ stream })).messages).toHaveLength(3);
  });
});

describe('one BatchAppend call', () => {
  it('keeps the order of appends that are sent without waiting for answers', async () => {
    const stream = newStream();
    const appends = newEvents(50).map((event, index) => ({
      stream,
      expected: index === 0 ? 'no_stream' : String(index - 1),
      events: [event],
    }));
    const { responses } = await server.wire.batch(appends);
    expect(responses.map(batchOutcome).every(({ outcome }) => outcome === 'stored')).toBe(true);
    expect(idsIn((await server.wire.read({ stream })).messages)).toEqual(appends.flatMap(({ events }) => idsOf(events)));
  });

  it('answers every append under its correlation id, and a refused one ends nothing but itself', async () => {
    const streams = [newStream(), newStream(), newStream()];
    const { responses } = await server.wire.batch(
      streams.map((stream, index) => ({
        name: `append ${index}`,
        stream,
        events: newEvents(1),
        expected: index === 1 ? '5' : 'no_stream',
      })),
    );
    const outcomes = Object.fromEntries(responses.map((answer) => [answer.for, batchOutcome(answer).outcome]));
    expect(outcomes).toEqual({ 'append 0': 'stored', 'append 1': 'wrong expected version', 'append 2': 'stored' });
  });

  it('keeps apart two appends whose messages come in turns', async () => {
    const [one, other] = [newStream(), newStream()];
    const [a, b] = [newEvent().id ?? '', newEvent().id ?? ''];
    const [first, second] = [newEvents(2), newEvents(2)];
    await server.wire.batch(
      [
        { correlation: a, stream: one, events: first.slice(0, 1), final: false },
        { correlation: b, stream: other, events: second.slice(0, 1), final: false },
        { correlation: a, options: false, events: first.slice(1) },
        { correlation: b, options: false, events: second.slice(1) },
      ],
      { until: 2 },
    );
    expect(idsIn((await server.wire.read({ stream: one })).messages)).toEqual(idsOf(first));
    expect(idsIn((await server.wire.read({ stream: other })).messages)).toEqual(idsOf(second));
  });

  it('stores nothing of an append that is never final', async () => {
    const [unfinished, finished] = [newStream(), newStream()];
    const { responses } = await server.wire.batch(
      [
        { stream: unfinished, events: newEvents(2), final: false },
        { name: 'finished', stream: finished, events: newEvents(1) },
      ],
      { until: 1 },
    );
    expect(responses.map((answer) => answer.for)).toEqual(['finished']);
    expect((await server.wire.read({ stream: unfinished })).messages).toEqual([{ streamNotFound: unfinished }]);
  });

  it('stores nothing of an append whose deadline has passed, and takes one without a deadline', async () => {
    const [late, patient] = [newStream(), newStream()];
    const past = await server.wire.batch([{ stream: late, events: newEvents(1), deadline: new Date(Date.now() - 60_000) }]);
    expect(past.responses).toMatchObject([{ error: { code: 'DEADLINE_EXCEEDED' } }]);
    expect((await server.wire.read({ stream: late })).messages).toEqual([{ streamNotFound: late }]);
    const none = await server.wire.batch([{ stream: patient, events: newEvents(1), deadline: null }]);
    expect(none.responses).toMatchObject([{ success: { revision: '0' } }]);
  });
});

describe('an event', () => {
  it('comes back byte for byte, whatever its data and metadata are', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    // The client reads metadata as JSON where it can, which it cannot with this byte in front.
    const noJson = bytes.map((rest) => Uint8Array.from([0xff, ...rest]));
    const property = fc.asyncProperty(fc.array(fc.tuple(bytes, noJson), { minLength: 1, maxLength: 4 }), async (contents) => {
      const stream = newStream();
      const events = contents.map(([data, metadata]) => binaryEvent({ type: 'Bytes', data, metadata }));
      await server.client.appendToStream(stream, events, { expectedRevision: NO_STREAM });
      const seen: [number[], number[]][] = [];
      for await (const { event } of server.client.readStream(stream)) {
        const metadata = event?.metadata instanceof Uint8Array ? event.metadata : new Uint8Array();
        if (event && !event.isJson) seen.push([[...event.data], [...metadata]]);
      }
      expect(seen).toEqual(contents.map(([data, metadata]) => [[...data], [...metadata]]));
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('keeps its id, type, JSON flag, data and metadata, and gets a creation time of 100 ns ticks', async () => {
    const stream = newStream();
    const json = newEvent({ type: '订单已付', data: '{"a": 1}', custom: '{"m":1}' });
    const other = newEvent({ contentType: 'text/plain', data: 'a', extra: { colour: 'red' } });
    await mustStore(server.wire, stream, [json, other]);
    const read = eventsOf((await server.wire.read({ stream, full: true })).messages).map(({ event }) => event);
    const created = expect.stringMatching(/^\d{17}$/) as unknown;
    const metadata = (type: string, contentType: string) => ({ type, created, 'content-type': contentType });
    expect(read).toMatchObject([
      { id: json.id, data: '{"a": 1}', custom: '{"m":1}' },
      { id: other.id, data: 'a', custom: '' },
    ]);
    // What is not JSON is bytes, and what is no property of the protocol goes.
    expect(read.map((event) => (event === 'absent' ? event : event.metadata))).toEqual([
      metadata('订单已付', 'application/json'),
      metadata('Tested', 'application/octet-stream'),
    ]);
  });

  it.each(['with space', '订单', 'a/b?c#d', '@', '-', 'l'.repeat(1_000), '\u{1F4E6}'])(
    'is found in the stream it was written to under the name …%s',
    async (label) => {
      const stream = `${newStream()}${label}`;
      const event = newEvent();
      await mustStore(server.wire, stream, [event], 'no_stream');
      expect(idsIn((await server.wire.read({ stream })).messages)).toEqual([event.id]);
    },
  );
});
