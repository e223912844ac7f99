import { scaleOf } from './asset.js';
import { MoneyError } from './error.js';
import { type Money, money } from './money.js';

const decimal = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/;
/** A sign, 19 digits and a point. */
const maxLength = 21;

/**
 * Reads major units as people write them: `parse('12.34')` is 1234 fen. At most as many decimals as the asset has;
 * no exponent, no plus sign, no grouping, no blanks. Throws `MoneyError` Malformed, UnknownAsset or OutOfRange.
 */
export function parse(text: string, asset = 'CNY'): Money {
  const scale = scaleOf(asset);
  if (text.length > maxLength) throw new MoneyError('OutOfRange', `an amount has at most ${maxLength} characters`);
  const [matched, sign = '', whole = '', fraction = ''] = decimal.exec(text) ?? [];
  if (matched === undefined) throw new MoneyError('Malformed', `not a decimal amount: ${JSON.stringify(text)}`);
  if (fraction.length > scale) throw new MoneyError('Malformed', `${asset} has ${scale} decimals, got ${JSON.stringify(text)}`);
  return money(BigInt(sign + whole + fraction.padEnd(scale, '0')), asset);
}

/** Major units with exactly the decimals of the asset, without its code: `12.34`, `-0.05`. `parse` reads it back. */
export function format(amount: Money): string {
  const scale = scaleOf(amount.asset);
  const sign = amount.minor < 0n ? '-' : '';
  const digits = amount.minor
    .toString()
    .replace('-', '')
    .padStart(scale + 1, '0');
  const point = digits.length - scale;
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
