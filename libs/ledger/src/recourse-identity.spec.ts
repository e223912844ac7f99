import { money, zero } from '@recourse/money';
import {
  audited,
  deadKey,
  debited,
  fen,
  obligationOpened,
  paidOutside,
  payableDebited,
  positionOf,
  refundedOutside,
  refundId,
  reimbursed,
  reinstated,
  replaced,
  reserved,
  tampered,
  thinDeposit,
  writtenOff,
  writtenOffDebt,
} from './sample-history.js';
import type { DomainEvent } from './posting.js';

const ofI6 = async (history: readonly DomainEvent[]) =>
  (await audited(history)).violations.filter(({ invariant }) => invariant === 'I6');

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
        expected: 'recovered in the same append',
      },
    ]);
  });

  it('is named when a part of what is reinstated is not recovered (I6)', async () => {
    const history = replaced(writtenOffDebt, 'DepositDebited', debited(0, 1_900, 100));
    expect((await ofI6(history)).map(({ found }) => found)).toContain('reinstated and outstanding 1.00 CNY');
  });
});
