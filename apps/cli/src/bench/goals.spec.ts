import { bestCeiling, goalsOf, type Figures, type Goal } from './goals.js';

const latency = (p50Ms: number, p99Ms: number) => ({ p50Ms, p99Ms });
const row = (perSecond: number, ceiling: number, key: Figures['rows'][number]['key'] = 'append-64') => ({
  rows: [{ key, title: 'row', perSecond, ceilings: { 'grpc-js': ceiling / 2, http2: ceiling } }],
});
const goal = (figures: Figures, part: string): Goal => {
  const found = goalsOf(figures).filter((one) => one.goal.includes(part));
  expect(found).toHaveLength(1);
  return found[0]!;
};

it('the ceiling is the better one', () => {
  expect(bestCeiling({ 'grpc-js': 3, http2: 2 })).toBe(3);
  expect(bestCeiling({})).toBeUndefined();
});

describe('a row', () => {
  it('meets the lower figure when it reaches it', () => {
    expect(goal(row(9_200, 20_000), 'lower figure')).toMatchObject({
      outcome: 'met',
      required: '≥ 9 200/s',
      measured: '9 200/s',
    });
    expect(goal(row(9_199, 20_000), 'lower figure').outcome).toBe('missed');
  });

  it('that misses a figure which its ceiling does not reach says so', () => {
    expect(goal(row(5_000, 8_000), 'lower figure')).toMatchObject({ outcome: 'missed', note: 'the ceiling is 8 000/s' });
  });

  it('meets the upper figure when it is above it', () => {
    expect(goal(row(11_901, 20_000), 'upper figure').outcome).toBe('met');
    expect(goal(row(11_900, 20_000), 'upper figure').outcome).toBe('missed');
  });

  it('leaves an upper figure open that the ceiling does not allow, unless it is above it all the same', () => {
    expect(goal(row(9_500, 11_900), 'upper figure')).toMatchObject({ outcome: 'open', note: 'the ceiling is 11 900/s' });
    expect(goal(row(12_000, 11_900), 'upper figure').outcome).toBe('met');
  });

  it('has to come near its ceiling where that is asked', () => {
    expect(goal(row(16_000, 20_000), '80 % of the ceiling').outcome).toBe('met');
    expect(goal(row(15_999, 20_000), '80 % of the ceiling').outcome).toBe('missed');
    expect(goalsOf(row(16_000, 20_000, 'read-all')).some((one) => one.goal.includes('of the ceiling'))).toBe(false);
  });
});

it('a sequential append takes two fsyncs and a round trip at most, by medians and by their own 99 %', () => {
  const figures: Figures = {
    rows: [],
    sequential: { append: latency(0.4, 1), fsync: latency(0.1, 0.4), roundTrip: latency(0.1, 0.3) },
  };
  expect(goal(figures, 'median')).toMatchObject({ required: '≤ 0.3 ms', measured: '1 ms', outcome: 'missed' });
  expect(goal(figures, 'each at its p99')).toMatchObject({ required: '≤ 1.1 ms', outcome: 'met' });
});

it('a filter that matches 1 % looks at 300 000 events a second', () => {
  expect(goal({ rows: [], scannedPerSecond: 300_000 }, 'scanned').outcome).toBe('met');
  expect(goal({ rows: [], scannedPerSecond: 299_999 }, 'scanned').outcome).toBe('missed');
});

describe('a large store', () => {
  const large = (ratio: number, events = 1_000_000) => ({ rows: [], large: { events, streams: 200_000, ratio } });
  const open = (ms: number, events = 1_000_000) => ({ rows: [], open: { events, ms } });

  it('opens in less than two seconds', () => {
    expect(goal(open(1_999), 'open of').outcome).toBe('met');
    expect(goal(open(2_000), 'open of').outcome).toBe('missed');
  });

  it('takes appends nearly as fast as an empty one', () => {
    expect(goal(large(0.9), 'append rate').outcome).toBe('met');
    expect(goal(large(0.89), 'append rate').outcome).toBe('missed');
  });

  it('that is smaller than asked can miss a goal but not meet it', () => {
    expect(goal(open(100, 100_000), 'open of')).toMatchObject({ outcome: 'open', note: 'the store has 100 000 events' });
    expect(goal(open(2_500, 100_000), 'open of').outcome).toBe('missed');
    expect(goal(large(1, 100_000), 'append rate').outcome).toBe('open');
  });
});

it('what was not measured has no goal', () => {
  expect(goalsOf({ rows: [] })).toEqual([]);
});
