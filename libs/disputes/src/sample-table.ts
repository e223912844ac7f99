import fc from 'fast-check';
import type { FactSpace } from './fact-space.js';
import { factNames, type Facts, type PolicyRule, type PolicyTable, type RuleOutcome } from './policy-table.js';

const text = { zh: '由规则决定', en: 'The rule decides' };

/** A table of these rules, sound or not. */
export const tableOf = (rules: readonly PolicyRule[], version = 1): PolicyTable => ({
  id: 'default',
  version,
  title: text,
  rules,
});

/** A space of 2,304 combinations that still has every fact: small enough to be gone through one by one. */
export const fewFacts: FactSpace = {
  reason: ['key-invalid', 'dislike', 'seven-day'],
  productKind: ['game-card'],
  delivered: ['yes', 'no'],
  revealed: ['yes', 'no'],
  platformFailure: ['yes', 'no'],
  afterSale: ['before', 'after', 'none'],
  sevenDay: ['none', 'before'],
  activationFailureEvidence: ['no'],
  verification: ['none', 'UNUSED', 'INVALID', 'INCONCLUSIVE'],
  reissuePromised: ['yes'],
  reissue: ['none', 'failed'],
  merchantAnswer: ['none', 'silent'],
  noReturnConsent: ['no'],
  chat: ['none'],
  evidence: ['incomplete'],
  merchantPromise: ['none'],
  evidencePhase: ['none'],
};

/** Every combination of facts, each an object of its own. */
export function* everyCombination(space: FactSpace, facts: readonly (keyof Facts)[] = factNames): Generator<Facts> {
  const [first, ...rest] = facts;
  if (first === undefined) {
    yield {} as Facts;
    return;
  }
  for (const others of everyCombination(space, rest)) for (const value of space[first]) yield { ...others, [first]: value };
}

const outcomes: readonly RuleOutcome[] = [
  { do: 'review' },
  { do: 'verify' },
  { do: 'await-merchant' },
  { do: 'decide', liable: 'NONE', remedy: 'NONE', bearer: 'none' },
  { do: 'decide', liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' },
  { do: 'decide', liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' },
];
const anyWhen = fc
  .subarray(
    factNames.filter((fact) => fewFacts[fact].length > 1),
    { maxLength: 3 },
  )
  .chain((facts) =>
    fc
      .tuple(...facts.map((fact) => fc.subarray([...fewFacts[fact]] as string[], { minLength: 1 })))
      .map((values) => Object.fromEntries(facts.map((fact, i) => [fact, values[i]])) as PolicyRule['when']),
  );

/** A few rules over `fewFacts` that often overlap, shadow each other and leave gaps. */
export const anyRules: fc.Arbitrary<PolicyRule[]> = fc
  .array(
    fc.record({ when: anyWhen, then: fc.constantFrom(...outcomes), text: fc.constantFrom(text, { ...text, en: 'Because' }) }),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((rules) =>
    rules.map(({ when, then, text: explanation }, i) => ({ id: `r${i}`, when, then, explanation, basis: ['S16'] })),
  );
