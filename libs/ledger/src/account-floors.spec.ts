import { money } from '@recourse/money';
import {
  audited,
  contributed,
  deadKey,
  fen,
  held,
  positionOf,
  reserved,
  settlementDrawn,
  tampered,
  toppedUp,
} from './sample-history.js';
import type { DomainEvent } from './posting.js';

const ofI4 = async (history: readonly DomainEvent[]) =>
  (await audited(history)).violations.filter(({ invariant }) => invariant === 'I4');

it('a hold beyond the deposit is named with account and amount (I4)', async () => {
  expect(await ofI4([toppedUp(3_000), held(3_001), toppedUp(100, 't2')])).toEqual([
    { invariant: 'I4', subject: 'demo/merchant:m1:deposit', position: 20n, found: '-0.01 CNY', expected: 'zero or more' },
  ]);
});

it('a fund that gives what it does not have is named, later healing or not (I4)', async () => {
  const history = tampered(deadKey, 'FundContributed', { amount: fen(9_499) });
  expect(await ofI4(history)).toMatchObject([{ subject: 'demo/fund:available', position: positionOf(history, 'FundsReserved') }]);
});

it('a payout of what is not there is named, and so is a settlement (I4)', async () => {
  expect(await ofI4(tampered(deadKey, 'PayoutSucceeded', { amount: fen(10_001) }))).toMatchObject([
    { subject: 'demo/refund:demo.o1.1.v1', found: '-0.01 CNY' },
  ]);
  expect(await ofI4([settlementDrawn(1)])).toMatchObject([{ subject: 'demo/merchant:m1:payable' }]);
});

it('money in another asset does not fill the gap (I4)', async () => {
  const inDollars = tampered([contributed, reserved('platform')], 'FundContributed', { amount: money(100_000n, 'USD') });
  expect(await ofI4(inDollars)).toMatchObject([{ subject: 'demo/fund:available', found: '-100.00 CNY' }]);
});
