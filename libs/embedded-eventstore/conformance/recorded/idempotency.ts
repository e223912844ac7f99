import { eventsOf, placeOf, placesOf } from '../wire.js';
import type { CaseContext, RecordedCases } from './case.js';

const stored = async ({ wire, stream }: CaseContext, label = 'a') =>
  placesOf((await wire.read({ stream: stream(label) })).messages);

export const idempotency: RecordedCases = {
  'repeat: same id, any': async (t) => {
    const { wire, stream, event } = t;
    await wire.append(stream('a'), [event('e0')]);
    const again = await wire.append(stream('a'), [event('e0')]);
    const batch = await wire.batch([{ stream: stream('a'), events: [event('e0')] }]);
    return { again, batch, stored: await stored(t) };
  },
  'repeat: same id, any, after others were appended': async (t) => {
    const { wire, stream, event, events } = t;
    await wire.append(stream('a'), [event('e0')]);
    await wire.append(stream('a'), events(3, 'f'));
    return { again: await wire.append(stream('a'), [event('e0')]), stored: await stored(t) };
  },
  'repeat: same id and same data twice in one append': async (t) => ({
    twice: await t.wire.append(t.stream('a'), [t.event('e0'), t.event('e0')], 'no_stream'),
    stored: await stored(t),
  }),
  'repeat: same id, other data, any': async ({ wire, stream, event }) => {
    await wire.append(stream('a'), [event('e0', { data: '{"n":1}' })]);
    const again = await wire.append(stream('a'), [event('e0', { data: '{"n":2}' })]);
    return { again, stored: (await wire.read({ stream: stream('a'), full: true })).messages };
  },
  'repeat: same id in another stream': async (t) => {
    await t.wire.append(t.stream('a'), [t.event('e0')]);
    return { other: await t.wire.append(t.stream('b'), [t.event('e0')], 'no_stream'), stored: await stored(t, 'b') };
  },
  'repeat: no_stream, same ids': async (t) => {
    const { wire, stream, event, events } = t;
    await wire.append(stream('a'), events(3), 'no_stream');
    return {
      all: await wire.append(stream('a'), events(3), 'no_stream'),
      prefix: await wire.append(stream('a'), events(2), 'no_stream'),
      longer: await wire.append(stream('a'), events(4), 'no_stream'),
      reordered: await wire.append(stream('a'), [event('e1'), event('e0')], 'no_stream'),
      middle: await wire.append(stream('a'), [event('e1')], 'no_stream'),
      batch: await wire.batch([{ stream: stream('a'), events: events(3), expected: 'no_stream' }]),
      stored: await stored(t),
    };
  },
  'repeat: exact revision, same ids, the stream has moved on': async (t) => {
    const { wire, stream, event } = t;
    await wire.append(stream('a'), [event('e0')], 'no_stream');
    await wire.append(stream('a'), [event('e1'), event('e2')], '0');
    await wire.append(stream('a'), [event('e3')], '2');
    return {
      sameRevision: await wire.append(stream('a'), [event('e1'), event('e2')], '0'),
      sameRevisionBatch: await wire.batch([{ stream: stream('a'), events: [event('e1'), event('e2')], expected: '0' }]),
      half: await wire.append(stream('a'), [event('e1'), event('new')], '0'),
      otherRevision: await wire.append(stream('a'), [event('e1'), event('e2')], '1'),
      otherId: await wire.append(stream('a'), [event('other')], '0'),
      stored: await stored(t),
    };
  },
  'repeat: known ids at the current revision are stored again': async ({ wire, stream, event }) => {
    await wire.append(stream('a'), [event('e0')], 'no_stream');
    await wire.append(stream('a'), [event('e1')], '0');
    const last = await wire.append(stream('a'), [event('e1')], '1');
    const older = await wire.append(stream('a'), [event('e0')], '2');
    const batch = await wire.batch([{ stream: stream('a'), events: [event('e0')], expected: '3' }]);
    const read = eventsOf((await wire.read({ stream: stream('a') })).messages);
    return {
      last,
      older,
      batch,
      stored: read.map((seen) => `${placeOf(seen)} ${seen.event === 'absent' ? '' : String(seen.event.id)}`),
    };
  },
  'repeat: any, first known and second new': async (t) => {
    const { wire, stream, event } = t;
    await wire.append(stream('a'), [event('e0')]);
    return {
      knownThenNew: await wire.append(stream('a'), [event('e0'), event('new')]),
      newThenKnown: await wire.append(stream('a'), [event('fresh'), event('e0')]),
      stored: await stored(t),
    };
  },
  'repeat: stream_exists, same id': async (t) => {
    const { wire, stream, event } = t;
    await wire.append(stream('a'), [event('e0')]);
    await wire.append(stream('a'), [event('e1')], 'stream_exists');
    return { again: await wire.append(stream('a'), [event('e1')], 'stream_exists'), stored: await stored(t) };
  },
  'repeat: after a soft delete': async ({ wire, stream, event, events }) => {
    await wire.append(stream('a'), events(2), 'no_stream');
    await wire.softDelete(stream('a'));
    return {
      any: await wire.append(stream('a'), [event('e0')]),
      noStream: await wire.append(stream('a'), events(2), 'no_stream'),
      stored: await wire.read({ stream: stream('a') }),
    };
  },
};
