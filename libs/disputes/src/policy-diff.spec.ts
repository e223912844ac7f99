import fc from 'fast-check';
import { diffTables } from './policy-diff.js';
import { factNames, type Facts, type PolicyRule, type PolicyTable } from './policy-table.js';
import { readDefaultPolicy } from './sample-case.js';
import { anyRules, everyCombination, fewFacts, tableOf } from './sample-table.js';
import type { FactBox } from './fact-space.js';

let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});
const changed = (id: string, differing: Partial<PolicyRule>): PolicyTable => ({
  ...table,
  version: 2,
  rules: table.rules.map((rule) => (rule.id === id ? { ...rule, ...differing } : rule)),
});

const sum = (counts: readonly number[] = []) => counts.reduce((total, count) => total + count, 0);

it('finds nothing between a table and itself', () => {
  expect(diffTables(table, table)).toEqual({
    combinations: 189_775_872,
    changedCombinations: 0,
    rulesAdded: [],
    rulesRemoved: [],
    titleChanged: false,
    changes: [],
    changesLeftOut: 0,
    texts: [],
    promises: [],
  });
});

it('tells what offers must promise from now on, and a part of the price from all of it', () => {
  const minimums = { afterSaleHours: 48, deliverWithinHours: 72 };
  expect(diffTables(table, { ...table, minimums })?.minimums).toEqual({ old: table.minimums, new: minimums });
  const inPart = { do: 'decide', liable: 'MERCHANT', remedy: 'PARTIAL_REFUND', bearer: 'merchant', refundPercent: 30 } as const;
  const partly = changed('wrong-value', { then: inPart });
  expect(diffTables(table, partly)?.changes).toMatchObject([{ changed: ['step'], favours: 'buyer' }]);
  const more = {
    ...partly,
    rules: partly.rules.map((rule) => (rule.then === inPart ? { ...rule, then: { ...inPart, refundPercent: 31 } } : rule)),
  };
  expect(diffTables(partly, more)?.changes).toMatchObject([{ changed: ['refundPercent'], favours: 'buyer' }]);
  expect(diffTables(more, partly)?.changes).toMatchObject([{ changed: ['refundPercent'], favours: 'others' }]);
});

it('tells a refusal that becomes a review as two boxes, in favour of the buyer', () => {
  const diff = diffTables(table, changed('late-without-evidence', { then: { do: 'review' } }));
  expect(diff?.changes).toMatchObject([
    {
      old: { rule: 'late-without-evidence', outcome: { remedy: 'NONE' } },
      new: { rule: 'late-without-evidence', outcome: { do: 'review' } },
      changed: ['step'],
      favours: 'buyer',
      count: 163_840,
      boxes: [
        {
          reason: [
            'key-invalid',
            'key-used',
            'key-expired',
            'not-credited',
            'not-delivered',
            'wrong-face-value',
            'duplicate-recharge',
            'merchant-absent',
          ],
          delivered: ['yes'],
          platformFailure: ['no'],
          afterSale: ['after'],
          activationFailureEvidence: ['no'],
          chat: ['none', 'weak'],
          evidence: ['incomplete'],
          // A key whose reissue was promised is waited for instead.
          productKind: ['game-card', 'membership'],
          merchantPromise: ['none'],
        },
        { productKind: ['phone-top-up'], merchantPromise: ['none', 'reissue'], afterSale: ['after'] },
      ],
      boxesLeftOut: false,
    },
  ]);
});

it('tells what a removed rule leaves to others, and what it did for those with a promise', () => {
  const without = { ...table, version: 2, rules: table.rules.filter(({ id }) => id !== 'seven-day-promise') };
  const diff = diffTables(table, without);
  expect(diff).toMatchObject({ rulesAdded: [], rulesRemoved: ['seven-day-promise'] });
  expect(diff?.changes.every(({ old }) => old.rule === 'seven-day-promise')).toBe(true);
  const worse = diff?.changes.filter(({ favours }) => favours === 'others');
  expect(diff?.changes.slice(0, worse?.length)).toEqual(worse);
  expect(worse?.map((change) => change.new.rule)).toEqual(
    expect.arrayContaining(['dislike', 'own-cancellation-unrevealed', 'person-decides']),
  );
  const promise = diff?.promises.find((one) => one.promise === 'seven-day');
  expect(promise).toMatchObject({ better: 0, count: diff?.changedCombinations, worse: sum(worse?.map(({ count }) => count)) });
  expect(['before', 'at']).toContain(promise?.witness.sevenDay);
});

it('tells who bears a refund now', () => {
  const diff = diffTables(
    table,
    changed('cancelled-before-delivery', {
      then: { do: 'decide', liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'platform' },
    }),
  );
  expect(diff?.changes).toMatchObject([{ changed: ['bearer'], favours: 'nobody', witness: { delivered: 'no', revealed: 'no' } }]);
});

it('tells changed words apart from changed outcomes, and a moved rule from both', () => {
  const explanation = { zh: '新的说明', en: table.rules.find(({ id }) => id === 'dislike')?.explanation.en ?? '' };
  const diff = diffTables(table, changed('dislike', { explanation, basis: ['S22'] }));
  expect(diff?.changes).toEqual([]);
  expect(diff?.texts).toMatchObject([{ oldRule: 'dislike', newRule: 'dislike', changed: ['zh', 'basis'] }]);
  const moved = diffTables(table, changed('dislike', { id: 'not-liked' }));
  expect(moved).toMatchObject({ changes: [], texts: [], rulesAdded: ['not-liked'], rulesRemoved: ['dislike'] });
});

it('compares tables that leave cases undecided', () => {
  const [first] = table.rules;
  const diff = diffTables(table, { ...table, rules: first === undefined ? [] : [first] });
  expect(diff?.changes.some((change) => change.new.rule === undefined && change.new.outcome.do === 'undecided')).toBe(true);
});

describe('by brute force', () => {
  const firstOf = ({ rules }: PolicyTable, facts: Facts): PolicyRule | undefined => rules.find(({ when }) => isIn(when, facts));
  const isIn = (box: FactBox, facts: Facts): boolean =>
    factNames.every((fact) => {
      const asked: string | readonly string[] | undefined = box[fact];
      return asked === undefined || asked === facts[fact] || (typeof asked !== 'string' && asked.includes(facts[fact]));
    });
  const key = (old: string | undefined, now: string | undefined) => `${old ?? '-'} ${now ?? '-'}`;

  it('the same facts come to another outcome, each in exactly one box', () => {
    fc.assert(
      fc.property(anyRules, anyRules, (rules, others) => {
        // Tables that share their beginning are the ones people compare.
        const [before, after] = [
          tableOf(rules),
          tableOf([...rules.slice(0, 2), ...others.map((rule) => ({ ...rule, id: `n${rule.id}` }))], 2),
        ];
        const counted = new Map<string, number>();
        const diff = diffTables(before, after, fewFacts);
        for (const facts of everyCombination(fewFacts)) {
          const [old, now] = [firstOf(before, facts), firstOf(after, facts)];
          const isChanged = JSON.stringify(old?.then) !== JSON.stringify(now?.then);
          const boxes = diff?.changes.flatMap((change) =>
            change.boxes.filter((box) => isIn(box, facts)).map(() => key(change.old.rule, change.new.rule)),
          );
          expect(boxes).toEqual(isChanged ? [key(old?.id, now?.id)] : []);
          if (isChanged) counted.set(key(old?.id, now?.id), (counted.get(key(old?.id, now?.id)) ?? 0) + 1);
        }
        expect(new Map(diff?.changes.map((change) => [key(change.old.rule, change.new.rule), change.count]))).toEqual(counted);
        for (const change of diff?.changes ?? []) {
          expect(firstOf(before, change.witness)?.id).toBe(change.old.rule);
          expect(firstOf(after, change.witness)?.id).toBe(change.new.rule);
        }
        for (const { oldRule, newRule, witness } of diff?.texts ?? [])
          expect([firstOf(before, witness)?.id, firstOf(after, witness)?.id]).toEqual([oldRule, newRule]);
      }),
      { numRuns: 25 },
    );
  });
});
