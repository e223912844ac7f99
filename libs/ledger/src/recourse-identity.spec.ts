import { money, zero } from '@recourse/money';
import { Audit } from './audit.js';
import {
  audited,
  buyerFraud,
  compensated,
  compensationClaimed,
  contributed,
  deadKey,
  debited,
  deceit,
  deceitGivenUp,
  endOfMonth,
  fen,
  forgiven,
  fundedFromDeposit,
  fundOpened,
  handedOver,
  madeWhole,
  madeWholeAfterWriteOff,
  obligationOpened,
  obligationRevoked,
  overturned,
  paidOutside,
  payableDebited,
  payoutReturned,
  positionOf,
  recorded,
  refundedOutside,
  refundId,
  refundReturned,
  refundRevokedFromDeposit,
  reimbursed,
  reinstated,
  replaced,
  reservationRevoked,
  reservationWithdrawn,
  reserved,
  reversed,
  revoked,
  tampered,
  thinDeposit,
  writtenOff,
  writtenOffDebt,
} from './sample-history.js';
import { Books } from './journal.js';
import type { DomainEvent } from './posting.js';
import { RecourseIdentity } from './recourse-identity.js';

const ofI6 = async (history: readonly DomainEvent[]) =>
  (await new Audit({}, [new RecourseIdentity()]).run(recorded(history), { now: endOfMonth, toleranceMs: 60_000 })).violations;
/** Up to the reservation and its obligation. */
const untilPaid = (history: readonly DomainEvent[]) =>
  history.slice(0, history.findIndex(({ type }) => type === 'ObligationOpened') + 1);

it('a debit that misstates what is outstanding is named (I6)', async () => {
  const history = replaced(deadKey, 'DepositDebited', debited(3_000, 0, 6_499));
  expect(await ofI6(history.slice(0, -1))).toEqual([
    {
      invariant: 'I6',
      subject: refundId,
      position: positionOf(history, 'DepositDebited'),
      found: 'outstanding 64.99 CNY',
      expected: '65.00 CNY',
    },
  ]);
});

it('a debit beyond what is owed is named (I6)', async () => {
  expect(await ofI6(replaced(deadKey, 'DepositDebited', debited(9_501, 0, 0)))).toMatchObject([
    { subject: refundId, found: 'debited 95.01 CNY', expected: 'at most 95.00 CNY, outstanding' },
  ]);
});

it('a debit before the buyer is paid is named (I6)', async () => {
  const early = replaced(deadKey, 'PayoutSucceeded');
  expect(await ofI6(early)).toMatchObject([{ subject: refundId, expected: 'the refund to be paid first' }]);
});

it('a refund made outside in our place counts as paid, one beside our payment or of a part does not (I6)', async () => {
  expect(await ofI6(paidOutside)).toEqual([]);
  for (const not of [refundedOutside(0, 10_000), refundedOutside(4_000, 0, 6_000)])
    expect(await ofI6(replaced(paidOutside, 'RefundedOutside', not))).toMatchObject([
      { subject: refundId, expected: 'the refund to be paid first' },
    ]);
});

it('a debit without obligation, of another merchant or in another asset is named with the account that is off (I6)', async () => {
  const missing = await ofI6([debited(100, 0, 0)]);
  expect(missing.map(({ subject }) => subject)).toEqual([refundId]);
  const otherMerchant = await ofI6(tampered(deadKey, 'DepositDebited', { merchant: 'm2' }));
  expect(otherMerchant[0]).toMatchObject({ subject: refundId, found: 'debited 95.00 CNY from m2' });
  const other = money(9_500n, 'USD');
  expect(
    await ofI6(tampered(deadKey, 'DepositDebited', { amount: other, fromHeld: other, fromDeposit: zero('USD') })),
  ).toMatchObject([
    { subject: refundId, found: 'debited 95.00 USD from m1' },
    { subject: refundId, found: 'reimbursed 95.00 CNY' },
  ]);
});

it('an amount that is not what was taken leaves the books off, and is named once (I6)', async () => {
  const history = tampered(thinDeposit, 'DepositDebited', { fromDeposit: fen(6_000) });
  expect(await ofI6(history)).toEqual([
    {
      invariant: 'I6',
      subject: refundId,
      position: positionOf(history, 'DepositDebited'),
      found: 'debited 65.00 CNY',
      expected: 'held and deposit together',
    },
    {
      invariant: 'I6',
      subject: 'demo/merchant:m1:recourse',
      position: positionOf(history, 'DepositDebited'),
      found: '5.00 CNY',
      expected: '0.00 CNY, what its refunds leave',
    },
  ]);
});

it('a reservation that is not what was approved is named part by part (I6)', async () => {
  const history = tampered(deadKey, 'FundsReserved', { fromFund: fen(9_000), merchantShare: fen(9_200) });
  expect((await ofI6(history)).slice(0, 4)).toMatchObject([
    { subject: refundId, found: 'fromFund 90.00 CNY', expected: '95.00 CNY, as approved' },
    { subject: refundId, found: 'merchantShare 92.00 CNY', expected: '95.00 CNY, as approved' },
    { subject: refundId, found: 'reserved 100.00 CNY', expected: 'fromFund and fromFees together' },
    { subject: refundId, found: 'merchant share 92.00 CNY', expected: 'at most 90.00 CNY, what the fund pays' },
  ]);
});

it('a second reservation for one refund is named (I6)', async () => {
  const history = [...deadKey, reserved('fund')];
  expect(await ofI6(history)).toMatchObject([
    { subject: refundId, position: positionOf(history, 'FundsReserved'), expected: 'an approved refund that waits for the fund' },
  ]);
});

it('an obligation of another amount, or under another name, is named (I6)', async () => {
  expect(await ofI6(replaced(deadKey, 'ObligationOpened', obligationOpened(9_400)))).toMatchObject([
    { subject: refundId, found: 'obligation of 94.00 CNY', expected: '95.00 CNY, the share reserved' },
  ]);
  expect(await ofI6(tampered(deadKey, 'DepositDebited', { obligationId: 'x' }))).toMatchObject([
    { found: 'debited for obligation x', expected: refundId },
  ]);
  expect(await ofI6(replaced(deadKey, 'ObligationOpened'))).toMatchObject([{ expected: 'an obligation opened before' }]);
});

it('a fund reimbursed with more than was recovered is named (I6)', async () => {
  const history = replaced(thinDeposit, 'FundReimbursed', reimbursed(6_500), reimbursed(1));
  expect(await ofI6(history)).toEqual([
    {
      invariant: 'I6',
      subject: refundId,
      position: positionOf(history, 'FundReimbursed'),
      found: 'reimbursed 0.01 CNY',
      expected: 'at most 0.00 CNY, recovered',
    },
  ]);
});

it('sales proceeds recover like the deposit does', async () => {
  const history = replaced(deadKey, 'DepositDebited', debited(3_000, 0, 6_500), payableDebited(6_500, 0));
  expect(await ofI6(history)).toEqual([]);
});

describe('a debt that is written off', () => {
  it('is neither owed nor advanced any more, and what comes later is recovered like any other', async () => {
    expect((await audited(writtenOffDebt)).violations).toEqual([]);
  });

  it('is named when it is not what was outstanding, or when it was not paid first (I6)', async () => {
    expect(await ofI6([...thinDeposit.slice(0, -3), writtenOff(6_400)])).toMatchObject([
      { subject: refundId, found: 'written off 64.00 CNY', expected: '65.00 CNY, outstanding' },
    ]);
    expect(
      await ofI6([...deadKey.slice(0, -4).filter(({ type }) => type !== 'PayoutSucceeded'), writtenOff(9_500)]),
    ).toMatchObject([{ subject: refundId, found: 'written off 95.00 CNY', expected: 'the refund to be paid first' }]);
  });

  it('is named when one person alone gave it up, or when nobody owed it (I6)', async () => {
    expect(await ofI6(replaced(writtenOffDebt, 'RecourseWrittenOff', writtenOff(6_500, 'chen')))).toMatchObject([
      { subject: refundId, found: 'written off by chen alone', expected: 'two people' },
    ]);
    expect(await ofI6([writtenOff(100)])).toMatchObject([{ subject: refundId, found: 'written off 1.00 CNY of m1' }]);
  });

  it('is named when more is reinstated than was written off, or the rest is misstated (I6)', async () => {
    expect(await ofI6(replaced(writtenOffDebt, 'RecourseReinstated', reinstated(2_000, 4_501)))).toMatchObject([
      { subject: refundId, found: 'still written off 45.01 CNY', expected: '45.00 CNY' },
    ]);
    expect((await ofI6([...writtenOffDebt, reinstated(4_501, 0), debited(0, 4_501, 0)]))[0]).toMatchObject({
      subject: refundId,
      found: 'reinstated 45.01 CNY',
      expected: 'at most 45.00 CNY, written off',
    });
  });

  it('is named when it is reinstated and not recovered in the same append (I6)', async () => {
    const history = [...writtenOffDebt, reinstated(500, 4_000)];
    expect(await ofI6(history)).toEqual([
      {
        invariant: 'I6',
        subject: refundId,
        position: positionOf(history, 'RecourseReinstated'),
        found: 'reinstated and outstanding 5.00 CNY',
        expected: 'recovered or forgiven in the same append',
      },
    ]);
  });

  it('is named when a part of what is reinstated is not recovered (I6)', async () => {
    const history = replaced(writtenOffDebt, 'DepositDebited', debited(0, 1_900, 100));
    expect((await ofI6(history)).map(({ found }) => found)).toContain('reinstated and outstanding 1.00 CNY');
  });
});

it('a refund that the deposit funded is neither reserved nor owed; funded a second time, in part or by a stranger it is named (I6)', async () => {
  expect(await ofI6(handedOver)).toEqual([]);
  const asked = handedOver.findIndex(({ type }) => type === 'RefundFundedFromDeposit');
  expect(await ofI6(handedOver.toSpliced(asked + 1, 0, reserved('fund')))).toMatchObject([
    { subject: refundId, found: 'reserved 100.00 CNY', expected: 'an approved refund that waits for the fund' },
  ]);
  expect(await ofI6(handedOver.toSpliced(asked + 1, 0, fundedFromDeposit(0, 9_500)))).toMatchObject([
    { subject: refundId, found: 'funded 100.00 CNY from the deposit', expected: 'an approved refund that waits for the fund' },
  ]);
  expect(await ofI6(replaced(handedOver, 'RefundFundedFromDeposit', fundedFromDeposit(8_000, 1_499)))).toMatchObject([
    { subject: refundId, expected: '95.00 CNY, the share of the merchant' },
  ]);
  expect(await ofI6(replaced(handedOver, 'RefundFundedFromDeposit', fundedFromDeposit(8_000, 1_500, 499)))).toMatchObject([
    { subject: refundId, expected: 'the share and 5.00 CNY of fees together' },
  ]);
});

describe('a refund that is revoked', () => {
  const revocation = [revoked('fund'), reservationRevoked, obligationRevoked];
  const untilReserved = deadKey.slice(0, deadKey.findIndex(({ type }) => type === 'ObligationOpened') + 1);
  const gone: readonly DomainEvent[] = [...untilReserved, ...revocation];

  it('leaves the fund what it had, and nothing owed', async () => {
    expect(await ofI6(gone)).toEqual([]);
    expect(await ofI6(refundRevokedFromDeposit)).toEqual([]);
  });

  it('is named when what goes back is not what was reserved, and so is the account that is off (I6)', async () => {
    expect(await ofI6(tampered(gone, 'ReservationRevoked', { fromFund: fen(9_400) }))).toMatchObject([
      { subject: refundId, found: 'fromFund 94.00 CNY given back', expected: '95.00 CNY, as reserved' },
    ]);
    expect(await ofI6(tampered(gone, 'ReservationRevoked', { merchantShare: fen(9_400) }))).toMatchObject([
      { subject: refundId, found: 'merchantShare 94.00 CNY given back', expected: '95.00 CNY, as reserved' },
    ]);
  });

  it('is named when it was not revoked, was paid, goes back twice, or others funded it (I6)', async () => {
    const found = async (history: readonly DomainEvent[]) => (await ofI6(history)).map(({ expected }) => expected);
    expect(await found([...untilReserved, reservationRevoked])).toEqual(['the refund to be revoked first']);
    expect(await found([...deadKey.slice(0, -3), revoked('fund'), reservationRevoked])).toEqual(['a refund that was never paid']);
    expect(await found([...gone, reservationRevoked])).toContain('it to be given back once');
    expect(await found([revoked('fund'), reservationRevoked])).toContain('a refund that the fund has funded');
  });

  it('is named when the obligation that ends is not the share, or when it is collected all the same (I6)', async () => {
    expect(await ofI6(tampered(gone, 'ObligationRevoked', { amount: fen(9_400) }))).toMatchObject([
      { subject: refundId, found: 'obligation of 94.00 CNY revoked', expected: '95.00 CNY, the share given back' },
    ]);
    expect(await ofI6([...untilReserved, obligationRevoked])).toMatchObject([{ expected: '0.00 CNY, the share given back' }]);
    expect((await ofI6([...gone, debited(9_500, 0, 0)]))[0]).toMatchObject({ expected: 'at most 0.00 CNY, outstanding' });
  });

  it('is named when the deposit gets back another amount than it gave, or the fund reserves what was withdrawn (I6)', async () => {
    expect(await ofI6(tampered(refundRevokedFromDeposit, 'DepositFundingRevoked', { toDeposit: fen(9_400) }))).toMatchObject([
      { subject: refundId, expected: '95.00 CNY and 5.00 CNY, as funded' },
    ]);
    const withdrawn = replaced(deadKey, 'FundsReserved', reservationWithdrawn, reserved('fund'));
    expect((await ofI6(withdrawn))[0]).toMatchObject({ expected: 'an approved refund that waits for the fund' });
  });
});

describe('a merchant who is made whole', () => {
  it('bears nothing, whatever was recovered, outstanding or written off', async () => {
    for (const history of [madeWhole, madeWholeAfterWriteOff]) expect(await ofI6(history)).toEqual([]);
  });

  it('is named when more is forgiven than is outstanding, or than the verdict put on him (I6)', async () => {
    expect((await ofI6(replaced(madeWhole, 'RecourseForgiven', forgiven(6_501))))[0]).toMatchObject({
      subject: refundId,
      found: 'forgiven 65.01 CNY',
      expected: 'at most 65.00 CNY, outstanding',
    });
    expect((await ofI6(tampered(madeWhole, 'RefundOverturned', { recourse: fen(6_499) })))[0]).toMatchObject({
      found: 'forgiven 65.00 CNY',
      expected: 'at most 64.99 CNY in all, what the verdict put on him',
    });
  });

  it('is named when nobody overturned the verdict, the buyer is not paid, or nobody owed it (I6)', async () => {
    expect((await ofI6(replaced(madeWhole, 'RefundOverturned')))[0]).toMatchObject({
      expected: 'its verdict to be overturned first',
    });
    const unpaid = [...untilPaid(madeWhole), overturned(9_500), forgiven(9_500)];
    expect(await ofI6(unpaid)).toMatchObject([{ found: 'forgiven 95.00 CNY', expected: 'the refund to be paid first' }]);
    expect(await ofI6([forgiven(100)])).toMatchObject([{ expected: 'an obligation of this merchant in this asset' }]);
  });

  it('is named when more is overturned than the refund put on him (I6)', async () => {
    expect((await ofI6(replaced(madeWhole, 'RefundOverturned', overturned(9_501))))[0]).toMatchObject({
      found: 'recourse of 95.01 CNY',
      expected: 'at most 95.00 CNY, the share approved',
    });
  });

  it('is named when he claims more than he lost, claims it twice or before the buyer is paid (I6)', async () => {
    const found = async (history: readonly DomainEvent[]) => (await ofI6(history)).map(({ expected }) => expected);
    expect(await found(replaced(madeWhole, 'CompensationClaimed', compensationClaimed(3_001)))).toContain(
      '30.00 CNY, not forgiven of his share',
    );
    expect(await found(replaced(madeWhole, 'CompensationClaimed', compensationClaimed(3_001, 1)))).toContain(
      '0.00 CNY, by the overturned verdict',
    );
    expect(await found(tampered(madeWhole, 'CompensationClaimed', { amount: fen(2_999) }))).toContain(
      'what was recovered and lost together',
    );
    expect(await found([...madeWhole, compensationClaimed(3_000)])).toEqual(['one claim for one refund']);
    expect(await found([...untilPaid(madeWhole), overturned(9_500), compensationClaimed(9_500)])).toEqual([
      'at most 0.00 CNY, taken from him',
      'the refund to be paid first',
    ]);
  });

  it('is named when the fund pays him another amount, or again (I6)', async () => {
    expect(await ofI6(replaced(madeWhole, 'MerchantCompensated', compensated(2_999)))).toMatchObject([
      { subject: refundId, found: 'compensated 29.99 CNY', expected: '30.00 CNY, claimed once' },
    ]);
    expect(await ofI6([...madeWhole, compensated(3_000)])).toMatchObject([{ found: 'compensated 30.00 CNY again' }]);
  });
});

describe('money that came back', () => {
  it('is the fund’s once, and only when the buyer is owed it no more (I6)', async () => {
    const back = [...deadKey, overturned(9_500), reversed(), payoutReturned, refundReturned(10_000)];
    expect(await ofI6(back)).toEqual([]);
    expect(await ofI6([...back, refundReturned(1)])).toMatchObject([
      { subject: refundId, found: 'returned 0.01 CNY', expected: 'at most 0.00 CNY, come back and owed no more' },
    ]);
    expect(await ofI6(replaced(back, 'PayoutReturned'))).toMatchObject([{ found: 'returned 100.00 CNY' }]);
  });

  it('of a buyer who deceived is a debt of his on the books, once, and for what he was paid (I6)', async () => {
    expect(await ofI6(deceit)).toEqual([]);
    expect(await ofI6(deceitGivenUp)).toEqual([]);
    expect(await ofI6(tampered(deceit, 'RefundOverturned', { buyerOwes: fen(9_999) }))).toMatchObject([
      { subject: refundId, found: 'fraud of 100.00 CNY', expected: '99.99 CNY, found once' },
    ]);
    const again = await ofI6([...deceit, buyerFraud(10_000)]);
    expect(again[0]).toMatchObject({ found: 'fraud of 100.00 CNY again' });
    expect(await ofI6(replaced(deceit, 'PayoutReturned'))).toMatchObject([
      { found: 'returned 70.00 CNY', expected: 'at most 0.00 CNY, come back and owed no more' },
      { found: 'returned 30.00 CNY' },
    ]);
  });
});

it('the money of the fund is what was given to it and came back, less what it laid out (I6)', async () => {
  const check = new RecourseIdentity();
  const [opened, given] = recorded([fundOpened(), contributed]);
  const empty = { postings: [], books: new Books() };
  expect([...check.check(opened!, empty), ...check.check(given!, empty)]).toEqual([
    {
      invariant: 'I6',
      subject: 'demo/fund:available',
      position: 20n,
      found: '0.00 CNY',
      expected: '1000.00 CNY, what its refunds leave',
    },
  ]);
});
