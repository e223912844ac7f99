import { money } from '@recourse/money';
import {
  audited,
  captured,
  claimClosed,
  claimOpened,
  delivered,
  fen,
  frozen,
  orderId,
  placed,
  positionOf,
  refundFromEscrow,
  released,
  replaced,
  revoked,
  revokedRefund,
  tampered,
  unfrozen,
} from './sample-history.js';
import type { DomainEvent } from './posting.js';

const ofI2 = async (history: readonly DomainEvent[], now?: string) =>
  (await audited(history, now === undefined ? {} : { now })).violations.filter(({ invariant }) => invariant === 'I2');
const revealed = (revealedAt: string): DomainEvent => ({ type: 'KeyRevealed', data: { orderId, unitNo: 1, revealedAt } });

it('a unit released and then refunded from escrow is named (I2)', async () => {
  const history = refundFromEscrow.toSpliced(5, 0, released(1, 'confirmed'));
  expect(await ofI2(history)).toEqual([
    {
      invariant: 'I2',
      subject: 'demo.o1#1',
      position: positionOf(history, 'RefundFundedFromEscrow'),
      found: 'refunded 100.00 CNY',
      expected: 'at most 0.00 CNY, what it holds',
    },
  ]);
});

it('a release of a settled order, before payment or in another asset is named (I2)', async () => {
  expect(await ofI2([...refundFromEscrow, released(2, 'confirmed')])).toMatchObject([{ subject: 'demo.o1#2' }]);
  expect(await ofI2([placed('ESCROW'), released(1, 'confirmed')])).toMatchObject([{ found: 'released 100.00 CNY' }]);
  const inDollars = tampered([placed('ESCROW'), captured(10_000), released(1, 'confirmed')], 'EscrowReleased', {
    amount: money(10_000n, 'USD'),
  });
  expect(await ofI2(inDollars)).toHaveLength(2);
});

it('a capture that is not the price of the units, or comes twice, is named (I2)', async () => {
  expect(await ofI2([placed('ESCROW', 2), captured(19_999)])).toEqual([
    { invariant: 'I2', subject: 'demo.o1', position: 20n, found: 'captured 199.99 CNY', expected: '200.00 CNY, its units' },
  ]);
  const twice = [placed('ESCROW'), captured(10_000), captured(10_000)];
  expect(await ofI2(twice)).toMatchObject([{ position: 30n, expected: 'an order that waits for its payment' }]);
});

it('parts that do not make the whole are named (I2)', async () => {
  const release = tampered(refundFromEscrow, 'EscrowReleased', { fee: fen(499) });
  expect(await ofI2(release)).toMatchObject([
    { subject: 'demo.o1#2', found: 'released 100.00 CNY', expected: '95.00 CNY net + 4.99 CNY fee' },
  ]);
  const refund = tampered(refundFromEscrow, 'RefundFundedFromEscrow', { amount: fen(9_000) });
  expect(await ofI2(refund)).toMatchObject([{ subject: 'demo.o1.1.v1', expected: 'the sum of its lines' }]);
});

describe('a delivered unit without an open claim', () => {
  const sold = [placed('ESCROW'), captured(10_000), delivered()];
  const sevenDays = tampered(sold, 'UnitDelivered', { sevenDayEndsAt: '2026-03-09T08:00:00.000Z' });

  it('is named when it is held past its window and the tolerance (I2)', async () => {
    expect(await ofI2(sold, '2026-03-03T08:01:00.000Z')).toEqual([]);
    expect(await ofI2(sold, '2026-03-03T08:01:00.001Z')).toEqual([
      {
        invariant: 'I2',
        subject: 'demo.o1#1',
        position: 30n,
        found: '100.00 CNY held at 2026-03-03T08:01:00.001Z',
        expected: 'released at 2026-03-03T08:00:00.000Z',
      },
    ]);
  });

  it('waits for the seven-day promise while the key is unrevealed', async () => {
    expect(await ofI2(sevenDays, '2026-03-09T08:00:00.000Z')).toEqual([]);
    expect(await ofI2(sevenDays, '2026-03-09T09:00:00.000Z')).toHaveLength(1);
    const seen = [...sevenDays, revealed('2026-03-04T08:00:00.000Z')];
    expect(await ofI2(seen, '2026-03-04T08:00:00.000Z')).toEqual([]);
    expect(await ofI2(seen, '2026-03-04T09:00:00.000Z')).toMatchObject([{ position: 40n }]);
  });

  it('is due as soon as the buyer confirms, and at delivery when sold without escrow', async () => {
    const confirmed: DomainEvent = {
      type: 'ReceiptConfirmed',
      data: { orderId, units: [1], confirmedAt: '2026-03-02T09:00:00.000Z' },
    };
    expect(await ofI2([...sold, confirmed], '2026-03-02T09:30:00.000Z')).toHaveLength(1);
    expect(await ofI2([placed('ON_DELIVERY'), captured(10_000), delivered()], '2026-03-02T08:30:00.000Z')).toHaveLength(1);
  });

  it('may be held as long as a claim is open, and from its end until its clock runs out', async () => {
    expect(await ofI2([...sold, claimOpened])).toEqual([]);
    expect(await ofI2([...sold, claimOpened, claimClosed('refused')], '2026-03-04T08:30:00.000Z')).toHaveLength(1);
    const goesOn = tampered([...sold, claimOpened, claimClosed('refused')], 'ClaimClosed', {
      units: [{ unitNo: 1, afterSaleEndsAt: '2026-03-05T08:00:00.000Z' }],
    });
    expect(await ofI2(goesOn, '2026-03-05T08:00:00.000Z')).toEqual([]);
    expect(await ofI2(goesOn, '2026-03-05T09:00:00.000Z')).toHaveLength(1);
  });

  it('may be held for the seven days again when its key was replaced', async () => {
    const reissued: DomainEvent[] = [
      ...sevenDays,
      revealed('2026-03-02T09:00:00.000Z'),
      claimOpened,
      {
        type: 'ReplacementDelivered',
        data: {
          orderId,
          claimId: 'demo.o1.1',
          unitNo: 1,
          delivery: { kind: 'key', ciphertext: 'c', fingerprint: 'g', masked: '****' },
          deliveredAt: '2026-03-03T10:00:00.000Z',
        },
      },
      claimClosed('refused'),
    ];
    expect(await ofI2(reissued, '2026-03-08T08:00:00.000Z')).toEqual([]);
  });
});

it('an undelivered unit and an order cancelled unpaid are not due', async () => {
  const cancelled: DomainEvent = {
    type: 'OrderCancelled',
    data: { orderId, by: 'buyer', units: [1], cancelledAt: '2026-03-02T09:00:00.000Z' },
  };
  expect(await ofI2([placed('ESCROW'), captured(10_000)])).toEqual([]);
  expect(await ofI2([placed('ESCROW'), cancelled])).toEqual([]);
  expect(await ofI2(replaced([placed('ESCROW'), cancelled, delivered()], 'UnitDelivered', captured(10_000)))).toHaveLength(1);
});

it('a release under a freeze is named, and so is what stays held after it ended (I2)', async () => {
  const sold = [placed('ESCROW'), captured(10_000), delivered()];
  expect(await ofI2([...sold, frozen])).toEqual([]);
  expect(await ofI2([...sold, frozen, released(1, 'window-ended')])).toMatchObject([
    { subject: 'demo.o1#1', found: 'released 100.00 CNY', expected: 'nothing, as the order is frozen' },
  ]);
  expect(await ofI2([...sold, frozen, unfrozen], '2026-03-09T08:00:30.000Z')).toEqual([]);
  expect(await ofI2([...sold, frozen, unfrozen], '2026-03-09T08:01:01.000Z')).toMatchObject([
    { expected: 'released at 2026-03-09T08:00:00.000Z' },
  ]);
  expect(await ofI2([...sold, frozen, unfrozen, released(1, 'unfrozen')])).toEqual([]);
});

describe('a refund out of escrow that is revoked', () => {
  it('is held again, and the merchant’s at once (I2)', async () => {
    expect(await ofI2(revokedRefund)).toEqual([]);
    const kept = revokedRefund.slice(0, -2);
    expect(await ofI2(kept, '2026-03-05T08:00:00.000Z')).toEqual([]);
    expect(await ofI2(kept)).toMatchObject([
      {
        subject: 'demo.o1#1',
        found: expect.stringContaining('100.00 CNY held') as string,
        expected: 'released at 2026-03-05T08:00:00.000Z',
      },
    ]);
    expect(await ofI2([...kept, frozen])).toEqual([]);
  });

  it('brings back what was refunded from it, and not one fen more (I2)', async () => {
    expect(await ofI2([...revokedRefund, revoked('escrow')])).toMatchObject([
      { subject: 'demo.o1#1', found: 'revoked 100.00 CNY', expected: 'at most 0.00 CNY, refunded from it' },
    ]);
    const early = [placed('ESCROW'), captured(10_000), revoked('escrow')];
    expect(await ofI2(early)).toMatchObject([{ expected: 'at most 0.00 CNY, refunded from it' }]);
    expect(await ofI2([revoked('escrow')])).toHaveLength(1);
    expect(await ofI2(tampered(revokedRefund, 'RefundRevoked', { fromEscrow: fen(9_999) }))).toMatchObject([
      { subject: 'demo.o1.1.v1', expected: 'the sum of its lines' },
    ]);
    expect(await ofI2([...revokedRefund, released(1, 'claim-closed')])).toMatchObject([{ found: 'released 100.00 CNY' }]);
  });
});
