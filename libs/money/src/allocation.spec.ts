import fc from 'fast-check';
import { allocate, share } from './allocation.js';
import { maxMinor, money, negate, sum } from './money.js';

const minors = (amounts: readonly { minor: bigint }[]) => amounts.map(({ minor }) => minor);
const anyMinor = fc.oneof(fc.bigInt({ min: 0n, max: 200n }), fc.bigInt({ min: 0n, max: maxMinor }));
const anyWeights = fc
  .array(fc.oneof(fc.bigInt({ min: 0n, max: 9n }), fc.bigInt({ min: 0n, max: maxMinor })), { minLength: 1, maxLength: 20 })
  .filter((weights) => weights.some((weight) => weight > 0n));

describe('allocation (K7)', () => {
  it('gives the odd fen to the lower unit when all weigh the same', () => {
    expect(minors(allocate(money(100n), [1n, 1n, 1n]))).toEqual([34n, 33n, 33n]);
    expect(minors(allocate(money(2n), [1n, 1n, 1n, 1n, 1n]))).toEqual([1n, 1n, 0n, 0n, 0n]);
  });

  it('gives the odd fen to the largest remainder, wherever it stands', () => {
    expect(minors(allocate(money(10n), [1n, 1n, 4n]))).toEqual([2n, 2n, 6n]);
    expect(minors(allocate(money(100n), [3n, 3n, 1n]))).toEqual([43n, 43n, 14n]);
    expect(minors(allocate(money(7n), [10n, 10n, 15n]))).toEqual([2n, 2n, 3n]);
  });

  it('gives a zero weight nothing and a single unit all', () => {
    expect(minors(allocate(money(5n), [0n, 2n, 0n, 1n]))).toEqual([0n, 3n, 0n, 2n]);
    expect(minors(allocate(money(5n), [7n]))).toEqual([5n]);
    expect(minors(allocate(money(0n), [1n, 2n]))).toEqual([0n, 0n]);
  });

  it('refuses weights that say nothing', () => {
    for (const weights of [[], [0n], [0n, 0n], [2n, -1n], [1n, -1n]]) {
      expect(() => allocate(money(5n), weights)).toThrow(expect.objectContaining({ code: 'InvalidWeights' }));
    }
  });

  it('sums to the total exactly, each part within one fen of its quota', () => {
    fc.assert(
      fc.property(anyMinor, anyWeights, (total, weights) => {
        const parts = minors(allocate(money(total), weights));
        const weightTotal = weights.reduce((a, b) => a + b);
        expect(parts.reduce((a, b) => a + b)).toBe(total);
        parts.forEach((part, index) => {
          // |part − total·w/W| < 1, cross-multiplied so that nothing is rounded
          const off = part * weightTotal - total * weights[index]!;
          expect(off < weightTotal && off > -weightTotal).toBe(true);
        });
      }),
    );
  });

  it('never passes over a larger remainder, nor a lower unit with the same one', () => {
    fc.assert(
      fc.property(anyMinor, anyWeights, (total, weights) => {
        const parts = minors(allocate(money(total), weights));
        const weightTotal = weights.reduce((a, b) => a + b);
        const short = parts.map((part, index) => total * weights[index]! - part * weightTotal);
        // what a part lacks is its remainder if it was rounded down; rounded up it lacks its remainder minus one whole
        const up = short.flatMap((lack, index) => (lack < 0n ? [{ index, remainder: lack + weightTotal }] : []));
        const down = short.flatMap((lack, index) => (lack >= 0n ? [{ index, remainder: lack }] : []));
        for (const winner of up) {
          for (const loser of down) {
            expect(
              winner.remainder > loser.remainder || (winner.remainder === loser.remainder && winner.index < loser.index),
            ).toBe(true);
          }
        }
      }),
    );
  });

  it('splits a negative total as its positive', () => {
    fc.assert(
      fc.property(anyMinor, anyWeights, (total, weights) => {
        expect(allocate(negate(money(total)), weights)).toEqual(allocate(money(total), weights).map(negate));
      }),
    );
  });

  it('lets five equal keys be refunded one by one and in full', () => {
    const units = allocate(money(1999n), [1n, 1n, 1n, 1n, 1n]);
    expect(minors(units)).toEqual([400n, 400n, 400n, 400n, 399n]);
    expect(sum(units)).toEqual(money(1999n));
  });
});

describe('share (K7)', () => {
  it('rounds half up', () => {
    expect(share(money(5n), 1n, 2n)).toEqual(money(3n));
    expect(share(money(4n), 1n, 3n)).toEqual(money(1n));
    expect(share(money(5n), 1n, 3n)).toEqual(money(2n));
    expect(share(money(999n), 0n, 7n)).toEqual(money(0n));
    expect(share(money(999n), 7n, 7n)).toEqual(money(999n));
    expect(share(money(-5n), 1n, 2n)).toEqual(money(-3n));
  });

  it('is the whole number nearest to the exact ratio, the upper one of two as near', () => {
    const ratio = fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 6n }), fc.bigInt({ min: 1n, max: 10n ** 6n }))
      .filter(([numerator, denominator]) => numerator <= denominator);
    fc.assert(
      fc.property(anyMinor, ratio, (amount, [numerator, denominator]) => {
        const part = share(money(amount), numerator, denominator).minor;
        // part − ½ ≤ amount·n/d < part + ½
        expect((2n * part - 1n) * denominator <= 2n * amount * numerator).toBe(true);
        expect(2n * amount * numerator < (2n * part + 1n) * denominator).toBe(true);
        expect(part <= amount).toBe(true);
      }),
    );
  });

  it('refuses a ratio below zero, above one or over nothing', () => {
    for (const [numerator, denominator] of [
      [-1n, 2n],
      [3n, 2n],
      [0n, 0n],
      [1n, -1n],
    ] as const) {
      expect(() => share(money(5n), numerator, denominator)).toThrow(expect.objectContaining({ code: 'InvalidRatio' }));
    }
  });
});
