import fc from 'fast-check';
import { DecisionDiagram } from './decision-diagram.js';
import { sizeOf, type FactSpace } from './fact-space.js';
import { lintTable, type PolicyFindingCode } from './policy-lint.js';
import { factNames, matchRule, type Facts, type PolicyRule, type PolicyTable } from './policy-table.js';
import { readDefaultPolicy } from './sample-case.js';
import { anyRules, everyCombination, fewFacts, tableOf } from './sample-table.js';

const text = { zh: '由规则决定', en: 'The rule decides' };
const rule = (id: string, when: PolicyRule['when'], then: PolicyRule['then'], explanation = text): PolicyRule => ({
  id,
  when,
  then,
  explanation,
  basis: ['S16'],
});
const refuse = { do: 'decide', liable: 'NONE', remedy: 'NONE', bearer: 'none' } as const;
const byMerchant = { do: 'decide', liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
const byPlatform = { do: 'decide', liable: 'PLATFORM', remedy: 'FULL_REFUND', bearer: 'platform' } as const;
const inPart = { do: 'decide', liable: 'NONE', remedy: 'PARTIAL_REFUND', bearer: 'merchant', refundPercent: 50 } as const;
const review = { do: 'review' } as const;
const verify = { do: 'verify' } as const;
const catchAll = rule('person', {}, review);
/** A sound beginning, so that a finding is about the rule under test. */
const undelivered = rule('undelivered', { delivered: 'no' }, { ...byMerchant, liable: 'NONE' });
const codesOf = (...rules: PolicyRule[]) => lintTable(tableOf(rules)).map(({ code, rule: id }) => `${code} ${id ?? ''}`.trim());

interface Shown {
  readonly code: PolicyFindingCode;
  readonly shows: readonly PolicyRule[];
  readonly nearly: readonly PolicyRule[];
}
const one = (when: PolicyRule['when'], then: PolicyRule['then'], explanation = text) => [
  rule('one', when, then, explanation),
  catchAll,
];
const clean = { delivered: 'yes', platformFailure: 'no' } as const;
const late = { ...clean, afterSale: 'after' } as const;
const fault = { ...clean, reason: 'key-invalid' } as const;
const timely = { ...fault, afterSale: ['before', 'at'] } as const;
const nothingShown = { activationFailureEvidence: 'no', chat: 'none', evidence: 'incomplete' } as const;
const words = (zh: string, en = 'The rule decides') => ({ zh, en });

const cases: readonly Shown[] = [
  { code: 'catch-all-missing', shows: [rule('a', { delivered: ['yes', 'no'] }, review)], nearly: [rule('a', {}, review)] },
  { code: 'catch-all-refuses', shows: [rule('a', {}, refuse)], nearly: [rule('a', {}, review)] },
  {
    code: 'cases-undecided',
    shows: [rule('a', { reason: 'dislike' }, review), rule('b', { delivered: 'yes' }, review)],
    nearly: [rule('a', { delivered: 'no' }, review), rule('b', { delivered: 'yes' }, review)],
  },
  {
    code: 'catch-all-idle',
    shows: [rule('a', { delivered: 'no' }, review), rule('b', { delivered: 'yes' }, review), catchAll],
    nearly: [rule('a', { delivered: 'no' }, review), rule('b', { delivered: 'yes', revealed: 'no' }, review), catchAll],
  },
  {
    code: 'rule-id-reused',
    shows: [rule('a', { delivered: 'no' }, review), rule('a', { delivered: 'yes', revealed: 'no' }, review), catchAll],
    nearly: [rule('a', { delivered: 'no' }, review), rule('b', { delivered: 'yes', revealed: 'no' }, review), catchAll],
  },
  {
    // No single rule before it covers it: both together do.
    code: 'rule-never-matches',
    shows: [
      rule('a', { delivered: 'no' }, review),
      rule('b', { delivered: 'yes', revealed: 'no' }, review),
      rule('c', { revealed: 'no', reason: 'dislike' }, review),
      catchAll,
    ],
    nearly: [
      rule('a', { delivered: 'no' }, review),
      rule('b', { delivered: 'yes', revealed: 'no' }, review),
      rule('c', { reason: 'dislike' }, review),
      catchAll,
    ],
  },
  {
    code: 'decision-contradicts-itself',
    shows: one({ delivered: 'yes', platformFailure: 'yes' }, { ...byPlatform, bearer: 'merchant' }),
    nearly: one({ delivered: 'yes', platformFailure: 'yes' }, byPlatform),
  },
  {
    code: 'wait-without-end',
    shows: one({ reason: 'key-used' }, verify),
    nearly: one({ reason: 'key-used', verification: 'none' }, verify),
  },
  {
    code: 'wait-without-end',
    shows: one({ reissuePromised: 'yes', reissue: ['none', 'missed'] }, { do: 'await-reissue' }),
    nearly: one({ reissuePromised: 'yes', reissue: 'none' }, { do: 'await-reissue' }),
  },
  {
    code: 'wait-without-end',
    shows: one({ merchantAnswer: ['none', 'contested'] }, { do: 'await-merchant' }),
    nearly: [
      rule('contested', { merchantAnswer: 'contested' }, review),
      rule('one', { merchantAnswer: ['none', 'contested'] }, { do: 'await-merchant' }),
      catchAll,
    ],
  },
  {
    code: 'unpromised-reissue-awaited',
    shows: one({ reissue: 'none' }, { do: 'await-reissue' }),
    nearly: one({ reissue: 'none', reissuePromised: 'yes' }, { do: 'await-reissue' }),
  },
  {
    // To list every reason is not to ask for it.
    code: 'blanket-refusal',
    shows: one({ ...late, activationFailureEvidence: 'no' }, refuse),
    nearly: one({ ...late, activationFailureEvidence: 'no', reason: ['key-invalid', 'dislike'] }, refuse),
  },
  {
    code: 'blanket-clause',
    shows: one({ reason: 'dislike', delivered: 'yes' }, refuse, words('虚拟商品一经售出，概不退款')),
    nearly: one({ reason: 'dislike', delivered: 'yes' }, refuse, words('没有质量问题，因此不予退款')),
  },
  {
    code: 'blanket-clause',
    shows: one({ reason: 'dislike', delivered: 'yes' }, refuse, words('说明', 'All sales are final.')),
    nearly: one({ reason: 'dislike', delivered: 'yes' }, refuse, words('说明', 'Nothing is wrong, so there is no refund.')),
  },
  {
    code: 'fault-waived',
    shows: one({ reason: 'dislike', delivered: 'yes' }, refuse, words('非平台方原因不予退款')),
    nearly: one({ reason: 'dislike', delivered: 'yes' }, refuse, words('无法证明商家或平台存在过错，因此不予退款')),
  },
  {
    code: 'fault-waived',
    shows: one({ reason: 'dislike', delivered: 'yes' }, refuse, words('说明', 'The merchant is not liable for bad keys.')),
    nearly: one({ reason: 'dislike', delivered: 'yes' }, refuse, words('说明', 'Nobody was found liable.')),
  },
  {
    code: 'undelivered-refused',
    shows: one({ reason: 'dislike' }, refuse),
    nearly: one({ reason: 'dislike', delivered: 'yes' }, refuse),
  },
  {
    code: 'platform-fault-refused',
    shows: one({ reason: 'key-invalid', delivered: 'yes', verification: 'UNUSED' }, refuse),
    nearly: one({ reason: 'key-invalid', ...clean, verification: 'UNUSED' }, refuse),
  },
  {
    code: 'dead-unit-refused',
    shows: one({ ...timely, verification: ['UNUSED', 'EXPIRED'], reissue: 'none' }, refuse),
    nearly: [
      rule('dead', { verification: 'EXPIRED' }, byMerchant),
      ...one({ ...timely, verification: ['UNUSED', 'EXPIRED'], reissue: 'none' }, refuse),
    ],
  },
  {
    code: 'broken-reissue-refused',
    shows: one({ ...timely, verification: 'UNUSED' }, refuse),
    nearly: one({ ...timely, verification: 'UNUSED', reissue: 'none' }, refuse),
  },
  {
    code: 'admission-refused',
    shows: one({ ...timely, verification: 'none', merchantAnswer: ['accepted'] }, refuse),
    nearly: one({ ...timely, verification: 'UNUSED', merchantAnswer: ['accepted'] }, refuse),
  },
  {
    code: 'silence-refused',
    shows: one({ ...timely, verification: 'INCONCLUSIVE' }, refuse),
    nearly: [
      rule('silent', { ...clean, merchantAnswer: 'silent' }, byMerchant),
      ...one({ ...timely, verification: 'INCONCLUSIVE' }, refuse),
    ],
  },
  {
    // Late as well: what a rule asks for is its ground.
    code: 'silence-refused',
    shows: one({ ...late, reason: 'key-used', activationFailureEvidence: 'no', merchantAnswer: 'silent' }, refuse),
    nearly: one({ ...late, reason: 'key-used', activationFailureEvidence: 'no' }, refuse),
  },
  {
    code: 'inconclusive-refused',
    shows: one({ ...timely, verification: ['UNUSED', 'INCONCLUSIVE'], merchantAnswer: 'contested' }, refuse),
    nearly: one({ ...timely, verification: 'UNUSED', merchantAnswer: 'contested' }, refuse),
  },
  {
    code: 'inconclusive-refused',
    shows: one({ ...late, reason: 'key-used', activationFailureEvidence: 'no', verification: 'INCONCLUSIVE' }, refuse),
    nearly: one({ ...late, reason: 'key-used', activationFailureEvidence: 'no', verification: 'UNUSED' }, refuse),
  },
  {
    code: 'unverified-refused',
    shows: one(timely, refuse),
    nearly: [rule('verify', { verification: 'none' }, verify), ...one(timely, refuse)],
  },
  {
    code: 'late-evidence-refused',
    shows: one({ ...late, reason: 'key-used', chat: 'none', evidence: 'incomplete' }, refuse),
    nearly: one({ ...late, reason: 'key-used', ...nothingShown }, refuse),
  },
  {
    code: 'late-evidence-refused',
    shows: one({ ...late, reason: 'key-used', activationFailureEvidence: 'no', evidence: 'incomplete' }, refuse),
    nearly: one({ ...late, reason: 'key-used', ...nothingShown }, refuse),
  },
  {
    code: 'late-evidence-refused',
    shows: one({ ...late, reason: 'key-used', activationFailureEvidence: 'no', chat: ['none', 'weak'] }, refuse),
    nearly: one({ ...late, reason: 'key-used', ...nothingShown, chat: ['none', 'weak'] }, refuse),
  },
  {
    code: 'promise-broken',
    shows: one({ ...timely, verification: 'CREDITED', merchantPromise: ['none', 'refund'] }, refuse),
    nearly: one({ ...timely, verification: 'CREDITED', merchantPromise: 'none' }, refuse),
  },
  {
    code: 'promise-broken',
    shows: one({ ...timely, verification: 'WRONG_VALUE' }, inPart),
    nearly: one({ ...timely, verification: 'WRONG_VALUE', merchantPromise: ['none', 'reissue'] }, inPart),
  },
  {
    code: 'promise-broken',
    shows: one({ ...timely, verification: 'UNUSED', reissue: 'none', merchantPromise: 'reissue' }, refuse),
    nearly: one(
      { ...timely, productKind: 'phone-top-up', verification: 'UNUSED', reissue: 'none', merchantPromise: 'reissue' },
      refuse,
    ),
  },
  {
    code: 'incomplete-evidence-refused',
    shows: one({ ...timely, evidence: 'incomplete' }, refuse),
    nearly: one({ ...timely, evidence: 'incomplete', verification: 'UNUSED' }, refuse),
  },
  {
    code: 'chat-demanded',
    shows: one({ ...timely, verification: 'UNUSED', chat: ['none', 'weak'] }, refuse),
    nearly: one({ ...late, reason: 'key-used', verification: 'UNUSED', chat: ['none', 'weak'] }, refuse),
  },
  {
    code: 'consent-demanded',
    shows: one({ ...clean, reason: 'dislike', noReturnConsent: 'no' }, refuse),
    nearly: one({ ...clean, reason: 'dislike', revealed: 'yes', noReturnConsent: 'yes' }, refuse),
  },
  {
    code: 'consent-excludes-fault',
    shows: one({ ...timely, verification: 'UNUSED', noReturnConsent: 'yes' }, refuse),
    nearly: one({ ...clean, reason: 'own-cancellation', revealed: 'yes', noReturnConsent: 'yes' }, refuse),
  },
  {
    code: 'consent-stretched',
    shows: one({ ...clean, reason: 'own-cancellation', noReturnConsent: 'yes' }, refuse),
    nearly: one({ ...clean, reason: 'own-cancellation', revealed: 'yes', noReturnConsent: 'yes' }, refuse),
  },
  ...(
    [
      [{ delivered: 'no' }, { ...clean, reason: 'wrong-face-value', verification: 'WRONG_VALUE' }],
      [
        { reason: 'key-invalid', platformFailure: 'yes' },
        { ...clean, reason: 'dislike' },
      ],
      [
        { ...timely, verification: ['EXPIRED', 'WRONG_VALUE'] },
        { ...timely, verification: 'WRONG_VALUE' },
      ],
      [
        { ...timely, verification: 'UNUSED', reissue: 'missed' },
        { ...timely, verification: 'WRONG_VALUE', reissue: 'missed' },
      ],
      [
        { ...timely, verification: 'INCONCLUSIVE' },
        { ...timely, verification: 'INCONCLUSIVE', reissue: 'none', merchantAnswer: 'contested' },
      ],
      [
        { ...clean, reason: 'seven-day', sevenDay: 'at' },
        { ...clean, reason: 'seven-day', sevenDay: 'after' },
      ],
    ] satisfies readonly (readonly [PolicyRule['when'], PolicyRule['when']])[]
  ).map(([shows, nearly]): Shown => ({ code: 'fault-refunded-in-part', shows: one(shows, inPart), nearly: one(nearly, inPart) })),
  {
    code: 'seven-day-refused',
    shows: one({ ...clean, reason: 'seven-day', sevenDay: ['at', 'after'] }, refuse),
    nearly: one({ ...clean, reason: 'seven-day', sevenDay: 'after' }, refuse),
  },
  {
    code: 'platform-blamed-without-proof',
    shows: one({ reason: 'platform-failure' }, byPlatform),
    nearly: one({ reason: 'platform-failure', platformFailure: 'yes' }, byPlatform),
  },
  {
    code: 'merchant-blamed-without-proof',
    shows: one({ reason: 'key-used', verification: 'ACTIVATED_AFTER_REVEAL' }, byMerchant),
    nearly: one({ reason: 'key-used', verification: 'ACTIVATED_BEFORE_SALE' }, byMerchant),
  },
  {
    code: 'merchant-blamed-without-proof',
    shows: one({ reason: 'key-used', verification: 'INCONCLUSIVE' }, { ...inPart, liable: 'SHARED' }),
    nearly: one({ reason: 'key-used', verification: 'INCONCLUSIVE' }, { ...inPart, liable: 'SHARED', bearer: 'platform' }),
  },
  {
    code: 'merchant-pays-platform-failure',
    shows: one({ delivered: 'no' }, { ...byMerchant, liable: 'SHARED', bearer: 'shared', merchantPercent: 50 }),
    nearly: one(
      { delivered: 'no', platformFailure: 'no' },
      { ...byMerchant, liable: 'SHARED', bearer: 'shared', merchantPercent: 50 },
    ),
  },
  {
    code: 'merchant-pays-platform-failure',
    shows: [undelivered, catchAll],
    nearly: [rule('failure', { platformFailure: 'yes' }, byPlatform), undelivered, catchAll],
  },
  { code: 'undelivered-undecided', shows: [catchAll], nearly: [undelivered, catchAll] },
  {
    code: 'silence-undecided',
    shows: [rule('a', { merchantAnswer: ['silent', 'contested'] }, review), catchAll],
    nearly: [
      rule(
        'a',
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
          merchantAnswer: 'silent',
        },
        byMerchant,
      ),
      catchAll,
    ],
  },
  {
    code: 'not-credited-undecided',
    shows: [rule('a', { verification: ['NOT_CREDITED', 'CREDITED'] }, review), catchAll],
    nearly: [rule('a', { verification: 'NOT_CREDITED' }, byMerchant), catchAll],
  },
];

describe.each(cases)('$code', ({ code, shows, nearly }) => {
  it('is found, with facts that show it', () => {
    const table = tableOf(shows);
    const finding = lintTable(table).find((found) => found.code === code);
    expect(finding).toMatchObject({ message: { zh: expect.stringMatching(/\p{Script=Han}/u), en: expect.any(String) } });
    expect(finding?.basis.length).toBeGreaterThan(0);
    const witness = finding?.witness;
    if (witness === undefined || code === 'rule-never-matches' || code === 'catch-all-idle' || code === 'cases-undecided') return;
    expect(matchRule(table, witness).id).toBe(finding?.rule);
  });

  it('is not found in a table that only nearly does it', () => {
    expect(lintTable(tableOf(nearly)).map((found) => found.code)).not.toContain(code);
  });
});

it('names an error before a warning, and rules in their order', () => {
  expect(codesOf(rule('a', { reason: 'dislike' }, refuse), rule('b', { reason: 'key-used' }, verify), catchAll)).toEqual([
    'undelivered-refused a',
    'wait-without-end b',
    'undelivered-undecided b',
    'silence-undecided b',
    'undelivered-undecided person',
    'silence-undecided person',
    'not-credited-undecided person',
  ]);
});

it('refuses minimums that are below what is published for every policy', async () => {
  const table = await readDefaultPolicy();
  const codes = (afterSaleHours: number, deliverWithinHours: number) =>
    lintTable({ ...table, minimums: { afterSaleHours, deliverWithinHours } }).map(({ code, severity }) => `${code} ${severity}`);
  expect(codes(24, 168)).toEqual([]);
  expect(codes(23, 168)).toEqual(['minimum-too-low error']);
  expect(codes(24, 169)).toEqual(['minimum-too-low error']);
});

it('takes no offence at a promise of reissue that is kept though the offer made none', () => {
  const promised = rule('promised', { merchantPromise: 'reissue', reissue: 'none' }, { do: 'await-reissue' });
  expect(codesOf(promised, catchAll)).not.toContain('unpromised-reissue-awaited promised');
  const anybody = rule('anybody', { reissue: 'none' }, { do: 'await-reissue' });
  expect(codesOf(anybody, catchAll)).toContain('unpromised-reissue-awaited anybody');
});

it('says who takes the cases of a rule that never gets its turn', () => {
  const [finding] = lintTable(
    tableOf([
      rule('a', { delivered: 'no' }, review),
      rule('b', { delivered: 'yes', revealed: 'no' }, review),
      rule('c', { revealed: 'no', reason: 'dislike' }, review),
      catchAll,
    ]),
  );
  expect(finding?.message.en).toBe('rule c can never match: the rules before it take all its cases (a, b)');
  expect(finding?.witness).toMatchObject({ revealed: 'no', reason: 'dislike' });
});

it('warns of a clause that a rule speaks about without using it, and refuses it in the title', () => {
  const quoted = lintTable(tableOf([undelivered, rule('person', {}, review, words('“不退不换”的约定不适用于您的情况'))]));
  expect(quoted.find(({ code }) => code === 'blanket-clause')).toMatchObject({ severity: 'warning', quote: '不退不换' });
  const titled = lintTable({ ...tableOf([undelivered, catchAll]), title: words('虚拟商品售出不予退款') });
  expect(titled[0]).toMatchObject({ code: 'blanket-clause', severity: 'error', quote: '售出不予退' });
});

it('refuses a table that tells apart more situations than it looks at', async () => {
  const table = await readDefaultPolicy();
  expect(lintTable(table, undefined, 20)).toMatchObject([{ code: 'table-too-tangled', severity: 'error' }]);
});

it('proves today whatever table, since no rules tell apart more than every combination', () => {
  const everyValue = factNames.flatMap((fact) =>
    fewFacts[fact].map((value) => rule(`${fact}.${value}`, { [fact]: value }, review)),
  );
  const alternating = [...everyCombination(fewFacts)].map((facts, i) => rule(`r${i}`, facts, review));
  expect(DecisionDiagram.of([[...alternating, ...everyValue]], fewFacts)?.within({})).toHaveLength(sizeOf({}, fewFacts));
});

it('finds what the default policy would do without its rules for undelivered units', async () => {
  const table = await readDefaultPolicy();
  const broken: PolicyTable = { ...table, rules: table.rules.filter(({ when }) => when.delivered !== 'no') };
  expect(lintTable(broken).map(({ code }) => code)).toContain('undelivered-refused');
});

/** What the facts of a finding must show beside the rule that they come to. */
const claims: Partial<Record<PolicyFindingCode, Partial<Facts>>> = {
  'undelivered-refused': { delivered: 'no' },
  'undelivered-undecided': { delivered: 'no' },
  'platform-fault-refused': { platformFailure: 'yes', reason: 'key-invalid' },
  'platform-blamed-without-proof': { platformFailure: 'no' },
  'merchant-pays-platform-failure': { platformFailure: 'yes', delivered: 'no' },
  'dead-unit-refused': { verification: 'INVALID', reason: 'key-invalid' },
  'broken-reissue-refused': { reissue: 'failed', reason: 'key-invalid' },
  'silence-refused': { merchantAnswer: 'silent' },
  'inconclusive-refused': { verification: 'INCONCLUSIVE' },
  'unverified-refused': { verification: 'none', reason: 'key-invalid' },
  'seven-day-refused': { reason: 'seven-day', sevenDay: 'before', revealed: 'no' },
};

describe('by brute force', () => {
  const turnsOf = (table: PolicyTable, space: FactSpace) => {
    const turns = new Map<number, number>();
    for (const facts of everyCombination(space)) {
      const index = table.rules.findIndex((candidate) => matchRule(tableOf([candidate, catchAll]), facts).id === candidate.id);
      turns.set(index, (turns.get(index) ?? 0) + 1);
    }
    return turns;
  };

  it('the same rules never match and the same facts stay undecided', () => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        const table = tableOf(rules);
        const turns = turnsOf(table, fewFacts);
        const found = lintTable(table, fewFacts);
        const dead = found.filter(({ code }) => code === 'rule-never-matches' || code === 'catch-all-idle');
        expect(dead.map(({ rule: id }) => id).toSorted()).toEqual(
          rules.flatMap(({ id }, index) => (turns.has(index) ? [] : [id])).toSorted(),
        );
        expect(found.find(({ code }) => code === 'cases-undecided')?.count).toBe(turns.get(-1));
      }),
      { numRuns: 60 },
    );
  });

  it('every witness comes to the rule it is told of, and stands for as many facts as are counted', () => {
    fc.assert(
      fc.property(anyRules, fc.constantFrom(...factNames), (rules, fact) => {
        const table = tableOf([...rules, catchAll]);
        for (const finding of lintTable(table, fewFacts)) {
          if (finding.witness === undefined || finding.count === undefined) continue;
          expect(matchRule(table, finding.witness).id).toBe(finding.rule);
          expect(finding.witness).toMatchObject(claims[finding.code] ?? {});
        }
        const value = fewFacts[fact].at(-1) ?? '';
        const within = DecisionDiagram.of([table.rules], fewFacts)?.within({ [fact]: [value] }) ?? [];
        const counted = new Map<string, number>();
        for (const facts of everyCombination(fewFacts)) {
          if (facts[fact] !== value) continue;
          const { id } = matchRule(table, facts);
          counted.set(id, (counted.get(id) ?? 0) + 1);
        }
        const proven = within.map(({ rules: [index = -1], count }) => [table.rules[index]?.id, count] as const);
        expect(new Map(proven)).toEqual(counted);
        for (const {
          witness,
          rules: [index = -1],
        } of within) {
          expect(witness[fact]).toBe(value);
          expect(matchRule(table, witness)).toBe(table.rules[index]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('a refusal is found to hit an undelivered unit exactly when one of them comes to it', () => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        const table = tableOf([...rules, catchAll]);
        const refused = new Map<string, number>();
        for (const facts of everyCombination(fewFacts)) {
          const { id, then } = matchRule(table, facts);
          if (facts.delivered === 'no' && then.do === 'decide' && then.remedy === 'NONE')
            refused.set(id, (refused.get(id) ?? 0) + 1);
        }
        const found = lintTable(table, fewFacts).filter(({ code }) => code === 'undelivered-refused');
        expect(new Map(found.map(({ rule: id, count }) => [id, count]))).toEqual(refused);
      }),
      { numRuns: 60 },
    );
  });
});
