import { type EventOf, specify } from '@recourse/eventing';
import { money, subtract, sum, zero } from '@recourse/money';
import * as fc from 'fast-check';
import { order, type OrderEvent, type SurplusReason } from './order.js';
import { after, cancel, capture, delivered, history, orderId, place, refund, claim, start, typesOf } from './order-examples.js';
import { maxEventsForSurplus, surplusRefundId } from './payment.js';

const { given } = specify(order, start);
const placed = history(place());
const paid = history(place(), capture());
const again = (transaction: string, amount = 1_000n) => capture(amount, { transaction });

const goesBack = (why: SurplusReason, amount: bigint, transaction = 't-1', at = start): OrderEvent => ({
  type: 'SurplusCaptured',
  data: {
    platform: 'demo',
    merchant: 'm1',
    buyer: 'b1',
    payee: 'vault:payee-b1',
    rail: 'sandbox',
    refundId: surplusRefundId(orderId, 'sandbox', transaction),
    orderId,
    transaction,
    why,
    amount: money(amount),
    capturedAt: at,
    bookedAt: at,
  },
});

describe('paying', () => {
  it('counts when transaction, amount and receiver are confirmed, and starts the delivery clock', () => {
    given(...placed)
      .when({ ...capture(1_000n, { capturedAt: after(0.2) }), at: after(0.25) })
      .then({
        type: 'PaymentCaptured',
        data: {
          orderId,
          platform: 'demo',
          rail: 'sandbox',
          transaction: 't-1',
          amount: money(1_000n),
          capturedAt: after(0.2),
          deliverBefore: after(24.25),
        },
      });
  });

  it('never takes effect later than it is recorded', () => {
    const [captured] = given(...placed).when({ ...capture(1_000n, { capturedAt: after(0.2) }), at: after(0.1) }).events;
    expect(captured).toMatchObject({ data: { capturedAt: after(0.1) } });
  });

  it('is not what arrived at another account, in another asset, or without a number', () => {
    const before = [placed, paid, history(place(), cancel)];
    for (const events of before)
      for (const wrong of [
        { amount: money(1_000n, 'USD') },
        { receiver: 'a-person' },
        { transaction: '' },
        { amount: zero() },
        { amount: money(-1n) },
      ])
        given(...events)
          .when(capture(1_000n, { transaction: 't-9', ...wrong }))
          .thenRejected('CaptureMismatch');
  });

  it('happens once: the same transaction again is nothing', () => {
    given(...paid)
      .when(capture())
      .thenNothing();
    given(...history(place(), capture(), cancel))
      .when(capture())
      .thenNothing();
    given(...history(place(), capture(1_200n)))
      .when(capture(1_200n))
      .thenNothing();
  });

  it('is in time at exactly half an hour and late a millisecond after, by the time of the payment', () => {
    const paidAt = (ms: number) => ({ ...capture(1_000n, { capturedAt: after(0.5, ms) }), at: after(2) });
    expect(typesOf(given(...placed).when(paidAt(0)).events)).toEqual(['PaymentCaptured']);
    expect(given(...placed).when(paidAt(1)).events).toMatchObject([{ type: 'SurplusCaptured', data: { why: 'late' } }]);
  });
});

describe('money that the order did not ask for goes back by itself', () => {
  it('when it came late, and the order can still be paid by what came in time', () => {
    const late = { ...capture(1_000n, { capturedAt: after(0.6) }), at: after(0.6) };
    given(...placed)
      .when(late)
      .then(goesBack('late', 1_000n, 't-1', after(0.6)));
    given(...history(place(), late))
      .when(late)
      .thenNothing();
    expect(typesOf(history(place(), late, { ...again('t-2'), at: after(0.7) }))).toEqual([
      'OrderPlaced',
      'SurplusCaptured',
      'PaymentCaptured',
    ]);
  });

  it('when the order was paid before, each transaction in a refund of its own', () => {
    given(...paid)
      .when(again('t-2'))
      .then(goesBack('duplicate', 1_000n, 't-2'));
    const events = history(place(), capture(), again('t-2'), again('t-3', 1n));
    const refunds = events.flatMap(({ type, data }) => (type === 'SurplusCaptured' ? [data.refundId] : []));
    expect(new Set(refunds).size).toBe(2);
    given(...events)
      .when(again('t-2'))
      .thenNothing();
  });

  it('when the order was cancelled, paid or not', () => {
    given(...history(place(), cancel))
      .when(capture())
      .then(goesBack('cancelled', 1_000n));
    given(...history(place(), capture(), cancel))
      .when(again('t-2'))
      .then(goesBack('cancelled', 1_000n, 't-2'));
  });

  it('when it was too much: the order is paid with what it asked for, and the rest goes back', () => {
    const events = given(...placed).when(capture(1_234n)).events;
    expect(events).toMatchObject([{ type: 'PaymentCaptured', data: { amount: money(1_000n) } }, goesBack('too-much', 234n)]);
  });

  it('when it was too little: it pays nothing and goes back whole', () => {
    given(...placed)
      .when(capture(999n))
      .then(goesBack('too-little', 999n));
    expect(typesOf(history(place(), capture(999n), again('t-2')))).toEqual(['OrderPlaced', 'SurplusCaptured', 'PaymentCaptured']);
  });

  it('also from an order whose own money is gone already', () => {
    given(...history(...delivered(), claim(), refund()))
      .when(again('t-2'))
      .then(goesBack('duplicate', 1_000n, 't-2'));
  });

  it('names its refund by rail and transaction, in characters that every name here may have', () => {
    expect(surplusRefundId(orderId, 'sandbox', 't/1:?')).toMatch(/^demo\.1001\.surplus\.[0-9a-f]{16}$/);
    expect(surplusRefundId(orderId, 'sandbox', 't-1')).not.toBe(surplusRefundId(orderId, 'alipay', 't-1'));
  });

  it('is bounded, so that an order can always be loaded', () => {
    const flood = Array.from({ length: maxEventsForSurplus }, (_, index) => again(`t-${index}`));
    const full = given(...history(place(), ...flood.slice(0, -1)));
    full.when(again('one-more')).thenRejected('TooManyCaptures');
    full.when(again('t-5')).thenNothing();
  });
});

it('keeps every fen that came in, in whatever order and whatever amounts it came', () => {
  const captures = fc.array(
    fc.record({
      transaction: fc.integer({ min: 1, max: 4 }),
      minor: fc.bigInt(1n, 2_000n),
      hours: fc.constantFrom(0, 0.5, 0.6, 2),
      cancels: fc.boolean(),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(captures, (steps) => {
      const arrived = new Map<string, bigint>();
      let at = start;
      const events = [...placed];
      for (const { transaction, minor, hours, cancels } of steps) {
        at = at < after(hours) ? after(hours) : at;
        const name = `t-${transaction}`;
        // A transaction is told again as it was told first: the rail says the same every time.
        const amount = arrived.get(name) ?? minor;
        arrived.set(name, amount);
        events.push(...given(...events).when({ ...capture(amount, { transaction: name, capturedAt: at }), at }).events);
        if (cancels && minor > 1_900n) events.push(...given(...events).when({ ...cancel, at }).events);
      }
      const amountsOf = (type: 'PaymentCaptured' | 'SurplusCaptured') =>
        events.filter((event): event is EventOf<OrderEvent, typeof type> => event.type === type).map(({ data }) => data.amount);
      const came = sum([...arrived.values()].map((minor) => money(minor)));
      const kept = sum(amountsOf('PaymentCaptured'));
      expect(sum(amountsOf('SurplusCaptured'))).toEqual(subtract(came, kept));
      expect([0n, 1_000n]).toContain(kept.minor);
    }),
  );
});
