import { scaleOf } from './asset.js';
import { MoneyError } from './error.js';

/** An exact amount: `minor` counts the smallest unit of `asset` (fen for CNY). */
export interface Money {
  readonly asset: string;
  readonly minor: bigint;
}

/** An amount fits a PostgreSQL bigint, with the same range on both sides of zero so that it can be negated. */
export const maxMinor = 2n ** 63n - 1n;

/** Throws `MoneyError` UnknownAsset or OutOfRange. */
export function money(minor: bigint, asset = 'CNY'): Money {
  scaleOf(asset);
  if (minor > maxMinor || minor < -maxMinor) throw new MoneyError('OutOfRange', `amount in ${asset} does not fit 63 bits`);
  return Object.freeze({ asset, minor });
}

export function zero(asset = 'CNY'): Money {
  return money(0n, asset);
}

export function sameAsset(left: Money, right: Money): boolean {
  return left.asset === right.asset;
}

/** Throws `MoneyError` AssetMismatch or OutOfRange. */
export function add(left: Money, right: Money): Money {
  demandSameAsset(left, right);
  return money(left.minor + right.minor, left.asset);
}

/** Throws `MoneyError` AssetMismatch or OutOfRange. */
export function subtract(left: Money, right: Money): Money {
  demandSameAsset(left, right);
  return money(left.minor - right.minor, left.asset);
}

export function negate(amount: Money): Money {
  return money(-amount.minor, amount.asset);
}

/** -1, 0 or 1, as a sort wants it. Throws `MoneyError` AssetMismatch. */
export function compare(left: Money, right: Money): -1 | 0 | 1 {
  demandSameAsset(left, right);
  if (left.minor === right.minor) return 0;
  return left.minor < right.minor ? -1 : 1;
}

/** Same asset and same amount; amounts of different assets are never equal. */
export function equals(left: Money, right: Money): boolean {
  return sameAsset(left, right) && left.minor === right.minor;
}

export function isZero(amount: Money): boolean {
  return amount.minor === 0n;
}

export function isPositive(amount: Money): boolean {
  return amount.minor > 0n;
}

export function isNegative(amount: Money): boolean {
  return amount.minor < 0n;
}

/** The sum in `asset`, which is also what an empty list sums to zero in. Throws `MoneyError` AssetMismatch or OutOfRange. */
export function sum(amounts: readonly Money[], asset = amounts[0]?.asset ?? 'CNY'): Money {
  return amounts.reduce(add, zero(asset));
}

/** The smallest amount, the first of equals. Throws `MoneyError` AssetMismatch. */
export function min(first: Money, ...rest: readonly Money[]): Money {
  return rest.reduce((least, next) => (compare(next, least) < 0 ? next : least), first);
}

/** The largest amount, the first of equals. Throws `MoneyError` AssetMismatch. */
export function max(first: Money, ...rest: readonly Money[]): Money {
  return rest.reduce((most, next) => (compare(next, most) > 0 ? next : most), first);
}

function demandSameAsset(left: Money, right: Money): void {
  if (!sameAsset(left, right)) throw new MoneyError('AssetMismatch', `${left.asset} and ${right.asset} do not mix`);
}
