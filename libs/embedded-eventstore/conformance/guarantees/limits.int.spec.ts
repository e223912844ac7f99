import { askedServer } from '../asked-server.js';
import { appendCalls, idsIn, newEvent, newStream, write } from '../writing.js';

const server = askedServer();
const limit = 1_048_576;
const bytes = (count: number, custom = 0) =>
  newEvent({ contentType: 'application/octet-stream', data: 'x'.repeat(count), custom: 'y'.repeat(custom) });

describe.each(appendCalls)('the size limit of one append over %s', (call) => {
  const tooLarge = { outcome: 'failed', code: 'INVALID_ARGUMENT' };

  it('is 1 MiB of data, inclusive', async () => {
    const stream = newStream();
    const event = bytes(limit);
    expect(await write(server.wire, call, stream, [event])).toMatchObject({ outcome: 'stored' });
    expect(await write(server.wire, call, stream, [bytes(limit + 1)])).toEqual(tooLarge);
    expect(idsIn((await server.wire.read({ stream })).messages)).toEqual([event.id]);
  });

  it('holds for the data of all its events together, of which none is stored', async () => {
    const stream = newStream();
    expect(await write(server.wire, call, stream, [bytes(limit / 2), bytes(limit / 2 + 1)])).toEqual(tooLarge);
    expect((await server.wire.read({ stream })).messages).toEqual([{ streamNotFound: stream }]);
    expect(await write(server.wire, call, stream, [bytes(limit / 2), bytes(limit / 2)])).toMatchObject({ revision: '1' });
  });

  it('does not count metadata', async () => {
    const outcome = await write(server.wire, call, newStream(), [bytes(10, 1_500_000)]);
    expect(outcome).toMatchObject({ outcome: 'stored', revision: '0' });
  });
});

describe('an append beyond the limit', () => {
  it('is told the limit, in trailers by Append, in details by BatchAppend', async () => {
    const stream = newStream();
    expect((await server.wire.append(stream, [bytes(limit + 1)])).error).toMatchObject({
      trailers: { exception: 'maximum-append-size-exceeded', 'maximum-append-size': String(limit) },
    });
    const { responses } = await server.wire.batch([{ stream, events: [bytes(limit + 1)] }]);
    expect(responses).toMatchObject([{ error: { maxAppendSize: limit } }]);
  });
});

describe('a stream of ten thousand events', () => {
  it('is read as it was written, from both ends', async () => {
    const stream = newStream();
    const events = Array.from({ length: 10_000 }, () => newEvent());
    const parts = Array.from({ length: 10 }, (_, index) => events.slice(index * 1_000, (index + 1) * 1_000));
    const { responses } = await server.wire.batch(parts.map((part) => ({ stream, events: part })));
    expect(responses.at(-1)?.success?.revision).toBe('9999');
    const ids = events.map(({ id }) => id);
    expect(idsIn((await server.wire.read({ stream, count: 20_000 })).messages)).toEqual(ids);
    const backwards = await server.wire.read({ stream, from: 'end', direction: 'backwards', count: 20_000 });
    expect(idsIn(backwards.messages)).toEqual(ids.reverse());
  });
});
