import { MoneyError } from './error.js';
import { type Money, money } from './money.js';

/** Money in events and in the API: minor units as decimal text, because JSON numbers are floats. */
export interface MoneyJson {
  readonly asset: string;
  readonly minor: string;
}

const integer = /^-?(0|[1-9]\d*)$/;
/** 19 digits and a sign: longer text cannot be in range and is refused before it is parsed. */
const maxLength = 20;

export function toJson(amount: Money): MoneyJson {
  return { asset: amount.asset, minor: amount.minor.toString() };
}

/** Reads exactly `{asset, minor}`. Throws `MoneyError` Malformed, UnknownAsset or OutOfRange. */
export function fromJson(value: unknown): Money {
  if (!isMoneyShaped(value)) throw new MoneyError('Malformed', 'money is an object of exactly two strings, asset and minor');
  if (value.minor.length > maxLength) throw new MoneyError('OutOfRange', 'minor has more than 19 digits');
  if (!integer.test(value.minor)) throw new MoneyError('Malformed', 'minor is a whole number of minor units as decimal text');
  return money(BigInt(value.minor), value.asset);
}

function isMoneyShaped(value: unknown): value is MoneyJson {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return false;
  const { asset, minor } = value as Partial<Record<keyof MoneyJson, unknown>>;
  return typeof asset === 'string' && typeof minor === 'string';
}
