import { type EventOf, specify } from '@recourse/eventing';
import { compare, money, sum } from '@recourse/money';
import * as fc from 'fast-check';
import { order, type OrderEvent } from './order.js';
import { after, capture, claim, delivered, history, orderId, place, type Placing, start } from './order-examples.js';
import { maxUnits } from './placement.js';

const { given } = specify(order, start);
const unitsOf = (command: Placing) => (given().when(command).events[0] as EventOf<OrderEvent, 'OrderPlaced'>).data.units;
const pricesOf = (command: Placing) => unitsOf(command).map(({ price }) => price.minor);
const line = (minor: bigint, quantity = 1, asset = 'CNY') => ({ product: 'p', unitPrice: money(minor, asset), quantity });

describe('placing an order', () => {
  it('splits the price after the discount over the units once, the odd fen to the lower unit number', () => {
    expect(pricesOf(place(3, { discount: money(1_000n) }))).toEqual([667n, 667n, 666n]);
    expect(pricesOf(place(1, { lines: [line(300n), line(700n)], discount: money(1n) }))).toEqual([300n, 699n]);
    expect(unitsOf(place(3, { fee: money(100n) })).map(({ fee }) => fee.minor)).toEqual([34n, 33n, 33n]);
  });

  it('weighs the fee by what is paid for a unit, so that no fee exceeds its price', () => {
    const lines = [line(6n), line(6n), line(2n)];
    const units = unitsOf(place(1, { lines, discount: money(3n), fee: money(10n) }));
    expect(units.map(({ price, fee }) => [price.minor, fee.minor])).toEqual([
      [5n, 5n],
      [5n, 4n],
      [1n, 1n], // by list price it would be 2 fen of 1
    ]);
  });

  it('gives each unit its number, its product, and half an hour to pay for all', () => {
    given()
      .when(place(2))
      .then({
        type: 'OrderPlaced',
        data: {
          orderId,
          platform: 'demo',
          merchant: 'm1',
          buyer: 'b1',
          payee: 'vault:payee-b1',
          rail: 'sandbox',
          receiver: 'acct-demo',
          productKind: 'game-card',
          settlement: 'ESCROW',
          promise: place().promise,
          policy: place().policy,
          units: [1, 2].map((unitNo) => ({ unitNo, product: 'steam-100', price: money(1_000n), fee: money(100n) })),
          total: money(2_000n),
          payBefore: after(0.5),
          placedAt: start,
        },
      });
  });

  it('takes a number once', () => {
    given(...history(place()))
      .when(place())
      .thenRejected('OrderExists');
    given().when(capture()).thenRejected('OrderUnknown');
  });

  it('has one to a hundred whole units', () => {
    given()
      .when(place(1, { lines: [] }))
      .thenRejected('NothingOrdered');
    given()
      .when(place(1, { lines: [line(1n, 0)] }))
      .thenRejected('NothingOrdered');
    given()
      .when(place(1, { lines: [line(1n, 1.5)] }))
      .thenRejected('NothingOrdered');
    given()
      .when(place(maxUnits + 1))
      .thenRejected('TooManyUnits');
    expect(pricesOf(place(maxUnits))).toHaveLength(maxUnits);
  });

  it('is in one asset, for amounts that make sense', () => {
    given()
      .when(place(1, { lines: [line(1_000n), line(1_000n, 1, 'USD')] }))
      .thenRejected('AssetMismatch');
    given()
      .when(place(1, { discount: money(1n, 'USD') }))
      .thenRejected('AssetMismatch');
    given()
      .when(place(1, { lines: [line(0n)] }))
      .thenRejected('AmountNotPositive');
    given()
      .when(place(1, { discount: money(-1n) }))
      .thenRejected('AmountNotPositive');
    given()
      .when(place(1, { fee: money(-1n) }))
      .thenRejected('AmountNotPositive');
    given()
      .when(place(1, { lines: [line(2n ** 62n, 2)] }))
      .thenRejected('AmountTooLarge');
    given()
      .when(place(1, { discount: money(1_000n) }))
      .thenRejected('DiscountTooLarge');
    given()
      .when(place(1, { fee: money(1_001n) }))
      .thenRejected('FeeTooLarge');
    expect(pricesOf(place(1, { fee: money(1_000n) }))).toEqual([1_000n]);
  });

  it('leaves no unit for nothing, because it could not be refunded by itself', () => {
    given()
      .when(place(1, { lines: [line(1n, 2)], discount: money(1n), fee: money(0n) }))
      .thenRejected('DiscountTooLarge');
  });

  it('promises no less than the policy publishes', () => {
    const minimums = { afterSaleHours: 24, deliverWithinHours: 72 };
    const promised = (change: Partial<Placing['promise']>) => place(1, { minimums, promise: { ...place().promise, ...change } });
    given()
      .when(promised({ afterSaleHours: 23 }))
      .thenRejected('PromiseBelowMinimum');
    given()
      .when(promised({ deliverWithinHours: 73 }))
      .thenRejected('PromiseBelowMinimum');
    given()
      .when(promised({ afterSaleHours: 0 }))
      .thenRejected('PromiseIncomplete');
    expect(unitsOf(promised({ deliverWithinHours: 72 }))).toHaveLength(1);
  });

  it('keeps what the buyer confirmed by itself, for the claims to come', () => {
    const [placed] = given().when(place(1, { noReturnConsent: true })).events;
    expect(placed?.data).toMatchObject({ noReturnConsent: true });
    expect(given().when(place()).events[0]?.data).not.toHaveProperty('noReturnConsent');
    const before = history(...delivered(1, { noReturnConsent: true }));
    expect(given(...before).when(claim()).events[0]?.data).toMatchObject({ noReturnConsent: true });
    expect(given(...history(...delivered())).when(claim()).events[0]?.data).not.toHaveProperty('noReturnConsent');
  });

  it('needs a complete after-sale promise', () => {
    const promised = (change: Partial<Placing['promise']>) => place(1, { promise: { ...place().promise, ...change } });
    for (const hours of [0, 0.5, 8_761, Number.NaN]) {
      given()
        .when(promised({ afterSaleHours: hours }))
        .thenRejected('PromiseIncomplete');
      given()
        .when(promised({ deliverWithinHours: hours }))
        .thenRejected('PromiseIncomplete');
    }
    given()
      .when(place(1, { productKind: 'phone-top-up', promise: { ...place().promise, sevenDay: true } }))
      .thenRejected('PromiseIncomplete');
    expect(unitsOf(promised({ afterSaleHours: 8_760, deliverWithinHours: 1 }))).toHaveLength(1);
  });

  it('needs consent to the very policy that will judge it', () => {
    const { policy } = place();
    for (const consent of [
      { ...policy, version: 2 },
      { ...policy, hash: 'cd'.repeat(32) },
      { ...policy, id: 'other' },
    ])
      given().when(place(1, { consent })).thenRejected('ConsentMissing');
  });

  it('is settled at delivery only for a merchant whose deposit covers what may yet be claimed, this order included (K16)', () => {
    const onDelivery = (limit: bigint, exposed: bigint, asset = 'CNY') =>
      place(1, { settlement: 'ON_DELIVERY', exposure: { limit: money(limit, asset), exposed: money(exposed, asset) } });
    const [placed] = given().when(onDelivery(5_000n, 4_000n)).events as EventOf<OrderEvent, 'OrderPlaced'>[];
    expect(placed?.data.exposure).toEqual({ limit: money(5_000n), exposed: money(5_000n) });
    given().when(onDelivery(5_000n, 4_001n)).thenRejected('ExposureTooHigh');
    const refusal = order.decide({ ...onDelivery(5_000n, 4_001n), at: start }, order.initial);
    expect(refusal).toMatchObject({ detail: expect.stringMatching(/50\.01 CNY .* 50\.00 CNY/) as string });
    given()
      .when(onDelivery(2n ** 63n - 1n, 2n ** 63n - 1n))
      .thenRejected('ExposureTooHigh');
    given()
      .when(onDelivery(5_000n, 0n, 'USD'))
      .thenRejected('AssetMismatch');
    const unknown = Object.entries(onDelivery(0n, 0n)).filter(([name]) => name !== 'exposure');
    given()
      .when(Object.fromEntries(unknown) as unknown as Placing)
      .thenRejected('ExposureUnknown');
    expect(given().when({ ...onDelivery(0n, 0n), settlement: 'ESCROW' }).events[0]?.data).not.toHaveProperty('exposure');
  });

  it('has unit prices and fees that sum exactly, no fee above its price, however the discount falls', () => {
    const orders = fc
      .array(fc.record({ minor: fc.bigInt(1n, 5_000n), quantity: fc.integer({ min: 1, max: 9 }) }), {
        minLength: 1,
        maxLength: 6,
      })
      .chain((lines) => {
        const list = lines.reduce((running, { minor, quantity }) => running + minor * BigInt(quantity), 0n);
        return fc.bigInt(0n, list - 1n).chain((discount) =>
          fc.bigInt(0n, list - discount).map((fee) =>
            place(1, {
              lines: lines.map(({ minor, quantity }) => line(minor, quantity)),
              discount: money(discount),
              fee: money(fee),
            }),
          ),
        );
      });
    fc.assert(
      fc.property(orders, (command) => {
        const [placed] = given().when(command).events as EventOf<OrderEvent, 'OrderPlaced'>[];
        if (!placed) return given().when(command).thenRejected('DiscountTooLarge');
        const { units, total } = placed.data;
        expect(sum(units.map(({ price }) => price))).toEqual(total);
        expect(sum(units.map(({ fee }) => fee))).toEqual(command.fee);
        expect(units.every(({ price, fee }) => price.minor > 0n && compare(fee, price) <= 0)).toBe(true);
      }),
    );
  });
});
