import { encodeData, type EventOf, maxEventBytes, specify } from '@recourse/eventing';
import { money } from '@recourse/money';
import { maxClaimUnits, maxEventsForClaims } from './claim.js';
import { order, type OrderEvent } from './order.js';
import {
  after,
  cancel,
  capture,
  claim,
  close,
  confirm,
  deliverAs,
  delivered,
  history,
  key,
  orderId,
  paid,
  pass,
  place,
  refund,
  replace,
  reveal,
  sevenDay,
  start,
  submit,
  topUp,
  typesOf,
} from './order-examples.js';
import { maxUnits } from './placement.js';

const { given } = specify(order, start);
const claimId = `${orderId}.1`;
const draft = { draft: true };

describe('opening a claim', () => {
  it('carries the evidence that came with it, so that both are judged together', () => {
    const evidence = [{ evidenceId: 'e1', kind: 'chat', showsActivationFailure: true, content: 'vault:e1' }] as const;
    const [opened] = given(...history(...delivered())).when(claim([1], { evidence })).events;
    expect(opened?.data).toMatchObject({ claimId, evidence });
  });

  it('tells that a top-up is used when it arrives', () => {
    const topped = history(...paid(1, { productKind: 'phone-top-up' }), { ...deliverAs([1, topUp('r1')]), at: after(1) });
    const [opened] = given(...topped).when(claim()).events;
    expect(opened?.data).toMatchObject({ units: [{ deliveredAt: after(1), revealedAt: after(1) }] });
  });

  it('freezes the units and tells the dispute what the order knows, with the events it comes from', () => {
    given(...history(...delivered(2), { ...reveal(), at: after(1) }, { ...confirm(2), at: after(2) }))
      .when({ ...claim([2, 1, 1]), at: after(3) })
      .then({
        type: 'ClaimOpened',
        data: {
          claimId,
          orderId,
          platform: 'demo',
          merchant: 'm1',
          buyer: 'b1',
          reason: 'key-invalid',
          channel: 'app',
          draft: false,
          productKind: 'game-card',
          promise: place().promise,
          policy: place().policy,
          units: [
            {
              unitNo: 1,
              product: 'steam-100',
              price: money(1_000n),
              fee: money(100n),
              escrow: 'held',
              deliveredAt: start,
              afterSaleEndsAt: after(24),
              deliveryReference: 'key-1',
              revealedAt: after(1),
              platformFailure: false,
              evidence: [0, 1, 2, 4].map((revision) => `${revision}@order-${orderId}`),
            },
            {
              unitNo: 2,
              product: 'steam-100',
              price: money(1_000n),
              fee: money(100n),
              escrow: 'released',
              deliveredAt: start,
              afterSaleEndsAt: after(24),
              deliveryReference: 'key-2',
              platformFailure: false,
              evidence: [0, 1, 3, 6].map((revision) => `${revision}@order-${orderId}`),
            },
          ],
          openedAt: after(3),
        },
      });
  });

  it('refers to the very events it names', () => {
    const events = history(
      ...delivered(1),
      reveal(),
      claim(),
      { ...replace(), at: after(1) },
      reveal(),
      close('reissued'),
      confirm(1),
      claim(),
    );
    const opened = events.at(-1) as EventOf<OrderEvent, 'ClaimOpened'>;
    const named = opened.data.units[0]?.evidence.map((reference) => events[Number(reference.split('@')[0])]?.type);
    expect(named).toEqual([
      'OrderPlaced',
      'PaymentCaptured',
      'UnitDelivered',
      'ReplacementDelivered',
      'KeyRevealed',
      'ClaimClosed',
      'EscrowReleased',
    ]);
    expect(opened.data).toMatchObject({
      claimId: `${orderId}.2`,
      units: [{ deliveryReference: 'new-key', revealedAt: after(1) }],
    });
  });

  it('is accepted however late until the price is refunded in full', () => {
    expect(
      given(...history(...delivered(), { ...pass, at: after(25) })).when({ ...claim(), at: after(9_999) }).events,
    ).toHaveLength(1);
    given(...history(...delivered(), claim(), refund()))
      .when(claim())
      .thenRejected('UnitRefunded');
    const part = given(...history(...delivered(), claim(), refund([{ amount: money(999n) }])));
    expect(part.when(claim()).events).toHaveLength(1);
  });

  it('needs a paid order and units of it', () => {
    given(...history(place()))
      .when(claim())
      .thenRejected('NotPaid');
    given(...history(...delivered()))
      .when(claim([]))
      .thenRejected('UnitUnknown');
    given(...history(...delivered()))
      .when(claim([1, 2]))
      .thenRejected('UnitUnknown');
  });

  it('sent twice is one dispute, and a second channel attaches to it', () => {
    const open = given(...history(...delivered(2), claim([1, 2])));
    open.when(claim([1, 2])).thenNothing();
    open.when(claim([2])).thenNothing();
    const alipay = claim([1, 2], { channel: 'alipay' });
    open.when(alipay).then({ type: 'ClaimAttached', data: { claimId, orderId, channel: 'alipay', attachedAt: start } });
    given(...history(...delivered(2), claim([1, 2]), alipay))
      .when(alipay)
      .thenNothing();
    given(...history(...delivered(2), claim([1])))
      .when(claim([1, 2]))
      .thenRejected('UnitUnderClaim');
    given(...history(...delivered(2), claim([1]), claim([2])))
      .when(claim([1, 2]))
      .thenRejected('UnitUnderClaim');
  });

  it('that is no draft submits the draft it attaches to', () => {
    const drafted = given(...history(...delivered(), claim([1], draft)));
    drafted.when(claim([1], draft)).thenNothing();
    expect(typesOf(drafted.when(claim()).events)).toEqual(['ClaimSubmitted']);
    expect(typesOf(drafted.when(claim([1], { channel: '12315' })).events)).toEqual(['ClaimAttached', 'ClaimSubmitted']);
    drafted.when({ ...claim(), at: after(24, 1) }).thenRejected('UnitUnderClaim');
  });

  it('has limits that keep its case file in one event and the order loadable', () => {
    given(...history(...delivered(maxClaimUnits + 1)))
      .when(claim(Array.from({ length: maxClaimUnits + 1 }, (_, i) => i + 1)))
      .thenRejected('TooManyUnits');
    const state = { ...given(...history(...delivered())).state, length: maxEventsForClaims } as typeof order.initial;
    expect(order.decide({ ...claim(), at: start }, state)).toMatchObject({ rejected: 'TooManyClaims' });
  });

  it('of the largest size, and the refund of the largest order, fit the largest event', () => {
    const long = {
      orderId: `demo.${'9'.repeat(59)}`,
      lines: [{ product: 'p'.repeat(64), unitPrice: money(10n ** 12n), quantity: maxUnits }],
    };
    const placed = place(maxUnits, { ...long, ...sevenDay, settlement: 'ON_DELIVERY', fee: money(10n ** 12n) });
    const paid = [placed, capture(10n ** 14n)] as const;
    const all = Array.from({ length: maxUnits }, (_, i) => i + 1);
    const keys = deliverAs(...all.map((unitNo) => [unitNo, key(`${unitNo}`.padStart(64, '0'))] as const));
    const claimed = all.slice(0, maxClaimUnits);
    const events = [
      ...history(...paid, keys, ...all.map((unitNo) => reveal(unitNo)), claim(claimed)),
      ...history(...paid, { ...pass, at: after(25) }),
      ...history(...paid, cancel),
    ];
    expect(Math.max(...events.map(({ data }) => encodeData(data).length))).toBeLessThan(maxEventBytes);
  });
});

describe('a draft', () => {
  const drafted = history(...delivered(), claim([1], draft));

  it('is submitted within a day, exactly a day inside, and once', () => {
    given(...drafted)
      .when({ ...submit(), at: after(24) })
      .then({ type: 'ClaimSubmitted', data: { claimId, orderId, units: [1], submittedAt: after(24) } });
    given(...drafted)
      .when({ ...submit(), at: after(24, 1) })
      .thenRejected('ClaimOver');
    given(...drafted, ...history(...delivered(), claim([1], draft), submit()).slice(-1))
      .when(submit())
      .thenNothing();
    given(...drafted)
      .when(submit(2))
      .thenRejected('ClaimUnknown');
    given(...history(...delivered(), claim([1], draft), close('lapsed')))
      .when(submit())
      .thenRejected('ClaimOver');
  });

  it('is there once per unit', () => {
    const lapsed = given(...history(...delivered(), claim([1], draft), close('lapsed')));
    lapsed.when(claim([1], draft)).thenRejected('DraftUsed');
    expect(lapsed.when(claim()).events).toMatchObject([{ data: { claimId: `${orderId}.2`, draft: false } }]);
  });

  it('that lapses gives back what was left of the window', () => {
    given(...history(...delivered(), { ...claim([1], draft), at: after(20) }))
      .when({ ...close('lapsed'), at: after(44, 1) })
      .then({
        type: 'ClaimClosed',
        data: {
          claimId,
          orderId,
          outcome: 'lapsed',
          units: [{ unitNo: 1, afterSaleEndsAt: after(48, 1) }],
          closedAt: after(44, 1),
        },
      });
  });

  it('cannot be decided or replaced before it is submitted', () => {
    given(...drafted)
      .when(replace())
      .thenRejected('ClaimNotSubmitted');
    given(...drafted)
      .when(refund())
      .thenRejected('ClaimNotSubmitted');
  });
});

describe('closing a claim', () => {
  it('lets the clock go on: a claim at the exact end of the window leaves this very moment', () => {
    const events = given(...history(...delivered(), { ...claim(), at: after(24) })).when({
      ...close('refused'),
      at: after(100),
    }).events;
    expect(events).toMatchObject([{ data: { units: [{ unitNo: 1, afterSaleEndsAt: after(100) }] } }]);
    const closed = given(...history(...delivered(), { ...claim(), at: after(24) }, { ...close('refused'), at: after(100) }));
    closed.when({ ...pass, at: after(100) }).thenNothing();
    expect(typesOf(closed.when({ ...pass, at: after(100, 1) }).events)).toEqual(['EscrowReleased']);
  });

  it('releases a unit at once whose window was over when it was claimed', () => {
    const late = history(...delivered(), { ...claim(), at: after(24, 1) });
    expect(given(...late).when({ ...close('refused'), at: after(30) }).events).toMatchObject([
      { type: 'ClaimClosed', data: { units: [{ unitNo: 1 }] } },
      { type: 'EscrowReleased', data: { because: 'claim-closed' } },
    ]);
    const unseen = history(...delivered(1, sevenDay), { ...claim(), at: after(30) });
    expect(typesOf(given(...unseen).when({ ...close('refused'), at: after(168) }).events)).toEqual(['ClaimClosed']);
    expect(typesOf(given(...unseen).when({ ...close('refused'), at: after(168, 1) }).events)).toEqual([
      'ClaimClosed',
      'EscrowReleased',
    ]);
  });

  it('happens once, for a claim of this order, and may end some of its units', () => {
    given(...history(...delivered(), claim(), close('refused')))
      .when(close('refused'))
      .thenNothing();
    given(...history(...delivered()))
      .when(close('refused'))
      .thenRejected('ClaimUnknown');
    const two = history(...delivered(2), claim([1, 2]));
    given(...two)
      .when(close('reissued', 1, 3))
      .thenRejected('UnitUnknown');
    expect(given(...two).when(close('reissued', 1, 2)).events).toMatchObject([{ data: { units: [{ unitNo: 2 }] } }]);
    const one = given(...history(...delivered(2), claim([1, 2]), close('reissued', 1, 2)));
    expect(one.when(close('refused')).events).toMatchObject([{ data: { outcome: 'refused', units: [{ unitNo: 1 }] } }]);
    expect(one.when(claim([2])).events).toMatchObject([{ data: { claimId: `${orderId}.2` } }]);
  });
});

describe('a replacement', () => {
  it('comes within 24 hours of the submitted claim, the last moment included', () => {
    const claimed = given(...history(...delivered(), { ...claim([1], draft), at: after(1) }, { ...submit(), at: after(3) }));
    expect(typesOf(claimed.when({ ...replace(), at: after(27) }).events)).toEqual(['ReplacementDelivered']);
    claimed.when({ ...replace(), at: after(27, 1) }).thenRejected('ReissueOver');
  });

  const claimed = history(...delivered(2), reveal(), claim());

  it('takes the place of the delivery under a submitted claim, once', () => {
    given(...claimed)
      .when({ ...replace(), at: after(5) })
      .then({
        type: 'ReplacementDelivered',
        data: { orderId, claimId, unitNo: 1, delivery: key('new-key'), deliveredAt: after(5) },
      });
    const replaced = given(...history(...delivered(2), reveal(), claim(), replace()));
    replaced.when(replace()).thenNothing();
    replaced.when(replace(1, 'newer-key')).thenRejected('UnitReplaced');
  });

  it('does not shorten what the claim left of the window', () => {
    const [closed] = given(
      ...history(...delivered(), reveal(), { ...claim(), at: after(4) }, { ...replace(), at: after(10) }),
    ).when({
      ...close('reissued'),
      at: after(30),
    }).events;
    expect(closed).toMatchObject({ data: { units: [{ afterSaleEndsAt: after(50) }] } });
  });

  it('is another key of the right kind for a unit of the claim', () => {
    given(...claimed)
      .when(replace(1, 'key-1'))
      .thenRejected('WrongDelivery');
    given(...claimed)
      .when(replace(1, 'key-2'))
      .thenRejected('WrongDelivery');
    given(...claimed)
      .when({ ...replace(), delivery: topUp('r') })
      .thenRejected('WrongDelivery');
    given(...claimed)
      .when(replace(2))
      .thenRejected('UnitUnknown');
    given(...claimed)
      .when(replace(1, 'new-key', 2))
      .thenRejected('ClaimUnknown');
    given(...history(place(), capture(), claim([1], { reason: 'not-delivered' })))
      .when(replace())
      .thenRejected('NotDelivered');
    given(...history(...delivered(), claim(), close('refused')))
      .when(replace())
      .thenRejected('ClaimOver');
  });

  it('and a refund exclude each other: the later is refused', () => {
    given(...history(...delivered(), claim(), refund()))
      .when(replace())
      .thenRejected('UnitRefunded');
    expect(typesOf(given(...history(...delivered(), claim(), replace())).when(refund()).events)).toEqual(['RefundShutOut']);
  });

  it('that the buyer found dead too is refunded by a verdict that knows it', () => {
    const replaced = given(...history(...delivered(), claim(), replace()));
    expect(typesOf(replaced.when(refund([{ replacementFailed: true }])).events)).toEqual([
      'RefundApproved',
      'RefundFundedFromEscrow',
      'ClaimClosed',
    ]);
    expect(
      given(...history(...delivered(), claim(), replace(), close('reissued'), claim())).when(refund([{}], 1, 2)).events,
    ).toHaveLength(3);
  });
});
