import { askedServer } from '../asked-server.js';
import { eventsOf, placesOf, type Position, type SeenRead } from '../wire.js';
import { idsIn, idsOf, mustStore, newEvents, newStream } from '../writing.js';

const server = askedServer();
const positionsIn = (messages: readonly SeenRead[]) => messages.map(({ position }) => BigInt((position as Position).commit));

describe('$all', () => {
  const tag = newStream('all');
  const written: string[] = [];
  const answered: bigint[] = [];
  let from: Position;
  let last: Position;
  beforeAll(async () => {
    for (let round = 0; round < 40; round++) {
      const events = newEvents(1 + (round % 3));
      const { position, at } = await mustStore(server.wire, `${tag}-${round % 4}`, events);
      written.push(...idsOf(events).map(String));
      answered.push(position);
      if (round === 0) from = at;
      last = at;
    }
  });
  const own = (messages: readonly SeenRead[]) => messages.filter(({ event }) => event !== 'absent' && event.at.startsWith(tag));

  it('holds the events of all streams in the order they were acknowledged, at the positions that were answered', async () => {
    const read = own(eventsOf((await server.wire.read({ from })).messages));
    expect(idsIn(read)).toEqual(written);
    const positions = new Set(positionsIn(read));
    expect(answered.filter((position) => !positions.has(position))).toEqual([]);
  });

  it('has positions that rise strictly', async () => {
    const positions = positionsIn(eventsOf((await server.wire.read({ from })).messages));
    expect(positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0n))).toBe(true);
  });

  it('gives every event the same commit and prepare position', async () => {
    for (const { event } of eventsOf((await server.wire.read({ from })).messages))
      expect(event).toMatchObject({ commit: event === 'absent' ? '' : event.prepare });
  });

  it('read forwards begins with the event at the position, read backwards with the one before it', async () => {
    const [first] = eventsOf((await server.wire.read({ from: last, count: 1 })).messages);
    expect(first?.position).toEqual({ commit: last.commit });
    const backwards = await server.wire.read({ from: last, direction: 'backwards', filter: { prefix: [tag] }, count: 2 });
    expect(idsIn(backwards.messages)).toEqual(written.slice(-3, -1).reverse());
  });

  it('read backwards is what it is forwards, in reverse', async () => {
    const filter = { prefix: [tag] };
    const forwards = idsIn((await server.wire.read({ from, filter })).messages);
    const backwards = idsIn((await server.wire.read({ from: 'end', direction: 'backwards', filter, count: 1_000 })).messages);
    expect(backwards.reverse()).toEqual(forwards);
  });

  it('read in pages of seven, each from the last position of the one before, misses nothing while others write', async () => {
    let writing = true;
    const writer = (async () => {
      while (writing) await mustStore(server.wire, newStream('noise'), newEvents(2));
    })();
    const seen: string[] = [];
    for (let at = from, first = true; ; first = false) {
      const page = eventsOf((await server.wire.read({ from: at, count: 7 })).messages);
      seen.push(...idsIn(own(first ? page : page.slice(1))).map(String));
      const end = page.at(-1)?.position as Position | undefined;
      if (!end || BigInt(end.commit) >= BigInt(last.commit)) break;
      at = { commit: end.commit, prepare: end.commit };
    }
    writing = false;
    await writer;
    expect(seen).toEqual(written);
  });

  it('read from a position that is no event’s is an error, read from beyond the end is empty', async () => {
    const between = String(BigInt(from.commit) + 1n);
    expect((await server.wire.read({ from: { commit: between, prepare: between }, count: 1 })).error).toBeDefined();
    const beyond = '9000000000000000';
    expect(await server.wire.read({ from: { commit: beyond, prepare: beyond }, count: 1 })).toEqual({ messages: [] });
  });

  it('keeps what a stream hides: events before $tb, beyond $maxCount, of a deleted stream', async () => {
    const [truncated, deleted] = [newStream(tag), newStream(tag)];
    await mustStore(server.wire, truncated, newEvents(3));
    await mustStore(server.wire, `$$${truncated}`, newEvents(1, { type: '$metadata', data: '{"$tb":2,"$maxCount":1}' }));
    await mustStore(server.wire, deleted, newEvents(2));
    await server.wire.softDelete(deleted);
    const read = await server.wire.read({ from: last, filter: { prefix: [truncated, deleted] } });
    expect(placesOf(read.messages)).toEqual(
      [0, 1, 2].map((revision) => `${truncated}@${revision}`).concat(`${deleted}@0`, `${deleted}@1`),
    );
  });

  it('begins with an event of the system', async () => {
    expect(placesOf((await server.wire.read({ count: 1 })).messages)[0]).toMatch(/^\$/);
  });
});
