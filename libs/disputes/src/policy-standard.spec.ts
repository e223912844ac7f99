import fc from 'fast-check';
import { shortfallOf } from './policy-standard.js';
import { factNames, matchRule, type Facts, type PolicyRule, type PolicyTable, type RuleOutcome } from './policy-table.js';
import { readDefaultPolicy } from './sample-case.js';
import { anyRules, everyCombination, fewFacts, tableOf } from './sample-table.js';

const text = { zh: '规则', en: 'rules' };
const rule = (id: string, when: PolicyRule['when'], then: RuleOutcome): PolicyRule => ({
  id,
  when,
  then,
  explanation: text,
  basis: ['S16'],
});
const refund = { do: 'decide', liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
const refusal = { do: 'decide', liable: 'NONE', remedy: 'NONE', bearer: 'none' } as const;
const review = rule('person', {}, { do: 'review' });
const dislike = { reason: 'dislike' } as const;
const single = (then: RuleOutcome) => tableOf([rule('one', dislike, then), review]);
const codeOf = (standard: PolicyTable, own: PolicyTable) => shortfallOf(standard, own)?.code;

let platform: PolicyTable;
beforeAll(async () => {
  platform = await readDefaultPolicy();
});

it('a table may stand in for itself, and for one that gives less', () => {
  expect(shortfallOf(platform, platform)).toBeUndefined();
  const generous = { ...platform, rules: [rule('always', dislike, refund), ...platform.rules] };
  expect(shortfallOf(platform, generous)).toBeUndefined();
  expect(shortfallOf(generous, platform)).toMatchObject({
    code: 'WorseThanPlatform',
    witness: { reason: 'dislike' },
    detail: expect.stringMatching(/the platform's rule always gives FULL_REFUND .*this table's rule .* where reason=dislike /),
  });
});

it('where the platform refunds, less, a question or a person is worse', () => {
  expect(codeOf(single(refund), single(refusal))).toBe('WorseThanPlatform');
  expect(codeOf(single(refund), single({ do: 'review' }))).toBe('WorseThanPlatform');
  expect(codeOf(single(refund), single({ do: 'await-merchant' }))).toBe('WorseThanPlatform');
});

it('where the platform asks on, another question is worse, since its answer may be lost; the whole price at once is not', () => {
  expect(codeOf(single({ do: 'await-merchant' }), single({ do: 'review' }))).toBe('WorseThanPlatform');
  expect(codeOf(single({ do: 'review' }), single({ do: 'verify' }))).toBe('WorseThanPlatform');
  expect(codeOf(single({ do: 'verify' }), single(refusal))).toBe('WorseThanPlatform');
  expect(codeOf(single({ do: 'verify' }), single({ do: 'verify' }))).toBeUndefined();
  expect(codeOf(single({ do: 'verify' }), single(refund))).toBeUndefined();
});

it('where the platform refuses, anything is as good', () => {
  for (const then of [refund, refusal, { do: 'review' }, { do: 'verify' }] as const)
    expect(codeOf(single(refusal), single(then))).toBeUndefined();
});

it('a cost of the merchant is not put on the platform, nor a new one', () => {
  const atOurCost = { ...refund, bearer: 'platform' } as const;
  expect(codeOf(single(refund), single(atOurCost))).toBe('CostlierForPlatform');
  expect(codeOf(single(refusal), single(atOurCost))).toBe('CostlierForPlatform');
  expect(codeOf(single(atOurCost), single(refund))).toBeUndefined();
});

it('agrees with going through every combination of facts', () => {
  const worth = (standard: RuleOutcome, own: RuleOutcome) =>
    standard.do === 'decide'
      ? standard.remedy === 'NONE' || (own.do === 'decide' && own.remedy === 'FULL_REFUND')
      : own.do === standard.do || (own.do === 'decide' && own.remedy === 'FULL_REFUND');
  fc.assert(
    fc.property(anyRules, anyRules, (one, other) => {
      const [standard, own] = [tableOf([...one, review]), tableOf([...other, review])];
      const isWorse = (facts: Facts) => !worth(matchRule(standard, facts).then, matchRule(own, facts).then);
      const found = shortfallOf(standard, own, fewFacts);
      if (found?.code === 'WorseThanPlatform') return found.witness !== undefined && isWorse(found.witness);
      return ![...everyCombination(fewFacts, factNames)].some(isWorse);
    }),
    { numRuns: 60 },
  );
});
