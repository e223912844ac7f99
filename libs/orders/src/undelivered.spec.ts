import { specify } from '@recourse/eventing';
import { money, zero } from '@recourse/money';
import { order } from './order.js';
import {
  after,
  cancel,
  claim,
  close,
  deliver,
  history,
  orderId,
  paid,
  pass,
  place,
  refund,
  reveal,
  sevenDay,
  start,
  typesOf,
} from './order-examples.js';

const { given } = specify(order, start);

describe('cancelling', () => {
  it('of an unpaid order just ends it', () => {
    given(...history(place(2)))
      .when(cancel)
      .then({ type: 'OrderCancelled', data: { orderId, by: 'buyer', units: [1, 2], cancelledAt: start } });
  });

  it('before delivery refunds all of it from escrow, no fault asked and no fee taken', () => {
    const none = zero();
    const parties = { platform: 'demo', merchant: 'm1', buyer: 'b1', payee: 'vault:payee-b1', rail: 'sandbox' };
    const nothingBack = { merchantShare: none, fromFees: none };
    given(...history(...paid(2)))
      .when({ ...cancel, at: after(1) })
      .then(
        { type: 'OrderCancelled', data: { orderId, by: 'buyer', units: [1, 2], cancelledAt: after(1) } },
        {
          type: 'RefundApproved',
          data: {
            ...parties,
            refundId: `${orderId}.cancel`,
            orderId,
            ground: { kind: 'cancelled-before-delivery' },
            lines: [1, 2].map((unitNo) => ({
              unitNo,
              liable: 'NONE',
              ...nothingBack,
              source: 'escrow',
              amount: money(1_000n),
              fromFund: none,
              fromEscrow: money(1_000n),
            })),
            total: money(2_000n),
            fromEscrow: money(2_000n),
            fromFund: none,
            fromFees: none,
            merchantShare: none,
            approvedAt: after(1),
          },
        },
        {
          type: 'RefundFundedFromEscrow',
          data: {
            ...parties,
            refundId: `${orderId}.cancel`,
            orderId,
            lines: [1, 2].map((unitNo) => ({ unitNo, amount: money(1_000n) })),
            amount: money(2_000n),
            total: money(2_000n),
            complete: true,
          },
        },
      );
  });

  it('happens once, and leaves nothing to do', () => {
    const cancelled = given(...history(...paid(), cancel));
    cancelled.when(cancel).thenNothing();
    cancelled.when({ ...pass, at: after(99) }).thenNothing();
    cancelled.when(claim()).thenRejected('OrderIsCancelled');
  });

  it('is too late after any delivery, under a claim, or when all is refunded', () => {
    given(...history(...paid(2), deliver(1)))
      .when(cancel)
      .thenRejected('AlreadyDelivered');
    given(...history(...paid(2), claim([1], { reason: 'not-delivered' })))
      .when(cancel)
      .thenRejected('UnitUnderClaim');
    given(...history(...paid(), { ...pass, at: after(25) }))
      .when(cancel)
      .thenRejected('UnitRefunded');
  });

  it('refunds only what a verdict has not refunded yet', () => {
    const [, approved] = given(...history(...paid(2), claim([1], { reason: 'not-delivered' }), refund())).when(cancel).events;
    expect(approved).toMatchObject({ data: { lines: [{ unitNo: 2 }], total: money(1_000n) } });
  });
});

describe('the delivery deadline', () => {
  it('is inside at its exact moment; a millisecond later what is undelivered is refunded at the merchant’s cost', () => {
    const half = given(...history(...paid(3), deliver(2)));
    half.when({ ...pass, at: after(24) }).thenNothing();
    const events = half.when({ ...pass, at: after(24, 1) }).events;
    expect(typesOf(events)).toEqual(['DeliveryOverdue', 'RefundApproved', 'RefundFundedFromEscrow', 'EscrowReleased']);
    expect(events).toMatchObject([
      { data: { units: [1, 3], overdueAt: after(24, 1) } },
      {
        data: {
          refundId: `${orderId}.overdue`,
          ground: { kind: 'not-delivered-in-time' },
          total: money(2_000n),
          lines: [{ liable: 'MERCHANT' }, { liable: 'MERCHANT' }],
        },
      },
      { data: { complete: true } },
      { data: { unitNo: 2, because: 'window-ended' } },
    ]);
  });

  it('fires once', () => {
    given(...history(...paid(), { ...pass, at: after(25) }))
      .when({ ...pass, at: after(26) })
      .thenNothing();
    given(...history(place()))
      .when({ ...pass, at: after(26) })
      .thenNothing();
  });

  it('leaves a claimed unit to its dispute, and refunds it by a second refund when that ends without one', () => {
    const claimed = [...paid(2), claim([2], { reason: 'not-delivered', draft: true })] as const;
    expect(given(...history(...claimed)).when({ ...pass, at: after(25) }).events[0]).toMatchObject({ data: { units: [1] } });
    const events = given(...history(...claimed, { ...pass, at: after(25) })).when({ ...close('lapsed'), at: after(26) }).events;
    expect(typesOf(events)).toEqual(['ClaimClosed', 'DeliveryOverdue', 'RefundApproved', 'RefundFundedFromEscrow']);
    expect(events[2]).toMatchObject({ data: { refundId: `${orderId}.overdue.2`, lines: [{ unitNo: 2 }] } });
  });
});

describe('the after-sale window', () => {
  it('is inside at its exact moment; a millisecond later the unit is released', () => {
    const delivered = given(...history(...paid(), { ...deliver(1), at: after(2) }));
    delivered.when({ ...pass, at: after(26) }).thenNothing();
    expect(delivered.when({ ...pass, at: after(26, 1) }).events).toMatchObject([
      { data: { unitNo: 1, because: 'window-ended' } },
    ]);
  });

  it('waits for the end of the seven days while the key is unseen', () => {
    const unseen = given(...history(...paid(1, sevenDay), deliver(1)));
    unseen.when({ ...pass, at: after(168) }).thenNothing();
    expect(typesOf(unseen.when({ ...pass, at: after(168, 1) }).events)).toEqual(['EscrowReleased']);
    const seen = given(...history(...paid(1, sevenDay), deliver(1), reveal()));
    expect(typesOf(seen.when({ ...pass, at: after(24, 1) }).events)).toEqual(['EscrowReleased']);
  });

  it('does not run under a claim', () => {
    given(...history(...paid(), deliver(1), claim()))
      .when({ ...pass, at: after(999) })
      .thenNothing();
  });
});
