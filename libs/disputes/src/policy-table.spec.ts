import { canonicalJson, matchRule, policyHash, type Facts, type PolicyTable } from './policy-table.js';

const explanation = { zh: '说明', en: 'why' };
const review = { id: 'person', when: {}, then: { do: 'review' }, explanation, basis: ['S16'] } as const;
const table: PolicyTable = {
  id: 'default',
  version: 1,
  title: explanation,
  rules: [
    {
      id: 'check',
      when: { reason: ['key-invalid', 'key-used'], verification: 'none' },
      then: { do: 'verify' },
      explanation,
      basis: ['S49'],
    },
    review,
  ],
};
const facts: Facts = {
  reason: 'key-used',
  productKind: 'game-card',
  delivered: 'yes',
  revealed: 'yes',
  platformFailure: 'no',
  afterSale: 'before',
  sevenDay: 'none',
  activationFailureEvidence: 'no',
  verification: 'none',
  reissuePromised: 'yes',
  reissue: 'none',
  merchantAnswer: 'none',
  noReturnConsent: 'no',
  chat: 'none',
  evidence: 'incomplete',
  merchantPromise: 'none',
  evidencePhase: 'none',
};

it('takes the first rule whose every question is answered as it asks', () => {
  expect(matchRule(table, facts).id).toBe('check');
  expect(matchRule(table, { ...facts, reason: 'dislike' }).id).toBe('person');
  expect(matchRule(table, { ...facts, verification: 'UNUSED' }).id).toBe('person');
  expect(() => matchRule({ ...table, rules: [] }, facts)).toThrow('has no rule');
});

it('has one text and one hash, whatever order its members were written in', () => {
  const shuffled = {
    rules: table.rules.map(({ id, when, then, explanation, basis }) => ({ basis, explanation, then, when, id })),
    title: { en: 'why', zh: '说明' },
    version: 1,
    id: 'default',
  };
  expect(canonicalJson({ b: [2, null], a: 'é', c: undefined })).toBe('{"a":"é","b":[2,null]}');
  expect(policyHash(shuffled)).toBe(policyHash(table));
  expect(policyHash(table)).toMatch(/^[0-9a-f]{64}$/);
  expect(policyHash({ ...table, version: 2 })).not.toBe(policyHash(table));
  expect(policyHash({ ...table, rules: table.rules.toReversed() })).not.toBe(policyHash(table));
});

it('is hashed as any other program would hash its canonical JSON', () => {
  const { id, version, title } = table;
  expect(policyHash({ id, version, title, rules: [review] })).toBe(
    '5b582b8910284bbd03b7d9537adff06274fac768501cb5869c1e3072d673e3c3',
  );
});
