import { MoneyError } from './error.js';
import { type Money, money } from './money.js';

/**
 * Splits `total` in proportion to `weights` by largest remainder, ties to the lower index (K7). The parts sum to the total
 * exactly, none is more than one minor unit off its exact quota, a zero weight gets nothing. A negative total splits as its
 * positive does. Throws `MoneyError` InvalidWeights if a weight is negative or none is positive.
 */
export function allocate(total: Money, weights: readonly bigint[]): Money[] {
  const weightTotal = weights.reduce((running, weight) => running + weight, 0n);
  if (weights.some((weight) => weight < 0n)) throw new MoneyError('InvalidWeights', 'a weight is negative');
  if (weightTotal === 0n) throw new MoneyError('InvalidWeights', 'no weight is positive');

  const sign = total.minor < 0n ? -1n : 1n;
  const quotas = weights.map((weight, index) => {
    const scaled = total.minor * sign * weight;
    return { index, floor: scaled / weightTotal, remainder: scaled % weightTotal };
  });
  const left = total.minor * sign - quotas.reduce((running, { floor }) => running + floor, 0n);
  const rounded = quotas
    .toSorted((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1))
    .slice(0, Number(left));
  const roundedUp = new Set(rounded.map(({ index }) => index));
  return quotas.map(({ index, floor }) => money(sign * (floor + (roundedUp.has(index) ? 1n : 0n)), total.asset));
}

/**
 * `numerator / denominator` of the amount, rounded half up (away from zero for a negative amount). The ratio is from 0 to 1;
 * whoever pays out several shares caps the last at what is left (K7). Throws `MoneyError` InvalidRatio.
 */
export function share(amount: Money, numerator: bigint, denominator: bigint): Money {
  if (denominator <= 0n || numerator < 0n || numerator > denominator) {
    throw new MoneyError('InvalidRatio', 'a share is a ratio from 0 to 1');
  }
  const sign = amount.minor < 0n ? -1n : 1n;
  return money((sign * (2n * sign * amount.minor * numerator + denominator)) / (2n * denominator), amount.asset);
}
