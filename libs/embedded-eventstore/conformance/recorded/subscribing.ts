import { eventsOf, isEvent, type ReadSketch, type Seen } from '../wire.js';
import type { CaseContext, RecordedCases } from './case.js';
import { withMetadata } from './deleting.js';
import { ownRange } from './reading.js';

const waitMs = 3_000;
/** That nothing more comes cannot be awaited; this is how long the recorded server was watched for it. */
const quietMs = 150;
const quiet = () => new Promise((done) => setTimeout(done, quietMs));

interface Scenario {
  before?: () => Promise<unknown>;
  after?: () => Promise<unknown>;
  /** Events after which nothing more is expected. */
  want: number;
}

const brief = (seen: Seen) =>
  isEvent(seen) ? { event: seen.event === 'absent' ? undefined : seen.event.at, link: seen.link?.at } : seen;

/** History up to `caughtUp`, then what happens live. */
async function live({ wire }: CaseContext, options: ReadSketch, { before, after, want }: Scenario) {
  await before?.();
  const subscription = wire.subscribe(options);
  await subscription.until((seen, ended) => seen.includes('caughtUp') || ended !== undefined, waitMs);
  await after?.();
  await subscription.until((seen, ended) => eventsOf(seen).length >= want || ended !== undefined, waitMs);
  await quiet();
  subscription.close();
  return { seen: subscription.seen.map(brief), ended: subscription.ended ?? 'open' };
}

const isCheckpoint = (seen: unknown) => typeof seen === 'object' && seen !== null && 'checkpoint' in seen;
const withoutCheckpoints = <S>({ seen, ended }: { seen: S[]; ended: unknown }) => ({
  seen: seen.filter((message) => !isCheckpoint(message)),
  ended,
  checkpoints: seen.some(isCheckpoint),
});

/** A stream of three, one event after it is subscribed to. */
const threeThenOne = (t: CaseContext, from: ReadSketch['from'], want: number) =>
  live(
    t,
    { stream: t.stream('a'), ...(from === undefined ? {} : { from }) },
    {
      before: () => t.wire.append(t.stream('a'), t.events(3)),
      after: () => t.wire.append(t.stream('a'), [t.event('x')]),
      want,
    },
  );

export const subscribing: RecordedCases = {
  'subscribe to a stream: history, then live': (t) => {
    const { wire, stream, events } = t;
    const before = () => wire.append(stream('a'), events(3));
    const after = () => wire.append(stream('a'), events(2, 'f'));
    return live(t, { stream: stream('a') }, { before, after, want: 5 });
  },
  'subscribe to a stream after a revision': (t) => threeThenOne(t, 1, 2),
  'subscribe to a stream after its last revision': (t) => threeThenOne(t, 2, 1),
  'subscribe to a stream far beyond its end': (t) => threeThenOne(t, 9, 0),
  'subscribe to a stream from the end': (t) => threeThenOne(t, 'end', 1),
  'subscribe to a missing stream': (t) =>
    live(t, { stream: t.stream('a') }, { after: () => t.wire.append(t.stream('a'), [t.event('x')]), want: 1 }),
  'subscribe to a soft-deleted stream': (t) => {
    const { wire, stream, event, events } = t;
    const before = async () => {
      await wire.append(stream('a'), events(2));
      await wire.softDelete(stream('a'));
    };
    return live(t, { stream: stream('a') }, { before, after: () => wire.append(stream('a'), [event('x')]), want: 1 });
  },
  'subscribe to a tombstoned stream': (t) => {
    const { wire, stream, events } = t;
    const before = async () => {
      await wire.append(stream('a'), events(2));
      await wire.tombstone(stream('a'));
    };
    return live(t, { stream: stream('a') }, { before, want: 1 });
  },
  'a stream is soft-deleted, re-created and tombstoned while subscribed': (t) => {
    const { wire, stream, event, events } = t;
    const before = () => wire.append(stream('a'), events(2));
    const after = async () => {
      await wire.softDelete(stream('a'));
      await wire.append(stream('a'), [event('x')]);
      await wire.tombstone(stream('a'));
    };
    return live(t, { stream: stream('a') }, { before, after, want: 4 });
  },
  'subscribe to a truncated stream': async (t) => {
    const a = await withMetadata(t, { $maxCount: 2 });
    return live(t, { stream: a }, { after: () => t.wire.append(a, [t.event('x')]), want: 3 });
  },
  'subscribe with links resolved': async (t) => {
    const { wire, stream, event, events } = t;
    const link = (label: string, revision: number) => event(label, { type: '$>', data: `${revision}@${stream('a')}` });
    await wire.append(stream('a'), events(2));
    const before = () => wire.append(stream('links'), [link('l0', 0), link('l1', 7)]);
    const after = () => wire.append(stream('links'), [link('l2', 1)]);
    return live(t, { stream: stream('links'), links: true }, { before, after, want: 3 });
  },
  'subscribe to $all after a position': async (t) => {
    const from = await ownRange(t);
    return live(t, { from }, { after: () => t.wire.append(t.stream('b'), [t.event('x')]), want: 7 });
  },
  'subscribe to $all from the end': (t) => {
    const { wire, stream, event, events } = t;
    const before = () => wire.append(stream('a'), events(2));
    return live(t, { from: 'end' }, { before, after: () => wire.append(stream('b'), [event('x')]), want: 1 });
  },
  'subscribe to $all by stream prefix, and by type with a regex': async (t) => {
    const { wire, stream, event } = t;
    const from = await ownRange(t);
    const byPrefix = { from, filter: { prefix: [stream('b')], window: 32 } };
    const byRegex = { from, filter: { on: 'type' as const, regex: '^Oth.r$', window: 32 } };
    const byBoth = { from, filter: { prefix: [stream('a'), stream('b')], window: 32 } };
    return {
      prefix: withoutCheckpoints(await live(t, byPrefix, { after: () => wire.append(stream('b'), [event('x')]), want: 3 })),
      regex: withoutCheckpoints(
        await live(t, byRegex, { after: () => wire.append(stream('a'), [event('y', { type: 'Other' })]), want: 3 }),
      ),
      both: withoutCheckpoints(await live(t, byBoth, { want: 6 })),
    };
  },
  'filtered subscription: checkpoints while nothing matches': async (t) => {
    const { wire, stream, event } = t;
    const from = await ownRange(t);
    const subscription = wire.subscribe({ from, filter: { prefix: [stream('nothing')], window: 4, checkpoint: 2 } });
    await subscription.until((seen) => seen.includes('caughtUp'), waitMs);
    const history = subscription.seen.filter(isCheckpoint).length;
    for (let index = 0; index < 24; index++) await wire.append(stream('noise'), [event(`n${index}`)]);
    await subscription.until((seen) => seen.filter(isCheckpoint).length >= history + 3, waitMs);
    await quiet();
    subscription.close();
    return {
      order: subscription.seen.slice(0, 2).map((seen) => (isCheckpoint(seen) ? 'checkpoint' : seen)),
      checkpointsInHistoryOfSix: history,
      checkpointsFor24Live: subscription.seen.filter(isCheckpoint).length - history,
    };
  },
  'filtered subscription: bad filters': async (t) => ({
    badRegex: await live(t, { filter: { regex: '(', window: 32 } }, { want: 0 }),
    noExpression: await live(t, { from: 'end', filter: { window: 32 } }, { want: 0 }),
    windowZero: await live(t, { from: 'end', filter: { prefix: ['x'], window: 0 } }, { want: 0 }),
    intervalZero: await live(t, { from: 'end', filter: { prefix: ['x'], window: 32, checkpoint: 0 } }, { want: 1 }),
    subscribeBackwards: await live(t, { from: 'end', direction: 'backwards' }, { want: 1 }),
  }),
};

export const server: RecordedCases = {
  'server features': ({ wire }) => wire.supported(),
  gossip: ({ wire }) => wire.members(),
};
