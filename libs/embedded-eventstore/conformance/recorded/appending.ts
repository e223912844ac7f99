import { placesOf } from '../wire.js';
import type { RecordedCases } from './case.js';

const expectations = ['any', 'no_stream', 'stream_exists', '0', '5'];

const onAMissingStream: RecordedCases = Object.fromEntries(
  expectations.map((expected) => [
    `append to a missing stream, expected ${expected}`,
    async ({ wire, stream, event }) => ({
      append: await wire.append(stream('a'), [event('e0')], expected),
      batch: await wire.batch([{ stream: stream('b'), events: [event('f0')], expected }]),
    }),
  ]),
);

const onAStreamOfThree: RecordedCases = Object.fromEntries(
  expectations.map((expected) => [
    `append to a stream of three, expected ${expected}`,
    async ({ wire, stream, event, events }) => {
      await wire.append(stream('a'), events(3));
      await wire.append(stream('b'), events(3, 'f'));
      return {
        append: await wire.append(stream('a'), [event('x')], expected),
        batch: await wire.batch([{ stream: stream('b'), events: [event('y')], expected }]),
      };
    },
  ]),
);

export const appending: RecordedCases = {
  ...onAMissingStream,
  ...onAStreamOfThree,
  'append at the exact last revision': async ({ wire, stream, event, events }) => {
    await wire.append(stream('a'), events(3));
    return {
      append: await wire.append(stream('a'), [event('x')], '2'),
      batch: await wire.batch([{ stream: stream('a'), events: [event('y')], expected: '3' }]),
    };
  },
  'positions of a batch of three': async ({ wire, stream, events }) => ({
    append: await wire.append(stream('a'), events(3), 'no_stream'),
    read: await wire.read({ stream: stream('a') }),
  }),
  'append of no event': async ({ wire, stream, events }) => {
    const out: Record<string, unknown> = {};
    for (const expected of ['any', 'no_stream', 'stream_exists', '0']) {
      out[`missing, ${expected}`] = await wire.append(stream(`m${expected}`), [], expected);
      out[`missing, ${expected}, batch`] = await wire.batch([{ stream: stream(`n${expected}`), events: [], expected }]);
    }
    await wire.append(stream('a'), events(2));
    for (const expected of ['any', 'no_stream', 'stream_exists', '1', '7']) {
      out[`of two, ${expected}`] = await wire.append(stream('a'), [], expected);
      out[`of two, ${expected}, batch`] = await wire.batch([{ stream: stream('a'), events: [], expected }]);
    }
    out['after'] = await wire.read({ stream: stream('many') });
    // EventStoreDB gives a position here although nothing is stored; only its presence is compared.
    const presence = (key: string, value: unknown) => (key === 'position' && value !== 'no_position' ? 'some' : value);
    return JSON.parse(JSON.stringify(out), presence) as unknown;
  },
  'append requests in a wrong order': async ({ wire, stream, event }) => ({
    nothing: await wire.append(stream('a'), [], 'any', () => []),
    messageFirst: await wire.append(stream('a'), [event('e0')], 'any', ({ options, messages }) => [...messages, options]),
    optionsTwice: await wire.append(stream('a'), [event('e1')], 'any', ({ options, messages }) => [
      options,
      options,
      ...messages,
    ]),
    emptyRequest: await wire.append(stream('a'), [event('e2')], 'any', ({ options, messages, empty }) => [
      options,
      empty,
      ...messages,
    ]),
    noIdentifier: await wire.append(null, [event('e3')]),
    noExpectedRevision: await wire.append(stream('b'), [event('e4')], 'nothing'),
    stored: await wire.read({ stream: stream('a') }),
  }),
  'stream names': async ({ wire, stream, event }) => {
    const out: Record<string, unknown> = {};
    const names = {
      empty: '',
      space: stream('with space'),
      chinese: stream('订单'),
      slash: stream('a/b?c#d'),
      long: stream('l'.repeat(2000)),
    };
    for (const [label, name] of Object.entries(names)) {
      const append = await wire.append(name, [event(`e-${label}`)]);
      const batch = await wire.batch([{ stream: name, events: [event(`f-${label}`)] }]);
      const read = await wire.read({ stream: name });
      out[label] = { append, batch, read: name === '' ? read : placesOf(read.messages).length };
    }
    const append = await wire.append('$all', [event('g0')]);
    out['all'] = { append, read: (await wire.read({ stream: '$all', count: 1 })).error ?? 'reads' };
    return out;
  },
  'append of one event over the size limit of 1 MiB': async ({ wire, stream, event }) => {
    const big = (label: string, bytes: number) =>
      event(label, { contentType: 'application/octet-stream', data: 'x'.repeat(bytes) });
    return {
      append: await wire.append(stream('a'), [big('e0', 1_100_000)]),
      batch: await wire.batch([{ stream: stream('a'), events: [big('e1', 1_100_000)] }]),
      sum: await wire.append(stream('a'), [big('e2', 600_000), big('e3', 600_000)]),
      sumBatch: await wire.batch([{ stream: stream('a'), events: [big('e4', 600_000), big('e5', 600_000)] }]),
      below: await wire.append(stream('b'), [big('e6', 1_000_000)]),
      stored: placesOf((await wire.read({ stream: stream('a') })).messages),
    };
  },
  'the size limit counts data, not metadata, and is inclusive': async ({ wire, stream, event }) => {
    const sized = (label: string, bytes: number, custom: number) =>
      event(label, { contentType: 'application/octet-stream', data: 'x'.repeat(bytes), custom: 'y'.repeat(custom) });
    const deadline = new Date(Date.now() - 60_000);
    return {
      exactly: await wire.append(stream('a'), [sized('e0', 1_048_576, 0)]),
      oneMore: await wire.append(stream('a'), [sized('e1', 1_048_577, 0)]),
      bigMetadata: await wire.append(stream('a'), [sized('e2', 10, 1_500_000)]),
      tooLateAndTooBig: await wire.batch([{ stream: stream('a'), events: [sized('e3', 1_100_000, 0)], deadline }]),
    };
  },
};

export const batches: RecordedCases = {
  'batch: one logical append over several messages': async ({ wire, stream, id, event }) => {
    const correlation = id('c');
    const parts = [
      { correlation, stream: stream('a'), expected: 'no_stream', events: [event('e0')], final: false },
      { correlation, options: false as const, events: [event('e1')], final: false },
      { correlation, options: false as const, events: [event('e2')], final: true },
    ];
    const out = await wire.batch(parts, { until: 1 });
    return { out, stored: placesOf((await wire.read({ stream: stream('a') })).messages) };
  },
  'batch: never final': async ({ wire, stream, event }) => ({
    out: await wire.batch([{ stream: stream('a'), events: [event('e0')], final: false }], { timeoutMs: 700 }),
    stored: await wire.read({ stream: stream('a') }),
  }),
  'batch: deadline already past': async ({ wire, stream, event }) => ({
    past: await wire.batch([{ stream: stream('a'), events: [event('e0')], deadline: new Date(Date.now() - 60_000) }]),
    epoch: await wire.batch([{ stream: stream('a'), events: [event('e1')], deadline: new Date(0) }]),
    none: await wire.batch([{ stream: stream('b'), events: [event('e2')], deadline: null }]),
    storedAfterPast: placesOf((await wire.read({ stream: stream('a') })).messages),
  }),
  'batch: a failure in the middle leaves the call open': async ({ wire, stream, event }) => {
    const out = await wire.batch([
      { name: 'first', stream: stream('a'), expected: 'no_stream', events: [event('e0')] },
      { name: 'wrong', stream: stream('a'), expected: '7', events: [event('e1')] },
      { name: 'third', stream: stream('a'), expected: '0', events: [event('e2')] },
    ]);
    out.responses.sort((x, y) => x.for.localeCompare(y.for));
    return { out, stored: placesOf((await wire.read({ stream: stream('a') })).messages) };
  },
  'batch: pipelined appends to one stream keep their order': async ({ wire, stream, event }) => {
    const sketches = Array.from({ length: 20 }, (_, index) => ({
      stream: stream('a'),
      expected: index === 0 ? 'no_stream' : String(index - 1),
      events: [event(`e${index}`)],
    }));
    const { responses } = await wire.batch(sketches);
    const stored = placesOf((await wire.read({ stream: stream('a') })).messages).length;
    return { succeeded: responses.filter(({ success }) => success).length, stored };
  },
  'batch: bad requests': async ({ wire, stream, event }) => ({
    noIdentifier: await wire.batch([{ events: [event('e0')] }], { timeoutMs: 1_000 }),
    noOptions: await wire.batch([{ options: false, events: [event('e1')] }], { timeoutMs: 1_000 }),
    noCorrelation: await wire.batch([{ correlation: null, stream: stream('a'), events: [event('e2')] }], { timeoutMs: 1_000 }),
  }),
};
