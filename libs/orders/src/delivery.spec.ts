import { specify } from '@recourse/eventing';
import { money } from '@recourse/money';
import { order } from './order.js';
import {
  after,
  cancel,
  claim,
  close,
  confirm,
  deliver,
  deliverAs,
  fail,
  history,
  key,
  note,
  orderId,
  paid,
  pass,
  place,
  refund,
  replace,
  reveal,
  sevenDay,
  start,
  topUp,
  typesOf,
} from './order-examples.js';

const { given } = specify(order, start);
const released = (unitNo: number, because: 'delivered' | 'confirmed' | 'window-ended' | 'claim-closed' | 'platform-bears') => ({
  type: 'EscrowReleased' as const,
  data: {
    orderId,
    platform: 'demo',
    merchant: 'm1',
    unitNo,
    amount: money(1_000n),
    fee: money(100n),
    net: money(900n),
    because,
  },
});

describe('delivering', () => {
  it('starts the after-sale window, and the seven days where they are promised', () => {
    const delivered = { orderId, unitNo: 1, delivery: key('key-1'), deliveredAt: after(1), afterSaleEndsAt: after(25) };
    given(...history(...paid()))
      .when({ ...deliver(1), at: after(1) })
      .then({ type: 'UnitDelivered', data: delivered });
    given(...history(...paid(1, sevenDay)))
      .when({ ...deliver(1), at: after(1) })
      .then({ type: 'UnitDelivered', data: { ...delivered, sevenDayEndsAt: after(169) } });
  });

  it('needs a payment and an order that is not cancelled', () => {
    given(...history(place()))
      .when(deliver(1))
      .thenRejected('NotPaid');
    given(...history(...paid(), cancel))
      .when(deliver(1))
      .thenRejected('OrderIsCancelled');
  });

  it('may come in parts, and twice without effect', () => {
    given(...history(...paid(3), deliver(1)))
      .when(deliver(1))
      .thenNothing();
    expect(given(...history(...paid(3), deliver(1))).when(deliver(3, 1, 2)).events).toMatchObject([
      { data: { unitNo: 2 } },
      { data: { unitNo: 3 } },
    ]);
    given(...history(...paid(3), deliver(1)))
      .when(deliverAs([1, key('other')]))
      .thenRejected('AlreadyDelivered');
  });

  it('names units of the order, each once, with its own key of the right kind', () => {
    const two = given(...history(...paid(2)));
    two.when(deliver()).thenRejected('UnitUnknown');
    two.when(deliver(1, 3)).thenRejected('UnitUnknown');
    two.when(deliver(1, 1)).thenRejected('WrongDelivery');
    two.when(deliverAs([1, key('same')], [2, key('same')])).thenRejected('WrongDelivery');
    two.when(deliverAs([1, topUp('r')])).thenRejected('WrongDelivery');
    given(...history(...paid(2), deliver(1)))
      .when(deliverAs([2, key('key-1')]))
      .thenRejected('WrongDelivery');
    const phone = given(...history(...paid(1, { productKind: 'phone-top-up' })));
    phone.when(deliver(1)).thenRejected('WrongDelivery');
    expect(phone.when(deliverAs([1, topUp('r')])).events).toHaveLength(1);
  });

  it('is in time at exactly the deadline and late a millisecond after, whether or not a timer fired', () => {
    const order = given(...history(...paid()));
    expect(order.when({ ...deliver(1), at: after(24) }).events).toHaveLength(1);
    order.when({ ...deliver(1), at: after(24, 1) }).thenRejected('DeliveryWindowOver');
    given(...history(...paid(), { ...pass, at: after(24, 1) }))
      .when(deliver(1))
      .thenRejected('UnitRefunded');
  });

  it('releases each unit at once when the merchant is settled on delivery', () => {
    const events = given(...history(...paid(2, { settlement: 'ON_DELIVERY' }))).when(deliver(1, 2)).events;
    expect(typesOf(events)).toEqual(['UnitDelivered', 'EscrowReleased', 'UnitDelivered', 'EscrowReleased']);
    expect(events[1]).toEqual(released(1, 'delivered'));
  });

  it('releases nothing of a unit under a not-delivered claim until the claim ends, which leaves the whole window', () => {
    const claimed = [...paid(1, { settlement: 'ON_DELIVERY' }), claim([1], { reason: 'not-delivered' })] as const;
    expect(typesOf(given(...history(...claimed)).when(deliver(1)).events)).toEqual(['UnitDelivered']);
    const ended = given(...history(...claimed, { ...deliver(1), at: after(2) })).when({
      ...close('withdrawn'),
      at: after(5),
    }).events;
    expect(ended).toMatchObject([{ data: { units: [{ unitNo: 1, afterSaleEndsAt: after(29) }] } }, released(1, 'claim-closed')]);
  });
});

describe('an incident of the platform', () => {
  const noted = (...units: number[]) => ({
    type: 'PlatformIncidentNoted' as const,
    data: { orderId, units, incidentId: 'demo.I1', notedAt: start },
  });

  it('spoils what was delivered, once, and is a failed delivery of what was not', () => {
    given(...history(...paid(3), deliver(1, 2)))
      .when(note(1, 2, 3))
      .then({ type: 'PlatformDeliveryFailed', data: { orderId, unitNo: 3, incident: 'demo.I1', failedAt: start } }, noted(1, 2));
    given(...history(...paid(2), deliver(1, 2), note(1)))
      .when(note(1, 2))
      .then(noted(2));
    given(...history(...paid(), deliver(1), note(1)))
      .when(note(1))
      .thenNothing();
    given(...history(...paid(), fail()))
      .when(note(1))
      .thenNothing();
  });

  it('is among the facts of a later claim, with its event, and keeps nothing back from the merchant', () => {
    const [opened] = given(...history(...paid(), deliver(1), note(1))).when(claim()).events;
    expect(opened).toMatchObject({
      data: { units: [{ platformFailure: true, evidence: expect.arrayContaining([`3@order-${orderId}`]) }] },
    });
    expect(typesOf(given(...history(...paid(), deliver(1), note(1))).when({ ...pass, at: after(25) }).events)).toEqual([
      'EscrowReleased',
    ]);
  });

  it('concerns units of this order that are paid and not refunded', () => {
    given(...history(...paid(), deliver(1)))
      .when(note(2))
      .thenRejected('UnitUnknown');
    given(...history(place()))
      .when(note(1))
      .thenRejected('NotPaid');
    given(...history(...paid(), claim([1], { reason: 'not-delivered' }), refund()))
      .when(note(1))
      .thenNothing();
  });
});

describe('a failure of the platform', () => {
  it('marks the unit, once, and no one can deliver it any more', () => {
    given(...history(...paid()))
      .when(fail())
      .then({ type: 'PlatformDeliveryFailed', data: { orderId, unitNo: 1, incident: 'incident-7', failedAt: start } });
    given(...history(...paid(), fail()))
      .when(fail())
      .thenNothing();
    given(...history(...paid(), fail()))
      .when(deliver(1))
      .thenRejected('DeliveryFailed');
  });

  it('concerns only a unit that did not reach the buyer', () => {
    given(...history(...paid(), deliver(1)))
      .when(fail())
      .thenRejected('AlreadyDelivered');
    given(...history(...paid(), { ...pass, at: after(25) }))
      .when(fail())
      .thenRejected('UnitRefunded');
    given(...history(...paid()))
      .when(fail(2))
      .thenRejected('UnitUnknown');
  });

  it('is not the lateness of the merchant, who performed', () => {
    given(...history(...paid(), fail()))
      .when({ ...pass, at: after(25) })
      .thenNothing();
    given(...history(...paid(), fail()))
      .when(cancel)
      .thenRejected('AlreadyDelivered');
    const facts = given(...history(...paid(), fail())).when(claim([1], { reason: 'platform-failure' })).events;
    expect(facts).toMatchObject([
      { data: { units: [{ platformFailure: true, evidence: ['0', '1', '2'].map((n) => `${n}@order-${orderId}`) }] } },
    ]);
  });
});

describe('revealing a key', () => {
  it('is a fact the first time and a look the next', () => {
    given(...history(...paid(), deliver(1)))
      .when({ ...reveal(), at: after(3) })
      .then({ type: 'KeyRevealed', data: { orderId, unitNo: 1, revealedAt: after(3) } });
    given(...history(...paid(), deliver(1), reveal()))
      .when(reveal())
      .thenNothing();
  });

  it('needs a delivered key', () => {
    given(...history(...paid()))
      .when(reveal())
      .thenRejected('NotDelivered');
    given(...history(...paid()))
      .when(reveal(2))
      .thenRejected('UnitUnknown');
    given(...history(...paid(1, { productKind: 'phone-top-up' }), deliverAs([1, topUp('r')])))
      .when(reveal())
      .thenRejected('NothingToReveal');
  });

  it('is over for a key refunded unseen, while a seen one stays visible', () => {
    given(...history(...paid(1, sevenDay), deliver(1), claim([1], { reason: 'seven-day' }), refund()))
      .when(reveal())
      .thenRejected('UnitRefunded');
    given(...history(...paid(), deliver(1), reveal(), claim(), refund()))
      .when(reveal())
      .thenNothing();
  });

  it('waits while an unseen key is claimed, but a replacement is there to be tried', () => {
    given(...history(...paid(1, sevenDay), deliver(1), claim()))
      .when(reveal())
      .thenRejected('UnitUnderClaim');
    const replaced = given(...history(...paid(), deliver(1), reveal(), claim(), { ...replace(), at: after(2) }));
    replaced
      .when({ ...reveal(), at: after(3) })
      .then({ type: 'KeyRevealed', data: { orderId, unitNo: 1, revealedAt: after(3) } });
  });

  it('ends the seven-day promise, and with it the escrow if the window is over', () => {
    const delivered = given(...history(...paid(1, sevenDay), deliver(1)));
    expect(typesOf(delivered.when({ ...reveal(), at: after(24) }).events)).toEqual(['KeyRevealed']);
    expect(delivered.when({ ...reveal(), at: after(24, 1) }).events[1]).toEqual(released(1, 'window-ended'));
  });
});

describe('confirming receipt', () => {
  it('releases the units, and says nothing twice', () => {
    given(...history(...paid(2), deliver(1, 2)))
      .when({ ...confirm(2, 1), at: after(1) })
      .then(
        { type: 'ReceiptConfirmed', data: { orderId, units: [1, 2], confirmedAt: after(1) } },
        released(1, 'confirmed'),
        released(2, 'confirmed'),
      );
    given(...history(...paid(), deliver(1), confirm(1)))
      .when(confirm(1))
      .thenNothing();
    expect(given(...history(...paid(2), deliver(1, 2), confirm(1))).when(confirm(1, 2)).events).toMatchObject([
      { data: { units: [2] } },
      released(2, 'confirmed'),
    ]);
  });

  it('does not end the claim window', () => {
    const [opened] = given(...history(...paid(), deliver(1), confirm(1))).when({ ...claim(), at: after(24) }).events;
    expect(opened).toMatchObject({ data: { units: [{ escrow: 'released', afterSaleEndsAt: after(24) }] } });
  });

  it('is for delivered, unclaimed units whose money is held', () => {
    given(...history(...paid()))
      .when(confirm(1))
      .thenRejected('NotDelivered');
    given(...history(...paid()))
      .when(confirm())
      .thenRejected('UnitUnknown');
    given(...history(...paid(), deliver(1), claim()))
      .when(confirm(1))
      .thenRejected('UnitUnderClaim');
    given(...history(...paid(), deliver(1), claim(), refund()))
      .when(confirm(1))
      .thenRejected('UnitRefunded');
    given(...history(...paid(), deliver(1), { ...pass, at: after(25) }))
      .when(confirm(1))
      .thenRejected('NothingToConfirm');
  });
});
