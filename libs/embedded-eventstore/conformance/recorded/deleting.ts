import { eventsOf, placesOf, type Seen } from '../wire.js';
import type { CaseContext, RecordedCases } from './case.js';

const dataOf = (messages: readonly Seen[]) =>
  eventsOf(messages).map(({ event }) => (event === 'absent' ? undefined : event.data));

/** A stream of `count` events under the given metadata. */
export async function withMetadata({ wire, stream, event, events }: CaseContext, metadata: object, count = 5): Promise<string> {
  await wire.append(`$$${stream('a')}`, [event('meta', { type: '$metadata', data: JSON.stringify(metadata) })]);
  await wire.append(stream('a'), events(count));
  return stream('a');
}

export const metadata: RecordedCases = {
  'stream metadata is the stream $$name': async ({ wire, stream, event, events }) => {
    await wire.append(stream('a'), events(2));
    const meta = `$$${stream('a')}`;
    const described = (label: string, data?: string) =>
      event(label, { type: '$metadata', ...(data === undefined ? {} : { data }) });
    return {
      missing: await wire.read({ stream: meta }),
      write: await wire.append(meta, [described('m0', '{"owner":"x"}')], 'no_stream'),
      wrongRevision: await wire.append(meta, [described('m1')], 'no_stream'),
      next: await wire.append(meta, [described('m2', '{"owner":"y"}')], '0'),
      read: await wire.read({ stream: meta, full: true }),
      last: await wire.read({ stream: meta, from: 'end', direction: 'backwards', count: 1 }),
      ofAMissingStream: await wire.append(`$$${stream('none')}`, [described('m3')], 'no_stream'),
      theMissingStream: await wire.read({ stream: stream('none') }),
      brokenJson: await wire.append(`$$${stream('broken')}`, [described('m5', '{oops')]),
      brokenStream: await wire.append(stream('broken'), [event('m6')]),
      brokenRead: await wire.read({ stream: stream('broken') }),
      wrongTypes: await wire.append(`$$${stream('wrong')}`, [described('m7', '{"$maxCount":"many"}')]),
      wrongRead: (await wire.append(stream('wrong'), [event('m8')]), await wire.read({ stream: stream('wrong') })),
      streamExistsOnMetadataOnly: await wire.append(stream('none'), [event('m9')], 'stream_exists'),
    };
  },
  '$maxCount 2 of five': async (t) => {
    const { wire, event } = t;
    const a = await withMetadata(t, { $maxCount: 2 });
    return {
      forwards: await wire.read({ stream: a, compatibility: 1 }),
      forwardsOne: await wire.read({ stream: a, count: 1, compatibility: 1 }),
      from1: await wire.read({ stream: a, from: 1, compatibility: 1 }),
      backwards: await wire.read({ stream: a, from: 'end', direction: 'backwards', compatibility: 1 }),
      backwardsFrom1: await wire.read({ stream: a, from: 1, direction: 'backwards', compatibility: 1 }),
      append: await wire.append(a, [event('x')], '4'),
      after: placesOf((await wire.read({ stream: a })).messages),
      inAll: placesOf((await wire.read({ filter: { prefix: [a] } })).messages),
    };
  },
  '$tb 3 of five, and beyond the end': async (t) => {
    const { wire, event } = t;
    const a = await withMetadata(t, { $tb: 3 });
    const forwards = await wire.read({ stream: a, compatibility: 1 });
    const backwards = placesOf((await wire.read({ stream: a, from: 'end', direction: 'backwards' })).messages);
    await wire.append(`$$${a}`, [event('meta2', { type: '$metadata', data: '{"$tb":50}' })]);
    const beyond = await wire.read({ stream: a, compatibility: 1 });
    const append = await wire.append(a, [event('x')], '4');
    return { forwards, backwards, beyond, append, afterAppend: await wire.read({ stream: a }) };
  },
  '$maxAge of one second': async (t) => {
    const { wire, event } = t;
    const a = await withMetadata(t, { $maxAge: 1 }, 2);
    const before = placesOf((await wire.read({ stream: a })).messages);
    // Age is what is tested, so it must pass.
    await new Promise((done) => setTimeout(done, 1_600));
    const expired = await wire.read({ stream: a, compatibility: 1 });
    const append = await wire.append(a, [event('x')], '1');
    return { before, expired, append, after: await wire.read({ stream: a, compatibility: 1 }) };
  },
};

const appendAfterSoftDelete: RecordedCases = Object.fromEntries(
  ['any', 'no_stream', '2'].map((expected) => [
    `append after a soft delete, expected ${expected}`,
    async ({ wire, stream, event, events }) => {
      const a = stream('a');
      await wire.append(a, events(3));
      await wire.softDelete(a);
      return {
        append: await wire.append(a, [event('x0'), event('x1')], expected),
        read: await wire.read({ stream: a, compatibility: 1 }),
        backwards: placesOf((await wire.read({ stream: a, from: 'end', direction: 'backwards' })).messages),
        metadata: dataOf((await wire.read({ stream: `$$${a}`, full: true })).messages),
        oldRange: await wire.read({ stream: a, from: 0, count: 1 }),
      };
    },
  ]),
);

export const deleting: RecordedCases = {
  'soft delete': async ({ wire, stream, event, events }) => {
    const a = stream('a');
    await wire.append(a, events(3));
    return {
      wrongRevision: await wire.softDelete(a, '9'),
      noStream: await wire.softDelete(a, 'no_stream'),
      delete: await wire.softDelete(a, '2'),
      read: await wire.read({ stream: a }),
      readBackwards: await wire.read({ stream: a, from: 'end', direction: 'backwards' }),
      metadata: await wire.read({ stream: `$$${a}`, full: true }),
      again: await wire.softDelete(a, 'any'),
      againExact: await wire.softDelete(a, '2'),
      streamExists: await wire.append(a, [event('x')], 'stream_exists'),
      wrong: await wire.append(a, [event('y')], '0'),
      inAll: placesOf((await wire.read({ filter: { prefix: [a] } })).messages),
    };
  },
  ...appendAfterSoftDelete,
  'soft delete of a missing stream': async ({ wire, stream }) => ({
    any: await wire.softDelete(stream('a')),
    noStream: await wire.softDelete(stream('b'), 'no_stream'),
    exact: await wire.softDelete(stream('c'), '0'),
    streamExists: await wire.softDelete(stream('d'), 'stream_exists'),
    noIdentifier: await wire.softDelete(null),
    readAfterAny: await wire.read({ stream: stream('a') }),
  }),
  'soft delete keeps other metadata': async (t) => {
    const { wire, event } = t;
    const a = await withMetadata(t, { $maxCount: 10, owner: 'x' }, 2);
    await wire.softDelete(a);
    const deleted = dataOf((await wire.read({ stream: `$$${a}`, full: true })).messages);
    await wire.append(a, [event('x')]);
    return { deleted, recreated: dataOf((await wire.read({ stream: `$$${a}`, full: true })).messages) };
  },
  tombstone: async ({ wire, stream, event, events }) => {
    const a = stream('a');
    await wire.append(a, events(2));
    return {
      wrongRevision: await wire.tombstone(a, '9'),
      tombstone: await wire.tombstone(a, '1'),
      read: await wire.read({ stream: a }),
      readBackwards: await wire.read({ stream: a, from: 'end', direction: 'backwards' }),
      append: await wire.append(a, [event('x')]),
      appendBatch: await wire.batch([{ stream: a, events: [event('y')] }]),
      appendNoStream: await wire.append(a, [event('z')], 'no_stream'),
      softDelete: await wire.softDelete(a),
      again: await wire.tombstone(a),
      metadata: await wire.read({ stream: `$$${a}` }),
      appendMetadata: await wire.append(`$$${a}`, [event('m', { type: '$metadata' })]),
      inAll: eventsOf((await wire.read({ filter: { prefix: [a] }, full: true })).messages).map(({ event: seen }) =>
        seen === 'absent' ? seen : { at: seen.at, type: seen.metadata?.['type'], data: seen.data },
      ),
    };
  },
  'tombstone of a missing stream': async ({ wire, stream, event }) => {
    const system = await wire.tombstone(`$${stream('e')}`);
    return {
      any: await wire.tombstone(stream('a')),
      readAfterAny: await wire.read({ stream: stream('a') }),
      noStream: await wire.tombstone(stream('b'), 'no_stream'),
      exact: await wire.tombstone(stream('c'), '0'),
      streamExists: await wire.tombstone(stream('d'), 'stream_exists'),
      system: 'error' in system ? system.error : 'accepted',
      metadataStream: (await wire.append(stream('f'), [event('e0')]), await wire.tombstone(`$$${stream('f')}`)),
    };
  },
};
