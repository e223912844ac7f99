import {
  approved,
  audited,
  captured,
  deadKey,
  fen,
  paidTwice,
  placed,
  positionOf,
  replaced,
  revoked,
  revokedRefund,
  surplus,
  surplusId,
  tampered,
} from './sample-history.js';
import type { DomainEvent } from './posting.js';

const ofI3 = async (history: readonly DomainEvent[]) =>
  (await audited(history)).violations.filter(({ invariant }) => invariant === 'I3');
const partial = (amount: number): DomainEvent =>
  tampered([approved('escrow')], 'RefundApproved', {
    lines: [
      {
        unitNo: 1,
        source: 'escrow',
        amount: fen(amount),
        liable: 'MERCHANT',
        fromEscrow: fen(amount),
        fromFund: fen(0),
        fromFees: fen(0),
        merchantShare: fen(0),
      },
    ],
    total: fen(amount),
    fromEscrow: fen(amount),
  })[0]!;

it('a unit refunded twice is named with the second approval (I3)', async () => {
  const history = [...deadKey, approved('fund')];
  expect(await ofI3(history)).toEqual([
    {
      invariant: 'I3',
      subject: 'demo.o1#1',
      position: positionOf(history, 'RefundApproved'),
      found: '100.00 CNY',
      expected: 'at most 0.00 CNY',
    },
  ]);
});

it('parts of a price may be refunded one by one, but not one fen more (I3)', async () => {
  const sold = [placed('ESCROW', 2), captured(20_000)];
  expect(await ofI3([...sold, partial(4_000), partial(6_000)])).toEqual([]);
  expect(await ofI3([...sold, partial(4_000), partial(6_001)])).toMatchObject([
    { subject: 'demo.o1#1', position: 40n, found: '60.01 CNY', expected: 'at most 60.00 CNY' },
  ]);
});

it('a refund of an order that nobody placed, or paid, is named (I3)', async () => {
  expect(await ofI3([partial(1)])).toHaveLength(1);
  expect(await ofI3([placed('ESCROW'), partial(1)])).toHaveLength(1);
  const cancelled: DomainEvent = {
    type: 'OrderCancelled',
    data: { orderId: 'demo.o1', by: 'shop', units: [1], cancelledAt: '' },
  };
  expect(await ofI3([placed('ESCROW'), cancelled, partial(1)])).toHaveLength(1);
});

it('a refund that does not add up is named part by part (I3)', async () => {
  const history = tampered(deadKey, 'RefundApproved', { merchantShare: fen(1), total: fen(9_999) });
  expect((await ofI3(history)).map(({ found }) => found)).toEqual(['total does not add up', 'merchantShare does not add up']);
  const wrongSource = approved('fund');
  if (wrongSource.type !== 'RefundApproved') throw new TypeError('not an approval');
  const line = { ...wrongSource.data.lines[0]!, source: 'escrow' as const };
  expect(
    await ofI3(replaced(deadKey, 'RefundApproved', { ...wrongSource, data: { ...wrongSource.data, lines: [line] } })),
  ).toMatchObject([{ subject: 'demo.o1.1.v1', found: 'line of unit 1 from escrow does not add up' }]);
});

it('a surplus that goes back twice is named, under the same refund or another (I3)', async () => {
  expect(await ofI3([...paidTwice, surplus(10_000, 't4', `${surplusId}.other`)])).toEqual([]);
  for (const second of [surplus(10_000), surplus(10_000, 't3', `${surplusId}.other`), surplus(10_000, 't4')])
    expect(await ofI3([...paidTwice, second])).toMatchObject([
      { position: 60n, found: expect.stringContaining('again') as string, expected: 'one refund for one transaction' },
    ]);
  expect(await ofI3([...paidTwice, surplus(0, 't4', 'demo.o1.surplus.1')])).toMatchObject([{ expected: 'more than nothing' }]);
});

it('a refund that is revoked leaves its price to be refunded again, once (I3)', async () => {
  expect(await ofI3([...revokedRefund, approved('fund')])).toEqual([]);
  expect(await ofI3([...revokedRefund, approved('fund'), approved('fund')])).toMatchObject([
    { subject: 'demo.o1#1', expected: 'at most 0.00 CNY' },
  ]);
  // Refunded in full it is known by nothing but what comes back.
  const inFull = [placed('ESCROW'), captured(10_000), approved('fund'), revoked('fund'), approved('fund')];
  expect(await ofI3(inFull)).toEqual([]);
  expect(await ofI3([...inFull, approved('fund')])).toHaveLength(1);
});

it('a refund that is revoked twice, by nobody, or as another than it was approved, is named (I3)', async () => {
  expect(await ofI3([...revokedRefund, revoked('escrow')])).toMatchObject([
    { subject: 'demo.o1.1.v1', found: 'revoked 100.00 CNY', expected: 'a refund that stands' },
  ]);
  expect(await ofI3([placed('ESCROW'), captured(10_000), revoked('fund')])).toHaveLength(1);
  for (const change of [{ total: fen(9_999) }, { merchantShare: fen(1) }, { lines: [] }])
    expect(await ofI3(tampered(revokedRefund, 'RefundRevoked', change))).toMatchObject([
      { subject: 'demo.o1.1.v1', expected: 'the refund as it was approved' },
    ]);
});
