import {
  audited,
  deadKey,
  fen,
  gatewayFee,
  positionOf,
  processing,
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
