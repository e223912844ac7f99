import fc from 'fast-check';
import { DecisionDiagram } from './decision-diagram.js';
import { sizeOf, type FactSpace } from './fact-space.js';
import { lintTable } from './policy-lint.js';
import { factNames, factValues, matchRule, type Facts, type PolicyTable } from './policy-table.js';
import { readDefaultPolicy } from './sample-case.js';
import { everyCombination } from './sample-table.js';

let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});

/** A revealed key claimed in time, nothing known yet. */
const plain: Facts = {
  reason: 'key-invalid',
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
const outcomeOf = (differing: Partial<Facts>): string => {
  const { id, then } = matchRule(table, { ...plain, ...differing });
  return then.do === 'decide' ? `${id}: ${then.liable} ${then.remedy} ${then.bearer}` : `${id}: ${then.do}`;
};

const topUp = { reason: 'not-credited', productKind: 'phone-top-up', revealed: 'no', reissuePromised: 'no' } as const;
const never = { delivered: 'no', revealed: 'no', afterSale: 'none' } as const;
const sevenDays = { reason: 'seven-day', revealed: 'no', sevenDay: 'before' } as const;
const golden: readonly (readonly [Partial<Facts>, string])[] = [
  // platform and delivery
  [{ ...never, reason: 'not-delivered' }, 'not-delivered: MERCHANT FULL_REFUND merchant'],
  [{ ...never, reason: 'not-credited' }, 'not-delivered: MERCHANT FULL_REFUND merchant'],
  [{ ...never, reason: 'platform-failure' }, 'not-delivered: MERCHANT FULL_REFUND merchant'],
  [{ ...never, reason: 'platform-failure', platformFailure: 'yes' }, 'platform-failure: PLATFORM FULL_REFUND platform'],
  [{ ...never, reason: 'not-delivered', platformFailure: 'yes' }, 'platform-failure: PLATFORM FULL_REFUND platform'],
  [{ ...never, reason: 'dislike', platformFailure: 'yes' }, 'platform-failure-undelivered: PLATFORM FULL_REFUND platform'],
  [{ ...topUp, platformFailure: 'yes' }, 'platform-failure: PLATFORM FULL_REFUND platform'],
  [{ reason: 'platform-failure' }, 'platform-failure-unproven: review'],
  [{ reason: 'platform-failure', afterSale: 'after' }, 'platform-failure-unproven: review'],
  [{ reason: 'dislike', platformFailure: 'yes' }, 'dislike: NONE NONE none'],
  [{ ...never, reason: 'own-cancellation' }, 'cancelled-before-delivery: NONE FULL_REFUND merchant'],
  [{ ...never, reason: 'dislike' }, 'cancelled-before-delivery: NONE FULL_REFUND merchant'],
  // what the buyer did or wishes
  [{ ...topUp, reason: 'wrong-account' }, 'wrong-account: BUYER NONE none'],
  [{ reason: 'wrong-account', productKind: 'membership' }, 'wrong-account: BUYER NONE none'],
  [{ reason: 'wrong-account' }, 'person-decides: review'],
  [{ reason: 'own-cancellation' }, 'own-cancellation-revealed: BUYER NONE none'],
  [{ ...topUp, reason: 'own-cancellation' }, 'own-cancellation-top-up: BUYER NONE none'],
  [{ reason: 'own-cancellation', noReturnConsent: 'yes' }, 'own-cancellation-consented: BUYER NONE none'],
  [{ reason: 'own-cancellation', revealed: 'no' }, 'own-cancellation-unrevealed: review'],
  [{ reason: 'own-cancellation', revealed: 'no', noReturnConsent: 'yes' }, 'own-cancellation-unrevealed: review'],
  [{ ...sevenDays, reason: 'own-cancellation' }, 'seven-day-promise: NONE FULL_REFUND merchant'],
  [{ reason: 'dislike' }, 'dislike: NONE NONE none'],
  [{ reason: 'dislike', revealed: 'no' }, 'dislike: NONE NONE none'],
  [{ reason: 'dislike', noReturnConsent: 'yes' }, 'dislike: NONE NONE none'],
  [{ ...sevenDays, reason: 'dislike' }, 'seven-day-promise: NONE FULL_REFUND merchant'],
  [sevenDays, 'seven-day-promise: NONE FULL_REFUND merchant'],
  [{ ...sevenDays, afterSale: 'after' }, 'seven-day-promise: NONE FULL_REFUND merchant'],
  [{ ...sevenDays, sevenDay: 'at' }, 'seven-day-promise: NONE FULL_REFUND merchant'],
  [{ ...sevenDays, sevenDay: 'after' }, 'seven-day-over: NONE NONE none'],
  [{ ...sevenDays, revealed: 'yes' }, 'seven-day-revealed: NONE NONE none'],
  [{ ...sevenDays, sevenDay: 'none' }, 'seven-day-not-promised: NONE NONE none'],
  [{ ...sevenDays, productKind: 'phone-top-up' }, 'seven-day-top-up: NONE NONE none'],
  // the after-sale window
  [{ afterSale: 'at' }, 'verify: verify'],
  [{ afterSale: 'after' }, 'late-without-evidence: UNPROVEN NONE none'],
  [{ afterSale: 'after', activationFailureEvidence: 'yes' }, 'late-with-evidence: review'],
  [{ afterSale: 'after', chat: 'strong' }, 'late-with-chat: review'],
  [{ afterSale: 'after', chat: 'weak' }, 'late-without-evidence: UNPROVEN NONE none'],
  [{ afterSale: 'after', evidence: 'complete' }, 'late-with-complete-evidence: review'],
  [{ afterSale: 'after', merchantPromise: 'reissue' }, 'promised-reissue: await-reissue'],
  [{ afterSale: 'after', merchantPromise: 'reissue', reissue: 'missed' }, 'reissue-missed: MERCHANT FULL_REFUND merchant'],
  [{ afterSale: 'after', merchantPromise: 'refund' }, 'promised-refund: MERCHANT FULL_REFUND merchant'],
  [{ reason: 'key-expired', afterSale: 'after' }, 'late-without-evidence: UNPROVEN NONE none'],
  [{ reason: 'not-delivered', afterSale: 'after' }, 'late-without-evidence: UNPROVEN NONE none'],
  [{ ...topUp, afterSale: 'after' }, 'late-without-evidence: UNPROVEN NONE none'],
  [{ afterSale: 'after', noReturnConsent: 'yes' }, 'late-without-evidence: UNPROVEN NONE none'],
  // what neither consent nor missing evidence excludes, and a chat does not replace
  [{ noReturnConsent: 'yes' }, 'verify: verify'],
  [{ noReturnConsent: 'yes', verification: 'INVALID', reissuePromised: 'no' }, 'dead-unit: MERCHANT FULL_REFUND merchant'],
  [{ chat: 'strong', evidence: 'complete' }, 'verify: verify'],
  [{ chat: 'strong', evidence: 'complete', verification: 'ACTIVATED_AFTER_REVEAL' }, 'activated-after-reveal: NONE NONE none'],
  // what the merchant promised
  [{ merchantPromise: 'refund' }, 'promised-refund: MERCHANT FULL_REFUND merchant'],
  [{ merchantPromise: 'refund', verification: 'CREDITED' }, 'promised-refund: MERCHANT FULL_REFUND merchant'],
  [{ merchantPromise: 'refund', reason: 'dislike' }, 'promised-refund: MERCHANT FULL_REFUND merchant'],
  [{ merchantPromise: 'refund', platformFailure: 'yes' }, 'platform-failure: PLATFORM FULL_REFUND platform'],
  [{ merchantPromise: 'reissue', reissuePromised: 'no' }, 'promised-reissue: await-reissue'],
  [{ merchantPromise: 'reissue', reissuePromised: 'no', verification: 'WRONG_VALUE' }, 'promised-reissue: await-reissue'],
  [{ merchantPromise: 'reissue', reissue: 'failed' }, 'reissue-failed: MERCHANT FULL_REFUND merchant'],
  [{ ...topUp, merchantPromise: 'reissue' }, 'verify: verify'],
  [{ merchantPromise: 'reissue', reason: 'dislike' }, 'dislike: NONE NONE none'],
  // a merchant who is gone
  [{ ...never, reason: 'merchant-absent' }, 'not-delivered: MERCHANT FULL_REFUND merchant'],
  [{ reason: 'merchant-absent' }, 'verify: verify'],
  [{ reason: 'merchant-absent', verification: 'ACTIVATED_AFTER_REVEAL' }, 'activated-after-reveal: NONE NONE none'],
  [{ reason: 'merchant-absent', verification: 'INCONCLUSIVE' }, 'merchant-absent-inconclusive: review'],
  [{ reason: 'merchant-absent', verification: 'INVALID' }, 'dead-key-reissue: await-reissue'],
  [{ reason: 'merchant-absent', verification: 'INVALID', reissue: 'missed' }, 'reissue-missed: MERCHANT FULL_REFUND merchant'],
  // the verifier's word
  [{}, 'verify: verify'],
  [topUp, 'verify: verify'],
  [{ reason: 'not-delivered' }, 'verify: verify'],
  [{ ...topUp, verification: 'NOT_CREDITED' }, 'not-credited: MERCHANT FULL_REFUND merchant'],
  [{ ...topUp, verification: 'CREDITED' }, 'credited: NONE NONE none'],
  [{ verification: 'ACTIVATED_AFTER_REVEAL' }, 'activated-after-reveal: NONE NONE none'],
  [{ verification: 'UNUSED' }, 'unused-and-valid: NONE NONE none'],
  [{ verification: 'INVALID' }, 'dead-key-reissue: await-reissue'],
  [{ verification: 'EXPIRED' }, 'dead-key-reissue: await-reissue'],
  [{ verification: 'ACTIVATED_BEFORE_SALE' }, 'dead-key-reissue: await-reissue'],
  [{ verification: 'INVALID', reissuePromised: 'no' }, 'dead-unit: MERCHANT FULL_REFUND merchant'],
  [{ ...topUp, reissuePromised: 'yes', verification: 'INVALID' }, 'dead-unit: MERCHANT FULL_REFUND merchant'],
  [{ verification: 'INVALID', reissue: 'missed' }, 'reissue-missed: MERCHANT FULL_REFUND merchant'],
  [{ verification: 'INVALID', reissue: 'failed' }, 'reissue-failed: MERCHANT FULL_REFUND merchant'],
  [{ reissue: 'failed' }, 'reissue-failed: MERCHANT FULL_REFUND merchant'],
  [{ reason: 'wrong-face-value', verification: 'WRONG_VALUE' }, 'wrong-value-reissue: await-reissue'],
  [{ reason: 'wrong-face-value', verification: 'WRONG_VALUE', reissue: 'missed' }, 'wrong-value: review'],
  [{ reason: 'wrong-face-value', verification: 'WRONG_VALUE', reissuePromised: 'no' }, 'wrong-value: review'],
  [{ ...topUp, reissuePromised: 'yes', verification: 'WRONG_VALUE' }, 'wrong-value: review'],
  [{ ...topUp, reason: 'duplicate-recharge', verification: 'DUPLICATE' }, 'duplicate-top-up: MERCHANT FULL_REFUND merchant'],
  // the merchant's word
  [{ verification: 'INCONCLUSIVE' }, 'inconclusive: await-merchant'],
  [{ verification: 'INCONCLUSIVE', merchantAnswer: 'accepted' }, 'accepted-reissue: await-reissue'],
  [
    { verification: 'INCONCLUSIVE', merchantAnswer: 'accepted', reissue: 'missed' },
    'reissue-missed: MERCHANT FULL_REFUND merchant',
  ],
  [
    { verification: 'INCONCLUSIVE', merchantAnswer: 'accepted', reissuePromised: 'no' },
    'accepted: MERCHANT FULL_REFUND merchant',
  ],
  [{ ...topUp, verification: 'INCONCLUSIVE', merchantAnswer: 'accepted' }, 'accepted: MERCHANT FULL_REFUND merchant'],
  [{ verification: 'INCONCLUSIVE', merchantAnswer: 'silent' }, 'merchant-silent: MERCHANT FULL_REFUND merchant'],
  [{ verification: 'INCONCLUSIVE', merchantAnswer: 'contested' }, 'contested: await-evidence'],
  [{ verification: 'INCONCLUSIVE', merchantAnswer: 'contested', evidencePhase: 'over' }, 'contested-heard: review'],
];

it.each(golden)('%j is judged %s', (differing, expected) => {
  expect(outcomeOf(differing)).toBe(expected);
});

it('shows every rule at work in the table above', () => {
  const shown = new Set(golden.map(([differing]) => matchRule(table, { ...plain, ...differing }).id));
  expect(table.rules.map((rule) => rule.id).filter((id) => !shown.has(id))).toEqual([]);
});

it('has nothing that the linter would mention', () => {
  expect(lintTable(table)).toEqual([]);
});

/** One value of each kind that the rules tell apart: small enough to be gone through one by one, and every rule has its turn. */
const space: FactSpace = {
  ...factValues,
  reason: ['key-invalid', 'merchant-absent', 'platform-failure', 'wrong-account', 'own-cancellation', 'dislike', 'seven-day'],
  productKind: ['game-card', 'phone-top-up'],
  platformFailure: ['no'],
  afterSale: ['at', 'after'],
  sevenDay: ['none', 'before', 'after'],
  verification: [
    'none',
    'NOT_CREDITED',
    'CREDITED',
    'ACTIVATED_AFTER_REVEAL',
    'UNUSED',
    'WRONG_VALUE',
    'DUPLICATE',
    'INVALID',
    'INCONCLUSIVE',
  ],
  reissue: ['none', 'missed'],
  chat: ['strong'],
  evidencePhase: ['none'],
};
/** How often each rule gets its turn, and how often the proof says it does. */
function turnsIn(within: FactSpace) {
  const counted = new Map<number, number>();
  for (const facts of everyCombination(within)) {
    const index = table.rules.indexOf(matchRule(table, facts));
    counted.set(index, (counted.get(index) ?? 0) + 1);
  }
  const proven = DecisionDiagram.of([table.rules], within)?.within({}) ?? [];
  return { counted, proven: new Map(proven.map(({ rules: [rule = -1], count }) => [rule, count])) };
}

it('gives each rule as many turns, over a space that tells all of them apart, as the proof says', () => {
  const { counted, proven } = turnsIn(space);
  expect(proven).toEqual(counted);
  // Those of a platform's failure, of a failed reissue, those behind a strong chat, and of a contested claim that was heard have their turn in the table above.
  const idle = table.rules.filter((_, index) => !counted.has(index)).map(({ id }) => id);
  expect(idle).toEqual([
    'platform-failure',
    'platform-failure-undelivered',
    'reissue-failed',
    'late-with-complete-evidence',
    'late-without-evidence',
    'contested-heard',
  ]);
});

it('gives each rule as many turns, wherever one looks, as the proof says', () => {
  const anySpace = fc.record(
    Object.fromEntries(
      factNames.map((fact) => [fact, fc.subarray([...factValues[fact]] as string[], { minLength: 1, maxLength: 2 })]),
    ),
  ) as unknown as fc.Arbitrary<FactSpace>;
  fc.assert(
    fc.property(
      anySpace.filter((some) => sizeOf({}, some) <= 1_024),
      (some) => {
        const { counted, proven } = turnsIn(some);
        expect(proven).toEqual(counted);
      },
    ),
    { numRuns: 100 },
  );
});

it('is answered for any facts by the rule that the proof names for them alone', () => {
  const anyFacts = fc.record(
    Object.fromEntries(factNames.map((fact) => [fact, fc.constantFrom(...(factValues[fact] as readonly string[]))])),
  ) as unknown as fc.Arbitrary<Facts>;
  const whole = DecisionDiagram.of([table.rules]);
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const alone = whole?.within(facts) ?? [];
      expect(alone.map(({ rules: [rule = -1], count }) => [table.rules[rule]?.id, count])).toEqual([
        [matchRule(table, facts).id, 1],
      ]);
    }),
    { numRuns: 1_000 },
  );
});

it('has a turn for every rule over the whole space', () => {
  const proven = DecisionDiagram.of([table.rules])?.within({}) ?? [];
  expect(new Set(proven.map(({ rules: [rule = -1] }) => rule))).toEqual(new Set(table.rules.keys()));
  expect(proven.reduce((sum, { count }) => sum + count, 0)).toBe(sizeOf({}));
});

it('has a rule for a verdict of an earlier build, which lacks the later facts', () => {
  const { noReturnConsent, chat, evidence, merchantPromise, evidencePhase, ...known } = plain;
  expect([noReturnConsent, chat, evidence, merchantPromise, evidencePhase]).toHaveLength(5);
  expect(matchRule(table, { ...known, verification: 'NOT_CREDITED' }).id).toBe('not-credited');
});
