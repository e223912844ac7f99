import fc from 'fast-check';
import { earliest, isAfter, isInstant, lastMomentOf, msBetween, plusDays, plusHours, shanghaiDay } from './time.js';

it('a day of finance begins at 16:00 UTC', () => {
  expect(shanghaiDay('2026-02-28T15:59:59.999Z')).toBe('2026-02-28');
  expect(shanghaiDay('2026-02-28T16:00:00.000Z')).toBe('2026-03-01');
  expect(lastMomentOf('2026-02-28')).toBe('2026-02-28T15:59:59.999Z');
});

it('hours are exact and text order is time order', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('2000-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }),
      fc.integer({ min: 1, max: 10_000 }),
      (date, hours) => {
        const start = date.toISOString();
        const end = plusHours(start, hours);
        return (
          isInstant(end) && isAfter(end, start) && msBetween(start, end) === hours * 3_600_000 && earliest(end, start) === start
        );
      },
    ),
  );
  expect(plusDays('2026-02-28T23:00:00.000Z', 1)).toBe('2026-03-01T23:00:00.000Z');
});

it('knows an instant when it sees one', () => {
  for (const text of ['2026-02-30T25:00:00.000Z', '2026-02-28', '2026-02-28T00:00:00Z', '']) expect(isInstant(text)).toBe(false);
});
