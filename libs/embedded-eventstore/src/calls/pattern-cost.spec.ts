import fc from 'fast-check';
import { stepsAtMost } from './pattern-cost.js';

type Item =
  | { kind: 'character'; text: string; test: (character: string) => boolean }
  | { kind: 'begin' | 'end' }
  | { kind: 'many'; text: string; of: Extract<Item, { kind: 'character' }>; least: number }
  | { kind: 'maybe'; text: string; of: Item }
  | { kind: 'group'; open: string; alternatives: Item[][] };

const characters: Extract<Item, { kind: 'character' }>[] = [
  { kind: 'character', text: 'a', test: (character) => character === 'a' },
  { kind: 'character', text: 'b', test: (character) => character === 'b' },
  { kind: 'character', text: '.', test: () => true },
  { kind: 'character', text: '[^a\\]]', test: (character) => character !== 'a' && character !== ']' },
  { kind: 'character', text: '\\$', test: (character) => character === '$' },
  { kind: 'character', text: '\\w', test: (character) => /\w/.test(character) },
];

const { patterns } = fc.letrec<{ item: Item; sequence: Item[]; patterns: Item[][] }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'pattern' },
    { weight: 4, arbitrary: fc.constantFrom(...characters) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom(...characters), fc.constantFrom('*', '+', '*?', '+?'))
        .map(([of, text]): Item => ({ kind: 'many', text, of, least: text.startsWith('+') ? 1 : 0 })),
    },
    { weight: 1, arbitrary: fc.constantFrom<Item>({ kind: 'begin' }, { kind: 'end' }) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('(', '(?:'), fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }))
        .map(([open, alternatives]): Item => ({ kind: 'group', open, alternatives })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie('item'), fc.constantFrom('?', '??'))
        .filter(([of]) => of.kind === 'character' || of.kind === 'group')
        .map(([of, text]): Item => ({ kind: 'maybe', text, of })),
    },
  ),
  sequence: fc.array(tie('item'), { maxLength: 3, depthIdentifier: 'pattern' }),
  patterns: fc.array(tie('sequence'), { minLength: 1, maxLength: 2 }),
}));
const subjects = fc.string({ unit: fc.constantFrom('a', 'b', '$', '-'), maxLength: 6 });

function textOf(item: Item): string {
  switch (item.kind) {
    case 'character':
      return item.text;
    case 'begin':
      return '^';
    case 'end':
      return '$';
    case 'many':
    case 'maybe':
      return `${textOf(item.of)}${item.text}`;
    case 'group':
      return `${item.open}${item.alternatives.map((items) => items.map(textOf).join('')).join('|')})`;
  }
}

/** The plainest backtracking matcher there is; `goOn` decides after each whole match whether to look for another. */
function explore(alternatives: Item[][], subject: string, goOn: () => boolean): { steps: number; matched: boolean } {
  let steps = 0;
  const sequence = (items: Item[], at: number, then: (at: number) => boolean): boolean => {
    const [first, ...rest] = items;
    return first ? match(first, at, (next) => sequence(rest, next, then)) : then(at);
  };
  const oneOf = (choices: Item[][], at: number, then: (at: number) => boolean) =>
    choices.some((items) => {
      steps++;
      return sequence(items, at, then);
    });
  const match = (item: Item, at: number, then: (at: number) => boolean): boolean => {
    switch (item.kind) {
      case 'character':
        steps++;
        return at < subject.length && item.test(subject.charAt(at)) && then(at + 1);
      case 'begin':
        steps++;
        return at === 0 && then(at);
      case 'end':
        steps++;
        return at === subject.length && then(at);
      case 'many': {
        let end = at;
        do steps++;
        while (end < subject.length && item.of.test(subject.charAt(end)) && ++end);
        for (; end >= at + item.least; end--) if (then(end)) return true;
        return false;
      }
      case 'maybe':
        steps++;
        return match(item.of, at, then) || then(at);
      case 'group':
        return oneOf(item.alternatives, at, then);
    }
  };
  const isAnchored = alternatives.every(([first]) => first?.kind === 'begin');
  let matched = false;
  const whole = () => {
    matched = true;
    return !goOn();
  };
  for (let start = 0; start <= (isAnchored ? 0 : subject.length); start++) if (oneOf(alternatives, start, whole)) break;
  return { steps, matched };
}

describe('the bound of a pattern', () => {
  it('is never exceeded, even by a search that tries every way there is', () => {
    fc.assert(
      fc.property(patterns, subjects, (alternatives, subject) => {
        const pattern = alternatives.map((items) => items.map(textOf).join('')).join('|');
        const { matched } = explore(alternatives, subject, () => false);
        expect(matched).toBe(new RegExp(pattern).test(subject));
        const { steps } = explore(alternatives, subject, () => true);
        expect(steps).toBeLessThanOrEqual(stepsAtMost(pattern, subject.length));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['^order-', 8],
    ['^Refund(Paid|Approved)$', 24],
    ['^(?:a|b|c)$', 11],
    ['^[^$].*', 4_100],
    ['^order-.*-paid$', 28_687],
    ['Paid$', 24_582],
    ['^a|^b', 6],
    ['^a|b', 20_485],
  ])('of %s is %d steps for 4096 characters', (pattern, steps) => {
    expect(stepsAtMost(pattern, 4_096)).toBe(steps);
  });

  it('multiplies where one choice follows another', () => {
    expect(stepsAtMost(`^${'(a|a)'.repeat(40)}b`, 4_096)).toBeGreaterThan(2 ** 40);
    expect(stepsAtMost(`^${'a?'.repeat(40)}${'a'.repeat(40)}`, 4_096)).toBeGreaterThan(2 ** 40);
    expect(stepsAtMost('^a*a*b', 4_096)).toBeGreaterThan(4_096 ** 2);
  });

  it.each(['^(a+)+$', '^(a|b)*$', 'a{3}', '(?=a)', '(?<n>a)\\k<n>', '(a)\\1', '\\bword', '\\u0041', '[a', '(a', 'a)', 'a\\'])(
    'is unknown for %s',
    (pattern) => {
      expect(stepsAtMost(pattern, 4_096)).toBe(Infinity);
    },
  );
});
