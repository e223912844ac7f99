import { money } from '@recourse/money';
import { type BilledLine, type BookedTransfer, compareBill } from './bill.js';

const at = '2026-03-01T03:00:00.000Z';
const key = 'a'.repeat(32);
const line = (kind: BilledLine['kind'], minor: bigint, other: Partial<BilledLine> = {}): BilledLine => ({
  lineId: 'l1',
  kind,
  amount: money(minor),
  at,
  ...other,
});
const ofTransfer = { key, reference: 'rail-1' };
const transfer: BookedTransfer = { platform: 'demo', payoutId: 'r1', transferNo: 1, amount: money(500n), status: 'live' };
const paid: BookedTransfer = { ...transfer, status: 'paid', railTransferId: 'rail-1' };
const compare = (one: BilledLine, known?: BookedTransfer, receiptMinor?: bigint) =>
  compareBill('demo', [one], {
    receipts: new Map(
      receiptMinor === undefined ? [] : [['t1', { platform: 'demo', amount: money(receiptMinor), orderId: 'demo.o1' }]],
    ),
    transfers: new Map(known === undefined ? [] : [[key, known]]),
  });
const nothing = { words: [], differences: [], agreed: [], elsewhere: 0 };
const agrees = { ...nothing, agreed: ['l1'] };
const says = (word: object) => ({ ...agrees, words: [{ lineId: 'l1', payoutId: 'r1', transferNo: 1, word }] });
const differs = (direction: 'in' | 'out', minor: bigint) => ({
  ...nothing,
  differences: [expect.objectContaining({ lineId: 'l1', direction, amount: money(minor), occurredAt: at })],
});

it('a payment that is in the books agrees; one that is not, or with another amount, is a difference of what is missing', () => {
  const capture = line('capture', 700n, { reference: 't1' });
  expect(compare(capture, undefined, 700n)).toEqual(agrees);
  expect(compare(capture)).toEqual(differs('in', 700n));
  expect(compare(capture, undefined, 600n)).toEqual(differs('in', 100n));
  expect(compare(capture, undefined, 701n)).toEqual(differs('out', 1n));
});

it('a refund made outside is a difference, with the order that its payment paid', () => {
  expect(compare(line('refund', -300n, { reference: 't1' }), undefined, 700n).differences).toEqual([
    { lineId: 'l1', kind: 'refund', direction: 'out', amount: money(300n), reference: 't1', orderId: 'demo.o1', occurredAt: at },
  ]);
  expect(compare(line('other', 9n))).toEqual(differs('in', 9n));
  expect(compare(line('fee', -9n))).toEqual(differs('out', 9n));
});

it('a transfer that the books have agrees; one that they wait for is the rail’s word', () => {
  const billed = line('transfer', -500n, ofTransfer);
  expect(compare(billed, paid)).toEqual(agrees);
  expect(compare(billed, { ...paid, status: 'back' })).toEqual(agrees);
  expect(compare(billed, transfer)).toEqual(says({ state: 'Succeeded', railTransferId: 'rail-1' }));
  expect(compare(line('reversal', 500n, ofTransfer), paid)).toEqual(
    says({ state: 'Reversed', railTransferId: 'rail-1', code: 'REVERSED' }),
  );
  expect(compare(line('reversal', 500n, ofTransfer), { ...paid, status: 'back' })).toEqual(agrees);
});

it('a fee is the rail’s word when it was not told, and a difference when it was told as another', () => {
  const billed = line('fee', -10n, ofTransfer);
  expect(compare(billed, paid)).toEqual(says({ state: 'Succeeded', railTransferId: 'rail-1', fee: money(10n) }));
  expect(compare(billed, { ...paid, fee: money(10n) })).toEqual(agrees);
  expect(compare(billed, { ...paid, fee: money(8n) })).toEqual(differs('out', 2n));
});

it('what cannot be the transfer that the books know is a difference', () => {
  const billed = line('transfer', -500n, ofTransfer);
  expect(compare(billed)).toEqual(differs('out', 500n));
  expect(compare(billed, { ...transfer, status: 'failed' })).toEqual(differs('out', 500n));
  expect(compare(billed, { ...transfer, amount: money(400n) })).toEqual(differs('out', 500n));
  expect(compare(billed, { ...paid, amount: money(400n) })).toEqual(differs('out', 100n));
  expect(compare(line('reversal', 500n, { key, reference: 'rail-2' }), paid)).toEqual(differs('in', 500n));
  expect(compare(line('reversal', 499n, ofTransfer), paid)).toEqual(differs('in', 499n));
  expect(compare(line('transfer', -500n, { key, reference: 'rail-1', amount: money(-500n, 'USD') }), paid)).toMatchObject({
    differences: [{ direction: 'out', amount: money(500n, 'USD') }],
  });
});

it('lines of another platform are left to it', () => {
  const elsewhere = { ...nothing, elsewhere: 1 };
  expect(compare(line('transfer', -1n, ofTransfer), { ...transfer, platform: 'other' })).toEqual(elsewhere);
  const receipts = new Map([['t1', { platform: 'other', amount: money(1n) }]]);
  const ofOther = line('refund', -1n, { reference: 't1' });
  expect(compareBill('demo', [ofOther], { receipts, transfers: new Map() })).toEqual(elsewhere);
});
