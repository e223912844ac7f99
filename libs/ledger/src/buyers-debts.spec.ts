import { Audit } from './audit.js';
import { BuyersDebts } from './buyers-debts.js';
import {
  audited,
  buyerDebtWrittenOff,
  buyerFraud,
  debtGivenUp,
  debtOpened,
  debtRepaid,
  deceit,
  deceitGivenUp,
  endOfMonth,
  fen,
  fraudRepaid,
  positionOf,
  recorded,
  refundId,
  replaced,
  tampered,
} from './sample-history.js';
import type { DomainEvent } from './posting.js';

const owed = 'demo/buyer:b1:owed';
/** What this check finds, by itself. */
const ofBuyers = async (history: readonly DomainEvent[], now = endOfMonth) =>
  (await new Audit({}, [new BuyersDebts()]).run(recorded(history), { now, toleranceMs: 60_000 })).violations;

it.each([
  ['a buyer who repays a part, and whose refund then comes back', deceit],
  ['a buyer who repays a part, and is let off the rest by two people', deceitGivenUp],
])('finds nothing wrong with %s, nor with any part of it', async (_, history) => {
  for (let length = 0; length <= history.length; length += 1)
    expect((await audited(history.slice(0, length), { now: '2026-03-02T08:00:00.000Z' })).violations).toEqual([]);
  const { violations, books } = await audited(history);
  expect(violations).toEqual([]);
  expect([books.balance(owed), books.balance('demo/fund:advanced'), books.balance(`demo/refund:${refundId}`)]).toEqual([
    fen(0),
    fen(0),
    fen(0),
  ]);
});

it('a debt that nothing was debited for, or more than was, is named (I6)', async () => {
  expect(await ofBuyers([debtOpened(100)])).toEqual([
    {
      invariant: 'I6',
      subject: refundId,
      position: 10n,
      found: 'opened for 1.00 CNY',
      expected: 'at most 0.00 CNY, debited to him',
    },
    expect.objectContaining({ subject: owed, expected: 'a debt opened for it' }),
  ]);
  expect(await ofBuyers([buyerFraud(100), debtOpened(60), debtOpened(41, 101)])).toMatchObject([
    { subject: refundId, position: 30n, found: 'opened for 0.41 CNY', expected: 'at most 0.40 CNY, debited to him' },
    { subject: owed, found: '-0.01 CNY' },
  ]);
});

it('what is taken off beyond what is outstanding, or misstated, is named (I6)', async () => {
  const begun = [buyerFraud(100), debtOpened(100)];
  expect(await ofBuyers([...begun, debtRepaid(101, 0), fraudRepaid(101, 'rail')])).toMatchObject([
    { subject: refundId, position: 30n, found: '1.01 CNY taken off', expected: 'at most 1.00 CNY, outstanding' },
  ]);
  expect(await ofBuyers([...begun, debtRepaid(40, 61), fraudRepaid(40, 'rail')])).toMatchObject([
    { subject: refundId, found: 'outstanding 0.61 CNY', expected: '0.60 CNY' },
  ]);
  expect(await ofBuyers([...begun, debtGivenUp(99), buyerDebtWrittenOff('fraud', 99)])).toMatchObject([
    { subject: refundId, found: 'outstanding 0.00 CNY', expected: '0.01 CNY' },
  ]);
});

it('one person who writes off alone is named (I6)', async () => {
  expect(await ofBuyers(tampered(deceitGivenUp, 'DebtWriteOffApproved', { approvedBy: 'chen' }))).toMatchObject([
    { subject: refundId, found: 'written off by chen alone', expected: 'two people' },
  ]);
});

it('a booking that no debt stands behind, or of another amount, is named (I6)', async () => {
  expect(await ofBuyers(replaced(deceit, 'BuyerDebtReturned'))).toMatchObject([
    { subject: refundId, position: positionOf(replaced(deceit, 'BuyerDebtReturned'), 'FraudRepaid'), found: 'booked 70.00 CNY' },
    { subject: refundId, expected: 'booked by the fund' },
  ]);
  expect(await ofBuyers(tampered(deceitGivenUp, 'BuyerDebtWrittenOff', { amount: fen(6_999) }))).toMatchObject([
    { subject: refundId, found: '0.01 CNY', expected: 'booked by the fund' },
  ]);
});

it('what is not followed in time is named, and only then (I6)', async () => {
  const recordedAt = '2026-03-06T08:00:00.000Z';
  expect(await ofBuyers([buyerFraud(100)], recordedAt)).toEqual([]);
  expect(await ofBuyers([buyerFraud(100)])).toEqual([
    { invariant: 'I6', subject: owed, position: 10n, found: '1.00 CNY', expected: 'a debt opened for it' },
  ]);
  expect(await ofBuyers([buyerFraud(100), debtOpened(100), debtRepaid(100, 0)])).toMatchObject([
    { subject: refundId, position: 30n, found: '1.00 CNY', expected: 'booked by the fund' },
  ]);
});
