import {
  audited,
  deadKey,
  differenceBooked,
  differenceCleared,
  differenceId,
  differenceWrittenOff,
  fen,
  gatewayFee,
  paidOutside,
  positionOf,
  processing,
  refundedOutside,
  refundId,
  refundKey,
  replaced,
  reversed,
  submitted,
  tampered,
} from './sample-history.js';
import type { AuditContext, RailBookEntry } from './invariant.js';
import type { DomainEvent } from './posting.js';

const unknownKey = '9'.repeat(32);
const ofI8 = async (history: readonly DomainEvent[], context: Partial<AuditContext> = {}) =>
  (await audited(history, context)).violations.filter(({ invariant }) => invariant === 'I8');
const book = (entry: Partial<RailBookEntry>, rail = 'alipay') => ({
  railBooks: new Map([[rail, [{ key: refundKey, amount: fen(10_000), state: 'Succeeded' as const, ...entry }]]]),
});
const samePayee = (reference: string, payee: string) => Promise.resolve(reference === `vault:${payee}`);

it('a transfer that the rail has and nobody wrote down is named (I8)', async () => {
  expect(await ofI8(deadKey, book({ key: unknownKey, state: 'Failed' }))).toEqual([
    {
      invariant: 'I8',
      subject: unknownKey,
      position: BigInt(deadKey.length * 10),
      found: '100.00 CNY in the book of alipay',
      expected: 'an earlier TransferSubmitted with this key',
    },
  ]);
});

it('an intent written after the transfer is named (I8)', async () => {
  const takenAt = '2026-03-04T07:59:59.999Z';
  expect(await ofI8(deadKey, book({ takenAt }))).toMatchObject([
    { subject: refundKey, position: positionOf(deadKey, 'TransferSubmitted'), found: `taken by alipay at ${takenAt}` },
  ]);
  expect(await ofI8(deadKey, book({ takenAt: '2026-03-04T08:00:00.000Z' }))).toEqual([]);
});

it('another amount, rail or payee than was written down is named (I8)', async () => {
  expect(await ofI8(deadKey, book({ amount: fen(9_999) }))).toMatchObject([
    { found: '99.99 CNY on alipay', expected: '100.00 CNY' },
  ]);
  expect(await ofI8(deadKey, book({}, 'wechat'))).toMatchObject([{ found: 'a transfer on wechat' }]);
  expect(await ofI8(deadKey, { ...book({ payee: 'b2' }), samePayee })).toMatchObject([{ expected: 'payee vault:b1' }]);
  expect(await ofI8(deadKey, { ...book({ payee: 'b1' }), samePayee })).toEqual([]);
});

it("a rail's word on a transfer that was not submitted before is named (I8)", async () => {
  const never = replaced(deadKey, 'TransferSubmitted');
  expect(await ofI8(never)).toMatchObject([
    { subject: refundKey, position: positionOf(never, 'TransferProcessing'), found: 'TransferProcessing' },
    { subject: refundKey, position: positionOf(never, 'PayoutSucceeded'), found: 'PayoutSucceeded' },
  ]);
  const late = replaced(never, 'TransferProcessing', processing, submitted());
  expect(await ofI8(late)).toMatchObject([{ subject: refundKey, found: 'TransferProcessing' }]);
});

it('a payment, or a resend, of another amount than was written down is named (I8)', async () => {
  expect(await ofI8(tampered(deadKey, 'PayoutSucceeded', { amount: fen(1) }))).toMatchObject([
    { subject: refundKey, found: 'paid 0.01 CNY on alipay', expected: '100.00 CNY on alipay' },
  ]);
  const [resent] = tampered([submitted()], 'TransferSubmitted', { amount: fen(2) });
  expect(await ofI8(replaced(deadKey, 'TransferProcessing', processing, resent!))).toMatchObject([
    { found: 'submitted again as 0.02 CNY' },
  ]);
});

it('money that came back, or a fee, of a transfer that was never written down is named (I8)', async () => {
  expect(await ofI8([...deadKey, gatewayFee, reversed()])).toEqual([]);
  const never = [...replaced(deadKey, 'TransferSubmitted'), gatewayFee, reversed()];
  expect((await ofI8(never)).map(({ found }) => found)).toEqual([
    'TransferProcessing',
    'PayoutSucceeded',
    'GatewayFeeCharged',
    'PayoutReversed',
  ]);
  expect(await ofI8(tampered([...deadKey, reversed()], 'PayoutReversed', { amount: fen(1) }))).toMatchObject([
    { subject: refundKey, found: 'came back with 0.01 CNY on alipay', expected: '100.00 CNY on alipay' },
  ]);
});

describe('money that moved past us', () => {
  const movement = (minor: number, at = '2026-03-04T03:00:00.000Z', lineId = 'l1') => ({
    railMovements: new Map([['alipay', [{ lineId, amount: fen(minor), at }]]]),
  });

  it('is a listed difference, or is named when its day is over (I8)', async () => {
    expect(await ofI8(paidOutside, movement(-10_000))).toEqual([]);
    expect(await ofI8(deadKey, movement(-10_000))).toEqual([
      {
        invariant: 'I8',
        subject: 'l1',
        position: BigInt(deadKey.length * 10),
        found: '100.00 CNY went out past us in the book of alipay',
        expected: 'a listed difference of this line and amount',
      },
    ]);
    expect(await ofI8(paidOutside, movement(-9_999))).toHaveLength(1);
    expect(await ofI8([...deadKey, differenceBooked(10_000, 'in')], movement(-10_000))).toHaveLength(1);
    expect(await ofI8(deadKey, movement(10_000))).toEqual([]);
    // The audit's day in Shanghai is not over.
    expect(await ofI8(deadKey, movement(-10_000, '2026-03-30T16:00:00.000Z'))).toEqual([]);
    expect(await ofI8(deadKey, movement(-10_000, '2026-03-30T15:59:59.999Z'))).toHaveLength(1);
  });

  it('under a key that nobody wrote down is a listed difference too (I8)', async () => {
    const listed = [...deadKey, differenceBooked(10_000, 'out', unknownKey)];
    expect(await ofI8(listed, book({ key: unknownKey }))).toEqual([]);
    expect(await ofI8(listed, book({ key: unknownKey, amount: fen(9_999) }))).toHaveLength(1);
  });

  it('is taken for one refund, of what was booked, and only then cleared into it (I8)', async () => {
    expect(await ofI8(replaced(paidOutside, 'DifferenceBooked'))).toMatchObject([
      { subject: differenceId, found: `taken for refund ${refundId}`, expected: 'a difference that was booked before' },
      { subject: differenceId, found: 'DifferenceCleared', expected: 'a difference that was booked before' },
    ]);
    expect(await ofI8(replaced(paidOutside, 'DifferenceBooked', differenceBooked(9_999)))).toMatchObject([
      { found: '100.00 CNY and 0.00 CNY taken on alipay', expected: '99.99 CNY that went out' },
      { found: 'DifferenceCleared of 100.00 CNY', expected: '99.99 CNY, as booked' },
    ]);
    const early = replaced(replaced(paidOutside, 'DifferenceCleared'), 'RefundedOutside', differenceCleared(10_000));
    expect(await ofI8(early)).toMatchObject([{ expected: 'RefundedOutside of it before' }]);
    expect(await ofI8([...paidOutside, refundedOutside(0, 10_000)])).toMatchObject([
      { subject: differenceId, found: `taken for refund ${refundId}` },
    ]);
    expect(await ofI8([...paidOutside, differenceBooked(10_000)])).toMatchObject([{ found: 'a difference booked twice' }]);
  });

  it('ends once, and is given up by two people (I8)', async () => {
    const given = [...deadKey, differenceBooked(500)];
    expect(await ofI8([...given, differenceWrittenOff(500)])).toEqual([]);
    expect(await ofI8([...given, differenceCleared(500, { kind: 'explained', reason: 'booked since' })])).toEqual([]);
    expect(await ofI8([...given, differenceWrittenOff(500, 'chen')])).toMatchObject([{ found: 'written off by chen alone' }]);
    expect(await ofI8([...given, differenceWrittenOff(500), differenceWrittenOff(500)])).toMatchObject([
      { found: 'DifferenceWrittenOff', expected: 'one end; it was cleared or written off before' },
    ]);
    expect(await ofI8([...replaced(paidOutside, 'DifferenceCleared'), differenceWrittenOff(10_000)])).toMatchObject([
      { found: 'DifferenceWrittenOff for no refund', expected: `RefundedOutside of ${refundId} before` },
    ]);
  });
});
