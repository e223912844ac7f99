import { claimReasons } from '@recourse/orders/events';
import {
  blamedBy,
  faultCatalogue,
  faultNamed,
  faultOf,
  outcomesSaying,
  reasonsBlaming,
  type FaultCode,
} from './fault-catalogue.js';
import { factValues, matchRule, type Facts, type PolicyTable, type RecordedFacts } from './policy-table.js';
import { readDefaultPolicy } from './sample-case.js';

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
  reissuePromised: 'no',
  reissue: 'none',
  merchantAnswer: 'none',
  noReturnConsent: 'no',
  chat: 'none',
  evidence: 'incomplete',
  merchantPromise: 'none',
  evidencePhase: 'none',
};
let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});

it('has the thirteen faults of the domain, each in both languages, with a basis and a way to be found', () => {
  expect(faultCatalogue.map(({ code }) => code)).toEqual([
    'not-delivered',
    'not-credited',
    'key-invalid',
    'key-used-before-sale',
    'key-used-after-reveal',
    'key-expired',
    'wrong-face-value',
    'duplicate-recharge',
    'platform-failure',
    'merchant-absent',
    'wrong-account',
    'own-cancellation',
    'dislike',
  ]);
  for (const { name, description, consequence, basis, reasons } of faultCatalogue) {
    for (const { zh, en } of [name, description, consequence.text]) {
      expect(zh).toMatch(/\p{Script=Han}{2}/u);
      expect(en).toMatch(/[a-z]{3}/);
    }
    expect(basis.length).toBeGreaterThan(0);
    expect(reasons.length).toBeGreaterThan(0);
  }
});

it('gives every reason but the promise for no reason a fault, and every word of the verifier a meaning', () => {
  const raised = new Set(faultCatalogue.flatMap(({ reasons }) => reasons));
  expect(claimReasons.filter((reason) => !raised.has(reason))).toEqual(['seven-day']);
  const meant = [...outcomesSaying('dead'), ...outcomesSaying('good'), ...outcomesSaying('unknown')].toSorted();
  expect(meant).toEqual(factValues.verification.filter((outcome) => outcome !== 'none').toSorted());
  expect(reasonsBlaming('platform')).toEqual(['platform-failure']);
  expect(claimReasons.filter((reason) => blamedBy(reason) === 'nobody')).toEqual(['dislike', 'seven-day']);
});

it('says what the default policy does once the verifier has proven it', () => {
  for (const { code, verification, consequence } of faultCatalogue)
    for (const outcome of verification) {
      const facts: Facts = { ...plain, verification: outcome };
      const { then } = matchRule(table, facts);
      // What a part is worth only a person can say.
      if (consequence.remedy === 'PARTIAL_REFUND') expect([code, then]).toEqual([code, { do: 'review' }]);
      else expect([code, then]).toMatchObject([code, { remedy: consequence.remedy, bearer: consequence.bearer }]);
      const promised = matchRule(table, { ...facts, reissuePromised: 'yes' }).then.do;
      expect([code, promised === 'await-reissue']).toEqual([code, consequence.reissueFirst]);
    }
});

it.each<[Partial<RecordedFacts>, FaultCode | undefined]>([
  // the platform's own records
  [{ delivered: 'no', reason: 'key-invalid' }, 'not-delivered'],
  [{ delivered: 'no', reason: 'merchant-absent' }, 'not-delivered'],
  [{ delivered: 'no', reason: 'dislike' }, 'own-cancellation'],
  [{ delivered: 'no', platformFailure: 'yes', reason: 'dislike' }, 'platform-failure'],
  [{ platformFailure: 'yes' }, 'platform-failure'],
  [{ platformFailure: 'yes', reason: 'dislike' }, 'dislike'],
  [{ reason: 'platform-failure' }, undefined],
  [{ reason: 'platform-failure', merchantAnswer: 'accepted' }, undefined],
  // what the buyer says of himself
  [{ reason: 'wrong-account' }, 'wrong-account'],
  [{ reason: 'own-cancellation' }, 'own-cancellation'],
  [{ reason: 'seven-day' }, undefined],
  // the verifier
  [{}, undefined],
  [{ verification: 'INVALID' }, 'key-invalid'],
  [{ verification: 'EXPIRED' }, 'key-expired'],
  [{ verification: 'ACTIVATED_BEFORE_SALE' }, 'key-used-before-sale'],
  [{ verification: 'ACTIVATED_AFTER_REVEAL' }, 'key-used-after-reveal'],
  [{ verification: 'WRONG_VALUE' }, 'wrong-face-value'],
  [{ verification: 'DUPLICATE' }, 'duplicate-recharge'],
  [{ verification: 'NOT_CREDITED' }, 'not-credited'],
  [{ verification: 'UNUSED', merchantAnswer: 'silent' }, undefined],
  [{ verification: 'CREDITED' }, undefined],
  // the merchant
  [{ verification: 'INCONCLUSIVE', merchantAnswer: 'accepted', reason: 'key-used' }, 'key-used-before-sale'],
  [{ verification: 'INCONCLUSIVE', chat: 'strong', merchantPromise: 'reissue' }, 'key-invalid'],
  [{ verification: 'INCONCLUSIVE', chat: 'weak', merchantPromise: 'refund' }, undefined],
  [{ verification: 'INCONCLUSIVE', merchantAnswer: 'contested' }, undefined],
  [{ verification: 'INCONCLUSIVE', merchantAnswer: 'silent' }, 'merchant-absent'],
])('%j establishes %s', (differing, fault) => {
  expect(faultOf({ ...plain, ...differing })).toBe(fault);
});

it('reads a verdict of an earlier build, and names no fault that it has not', () => {
  const known: RecordedFacts = Object.fromEntries(
    Object.entries(plain).filter(([fact]) => !['noReturnConsent', 'chat', 'evidence', 'merchantPromise'].includes(fact)),
  ) as unknown as RecordedFacts;
  expect(faultOf({ ...known, verification: 'EXPIRED' })).toBe('key-expired');
  expect(faultNamed('key-expired')).toMatchObject({ whose: 'merchant', reasons: ['key-invalid', 'key-expired'] });
  expect(() => faultNamed('bad-luck' as FaultCode)).toThrow('the catalogue has no fault bad-luck');
});
