import { askedServer } from '../asked-server.js';
import { appendCalls, idsIn, idsOf, mustStore, newEvent, newEvents, newStream, write, type AppendCall } from '../writing.js';

const server = askedServer();
const stored = async (stream: string) => idsIn((await server.wire.read({ stream })).messages);
const other = (call: AppendCall): AppendCall => (call === 'Append' ? 'BatchAppend' : 'Append');

describe.each(appendCalls)('a retried append over %s', (call) => {
  it.each(['no_stream', '1'])('at the same expected revision (%s) answers with the first result, for ever', async (expected) => {
    const stream = newStream();
    const before = expected === 'no_stream' ? [] : newEvents(2);
    if (before.length > 0) await mustStore(server.wire, stream, before);
    const events = newEvents(3);
    const first = await write(server.wire, call, stream, events, expected);
    expect(first.outcome).toBe('stored');
    for (let round = 0; round < 3; round++) {
      await mustStore(server.wire, stream, newEvents(100));
      expect(await write(server.wire, call, stream, events, expected)).toEqual(first);
    }
    expect((await stored(stream)).slice(0, before.length + 3)).toEqual(idsOf([...before, ...events]));
    expect(await stored(stream)).toHaveLength(before.length + 303);
  });

  it('is recognised over another connection and over the other call', async () => {
    const stream = newStream();
    const events = newEvents(2);
    const first = await write(server.wire, call, stream, events, 'no_stream');
    expect(await write(server.connect(), call, stream, events, 'no_stream')).toEqual(first);
    expect(await write(server.connect(), other(call), stream, events, 'no_stream')).toEqual(first);
    expect(await stored(stream)).toEqual(idsOf(events));
  });

  it('is stored once though 16 of it are under way at once, and each is answered as the first', async () => {
    const stream = newStream();
    const events = newEvents(2);
    const answers = await Promise.all(Array.from({ length: 16 }, () => write(server.wire, call, stream, events, 'no_stream')));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ outcome: 'stored', revision: '1' });
    expect(await stored(stream)).toEqual(idsOf(events));
  });

  it('is known by its ids alone: other data under them changes nothing', async () => {
    const stream = newStream();
    const event = newEvent({ data: '{"n":1}' });
    const first = await write(server.wire, call, stream, [event], 'no_stream');
    expect(await write(server.wire, call, stream, [{ ...event, data: '{"n":2}' }], 'no_stream')).toEqual(first);
    expect((await server.wire.read({ stream, full: true })).messages).toMatchObject([{ event: { data: '{"n":1}' } }]);
  });

  it('may be the beginning of the first one, and is answered with where that beginning stands', async () => {
    const stream = newStream();
    const events = newEvents(3);
    await write(server.wire, call, stream, events, 'no_stream');
    const answer = await write(server.wire, call, stream, events.slice(0, 2), 'no_stream');
    expect(answer).toMatchObject({ outcome: 'stored', revision: '1' });
    expect(await stored(stream)).toEqual(idsOf(events));
  });

  it.each([
    ['is longer than the first', (events: number[]) => [...events, 9], 'no_stream'],
    ['has the ids in another order', ([a = 0, b = 0, ...rest]: number[]) => [b, a, ...rest], 'no_stream'],
    ['begins in the middle of the first', (events: number[]) => events.slice(1), 'no_stream'],
    ['names another revision', (events: number[]) => events, '0'],
  ])('is a wrong expected version when it %s', async (_, change, expected) => {
    const stream = newStream();
    const events = [...newEvents(3), ...newEvents(7)];
    await mustStore(server.wire, stream, events.slice(0, 3), 'no_stream');
    const again = change([0, 1, 2]).flatMap((index) => events.slice(index, index + 1));
    const answer = await write(server.wire, call, stream, again, expected);
    expect(answer).toEqual({ outcome: 'wrong expected version', current: '2', expected });
    expect(await stored(stream)).toEqual(idsOf(events.slice(0, 3)));
  });

  it('with any is recognised while its ids are among the newest', async () => {
    const stream = newStream();
    const events = newEvents(2);
    const first = await write(server.wire, call, stream, events);
    await mustStore(server.wire, stream, newEvents(3));
    expect(await write(server.wire, call, stream, events)).toEqual(first);
    expect(await stored(stream)).toHaveLength(5);
  });

  it('with any is refused if a new event follows a known one, and stored if a known one follows a new', async () => {
    const stream = newStream();
    const [known, fresh, later] = [newEvent(), newEvent(), newEvent()];
    await write(server.wire, call, stream, [known]);
    expect(await write(server.wire, call, stream, [known, fresh])).toMatchObject({ current: '0', expected: 'any' });
    expect(await write(server.wire, call, stream, [later, known])).toMatchObject({ outcome: 'stored', revision: '2' });
    expect(await stored(stream)).toEqual(idsOf([known, later, known]));
  });

  it('of a stream that was soft-deleted since succeeds without a position and stores nothing', async () => {
    const stream = newStream();
    const events = newEvents(2);
    await write(server.wire, call, stream, events, 'no_stream');
    await server.wire.softDelete(stream);
    const answer = await write(server.wire, call, stream, events, 'no_stream');
    expect(answer).toEqual({ outcome: 'stored', revision: '1', position: undefined });
    expect((await server.wire.read({ stream })).messages).toEqual([{ streamNotFound: stream }]);
  });

  it('at the current revision is no retry: known ids there are new events', async () => {
    const stream = newStream();
    const event = newEvent();
    await write(server.wire, call, stream, [event], 'no_stream');
    expect(await write(server.wire, call, stream, [event], '0')).toMatchObject({ outcome: 'stored', revision: '1' });
    expect(await stored(stream)).toEqual([event.id, event.id]);
  });
});

describe('an event id', () => {
  it('belongs to its stream: another stream may hold it too', async () => {
    const [one, another] = [newStream(), newStream()];
    const event = newEvent();
    await mustStore(server.wire, one, [event], 'no_stream');
    await mustStore(server.wire, another, [event], 'no_stream');
    expect(await stored(another)).toEqual([event.id]);
  });

  it('that comes twice in one append is two events', async () => {
    const stream = newStream();
    const event = newEvent();
    await mustStore(server.wire, stream, [event, event], 'no_stream');
    expect(await stored(stream)).toEqual([event.id, event.id]);
  });
});
