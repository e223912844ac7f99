import { eventsOf } from '@recourse/eventing';
import { RefundChain, type RefundStory } from './refund-chain.js';
import type { DomainEvent } from './posting.js';
import {
  approved,
  deadKey,
  deceit,
  deceitGivenUp,
  fen,
  handedOver,
  madeWhole,
  madeWholeAfterWriteOff,
  recorded,
  refundFromEscrow,
  refundId,
  revokedRefund,
  tampered,
  thinDeposit,
} from './sample-history.js';

const storyOf = (history: readonly DomainEvent[]): RefundStory => {
  const events = recorded(history);
  const approval = events.find(({ type }) => type === 'RefundApproved');
  if (approval === undefined) throw new Error('nothing was approved');
  const chain = new RefundChain(refundId, approval);
  for (const event of events) chain.take(event);
  return chain.story();
};
const evidence = (data: { content: string; kind: 'chat'; evidenceId: string }): DomainEvent => ({
  type: 'EvidenceSubmitted',
  data: { disputeId: 'demo.o1.1', by: 'buyer', showsActivationFailure: true, submittedAt: '2026-03-04T08:00:00.000Z', ...data },
});
const made = eventsOf<DomainEvent>();
const upTo = (history: readonly DomainEvent[], type: DomainEvent['type']) =>
  history.slice(0, history.findIndex((event) => event.type === type) + 1);

it('tells a refund from the order to the recovery, and nothing is open in the end', () => {
  const story = storyOf(deadKey);
  const events = story.steps.map(({ event }) => event);
  expect(events.slice(0, 3)).toEqual(['OrderPlaced', 'PaymentCaptured', 'UnitDelivered']);
  expect(events.slice(-4)).toEqual(['PayoutSucceeded', 'ObligationRefundPaid', 'DepositDebited', 'FundReimbursed']);
  // Money that came for other reasons is not part of it.
  expect(events).not.toContain('DepositToppedUp');
  expect(events).not.toContain('FundContributed');
  expect(story.totals).toEqual({
    approved: fen(10_000),
    funded: fen(10_000),
    paid: fen(10_000),
    recourse: fen(9_500),
    recovered: fen(9_500),
    reimbursed: fen(9_500),
    compensated: fen(0),
  });
  expect(story.open).toEqual([]);
});

it('tells of a refund that the deposit paid in the place of the fund', () => {
  const story = storyOf(handedOver);
  expect(story.steps.map(({ event }) => event)).toEqual(
    expect.arrayContaining(['ReservationQueued', 'ReservationHandedOver', 'RefundFundedFromDeposit', 'HandOverEnded']),
  );
  expect(story.totals).toMatchObject({ funded: fen(10_000), paid: fen(10_000), recourse: fen(0), recovered: fen(0) });
  expect(story.open).toEqual([]);
});

it('says at every point what is still open', () => {
  const open = (history: readonly DomainEvent[]) =>
    storyOf(history).open.map(({ matter, amount }) => [matter, Number(amount.minor)]);
  expect(open(upTo(deadKey, 'RefundApproved'))).toEqual(expect.arrayContaining([['funding', 10_000]]));
  expect(open(upTo(thinDeposit, 'FundsReserved'))).toEqual([
    ['payout', 10_000],
    ['recourse', 9_500],
    ['hold', 3_000],
  ]);
  expect(open(upTo(thinDeposit, 'DepositDebited'))).toEqual([
    ['recourse', 6_500],
    ['reimbursement', 3_000],
  ]);
  expect(open(upTo(thinDeposit, 'FundReimbursed'))).toEqual([['recourse', 6_500]]);
  expect(open(thinDeposit)).toEqual([]);
  expect(open(refundFromEscrow)).toEqual([]);
});

it('tells how the merchant of an overturned verdict is made whole, and what the fund still owes him', () => {
  const open = (history: readonly DomainEvent[]) =>
    storyOf(history).open.map(({ matter, amount }) => [matter, Number(amount.minor)]);
  expect(open(upTo(madeWhole, 'RecourseForgiven'))).toEqual([]);
  expect(open(upTo(madeWhole, 'CompensationClaimed'))).toEqual([['compensation', 3_000]]);
  expect(open(upTo(madeWhole, 'MerchantCompensated'))).toEqual([]);
  const story = storyOf(madeWhole);
  expect(story.steps.slice(-4).map(({ event, name }) => [event, name.en])).toEqual([
    ['RecourseForgiven', 'Verdict overturned, recourse forgiven'],
    ['CompensationClaimed', "Merchant's loss claimed from the fund"],
    ['MerchantCompensated', 'Merchant compensated by the fund'],
    ['CompensationCredited', 'Compensation credited'],
  ]);
  expect(story.totals).toMatchObject({ recourse: fen(3_000), recovered: fen(3_000), compensated: fen(3_000) });
  expect(storyOf(madeWholeAfterWriteOff)).toMatchObject({
    totals: { recourse: fen(5_000), recovered: fen(5_000), compensated: fen(5_000) },
    open: [],
  });
});

it('tells of the appeal that its verdict met, and not what was said in it', () => {
  const of = { disputeId: 'demo.o1.1', verdictId: refundId, orderId: 'demo.o1', platform: 'demo', merchant: 'm1', buyer: 'b1' };
  const lodged = made('AppealLodged', {
    ...of,
    appealId: `${refundId}.a1`,
    by: 'merchant',
    units: [1],
    reason: 'vault-reference',
    lodgedBy: 'merchant-m1',
    lodgedAt: '2026-03-04T08:00:00.000Z',
    until: '2026-03-07T08:00:00.000Z',
  });
  const ruled = made('AppealRuled', {
    ...of,
    appeals: [`${refundId}.a1`],
    outcome: 'upheld',
    units: [],
    decidedBy: 'person',
    person: 'bo',
    explanation: { zh: '维持', en: 'it stands' },
    basis: ['S79'],
    ruledAt: '2026-03-05T08:00:00.000Z',
  });
  const { steps } = storyOf(revokedRefund.toSpliced(-5, 0, lodged, ruled));
  const told = steps.find(({ event }) => event === 'AppealLodged');
  expect(told).toMatchObject({ facts: { by: 'merchant', lodgedBy: 'merchant-m1' } });
  expect(told?.facts).not.toHaveProperty('reason');
  expect(steps.find(({ event }) => event === 'AppealRuled')).toMatchObject({
    facts: { outcome: 'upheld', person: 'bo' },
    explanation: { en: 'it stands' },
  });
});

it('tells a refund that was revoked to its end, and waits for nothing any more', () => {
  const overturned = made('VerdictOverturned', {
    disputeId: 'demo.o1.1',
    verdictId: refundId,
    orderId: 'demo.o1',
    platform: 'demo',
    merchant: 'm1',
    buyer: 'b1',
    units: [],
    isFraud: false,
    explanation: { zh: '复核', en: 'a second look' },
    proposedBy: 'anna',
    approvedBy: 'bo',
    overturnedAt: '2026-03-05T08:00:00.000Z',
  });
  const story = storyOf(revokedRefund.toSpliced(-5, 0, overturned));
  expect(story.steps.map(({ event }) => event).slice(-6)).toEqual([
    'VerdictOverturned',
    'PayoutCancelRequested',
    'PayoutCancelled',
    'RefundRevoked',
    'EscrowReleased',
    'PayableCredited',
  ]);
  expect(story.steps.find(({ event }) => event === 'VerdictOverturned')).toMatchObject({
    facts: { proposedBy: 'anna', approvedBy: 'bo', isFraud: 'false' },
    explanation: { en: 'a second look' },
  });
  expect(story.totals).toMatchObject({ approved: fen(10_000), funded: fen(0), paid: fen(0) });
  expect(story.open).toEqual([]);
});

it('what a buyer owes for deceit is told and is open until it is repaid or given up; the fund is not reimbursed by it', () => {
  const debtOf = (history: readonly DomainEvent[]) => storyOf(history).open.map(({ matter, amount }) => [matter, amount]);
  expect(debtOf(upTo(deceit, 'BuyerFraudEstablished'))).toEqual([['debt', fen(10_000)]]);
  expect(debtOf(upTo(deceit, 'FraudRepaid'))).toEqual([['debt', fen(7_000)]]);
  expect(debtOf(deceit)).toEqual([]);
  expect(debtOf(deceitGivenUp)).toEqual([]);
  const { steps, totals } = storyOf(deceit);
  expect(steps.map(({ event }) => event).slice(-3)).toEqual(['BuyerDebtReturned', 'FraudRepaid', 'RefundReturned']);
  expect(totals).toMatchObject({ paid: fen(0), recourse: fen(0), recovered: fen(0), reimbursed: fen(0) });
});

it('another unit and another refund of the order are not part of it', () => {
  const story = storyOf(refundFromEscrow);
  expect(story.steps.filter(({ event }) => event === 'UnitDelivered')).toHaveLength(1);
  expect(story.steps.map(({ event }) => event)).not.toContain('EscrowReleased');
  const other = { ...approved('fund'), data: { ...approved('fund').data, refundId: 'demo.o1.2.v1' } } as DomainEvent;
  expect(storyOf([...refundFromEscrow, other]).steps).toHaveLength(story.steps.length);
});

it('shows rule and transfer key, and never a key that was bought, a payee or what a person wrote', () => {
  const delivery = { kind: 'key', ciphertext: 'secret-ciphertext', fingerprint: 'secret-print', masked: 'secret-mask' } as const;
  const story = storyOf([
    ...tampered(deadKey, 'UnitDelivered', { delivery }),
    evidence({ content: 'secret-content', kind: 'chat', evidenceId: 'e1' }),
  ]);
  const text = JSON.stringify(story, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  expect(text).not.toContain('secret');
  expect(text).not.toContain('vault:b1');
  expect(story.steps.at(-1)?.facts).toMatchObject({ evidenceId: 'e1', kind: 'chat' });
  expect(story.steps.find(({ event }) => event === 'TransferSubmitted')?.facts).toMatchObject({
    transferKey: '1'.repeat(32),
    transferNo: '1',
  });
});
