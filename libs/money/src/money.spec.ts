import fc from 'fast-check';
import { assets } from './asset.js';
import { MoneyError } from './error.js';
import {
  add,
  compare,
  equals,
  isNegative,
  isPositive,
  isZero,
  max,
  maxMinor,
  min,
  money,
  negate,
  subtract,
  sum,
  zero,
} from './money.js';

const codeOf = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    if (error instanceof MoneyError) return error.code;
    throw error;
  }
  return 'nothing thrown';
};
const anyMinor = fc.bigInt({ min: -maxMinor, max: maxMinor });
const halfMinor = fc.bigInt({ min: -maxMinor / 2n, max: maxMinor / 2n });
const anyAsset = fc.constantFrom(...Object.keys(assets));

describe('money', () => {
  it('is in fen of CNY unless told otherwise', () => {
    expect(money(1234n)).toEqual({ asset: 'CNY', minor: 1234n });
    expect(money(5n, 'JPY')).toEqual({ asset: 'JPY', minor: 5n });
    expect(zero('USD')).toEqual({ asset: 'USD', minor: 0n });
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(money(1n))).toBe(true);
  });

  it('refuses an asset that is not listed, also one named like an object member', () => {
    expect(codeOf(() => money(1n, 'BTC'))).toBe('UnknownAsset');
    expect(codeOf(() => money(1n, 'toString'))).toBe('UnknownAsset');
    expect(codeOf(() => money(1n, 'cny'))).toBe('UnknownAsset');
  });

  it('fits 63 bits on both sides of zero and not one more', () => {
    expect(maxMinor).toBe(9_223_372_036_854_775_807n);
    expect(money(maxMinor).minor).toBe(maxMinor);
    expect(money(-maxMinor).minor).toBe(-maxMinor);
    expect(codeOf(() => money(maxMinor + 1n))).toBe('OutOfRange');
    expect(codeOf(() => money(-maxMinor - 1n))).toBe('OutOfRange');
    expect(codeOf(() => add(money(maxMinor), money(1n)))).toBe('OutOfRange');
    expect(codeOf(() => subtract(money(-maxMinor), money(1n)))).toBe('OutOfRange');
    expect(codeOf(() => sum([money(maxMinor), money(1n)]))).toBe('OutOfRange');
  });

  it('never mixes two assets', () => {
    const [yuan, dollar] = [money(1n, 'CNY'), money(1n, 'USD')];
    for (const mix of [add, subtract, compare, min, max]) expect(codeOf(() => mix(yuan, dollar))).toBe('AssetMismatch');
    expect(codeOf(() => sum([yuan, dollar]))).toBe('AssetMismatch');
    expect(codeOf(() => sum([dollar], 'CNY'))).toBe('AssetMismatch');
    expect(equals(yuan, dollar)).toBe(false);
  });

  it('adds and takes away without loss: what was added can be taken away again', () => {
    fc.assert(
      fc.property(halfMinor, halfMinor, anyAsset, (a, b, asset) => {
        const [left, right] = [money(a, asset), money(b, asset)];
        expect(subtract(add(left, right), right)).toEqual(left);
        expect(add(left, right)).toEqual(add(right, left));
        expect(add(left, negate(right))).toEqual(subtract(left, right));
        expect(add(left, negate(left))).toEqual(zero(asset));
      }),
    );
  });

  it('sums to the same total in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), { maxLength: 50 }), (minors) => {
        let [income, outgo] = [0n, 0n];
        for (const minor of minors) {
          if (minor > 0n) income += minor;
          else outgo -= minor;
        }
        expect(sum(minors.map((minor) => money(minor))).minor).toBe(income - outgo);
        expect(sum(minors.toReversed().map((minor) => money(minor))).minor).toBe(income - outgo);
      }),
    );
  });

  it('sums nothing to zero in the asset asked for', () => {
    expect(sum([])).toEqual(zero('CNY'));
    expect(sum([], 'JPY')).toEqual(zero('JPY'));
    expect(sum([money(3n, 'KWD')])).toEqual(money(3n, 'KWD'));
  });

  it('orders amounts as their difference is signed', () => {
    fc.assert(
      fc.property(anyMinor, anyMinor, (a, b) => {
        const difference = a - b;
        const expected = difference === 0n ? 0 : difference > 0n ? 1 : -1;
        expect(compare(money(a), money(b))).toBe(expected);
        expect(equals(money(a), money(b))).toBe(expected === 0);
        expect(isZero(money(a))).toBe(a === 0n);
        expect(isPositive(money(a)) || isNegative(money(a)) || isZero(money(a))).toBe(true);
        expect(isPositive(money(a)) && isNegative(money(a))).toBe(false);
      }),
    );
  });

  it('picks the least and the most of several', () => {
    expect(min(money(3n), money(1n), money(2n))).toEqual(money(1n));
    expect(max(money(3n), money(7n), money(2n))).toEqual(money(7n));
    expect(min(money(3n))).toEqual(money(3n));
  });
});
