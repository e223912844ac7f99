import { type EventOf, plusHours, specify } from '@recourse/eventing';
import { compare, money, sum } from '@recourse/money';
import * as fc from 'fast-check';
import { feeOnPrice, type FeeCommand, type FeeEvent, type FeeRate, type FeeRates, fees, feesInForce } from './fee-schedule.js';
import { order, type OrderEvent } from './order.js';
import { after, history, place, type Placing, start } from './order-examples.js';

const { given } = specify(fees, start);
const rate = (basisPoints: number, minimum = 0n, maximum = 100_000n): FeeRate => ({
  basisPoints,
  minimum: money(minimum),
  maximum: money(maximum),
});
const rates = (change: Partial<FeeRates> = {}): FeeRates => ({
  'game-card': rate(500),
  'phone-top-up': rate(50),
  membership: rate(1_000, 100n, 500n),
  ...change,
});
const publish = (version: number, effectiveFrom: string, change: Partial<FeeRates> = {}): FeeCommand => ({
  type: 'PublishFeeSchedule',
  platform: 'demo',
  version,
  rates: rates(change),
  effectiveFrom,
});
const published = (version: number, publishedAt: string, effectiveFrom: string, change: Partial<FeeRates> = {}): FeeEvent => ({
  type: 'FeeSchedulePublished',
  data: { platform: 'demo', version, rates: rates(change), publishedAt, effectiveFrom },
});

describe('a fee schedule', () => {
  it('is numbered without a gap and takes effect from the moment it names', () => {
    given()
      .when(publish(1, start))
      .then(published(1, start, start));
    given(published(1, start, start))
      .when({ ...publish(2, after(48)), at: after(1) })
      .then(published(2, after(1), after(48)));
    given().when(publish(2, start)).thenRejected('VersionNotNext');
    given(published(1, start, start))
      .when(publish(1, after(1)))
      .thenRejected('VersionNotNext');
  });

  it('is published once, however often it is sent', () => {
    given(published(1, start, start), published(2, start, after(1)))
      .when({ ...publish(1, start), at: after(9) })
      .thenNothing();
  });

  it('is never backdated, and never from before the version it replaces', () => {
    given()
      .when({ ...publish(1, start), at: after(0, 1) })
      .thenRejected('FeesBackdated');
    given(published(1, start, after(48)))
      .when(publish(2, after(47)))
      .thenRejected('FeesBackdated');
    given(published(1, start, after(48)))
      .when(publish(2, after(48)))
      .then(published(2, start, after(48)));
  });

  it('makes sense: parts of a price, limits in order, one asset', () => {
    for (const wrong of [
      rate(-1),
      rate(10_001),
      rate(0.5),
      rate(0, -1n),
      rate(0, 2n, 1n),
      { ...rate(0), maximum: money(1n, 'USD') },
    ])
      given()
        .when(publish(1, start, { membership: wrong }))
        .thenRejected('FeesInvalid');
  });

  it('is in force from exactly its moment until exactly that of the next', () => {
    const log = [published(1, start, after(1)), published(2, start, after(2))];
    expect([start, after(1, -1), after(1), after(2, -1), after(2)].map((at) => feesInForce(log, at)?.version)).toEqual([
      undefined,
      undefined,
      1,
      1,
      2,
    ]);
  });

  it('rounds half up, keeps its limits, and takes no more than the price', () => {
    const fee = (price: bigint, ...of: Parameters<typeof rate>) => feeOnPrice(money(price), rate(...of)).minor;
    expect([fee(1_000n, 500), fee(10n, 500), fee(9n, 500), fee(29n, 500), fee(30n, 500)]).toEqual([50n, 1n, 0n, 1n, 2n]);
    expect([fee(1_000n, 500, 80n), fee(1_000n, 500, 0n, 30n), fee(50n, 500, 80n), fee(7n, 10_000)]).toEqual([80n, 30n, 50n, 7n]);
    fc.assert(
      fc.property(
        fc.bigInt(1n, 10n ** 15n),
        fc.integer({ min: 0, max: 10_000 }),
        fc.bigInt(0n, 10n ** 6n),
        fc.bigInt(0n, 10n ** 6n),
        (price, basisPoints, one, other) => {
          const [minimum, maximum] = one < other ? [one, other] : [other, one];
          const taken = fee(price, basisPoints, minimum, maximum);
          expect(taken >= 0n && taken <= price && taken <= maximum && (taken >= minimum || taken === price)).toBe(true);
        },
      ),
    );
  });
});

describe('an order under a fee schedule', () => {
  const orders = specify(order, start);
  const unpriced = Object.fromEntries(Object.entries(place(3)).filter(([name]) => name !== 'fee')) as unknown as Placing;
  const schedule = published(4, start, start).data;
  const placing = (change: Partial<Placing> = {}): Placing => ({ ...unpriced, feeSchedule: schedule, ...change });
  const placed = (change: Partial<Placing> = {}) =>
    (orders.given().when(placing(change)).events[0] as EventOf<OrderEvent, 'OrderPlaced'>).data;

  it('freezes the version and the fee of each unit, on what is paid for it', () => {
    expect(placed()).toMatchObject({ feeScheduleVersion: 4, units: [1, 2, 3].map(() => ({ fee: money(50n) })) });
    expect(placed({ discount: money(1_001n) }).units.map(({ price, fee }) => [price.minor, fee.minor])).toEqual([
      [667n, 33n],
      [666n, 33n],
      [666n, 33n],
    ]);
    expect(placed({ productKind: 'membership' }).units.map(({ fee }) => fee.minor)).toEqual([100n, 100n, 100n]);
  });

  it('has no fee of the shop beside it, and without a schedule the shop names one', () => {
    orders
      .given()
      .when(placing({ fee: money(1n) }))
      .thenRejected('FeeScheduled');
    orders.given().when(unpriced).thenRejected('FeeMissing');
    expect(history(place())[0]?.data).not.toHaveProperty('feeScheduleVersion');
    orders
      .given()
      .when(placing({ lines: [{ product: 'p', unitPrice: money(100n, 'USD'), quantity: 1 }] }))
      .thenRejected('AssetMismatch');
  });

  it('pays the merchant net of it, to the fen', () => {
    const events = history(
      placing(),
      { type: 'CapturePayment', transaction: 't', amount: money(3_000n), receiver: 'acct-demo', capturedAt: start },
      {
        type: 'DeliverUnits',
        deliveries: [{ unitNo: 1, delivery: { kind: 'key', ciphertext: 'c', fingerprint: 'f', masked: 'm' } }],
      },
      { type: 'PassOrderDeadlines', at: plusHours(start, 25) },
    );
    const released = events.find((event): event is EventOf<OrderEvent, 'EscrowReleased'> => event.type === 'EscrowReleased');
    expect(released?.data).toMatchObject({ amount: money(1_000n), fee: money(50n), net: money(950n) });
    expect(compare(sum([released!.data.net, released!.data.fee]), released!.data.amount)).toBe(0);
  });
});
