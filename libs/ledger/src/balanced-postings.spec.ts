import { money } from '@recourse/money';
import { BalancedPostings } from './balanced-postings.js';
import { Books } from './journal.js';
import {
  audited,
  contributed,
  deadKey,
  depositOpened,
  fen,
  fundOpened,
  positionOf,
  recorded,
  tampered,
  toppedUp,
} from './sample-history.js';

it('an amount that is not positive is named (I1)', async () => {
  const history = tampered(deadKey, 'PayableCredited', { amount: fen(-9_500) });
  const { violations } = await audited(history);
  expect(violations).toContainEqual({
    invariant: 'I1',
    subject: 'history-1',
    position: positionOf(history, 'PayableCredited'),
    found: 'demo/merchant:m1:settling → demo/merchant:m1:payable -95.00 CNY',
    expected: 'a positive amount',
  });
});

it('an event that posts in two assets is named (I1)', async () => {
  const history = tampered(deadKey, 'EscrowReleased', { fee: money(500n, 'USD') });
  const { violations } = await audited(history);
  expect(violations.filter(({ invariant }) => invariant === 'I1')).toEqual([
    {
      invariant: 'I1',
      subject: 'history-1',
      position: positionOf(history, 'EscrowReleased'),
      found: 'demo/escrow:demo.o1 → demo/platform:fees 5.00 USD',
      expected: 'an amount in CNY',
    },
  ]);
});

it('an account outside the chart is named, and the audit goes on (I1)', async () => {
  const { violations } = await audited(tampered([toppedUp(100)], 'DepositToppedUp', { merchant: '' }));
  expect(violations).toMatchObject([{ invariant: 'I1', expected: 'two accounts of the chart' }]);
});

it('accounts of two platforms, or one account twice, are named (I1)', () => {
  const check = new BalancedPostings();
  const books = new Books();
  const [event] = recorded([toppedUp(100)]);
  const postings = [
    { debit: 'one/gateway:alipay', credit: 'two/fund:available', amount: fen(1) },
    { debit: 'one/gateway:alipay', credit: 'one/gateway:alipay', amount: fen(1) },
  ];
  expect(check.check(event!, { postings, books }).map(({ expected }) => expected)).toEqual([
    'two accounts of one platform',
    'two different accounts',
  ]);
});

it('books that do not balance are named by asset (I1)', () => {
  const check = new BalancedPostings();
  const [event] = recorded([toppedUp(100)]);
  check.check(event!, { postings: [], books: Books.from([{ account: 'demo/fund:available', balance: fen(5) }]) });
  expect(check.finish()).toEqual([
    { invariant: 'I1', subject: 'CNY', position: 10n, found: 'debits 0.00 CNY, credits 0.05 CNY', expected: 'equal sums' },
  ]);
});

it('a period that begins with other money than the last one ended with is named (I1)', async () => {
  const history = [depositOpened(), toppedUp(3_000), fundOpened(), contributed];
  expect((await audited([...history, depositOpened(3_000, '0002'), fundOpened(100_000, '0002')])).violations).toEqual([]);
  expect((await audited([...history, depositOpened(2_999, '0002'), fundOpened(0, '0002')])).violations).toEqual([
    {
      invariant: 'I1',
      subject: 'demo/merchant:m1:deposit',
      position: 50n,
      found: 'opened with 29.99 CNY',
      expected: '30.00 CNY',
    },
    { invariant: 'I1', subject: 'demo/fund:available', position: 60n, found: 'opened with 0.00 CNY', expected: '1000.00 CNY' },
  ]);
});
