import { eventsOf, placesOf, type Position, type SeenRead } from '../wire.js';
import type { CaseContext, RecordedCases } from './case.js';

const positionOf = (seen: SeenRead | undefined): Position => {
  if (!seen || seen.event === 'absent') throw new Error('no event was read');
  return { commit: seen.event.commit, prepare: seen.event.prepare };
};
const after = ({ commit }: Position) => String(BigInt(commit) + 1n);

/** Writes seven events to three streams; answers where the first of them is. */
export async function ownRange({ wire, stream, event, events }: CaseContext): Promise<Position> {
  const first = await wire.append(stream('first'), [event('first')]);
  await wire.append(stream('a'), events(3));
  await wire.append(stream('b'), [event('b0', { type: 'Other' }), event('b1')]);
  await wire.append(stream('a'), [event('a3', { type: 'Other' })]);
  const position = first.success?.position;
  if (typeof position !== 'object') throw new Error('the first append was refused');
  return position;
}

export const reading: RecordedCases = {
  'event as it comes back': async ({ wire, stream, event }) => {
    await wire.append(stream('a'), [
      event('json', { data: '{"a":1}', custom: '{"m":1}' }),
      event('binary', { contentType: 'application/octet-stream', data: 'abc', custom: 'xyz' }),
      event('text', { contentType: 'text/plain', data: 'abc' }),
      event('empty', { data: '' }),
      event('broken', { data: '{not json' }),
      event('extra', { extra: { colour: 'red', created: '1' } }),
    ]);
    return {
      read: (await wire.read({ stream: stream('a'), full: true })).messages,
      structured: (await wire.read({ stream: stream('a'), uuids: 'structured', count: 1 })).messages,
      noUuidOption: (await wire.read({ stream: stream('a'), uuids: null, count: 1 })).messages,
    };
  },
  'event without type, content type or id': async ({ wire, stream, event }) => ({
    noType: await wire.append(stream('a'), [event('e0', { type: null })]),
    noContentType: await wire.append(stream('a'), [event('e1', { contentType: null })]),
    emptyType: await wire.append(stream('a'), [event('e2', { type: '' })]),
    noTypeBatch: await wire.batch([{ stream: stream('b'), events: [event('e3', { type: null })] }]),
    noContentTypeBatch: await wire.batch([{ stream: stream('b'), events: [event('e4', { contentType: null })] }]),
    emptyTypeBatch: await wire.batch([{ stream: stream('b'), events: [event('e5', { type: '' })] }]),
    noId: await wire.append(stream('c'), [{ ...event('e6'), id: null }]),
    stored: {
      a: placesOf((await wire.read({ stream: stream('a') })).messages),
      b: placesOf((await wire.read({ stream: stream('b') })).messages),
    },
  }),
  'read a stream of five': async ({ wire, stream, events }) => {
    const a = stream('a');
    await wire.append(a, events(5));
    const forwards = { stream: a, compatibility: 1 };
    const backwards = { ...forwards, direction: 'backwards' as const };
    return {
      all: await wire.read({ stream: a }),
      compatibility1: await wire.read(forwards),
      two: await wire.read({ ...forwards, count: 2 }),
      from2: await wire.read({ ...forwards, from: 2 }),
      fromLast: await wire.read({ ...forwards, from: 4 }),
      fromBeyond: await wire.read({ ...forwards, from: 9 }),
      fromEndForwards: await wire.read({ ...forwards, from: 'end' }),
      backwards: await wire.read({ ...backwards, from: 'end' }),
      backwardsTwo: await wire.read({ ...backwards, from: 'end', count: 2 }),
      backwardsFrom2: await wire.read({ ...backwards, from: 2 }),
      backwardsFromBeyond: await wire.read({ ...backwards, from: 9 }),
      backwardsFromStart: await wire.read({ ...backwards, from: 'start' }),
      none: await wire.read({ ...forwards, count: 0 }),
      noCount: await wire.read({ stream: a, count: null }),
      noStreamOption: await wire.read({ nowhere: true }),
    };
  },
  'read a missing stream': async ({ wire, stream }) => ({
    forwards: await wire.read({ stream: stream('a') }),
    backwards: await wire.read({ stream: stream('a'), from: 'end', direction: 'backwards' }),
    from3: await wire.read({ stream: stream('a'), from: 3 }),
  }),
  'read with links': async ({ wire, stream, event, events }) => {
    const link = (label: string, data: string) => event(label, { type: '$>', data, contentType: 'application/octet-stream' });
    await wire.append(stream('a'), events(3));
    await wire.append(stream('gone'), [event('g0')]);
    await wire.append(stream('links'), [
      link('l0', `1@${stream('a')}`),
      link('l1', `9@${stream('a')}`),
      link('l2', `0@${stream('gone')}`),
      link('l3', 'not a link'),
      event('plain'),
    ]);
    await wire.tombstone(stream('gone'));
    return {
      unresolved: await wire.read({ stream: stream('links') }),
      resolved: await wire.read({ stream: stream('links'), links: true }),
      backwards: await wire.read({ stream: stream('links'), links: true, from: 'end', direction: 'backwards', count: 2 }),
      all: (await wire.read({ filter: { prefix: [stream('links')] }, links: true })).error ?? 'reads',
    };
  },
  'read $all': async (t) => {
    const { wire, stream } = t;
    const from = await ownRange(t);
    const forwards = await wire.read({ from, count: 7 });
    const read = eventsOf(forwards.messages);
    const last = positionOf(read.at(-1));
    const middle = positionOf(read[2]);
    return {
      forwards,
      fromMiddle: await wire.read({ from: middle, count: 2 }),
      backwardsFromLast: await wire.read({ from: last, direction: 'backwards', count: 2 }),
      backwardsFromEnd: await wire.read({ from: 'end', direction: 'backwards', count: 2 }),
      forwardsFromEnd: await wire.read({ from: 'end', count: 2 }),
      backwardsFromStart: await wire.read({ from: 'start', direction: 'backwards', count: 2 }),
      filterPrefix: await wire.read({ from, count: 7, filter: { prefix: [stream('b')] } }),
      filterType: await wire.read({ from, count: 7, filter: { on: 'type', prefix: ['Other'] } }),
      filterBackwards: await wire.read({ from: last, direction: 'backwards', count: 2, filter: { prefix: [stream('a')] } }),
      betweenTwo: await wire.read({ from: { commit: after(middle), prepare: after(middle) }, count: 1 }),
      prepareAboveCommit: await wire.read({ from: { ...middle, prepare: after(middle) }, count: 1 }),
      beyondTheLog: await wire.read({ from: { commit: '9000000000000000', prepare: '9000000000000000' }, count: 1 }),
      firstOfTheLogIsASystemEvent: placesOf((await wire.read({ count: 1 })).messages)[0]?.startsWith('$') ?? false,
    };
  },
};
