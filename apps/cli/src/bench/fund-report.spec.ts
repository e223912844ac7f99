import { reportLines, reportOf, rowKeys, type RowKey } from './fund-report.js';
import type { Round } from './report.js';

const rates: Partial<Record<RowKey, number>> = {
  'fund-64': 12_000,
  'fund-256': 30_000,
  'naive-64': 1_500,
  'row-lock-64': 400,
  'row-lock-256': 800,
};
const rounds = (key: RowKey): Round[] =>
  [0.5, 1, 2].map((share) => ({ perSecond: (rates[key] ?? 100) * share, latenciesMs: [1, 2, 3] }));
const settings = { isQuick: true, rounds: 3, connections: 4, sweep: [{ connections: 4, perSecond: 700 }] };
const measured = () => new Map(rowKeys.map((key) => [key, rounds(key)]));

it('divides medians of the same run and says which goals are met', () => {
  const { ratio, goals } = reportOf(measured(), settings);
  expect(ratio).toEqual({ vsRowLock64: 30, vsRowLock256: 37.5, vsNaive64: 8 });
  expect(goals).toEqual([
    { ratio: 'vsRowLock64', required: 30, isMet: true },
    { ratio: 'vsRowLock256', required: 40, isMet: false },
  ]);
});

it('has a line with p50 and p99 for every row, and says how the connections were found', () => {
  const report = reportOf(measured(), settings);
  const lines = reportLines(report);
  expect(report.cases).toHaveLength(rowKeys.length);
  expect(report.cases.every(({ p50Ms, p99Ms }) => p50Ms === 2 && p99Ms === 3)).toBe(true);
  for (const { case: title } of report.cases) expect(lines.some((line) => line.startsWith(title))).toBe(true);
  expect(lines).toContain('row-locking SQL by connections: 4: 700/s');
  expect(lines[0]).toBe('a quick run: 3 short rounds');
});

it('does not report a row that was not measured', () => {
  expect(() => reportOf(measured().set('fund-64', []), settings)).toThrow(RangeError);
});
