import fc from 'fast-check';
import { format, money, zero } from '@recourse/money';
import { Books } from './journal.js';
import {
  deadKey,
  madeWhole,
  madeWholeAfterWriteOff,
  platformBears,
  refundFromEscrow,
  refundReturned,
  reversed,
  thinDeposit,
} from './sample-history.js';
import type { DomainEvent } from './posting.js';

const after = (history: readonly DomainEvent[]) => {
  const books = new Books();
  for (const event of history) books.apply(event);
  return books;
};
const balances = (history: readonly DomainEvent[]) =>
  Object.fromEntries([...after(history).rows()].map(({ account, balance }) => [account, format(balance)]));

it('a dead key is paid from the fund, recovered from the deposit and reimbursed', () => {
  expect(balances(deadKey)).toEqual({
    'demo/fund:available': '1000.00',
    'demo/gateway:alipay': '1500.00',
    'demo/merchant:m1:deposit': '405.00',
    'demo/merchant:m1:payable': '95.00',
  });
});

it('what a thin deposit does not cover stays outstanding until the next top-up', () => {
  const short = thinDeposit.slice(0, -3);
  expect(balances(short)).toEqual({
    'demo/fund:advanced': '65.00',
    'demo/fund:available': '935.00',
    'demo/gateway:alipay': '935.00',
    'demo/merchant:m1:recourse': '65.00',
  });
  expect(balances(thinDeposit)).toEqual({
    'demo/fund:available': '1000.00',
    'demo/gateway:alipay': '1035.00',
    'demo/merchant:m1:deposit': '35.00',
  });
});

it('a refund from escrow touches neither fund nor deposit', () => {
  expect(balances(refundFromEscrow)).toEqual({
    'demo/gateway:alipay': '100.00',
    'demo/merchant:m1:payable': '95.00',
    'demo/platform:fees': '5.00',
  });
});

it('when the platform bears the loss the fund pays and the merchant gets his money', () => {
  expect(balances(platformBears)).toEqual({
    'demo/fund:available': '900.00',
    'demo/gateway:alipay': '1000.00',
    'demo/merchant:m1:payable': '95.00',
    'demo/platform:fees': '5.00',
  });
});

it('a merchant who is made whole has what was taken from him, owes nothing, and the fund bears the refund', () => {
  expect(balances(madeWhole)).toEqual({
    'demo/fund:available': '905.00',
    'demo/gateway:alipay': '935.00',
    'demo/merchant:m1:payable': '30.00',
  });
  expect(balances(madeWholeAfterWriteOff)).toEqual({
    'demo/fund:available': '905.00',
    'demo/gateway:alipay': '955.00',
    'demo/merchant:m1:payable': '50.00',
  });
});

it('a refund that comes back after he was made whole is the fund’s', () => {
  expect(balances([...madeWhole, reversed(), refundReturned(10_000)])).toEqual({
    'demo/fund:available': '1005.00',
    'demo/gateway:alipay': '1035.00',
    'demo/merchant:m1:payable': '30.00',
  });
});

it('the trial balance is even after every event', () => {
  for (const history of [deadKey, thinDeposit, refundFromEscrow, platformBears, madeWhole, madeWholeAfterWriteOff])
    for (let length = 1; length <= history.length; length += 1)
      for (const { difference } of after(history.slice(0, length)).trialBalance()) expect(difference).toEqual(zero());
});

it('shows both sides of each asset, and nothing of an account at zero', () => {
  const books = new Books();
  books.post({ debit: 'demo/gateway:alipay', credit: 'demo/fund:available', amount: money(500n) });
  books.post({ debit: 'demo/gateway:wechat', credit: 'demo/fund:available', amount: money(7n, 'USD') });
  books.post({ debit: 'demo/fund:available', credit: 'demo/gateway:wechat', amount: money(7n, 'USD') });
  expect(books.trialBalance()).toEqual([
    { asset: 'CNY', debits: money(500n), credits: money(500n), difference: zero() },
    { asset: 'USD', debits: zero('USD'), credits: zero('USD'), difference: zero('USD') },
  ]);
  expect([...books.rows()]).toHaveLength(2);
  expect(books.balance('demo/fund:available', 'USD')).toEqual(zero('USD'));
});

it('a snapshot goes on where the books were, whatever was posted', () => {
  const accounts = ['demo/gateway:alipay', 'demo/fund:available', 'demo/escrow:demo.o1', 'demo/merchant:m1:recourse'];
  const posting = fc.record({
    debit: fc.constantFrom(...accounts),
    credit: fc.constantFrom(...accounts),
    amount: fc.record({ asset: fc.constantFrom('CNY', 'USD'), minor: fc.bigInt({ min: 1n, max: 10n ** 12n }) }),
  });
  fc.assert(
    fc.property(fc.array(posting, { maxLength: 50 }), (postings) => {
      const books = new Books();
      for (const each of postings) books.post(each);
      expect([...Books.from(books.rows()).rows()]).toEqual([...books.rows()]);
      for (const { difference } of books.trialBalance()) expect(difference.minor).toBe(0n);
    }),
  );
});
