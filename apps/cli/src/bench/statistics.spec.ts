import * as fc from 'fast-check';
import { median, percentile, rounded } from './statistics.js';

const values = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 50 });

describe('median', () => {
  it('is the value in the middle, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('is the mean of the two in the middle of an even number', () => {
    expect(median([4, 1, 3, 100])).toBe(3.5);
  });

  it('has at most half of the values on either side', () => {
    fc.assert(
      fc.property(values, (all) => {
        const middle = median(all);
        expect(all.filter((value) => value < middle).length).toBeLessThanOrEqual(all.length / 2);
        expect(all.filter((value) => value > middle).length).toBeLessThanOrEqual(all.length / 2);
      }),
    );
  });

  it('refuses nothing', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('percentile', () => {
  it('takes the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
  });

  it('of few samples is their largest', () => {
    expect(percentile([7, 3], 0.99)).toBe(7);
  });

  it('is one of the values, and enough of them do not exceed it', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (all, percent) => {
        const found = percentile(all, percent / 100);
        expect(all).toContain(found);
        expect(all.filter((value) => value <= found).length).toBeGreaterThanOrEqual((all.length * percent) / 100 - 1e-9);
      }),
    );
  });

  it('refuses nothing, and shares that are none', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
    expect(() => percentile([1], 0)).toThrow(RangeError);
    expect(() => percentile([1], 1.01)).toThrow(RangeError);
  });
});

it('four digits are enough', () => {
  expect([rounded(1234.567), rounded(0.0123456), rounded(3)]).toEqual([1235, 0.01235, 3]);
});
