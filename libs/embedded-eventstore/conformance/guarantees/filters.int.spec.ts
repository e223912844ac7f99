import { askedServer } from '../asked-server.js';
import { eventsOf, type Position, type ReadSketch } from '../wire.js';
import { idsIn, mustStore, newEvent, newStream } from '../writing.js';

const server = askedServer();

describe('a filter on $all', () => {
  const tag = newStream('filter');
  const written: { id: string; stream: string; type: string }[] = [];
  let from: Position;
  beforeAll(async () => {
    const streams = [`${tag}:order-1`, `${tag}:order-2`, `${tag}:account-1`, `${tag}:Order-3`];
    const types = [`Placed.${tag}`, `Paid.${tag}`, `Placed-again.${tag}`];
    for (let round = 0; round < 36; round++) {
      const [stream = '', type = ''] = [streams[round % 4], types[round % 3]];
      const event = newEvent({ type });
      const { at } = await mustStore(server.wire, stream, [event]);
      written.push({ id: event.id ?? '', stream: stream.slice(tag.length + 1), type: type.split('.')[0] ?? '' });
      if (round === 0) from = at;
    }
  });
  type Wanted = (event: { stream: string; type: string }) => boolean;
  const idsWhere = (wanted: Wanted) => written.filter(wanted).map(({ id }) => id);

  const cases: [name: string, filter: () => NonNullable<ReadSketch['filter']>, wanted: Wanted][] = [
    ['by one prefix of the stream name', () => ({ prefix: [`${tag}:order-`] }), ({ stream }) => stream.startsWith('order-')],
    [
      'by several prefixes of the stream name, of which one must fit',
      () => ({ prefix: [`${tag}:account`, `${tag}:order-2`, 'nothing'] }),
      ({ stream }) => stream === 'account-1' || stream === 'order-2',
    ],
    [
      'by a pattern of the stream name',
      () => ({ regex: `^${tag}:[oO]rder-[13]$` }),
      ({ stream }) => /^[oO]rder-[13]$/.test(stream),
    ],
    [
      'by a pattern that is found anywhere in the name',
      () => ({ regex: `${tag.slice(-12)}:.*-1` }),
      ({ stream }) => stream.endsWith('-1'),
    ],
    [
      'by a prefix of the event type',
      () => ({ on: 'type', prefix: [`Placed.${tag}`, 'Nothing'] }),
      ({ type }) => type === 'Placed',
    ],
    ['by a pattern of the event type', () => ({ on: 'type', regex: `^Pa?[li].*${tag}` }), () => true],
    ['with neither pattern nor prefix: nothing fits', () => ({ prefix: [] }), () => false],
  ];

  it.each(cases)('gives a reader, in both directions, just what fits: %s', async (_, filter, wanted) => {
    const expected = idsWhere(wanted);
    const forwards = await server.wire.read({ from, filter: filter() });
    expect(idsIn(forwards.messages)).toEqual(expected);
    const backwards = await server.wire.read({ from: 'end', direction: 'backwards', filter: filter(), count: 500 });
    expect(idsIn(backwards.messages)).toEqual(expected.reverse());
  });

  it.each(cases)('gives a subscriber just what fits, in history and live: %s', async (_, filter, wanted) => {
    const expected = idsWhere(wanted).slice(wanted(written[0] ?? { stream: '', type: '' }) ? 1 : 0);
    const subscription = server.wire.subscribe({ from, filter: { window: 4, ...filter() } });
    await subscription.until((seen) => seen.includes('caughtUp'));
    expect(idsIn(subscription.seen)).toEqual(expected);
    const live = written.slice(0, 12).map(({ stream, type }) => ({ stream, type, event: newEvent({ type: `${type}.${tag}` }) }));
    for (const { stream, type, event } of live) {
      await mustStore(server.wire, `${tag}:${stream}`, [event]);
      written.push({ id: event.id ?? '', stream, type });
    }
    const fitting = live.filter(wanted).map(({ event }) => event.id);
    await subscription.until((seen) => eventsOf(seen).length >= expected.length + fitting.length);
    expect(subscription.ended).toBeUndefined();
    expect(idsIn(subscription.seen)).toEqual([...expected, ...fitting]);
    subscription.close();
  });

  it('counts what fits, not what is looked at', async () => {
    const filter = { prefix: [`${tag}:order-2`] };
    const expected = idsWhere(({ stream }) => stream === 'order-2').slice(0, 3);
    expect(idsIn((await server.wire.read({ from, filter, count: 3 })).messages)).toEqual(expected);
  });

  it('with a pattern that is none is refused', async () => {
    expect((await server.wire.read({ from, filter: { regex: '(' } })).error).toBeDefined();
    const subscription = server.wire.subscribe({ from, filter: { regex: '(', window: 32 } });
    await subscription.until((_, ended) => ended !== undefined);
    expect(subscription.ended).toMatchObject({ error: {} });
  });

  it('does not change the place of an event', async () => {
    const all = eventsOf((await server.wire.read({ from })).messages);
    const filtered = eventsOf((await server.wire.read({ from, filter: { prefix: [`${tag}:account`] } })).messages);
    for (const event of filtered) expect(all).toContainEqual(event);
  });
});
