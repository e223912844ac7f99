import { epochMsOf, instantOf, shanghaiDay } from '@recourse/eventing';
import fc from 'fast-check';
import { periodBetween, shanghaiPeriod } from './period.js';

it('a day of Shanghai begins at 16:00 UTC of the day before and ends 24 hours later', () => {
  expect(shanghaiPeriod('2026-03-01')).toEqual({ from: '2026-02-28T16:00:00.000Z', before: '2026-03-01T16:00:00.000Z' });
});

it('months and years are those of the calendar, leap days included', () => {
  expect(shanghaiPeriod('2028-02')).toEqual({ from: '2028-01-31T16:00:00.000Z', before: '2028-02-29T16:00:00.000Z' });
  expect(shanghaiPeriod('2026-12')).toEqual({ from: '2026-11-30T16:00:00.000Z', before: '2026-12-31T16:00:00.000Z' });
  expect(shanghaiPeriod('2026')).toEqual({ from: '2025-12-31T16:00:00.000Z', before: '2026-12-31T16:00:00.000Z' });
});

it('every moment is in the day that finance calls it, and in no other', () => {
  const momentMs = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) });
  fc.assert(
    fc.property(momentMs, (ms) => {
      const moment = instantOf(ms);
      const { from, before } = shanghaiPeriod(shanghaiDay(moment))!;
      expect(from <= moment && moment < before).toBe(true);
      expect(epochMsOf(before) - epochMsOf(from)).toBe(86_400_000);
    }),
  );
});

it.each(['2026-02-30', '2026-13', '2026-00-01', '2026-1-1', '26', '', 'today', '2026-03-01T00:00:00.000Z'])(
  '%j is no period',
  (text) => expect(shanghaiPeriod(text)).toBeUndefined(),
);

it('a period runs from the first day of one to the last of the other, and inside a third', () => {
  expect(periodBetween({ from: '2026-03', to: '2026-04' })).toEqual({
    from: '2026-02-28T16:00:00.000Z',
    before: '2026-04-30T16:00:00.000Z',
  });
  expect(periodBetween({ from: '2026-03-15', to: '2026-04', within: '2026-03' })).toEqual({
    from: '2026-03-14T16:00:00.000Z',
    before: '2026-03-31T16:00:00.000Z',
  });
  expect(periodBetween({})).toEqual({});
  expect(() => periodBetween({ from: '2026-04', to: '2026-03' })).toThrow(expect.objectContaining({ code: 'period-empty' }));
  expect(() => periodBetween({ from: '2026-02-30' })).toThrow(expect.objectContaining({ code: 'period-invalid' }));
});
