import { benchCase, casesTable, ratioTable } from './report.js';

const round = (perSecond: number, ...latenciesMs: number[]) => ({ perSecond, latenciesMs });

describe('a case', () => {
  it('is the median of its rounds, with percentiles over all their samples', () => {
    expect(benchCase('x', [round(10, 1, 2), round(1_000, 90, 91), round(20, 3, 4)])).toEqual({
      case: 'x',
      perSecond: 20,
      p50Ms: 3,
      p99Ms: 91,
      samples: 6,
    });
  });

  it('needs samples', () => {
    expect(() => benchCase('x', [round(10)])).toThrow(RangeError);
  });
});

it('tables have a row per case and per ratio', () => {
  expect(casesTable([{ case: 'one', perSecond: 1, p50Ms: 2, p99Ms: 3, samples: 4 }])).toEqual([
    'case  per second  p50 ms  p99 ms  samples',
    '----  ----------  ------  ------  -------',
    'one            1       2       3        4',
  ]);
  expect(ratioTable({ 'a / b': 0.5 }).at(-1)).toBe('a / b  0.5');
});
