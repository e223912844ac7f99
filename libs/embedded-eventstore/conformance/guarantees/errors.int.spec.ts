import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import { askedServer } from '../asked-server.js';
import { mustStore, newEvent, newEvents, newStream } from '../writing.js';

const server = askedServer();

/** What clients recognise an error by; wording is free. */
describe('a client can tell', () => {
  it('a wrong expected version: a normal answer of Append, with the fields of old clients too', async () => {
    const stream = newStream();
    await mustStore(server.wire, stream, newEvents(3));
    expect(await server.wire.append(stream, newEvents(1), '7')).toEqual({
      wrongExpectedVersion: { current: '2', expected: '7', current2060: 2, expected2060: 7 },
    });
    expect(await server.wire.append(newStream(), newEvents(1), 'stream_exists')).toEqual({
      wrongExpectedVersion: {
        current: 'no_stream',
        expected: 'stream_exists',
        current2060: 'no_stream',
        expected2060: 'stream_exists',
      },
    });
  });

  it('a wrong expected version: a status with details in an answer of BatchAppend', async () => {
    const stream = newStream();
    await mustStore(server.wire, stream, newEvents(3));
    const { responses } = await server.wire.batch([{ stream, events: newEvents(1), expected: '7' }]);
    expect(responses).toMatchObject([
      {
        stream,
        error: {
          code: 'ALREADY_EXISTS',
          details: 'type.googleapis.com/event_store.client.WrongExpectedVersion',
          current: '2',
          expected: '7',
        },
      },
    ]);
  });

  it('a wrong expected version of a delete, by trailers with the numbers of the old protocol', async () => {
    const stream = newStream();
    await mustStore(server.wire, stream, newEvents(3));
    const trailers = { exception: 'wrong-expected-version', 'stream-name': stream, 'actual-version': '2' };
    expect(await server.wire.softDelete(stream, 'no_stream')).toMatchObject({
      error: { code: 'FAILED_PRECONDITION', trailers: { ...trailers, 'expected-version': '-1' } },
    });
    expect(await server.wire.tombstone(stream, '9')).toMatchObject({
      error: { code: 'FAILED_PRECONDITION', trailers: { ...trailers, 'expected-version': '9' } },
    });
  });

  it('a deleted stream, by trailers, and in a batch by a status with details', async () => {
    const stream = newStream();
    await server.wire.tombstone(stream);
    const trailers = { exception: 'stream-deleted', 'stream-name': stream };
    const failure = { error: { code: 'FAILED_PRECONDITION', trailers } };
    expect(await server.wire.append(stream, newEvents(1))).toMatchObject(failure);
    expect(await server.wire.read({ stream })).toMatchObject(failure);
    expect(await server.wire.softDelete(stream)).toMatchObject(failure);
    const { responses } = await server.wire.batch([{ stream, events: newEvents(1) }]);
    const details = 'type.googleapis.com/event_store.client.StreamDeleted';
    expect(responses).toMatchObject([{ error: { code: 'NOT_FOUND', details, stream } }]);
  });

  it('an append whose deadline has passed, by a status with details', async () => {
    const { responses } = await server.wire.batch([{ stream: newStream(), events: newEvents(1), deadline: new Date(0) }]);
    const details = 'type.googleapis.com/event_store.client.Timeout';
    expect(responses).toMatchObject([{ error: { code: 'DEADLINE_EXCEEDED', details } }]);
  });

  it.each([
    ['type', { type: null }],
    ['content type', { contentType: null }],
  ])('an event without %s, by trailers that name what is required', async (_, without) => {
    expect(await server.wire.append(newStream(), [newEvent(without)])).toMatchObject({
      error: {
        code: 'INVALID_ARGUMENT',
        trailers: {
          exception: 'missing-required-metadata-property',
          'required-metadata-properties': 'type,content-type',
        },
      },
    });
  });

  it('a refused request from a broken connection: the next one on it is answered', async () => {
    const wire = server.connect();
    const stream = newStream();
    expect((await wire.append(stream, [newEvent({ id: null })])).error).toBeDefined();
    expect((await wire.append(stream, newEvents(1), 'any', ({ messages }) => messages)).error).toBeDefined();
    expect((await wire.read({ nowhere: true })).error).toBeDefined();
    expect((await wire.read({ stream, count: 0 })).error).toBeDefined();
    expect((await wire.softDelete(null)) as object).toHaveProperty('error');
    expect(await mustStore(wire, stream, newEvents(1), 'no_stream')).toMatchObject({ revision: 0 });
  });
});

describe('a client finds', () => {
  it('the methods of streams, gossip and features in what the server says it offers', async () => {
    const { methods } = (await server.wire.supported()) as { methods: string[] };
    const names = methods.map((method) => method.split(' ')[0]);
    const needed = ['append', 'batchappend', 'delete', 'read', 'tombstone'].map(
      (name) => `event_store.client.streams.streams/${name}`,
    );
    expect(names).toEqual(expect.arrayContaining(needed));
  });

  it('a living leader among the members', async () => {
    const state = gossip.MemberInfo.VNodeState.LEADER;
    expect(await server.wire.members()).toContainEqual({ state, alive: true, endpoint: true });
  });
});
