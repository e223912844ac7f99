import { verdictOn, type Expected, type StreamFacts } from './append-decision.js';

const id = (name: string) => Buffer.from(name.padEnd(16, '.'));
const at = (revision: number): Expected => ({ kind: 'revision', revision: BigInt(revision) });
const any: Expected = { kind: 'any' };
const noStream: Expected = { kind: 'no_stream' };
const streamExists: Expected = { kind: 'stream_exists' };

/** A stream that holds these ids, the first at revision 0. */
function holding(...names: string[]) {
  const stored = names.map(id);
  const known = {
    revisionOf: (wanted: Buffer) => {
      const revision = stored.findLastIndex((candidate) => candidate.equals(wanted));
      return revision < 0 ? undefined : revision;
    },
    isAt: (revision: number, wanted: Buffer) => stored[revision]?.equals(wanted) ?? false,
  };
  return (expected: Expected, names: string[], facts: Partial<StreamFacts> = {}) =>
    verdictOn(
      { lastRevision: stored.length - 1, softDeleted: false, hasMetadata: () => false, ...facts },
      expected,
      names.map(id),
      known,
    );
}

describe('an append', () => {
  it.each([
    ['to a missing stream, any', holding()(any, ['a']), { verdict: 'store' }],
    ['to a missing stream, no_stream', holding()(noStream, ['a']), { verdict: 'store' }],
    ['to a missing stream, stream_exists', holding()(streamExists, ['a']), { verdict: 'wrong' }],
    ['to a missing stream, at 0', holding()(at(0), ['a']), { verdict: 'wrong' }],
    [
      'to a stream with metadata only, stream_exists',
      holding()(streamExists, ['a'], { hasMetadata: () => true }),
      { verdict: 'store' },
    ],
    ['at the last revision', holding('a')(at(0), ['b']), { verdict: 'store' }],
    ['at the last revision with a known id', holding('a')(at(0), ['a']), { verdict: 'store' }],
    ['beyond the last revision', holding('a')(at(1), ['b']), { verdict: 'wrong' }],
    [
      'at the largest revision there is',
      holding('a')({ kind: 'revision', revision: 2n ** 64n - 1n }, ['b']),
      { verdict: 'wrong' },
    ],
    ['repeated at its revision', holding('a', 'b', 'c')(at(0), ['b', 'c']), { verdict: 'known', revision: 2 }],
    ['repeated in part', holding('a', 'b', 'c')(noStream, ['a', 'b']), { verdict: 'known', revision: 1 }],
    ['repeated and longer', holding('a', 'b')(noStream, ['a', 'b', 'c']), { verdict: 'wrong' }],
    ['repeated in another order', holding('a', 'b')(noStream, ['b', 'a']), { verdict: 'wrong' }],
    ['repeated with any', holding('a', 'b')(any, ['a']), { verdict: 'known', revision: 0 }],
    ['with any, known then new', holding('a')(any, ['a', 'b']), { verdict: 'wrong' }],
    ['with any, new then known', holding('a')(any, ['b', 'a']), { verdict: 'store' }],
    ['of nothing where nothing is expected', holding('a')(noStream, []), { verdict: 'wrong' }],
    ['of nothing at the last revision', holding('a')(at(0), []), { verdict: 'store' }],
    ['to a soft-deleted stream, no_stream', holding('a')(noStream, ['b'], { softDeleted: true }), { verdict: 'store' }],
    ['to a soft-deleted stream, stream_exists', holding('a')(streamExists, ['b'], { softDeleted: true }), { verdict: 'deleted' }],
    ['repeated after a soft delete', holding('a')(noStream, ['a'], { softDeleted: true }), { verdict: 'known', revision: 0 }],
    ['to a soft-deleted stream, wrong revision', holding('a', 'b')(at(0), ['x'], { softDeleted: true }), { verdict: 'wrong' }],
  ])('%s', (_, verdict, expected) => {
    expect(verdict).toEqual(expected);
  });
});
