import { money, zero } from '@recourse/money';
import {
  audited,
  deadKey,
  debited,
  fen,
  obligationOpened,
  payableDebited,
  positionOf,
  refundId,
  reimbursed,
  replaced,
  reserved,
  tampered,
  thinDeposit,
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
