import { plusMs } from '@recourse/eventing';
import { cardActivation } from './card-activation.js';
import { carrierRecord } from './carrier-record.js';
import { conclude } from './conclusion.js';
import { membershipEntitlement } from './membership-entitlement.js';
import type { RecordSource } from './record-source.js';
import type { EarlierAnswer, VerificationQuestion } from './verifier.js';

const deliveredAt = '2026-03-01T08:00:00.000Z';
const revealedAt = '2026-03-01T09:00:00.000Z';
const askedAt = '2026-03-01T12:00:00.000Z';
const yuan = (minor: number) => ({ asset: 'CNY', minor: String(minor) });

const asked = (source: RecordSource, change: Partial<VerificationQuestion> = {}): VerificationQuestion => ({
  productKind: source.productKind,
  unitNo: 1,
  deliveryReference: 'r1',
  revealedAt,
  askedAt,
  ...change,
});
const answerOf = (...records: readonly object[]) => Buffer.from(JSON.stringify({ reference: 'r1', records }));
/** The outcome, or why there is none. */
const said = (source: RecordSource, question: VerificationQuestion, ...records: readonly object[]) => {
  const finding = conclude(source, answerOf(...records), question);
  return finding.is === 'settled' ? finding.outcome : finding.is === 'doubtful' ? finding.why : finding.is;
};

describe('the record of a card', () => {
  const card = (record: object, change?: Partial<VerificationQuestion>) =>
    said(cardActivation, asked(cardActivation, change), record);
  const usedAt = (activatedAt: string, change?: Partial<VerificationQuestion>) =>
    card({ state: 'ACTIVATED', activatedAt }, change);

  it.each([
    ['before the delivery', plusMs(deliveredAt, -1), 'ACTIVATED_BEFORE_SALE'],
    ['exactly at the delivery', deliveredAt, 'ACTIVATED_BEFORE_SALE'],
    ['between delivery and reveal, when nobody at the buyer had seen it', plusMs(deliveredAt, 1), 'ACTIVATED_BEFORE_SALE'],
    ['one millisecond before the reveal', plusMs(revealedAt, -1), 'ACTIVATED_BEFORE_SALE'],
    ['exactly at the reveal', revealedAt, 'ACTIVATED_AFTER_REVEAL'],
    ['one millisecond after the reveal', plusMs(revealedAt, 1), 'ACTIVATED_AFTER_REVEAL'],
  ])('that was activated %s', (_, moment, outcome) => {
    expect(usedAt(moment)).toBe(outcome);
  });

  it('that was never revealed cannot have been activated by the buyer', () => {
    const { productKind, unitNo, deliveryReference } = asked(cardActivation);
    const unseen = { productKind, unitNo, deliveryReference, askedAt };
    expect(said(cardActivation, unseen, { state: 'ACTIVATED', activatedAt: askedAt })).toBe('ACTIVATED_BEFORE_SALE');
  });

  it('that is activated in the future settles nothing; two minutes of a clock that is ahead are forgiven', () => {
    expect(usedAt(plusMs(askedAt, 120_000))).toBe('ACTIVATED_AFTER_REVEAL');
    expect(usedAt(plusMs(askedAt, 120_001))).toBe('it was used at a moment that is yet to come');
  });

  it('that was activated twice settles nothing, even if both were after the reveal', () => {
    const used = (activatedAt: string) => ({ state: 'ACTIVATED', activatedAt });
    const twice = (other: string) => said(cardActivation, asked(cardActivation), used(revealedAt), used(other));
    expect(twice(plusMs(revealedAt, 1))).toBe('its records contradict each other');
    expect(twice(revealedAt)).toBe('ACTIVATED_AFTER_REVEAL');
  });

  it('that expired before the reveal was dead, and one that expired in the hands of the buyer settles nothing', () => {
    expect(card({ state: 'EXPIRED', expiredAt: plusMs(revealedAt, -1) })).toBe('EXPIRED');
    expect(card({ state: 'EXPIRED', expiredAt: revealedAt })).toBe('it was good when it was revealed, and has expired since');
  });

  it('that is worth less than listed is of the wrong value, unless it was dead anyway', () => {
    const worth = (faceValue: object, listedValue: object) => ({ faceValue, listedValue });
    expect(card({ state: 'UNUSED', ...worth(yuan(3_000), yuan(5_000)) })).toBe('WRONG_VALUE');
    expect(card({ state: 'UNUSED', ...worth(yuan(5_000), yuan(5_000)) })).toBe('UNUSED');
    expect(card({ state: 'ACTIVATED', activatedAt: revealedAt, ...worth(yuan(3_000), yuan(5_000)) })).toBe('WRONG_VALUE');
    expect(card({ state: 'ACTIVATED', activatedAt: deliveredAt, ...worth(yuan(3_000), yuan(5_000)) })).toBe(
      'ACTIVATED_BEFORE_SALE',
    );
    expect(card({ state: 'INVALID', ...worth(yuan(3_000), yuan(5_000)) })).toBe('INVALID');
    expect(card({ state: 'UNUSED', faceValue: yuan(3_000) })).toBe('listedValue is not an amount of money');
  });
});

describe("the carrier's record of a top-up", () => {
  const credit = (minor: number, change: object = {}) => ({
    amount: yuan(minor),
    creditedAt: deliveredAt,
    toOrderedAccount: true,
    ...change,
  });
  const credited = (...credits: readonly object[]) => ({ state: 'CREDITED', orderedAmount: yuan(10_000), credits });
  const topUp = (record: object) => said(carrierRecord, asked(carrierRecord), record);

  it.each([
    ['all of it', [credit(10_000)], 'CREDITED'],
    ['more than was ordered at once', [credit(10_001)], 'CREDITED'],
    ['all of it in two parts', [credit(4_000), credit(6_000)], 'CREDITED'],
    ['one fen less than was ordered', [credit(9_999)], 'WRONG_VALUE'],
    ['the same twice', [credit(10_000), credit(10_000)], 'DUPLICATE'],
    ['nothing, since another phone got it', [credit(10_000, { toOrderedAccount: false })], 'NOT_CREDITED'],
    ['all of it, and another phone as well', [credit(10_000), credit(10_000, { toOrderedAccount: false })], 'CREDITED'],
  ])('the phone got %s', (_, credits, outcome) => {
    expect(topUp(credited(...credits))).toBe(outcome);
  });

  it('may call it the repetition of another', () => {
    expect(topUp({ ...credited(credit(10_000)), duplicateOf: 'r0' })).toBe('DUPLICATE');
  });

  it('may say that nothing was credited, or not yet', () => {
    expect(topUp({ state: 'NOT_CREDITED' })).toBe('NOT_CREDITED');
    expect(topUp({ state: 'PENDING' })).toBe('pending');
  });

  it('settles nothing when it contradicts itself', () => {
    expect(topUp(credited())).toBe('it is credited and has no credit');
    expect(topUp({ ...credited(credit(10_000)), state: 'NOT_CREDITED' })).toBe('it has members that the protocol does not have');
    expect(said(carrierRecord, asked(carrierRecord), credited(credit(10_000)), { state: 'NOT_CREDITED' })).toBe(
      'its records contradict each other',
    );
  });
});

describe('the record of a membership', () => {
  const member = (record: object) => said(membershipEntitlement, asked(membershipEntitlement), record);

  it('says who has used the code', () => {
    expect(member({ state: 'ACTIVE', activeSince: plusMs(revealedAt, -1) })).toBe('ACTIVATED_BEFORE_SALE');
    expect(member({ state: 'ACTIVE', activeSince: revealedAt })).toBe('ACTIVATED_AFTER_REVEAL');
  });

  it('that nobody has used the code proves it good only if it can still be redeemed', () => {
    expect(member({ state: 'NONE', redeemable: true })).toBe('UNUSED');
    expect(member({ state: 'NONE', redeemable: false })).toBe('INVALID');
    expect(member({ state: 'NONE' })).toBe('redeemable is neither true nor false');
  });

  it('that has run out was dead, or used by another, or leaves open whether it lasted', () => {
    const ended = (expiredAt: string, more: object = {}) => member({ state: 'EXPIRED', expiredAt, ...more });
    expect(ended(plusMs(revealedAt, -1))).toBe('EXPIRED');
    expect(ended(askedAt, { activeSince: deliveredAt })).toBe('ACTIVATED_BEFORE_SALE');
    expect(ended(askedAt, { activeSince: revealedAt })).toMatch(/whether it lasted/);
    expect(ended(deliveredAt, { activeSince: revealedAt })).toBe('it expired before it was used');
  });
});

describe('what was said before', () => {
  const later = (record: object, ...earlier: readonly EarlierAnswer[]) =>
    said(cardActivation, asked(cardActivation, { earlier }), record);
  const before = (outcome: EarlierAnswer['outcome'], queriedAt = '2026-03-01T10:00:00.000Z') => ({ outcome, queriedAt });
  const contradiction = 'it contradicts what was said before';

  it('a used card that is unused now is a contradiction', () => {
    expect(later({ state: 'UNUSED' }, before('ACTIVATED_AFTER_REVEAL'))).toBe(contradiction);
    expect(later({ state: 'INVALID' }, before('ACTIVATED_AFTER_REVEAL'))).toBe(contradiction);
  });

  it('an unused card may be used later, but not earlier than it was seen unused', () => {
    const used = (activatedAt: string) => later({ state: 'ACTIVATED', activatedAt }, before('UNUSED'));
    expect(used('2026-03-01T10:00:00.000Z')).toBe('ACTIVATED_AFTER_REVEAL');
    expect(used('2026-03-01T09:59:59.999Z')).toBe(contradiction);
  });

  it('the same again is none, and what settled nothing binds nobody', () => {
    expect(later({ state: 'INVALID' }, before('INVALID'), before('INCONCLUSIVE'))).toBe('INVALID');
  });
});
