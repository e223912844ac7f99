import { DecisionDiagram } from './decision-diagram.js';
import { lintTable } from './policy-lint.js';
import { factNames, factValues, matchRule, type Facts, type PolicyTable } from './policy-table.js';
import { readDefaultPolicy } from './sample-case.js';

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
  [{ reason: 'own-cancellation', revealed: 'no' }, 'own-cancellation-unrevealed: review'],
  [{ ...sevenDays, reason: 'own-cancellation' }, 'seven-day-promise: NONE FULL_REFUND merchant'],
  [{ reason: 'dislike' }, 'dislike: NONE NONE none'],
  [{ reason: 'dislike', revealed: 'no' }, 'dislike: NONE NONE none'],
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
  [{ reason: 'key-expired', afterSale: 'after' }, 'late-without-evidence: UNPROVEN NONE none'],
  [{ reason: 'not-delivered', afterSale: 'after' }, 'late-without-evidence: UNPROVEN NONE none'],
  [{ ...topUp, afterSale: 'after' }, 'late-without-evidence: UNPROVEN NONE none'],
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
  [{ reason: 'wrong-face-value', verification: 'WRONG_VALUE' }, 'wrong-value: review'],
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

const askedFacts = () => factNames.filter((fact) => table.rules.some((rule) => rule.when[fact] !== undefined));
/** Every combination of the facts that a rule asks for, one after the other in the same object. */
function* factSpace(): Generator<Facts> {
  const facts: Record<string, string> = {};
  const spread = function* (names: readonly (readonly [string, readonly string[]])[]): Generator<Facts> {
    const [first, ...rest] = names;
    if (first === undefined) yield facts as unknown as Facts;
    else
      for (const value of first[1]) {
        facts[first[0]] = value;
        yield* spread(rest);
      }
  };
  yield* spread(askedFacts().map((fact) => [fact, factValues[fact]]));
}

it('has nothing that the linter would mention', () => {
  expect(lintTable(table)).toEqual([]);
});

it('gives each rule as many turns, over every combination of facts, as the proof says', () => {
  const unasked = factNames.filter((fact) => !askedFacts().includes(fact));
  const each = unasked.reduce((product, fact) => product * factValues[fact].length, 1);
  const counted = new Map<number, number>();
  for (const facts of factSpace()) {
    const index = table.rules.indexOf(matchRule(table, facts));
    counted.set(index, (counted.get(index) ?? 0) + each);
  }
  const proven = DecisionDiagram.of([table.rules])?.within({}) ?? [];
  expect(new Map(proven.map(({ rules: [rule = -1], count }) => [rule, count]))).toEqual(counted);
  expect(counted.size).toBe(table.rules.length);
});
