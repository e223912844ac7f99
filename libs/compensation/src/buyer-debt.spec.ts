import { eventsOf, specify } from '@recourse/eventing';
import { money } from '@recourse/money';
import { buyerDebt, type BuyerDebtCommand, type BuyerDebtEvent, type OwedByBuyer } from './buyer-debt.js';

const at = '2026-03-01T08:00:00.000Z';
const event = eventsOf<BuyerDebtEvent>();
const fen = (minor: number, asset = 'CNY') => money(BigInt(minor), asset);
const owed: OwedByBuyer = { debtId: 'r1', platform: 'demo', buyer: 'b1', merchant: 'm1', refundId: 'r1', kind: 'fraud' };
const twice: OwedByBuyer = { ...owed, debtId: 'r1.outside', kind: 'double-payment' };
const { given } = specify(buyerDebt, at);

const opened = (amount: number, outstanding = amount, of = owed) =>
  event('BuyerDebtOpened', { ...of, amount: fen(amount), outstanding: fen(outstanding), openedAt: at });
const repaid = (amount: number, outstanding: number, transaction = 't1') =>
  event('BuyerDebtRepaid', {
    ...owed,
    amount: fen(amount),
    outstanding: fen(outstanding),
    rail: 'alipay',
    transaction,
    repaidAt: at,
  });
const returned = (amount: number, rest: number, outstanding: number) =>
  event('BuyerDebtReturned', { ...owed, amount: fen(amount), rest: fen(rest), outstanding: fen(outstanding), returnedAt: at });
const proposed = (amount: number, proposedBy = 'ann') =>
  event('DebtWriteOffProposed', { ...owed, amount: fen(amount), reason: 'gone', proposedBy, proposedAt: at });
const approved = (amount: number, approvedBy = 'bob') =>
  event('DebtWriteOffApproved', { ...owed, amount: fen(amount), reason: 'gone', proposedBy: 'ann', approvedBy, approvedAt: at });

const open = (amount: number, of: Partial<OwedByBuyer> = {}, asset = 'CNY'): BuyerDebtCommand => ({
  type: 'OpenBuyerDebt',
  ...owed,
  ...of,
  amount: fen(amount, asset),
});
const repay = (amount: number, transaction = 't1', asset = 'CNY'): BuyerDebtCommand => ({
  type: 'RepayBuyerDebt',
  amount: fen(amount, asset),
  rail: 'alipay',
  transaction,
});
const settle = (amount: number, asset = 'CNY'): BuyerDebtCommand => ({ type: 'SettleDebtByReturn', amount: fen(amount, asset) });
const propose = (subject = 'ann', reason = 'gone'): BuyerDebtCommand => ({ type: 'ProposeDebtWriteOff', subject, reason });
const approve = (subject: string): BuyerDebtCommand => ({ type: 'ApproveDebtWriteOff', subject });

describe('a debt', () => {
  it('is opened for what the buyer owes, and grows when more of the refund is found to be owed', () => {
    given().when(open(100)).then(opened(100));
    given(opened(100)).when(open(20)).then(opened(20, 120));
    given(opened(100), repaid(100, 0)).when(open(20)).then(opened(20, 20));
  });
  it('is one minor unit or more, in one asset, of one buyer and refund', () => {
    given().when(open(0)).thenRejected('AmountNotPositive');
    given().when(open(-1)).thenRejected('AmountNotPositive');
    given(opened(100))
      .when(open(5, {}, 'USD'))
      .thenRejected('AssetMismatch');
    for (const other of [{ buyer: 'b2' }, { refundId: 'r2' }, { kind: 'double-payment' as const }, { platform: 'other' }])
      given(opened(100)).when(open(5, other)).thenRejected('DebtDiffers');
  });
});

describe('a repayment', () => {
  it('lowers what is outstanding, down to the last fen', () => {
    given(opened(100)).when(repay(30)).then(repaid(30, 70));
    given(opened(100), repaid(30, 70))
      .when(repay(70, 't2'))
      .then(repaid(70, 0, 't2'));
  });
  it('of one fen too much is refused as a whole', () => {
    given(opened(100)).when(repay(101)).thenRejected('MoreThanOwed');
    given(opened(100), repaid(30, 70)).when(repay(71, 't2')).thenRejected('MoreThanOwed');
  });
  it('counts once, however often its transaction is reported', () => {
    given(opened(100), repaid(30, 70)).when(repay(30)).thenNothing();
    given(opened(100), repaid(100, 0)).when(repay(100)).thenNothing();
  });
  it('is positive, in the asset of the debt, and of a debt that is open', () => {
    given(opened(100)).when(repay(0)).thenRejected('AmountNotPositive');
    given(opened(100)).when(repay(-1)).thenRejected('AmountNotPositive');
    given(opened(100))
      .when(repay(1, 't1', 'USD'))
      .thenRejected('AssetMismatch');
    given().when(repay(1)).thenRejected('DebtUnknown');
    given(opened(100), repaid(100, 0)).when(repay(1, 't2')).thenRejected('NothingOwed');
    given(opened(100), proposed(100), approved(100)).when(repay(1)).thenRejected('NothingOwed');
  });
});

describe('a refund that came back', () => {
  it('pays what is outstanding; the rest is owed to nobody', () => {
    given(opened(100))
      .when(settle(100))
      .then(returned(100, 0, 0));
    given(opened(100), repaid(30, 70))
      .when(settle(100))
      .then(returned(70, 30, 0));
    given(opened(100))
      .when(settle(60))
      .then(returned(60, 0, 40));
  });
  it('pays nothing of a debt that is over', () => {
    given(opened(100), repaid(100, 0))
      .when(settle(100))
      .then(returned(0, 100, 0));
    given(opened(100), proposed(100), approved(100))
      .when(settle(100))
      .then(returned(0, 100, 0));
  });
  it('comes back once', () => {
    given(opened(100), returned(60, 0, 40))
      .when(settle(60))
      .thenNothing();
  });
  it('is of an open debt for fraud, positive, and in its asset', () => {
    given().when(settle(1)).thenRejected('DebtUnknown');
    given(opened(100, 100, twice))
      .when(settle(1))
      .thenRejected('DebtDiffers');
    given(opened(100)).when(settle(0)).thenRejected('AmountNotPositive');
    given(opened(100)).when(settle(-1)).thenRejected('AmountNotPositive');
    given(opened(100)).when(settle(1, 'USD')).thenRejected('AssetMismatch');
  });
});

describe('a write-off', () => {
  it('is proposed by one person and approved by another, for what is outstanding by then', () => {
    given(opened(100)).when(propose()).then(proposed(100));
    given(opened(100), proposed(100)).when(approve('bob')).then(approved(100));
    given(opened(100), proposed(100), repaid(30, 70)).when(approve('bob')).then(approved(70));
  });
  it('takes two people', () => {
    given(opened(100), proposed(100)).when(approve('ann')).thenRejected('SameSubject');
    given(opened(100)).when(approve('bob')).thenRejected('NotProposed');
    given(opened(100), proposed(100)).when(propose('bob')).thenRejected('AlreadyProposed');
    given(opened(100), proposed(100)).when(propose('ann', 'another reason')).thenRejected('AlreadyProposed');
    given(opened(100), proposed(100)).when(propose()).thenNothing();
  });
  it('is of what is owed', () => {
    given().when(propose()).thenRejected('DebtUnknown');
    given().when(approve('bob')).thenRejected('DebtUnknown');
    given(opened(100), proposed(100), repaid(100, 0)).when(approve('bob')).thenRejected('NothingOwed');
    given(opened(100), proposed(100), approved(100)).when(propose()).thenRejected('NothingOwed');
    given(opened(100), proposed(100), approved(100)).when(approve('bob')).thenRejected('NothingOwed');
  });
  it('is proposed anew when the debt has grown or begun anew', () => {
    given(opened(100), proposed(100), opened(20, 120)).when(approve('bob')).thenRejected('NotProposed');
    given(opened(100), proposed(100), repaid(100, 0), opened(20)).when(approve('bob')).thenRejected('NotProposed');
  });
});
