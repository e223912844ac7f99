import fc from 'fast-check';
import { askedServer } from '../asked-server.js';
import { eventsOf, placesOf, type ReadSketch } from '../wire.js';
import { idsIn, idsOf, mustStore, newEvents, newStream } from '../writing.js';

const server = askedServer();

describe('a read of a stream', () => {
  const length = 600;
  const stream = newStream();
  const events = newEvents(length);
  const ids = idsOf(events);
  beforeAll(() => mustStore(server.wire, stream, events, 'no_stream'));

  it('gives from any revision, in both directions, exactly the events asked for', async () => {
    const sketch = fc.record({
      from: fc.oneof(fc.nat({ max: length + 20 }), fc.constant('start' as const)),
      count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: length + 50 })),
      direction: fc.constantFrom('forwards' as const, 'backwards' as const),
    });
    const property = fc.asyncProperty(sketch, async ({ from, count, direction }) => {
      const first = from === 'start' ? 0 : from;
      const expected =
        direction === 'forwards'
          ? ids.slice(first, first + count)
          : ids
              .slice(0, first + 1)
              .slice(-count)
              .reverse();
      expect(idsIn((await server.wire.read({ stream, from, count, direction })).messages)).toEqual(expected);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('backwards from the end begins with the last event, and so does one from beyond the end', async () => {
    const backwards = { stream, direction: 'backwards', count: 3 } as const;
    const lastThree = ids.slice(-3).reverse();
    expect(idsIn((await server.wire.read({ ...backwards, from: 'end' })).messages)).toEqual(lastThree);
    expect(idsIn((await server.wire.read({ ...backwards, from: length + 7 })).messages)).toEqual(lastThree);
  });

  it('forwards from beyond the end is empty and no error', async () => {
    expect(await server.wire.read({ stream, from: length })).toEqual({ messages: [] });
  });

  it('tells the last revision, and where to go on, to a client that asks for it', async () => {
    const asked = { stream, compatibility: 1, count: 1 } satisfies ReadSketch;
    expect((await server.wire.read(asked)).messages.at(-1)).toEqual({ lastStreamPosition: String(length - 1) });
    expect((await server.wire.read({ ...asked, from: length + 5 })).messages).toEqual([
      { firstStreamPosition: String(length) },
      { lastStreamPosition: String(length - 1) },
    ]);
  });

  it('gives ids as text or as two numbers, as it is asked', async () => {
    const [text] = eventsOf((await server.wire.read({ stream, count: 1, uuids: 'string' })).messages);
    expect(text?.event).toMatchObject({ id: ids[0] });
    const [numbers] = eventsOf((await server.wire.read({ stream, count: 1, uuids: 'structured' })).messages);
    expect(numbers?.event).toMatchObject({ id: { structured: true } });
  });

  it('of a missing stream is told that there is none', async () => {
    const missing = newStream();
    for (const direction of ['forwards', 'backwards'] as const) {
      const from = direction === 'forwards' ? 'start' : 'end';
      const { messages } = await server.wire.read({ stream: missing, from, direction });
      expect(messages).toEqual([{ streamNotFound: missing }]);
    }
  });

  it('beside a writer sees whole appends from the beginning, without a gap', async () => {
    const growing = newStream();
    await mustStore(server.wire, growing, newEvents(3), 'no_stream');
    const lengths: number[] = [];
    let writing = true;
    const reader = async () => {
      while (writing) {
        const places = placesOf((await server.wire.read({ stream: growing })).messages);
        expect(places).toEqual(places.map((_, revision) => `${growing}@${revision}`));
        lengths.push(places.length);
      }
    };
    const reading = Promise.all([reader(), reader()]);
    for (let round = 0; round < 60; round++) await mustStore(server.wire, growing, newEvents(3));
    writing = false;
    await reading;
    expect(lengths.filter((count) => count % 3 !== 0)).toEqual([]);
  });
});
