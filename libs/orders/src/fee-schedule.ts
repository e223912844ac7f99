import {
  type CommandOf,
  type DataOf,
  type Decider,
  type Event,
  eventsOf,
  type Instant,
  isAfter,
  reject,
  type Rejection,
} from '@recourse/eventing';
import { compare, equals, isNegative, max, min, type Money, sameAsset, share } from '@recourse/money';
import type { ProductKind } from './order.js';

/** What the platform keeps of a unit that the merchant sold: a part of the price, within limits, never more than the price. */
export interface FeeRate {
  /** Of the price after discount, half up; 10,000 is all of it. */
  readonly basisPoints: number;
  readonly minimum: Money;
  readonly maximum: Money;
}
export type FeeRates = Readonly<Record<ProductKind, FeeRate>>;

/** Stream `fees-{platform}`; an order freezes the version in force when it is placed, and the fee of each unit. */
export type FeeEvent = Event<
  'FeeSchedulePublished',
  {
    readonly platform: string;
    readonly version: number;
    readonly rates: FeeRates;
    readonly publishedAt: Instant;
    readonly effectiveFrom: Instant;
  }
>;
export type FeeCommand = {
  readonly type: 'PublishFeeSchedule';
  readonly platform: string;
  /** The number it must get, so that nobody publishes over a version he has not seen. */
  readonly version: number;
  readonly rates: FeeRates;
  readonly effectiveFrom: Instant;
};
export type FeeRejection = 'FeesInvalid' | 'FeesBackdated' | 'VersionNotNext';
export type FeeSchedule = DataOf<FeeEvent, 'FeeSchedulePublished'>;

const wholePrice = 10_000;
const event = eventsOf<FeeEvent>();
const kinds = Object.keys({ 'game-card': true, 'phone-top-up': true, membership: true } satisfies Record<
  ProductKind,
  true
>) as ProductKind[];

function faultIn(rates: FeeRates): string | undefined {
  const all = kinds.map((kind) => rates[kind]);
  const asset = rates[kinds[0] ?? 'game-card'].minimum;
  if (!all.every(({ basisPoints: part }) => Number.isInteger(part) && part >= 0 && part <= wholePrice))
    return `a fee is 0 to ${wholePrice} whole basis points of the price`;
  if (!all.every(({ minimum, maximum }) => sameAsset(minimum, asset) && sameAsset(maximum, asset)))
    return 'one schedule is in one asset';
  return all.some(({ minimum, maximum }) => isNegative(minimum) || compare(minimum, maximum) > 0)
    ? 'a minimum is not below zero and not above its maximum'
    : undefined;
}

const isSame = (one: FeeSchedule, { rates, effectiveFrom }: CommandOf<FeeCommand, 'PublishFeeSchedule'>): boolean =>
  one.effectiveFrom === effectiveFrom &&
  kinds.every(
    (kind) =>
      one.rates[kind].basisPoints === rates[kind].basisPoints &&
      equals(one.rates[kind].minimum, rates[kind].minimum) &&
      equals(one.rates[kind].maximum, rates[kind].maximum),
  );

/** The fee schedules of one platform: versions 1, 2, 3…, each from its own moment on and never back in time. */
export const fees: Decider<FeeCommand, readonly FeeSchedule[], FeeEvent, FeeRejection> = {
  category: 'fees',
  initial: [],
  events: { FeeSchedulePublished: 1 },
  decide: (command, published): readonly FeeEvent[] | Rejection<FeeRejection> => {
    const { platform, version, rates, effectiveFrom, at } = command;
    const fault = faultIn(rates);
    if (fault !== undefined) return reject('FeesInvalid', fault);
    const known = published[version - 1];
    if (known !== undefined && isSame(known, command)) return [];
    const next = published.length + 1;
    if (version !== next) return reject('VersionNotNext', `the schedule says version ${version}, the next one is ${next}`);
    const earliest = published.at(-1)?.effectiveFrom ?? at;
    if (isAfter(at, effectiveFrom) || isAfter(earliest, effectiveFrom))
      return reject('FeesBackdated', 'a schedule takes effect neither before it is published nor before the version it replaces');
    return [event('FeeSchedulePublished', { platform, version, rates, publishedAt: at, effectiveFrom })];
  },
  evolve: (published, { data }) => [...published, data],
};

/** The version for an order placed at `at`: a moment exactly at its beginning is inside. Undefined before the first. */
export const feesInForce = (events: readonly FeeEvent[], at: Instant): FeeSchedule | undefined =>
  events.findLast(({ data }) => !isAfter(data.effectiveFrom, at))?.data;

/** Half up, within the limits, never more than the price. @throws MoneyError AssetMismatch */
export const feeOnPrice = (price: Money, { basisPoints, minimum, maximum }: FeeRate): Money =>
  min(max(min(share(price, BigInt(basisPoints), BigInt(wholePrice)), maximum), minimum), price);
