import { pauseMs, restMs } from './schedule.js';

describe('the schedule of attempts', () => {
  const pauses = Array.from({ length: 12 }, (_, index) => pauseMs(index + 1, 0.5)).filter((pause) => pause !== undefined);

  it('begins with seconds, ends with a day, and gives up after three days', () => {
    expect(pauses[0]).toBe(5_000);
    expect(pauses.at(-1)).toBe(24 * 3_600_000);
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
    const days = pauses.reduce((sum, pause) => sum + pause, 0) / 86_400_000;
    expect(days).toBeGreaterThan(3);
    expect(days).toBeLessThan(3.5);
    expect(pauseMs(pauses.length + 1)).toBeUndefined();
  });

  it('is off its length by a tenth at most', () => {
    expect(pauseMs(1, 0)).toBe(4_500);
    expect(pauseMs(1, 0.999_999)).toBe(5_500);
  });

  it('leaves an endpoint alone that fails again and again, a quarter of an hour at most', () => {
    expect([1, 4, 5, 6, 7].map(restMs)).toEqual([0, 0, 5_000, 10_000, 20_000]);
    expect(restMs(1_000)).toBe(900_000);
  });
});
