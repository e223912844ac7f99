import { askedServer } from '../asked-server.js';
import { eventsOf, type Position, type Wire } from '../wire.js';
import { idsIn, idsOf, mustStore, newEvent, newEvents, newStream, positionOf } from '../writing.js';

const server = askedServer();

describe('what one connection was told is done', () => {
  let writer: Wire;
  let reader: Wire;
  beforeAll(() => {
    writer = server.connect();
    reader = server.connect();
  });

  it('another reads at once: in the stream, in $all, from both ends', async () => {
    const stream = newStream();
    for (let round = 0; round < 30; round++) {
      const event = newEvent();
      const { revision, at } = await mustStore(writer, stream, [event]);
      const reads = await Promise.all([
        reader.read({ stream, from: revision }),
        reader.read({ stream, from: 'end', direction: 'backwards', count: 1 }),
        reader.read({ from: at, count: 1 }),
        reader.read({ from: 'end', direction: 'backwards', count: 1, filter: { prefix: [stream] } }),
      ]);
      expect(reads.map(({ messages }) => idsIn(messages))).toEqual([[event.id], [event.id], [event.id], [event.id]]);
    }
  });

  it('another can build on at once: the answered revision is the one to expect', async () => {
    const stream = newStream();
    const wires = [writer, reader, server.connect()];
    let expected = 'no_stream';
    for (let round = 0; round < 30; round++)
      expected = String((await mustStore(wires[round % 3] ?? writer, stream, newEvents(2), expected)).revision);
    expect(expected).toBe('59');
  });

  it('another sees as deleted at once', async () => {
    for (let round = 0; round < 10; round++) {
      const stream = newStream();
      await mustStore(writer, stream, newEvents(1));
      await writer.softDelete(stream);
      expect((await reader.read({ stream })).messages).toEqual([{ streamNotFound: stream }]);
      await reader.tombstone(stream);
      expect((await writer.read({ stream })).error?.trailers).toMatchObject({ exception: 'stream-deleted' });
    }
  });

  it('another sees limited at once', async () => {
    const stream = newStream();
    const events = newEvents(20);
    await mustStore(writer, stream, events);
    for (let first = 1; first < 20; first += 3) {
      await mustStore(writer, `$$${stream}`, [newEvent({ type: '$metadata', data: `{"$tb":${first}}` })]);
      expect(idsIn((await reader.read({ stream })).messages)).toEqual(idsOf(events.slice(first)));
    }
  });

  it('every subscriber is sent: nothing acknowledged stays unseen', async () => {
    const stream = newStream();
    const subscription = reader.subscribe({ stream });
    await subscription.until((seen) => seen.includes('caughtUp'));
    for (let round = 0; round < 30; round++) {
      const event = newEvent();
      await mustStore(writer, stream, [event]);
      expect(await subscription.until((seen) => idsIn(seen).includes(event.id ?? ''))).toBe(true);
    }
    subscription.close();
  });
});

describe('positions', () => {
  it('rise from every append to every later one, whichever connection and stream it comes from', async () => {
    const wires = Array.from({ length: 4 }, () => server.connect());
    const calls: { begun: number; ended: number; position: bigint }[] = [];
    let clock = 0;
    const one = async (wire: Wire, n: number) => {
      for (let round = 0; round < 40; round++) {
        const begun = clock++;
        const { position } = await mustStore(wire, newStream(`order-${n}`), newEvents(1 + (round % 3)));
        calls.push({ begun, ended: clock++, position });
      }
    };
    await Promise.all(wires.map(one));
    // One that ended before another began stands before it in the log.
    for (const earlier of calls)
      for (const later of calls) if (earlier.ended < later.begun) expect(earlier.position).toBeLessThan(later.position);
    expect(new Set(calls.map(({ position }) => position)).size).toBe(calls.length);
  });

  it('rise within a stream as its revisions do', async () => {
    const stream = newStream();
    await Promise.all(Array.from({ length: 40 }, () => mustStore(server.connect(), stream, newEvents(2))));
    const read = eventsOf((await server.wire.read({ stream })).messages);
    const positions = read.map(({ position }) =>
      BigInt(positionOf({ ...(position as Position), prepare: (position as Position).commit }) ?? 0),
    );
    expect(positions).toHaveLength(80);
    expect(positions).toEqual([...positions].sort((a, b) => (a < b ? -1 : 1)));
    expect(new Set(positions).size).toBe(80);
  });

  it('of an append is that of its last event', async () => {
    const stream = newStream();
    const { position } = await mustStore(server.wire, stream, newEvents(5));
    const [last] = eventsOf((await server.wire.read({ stream, from: 'end', direction: 'backwards', count: 1 })).messages);
    expect(last?.position).toEqual({ commit: String(position) });
  });
});
