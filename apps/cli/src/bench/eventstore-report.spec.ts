import { reportLines, reportOf, type Measurements, type RoundsOf, type Settings } from './eventstore-report.js';

const round = (perSecond: number, ...latenciesMs: number[]) => ({ perSecond, latenciesMs });
const settings: Settings = { subject: 'node', isQuick: false, rounds: 3, readEvents: 20_000 };
const nothing: Measurements = {
  size: { events: 1_000_000, streams: 200_000 },
  rows: new Map(),
  fsync: [],
  opens: [],
  scans: [],
  large: [],
  empty: [],
  fullReads: [],
  memory: {},
};
const sequential: RoundsOf = {
  server: [round(2_900, 0.3), round(3_500, 0.4), round(3_100, 0.9)],
  'grpc-js': [round(4_000, 0.2)],
  http2: [round(6_200, 0.1)],
};

it('a row is the median of its rounds, and its ratio is to the better ceiling', () => {
  const report = reportOf({ ...nothing, rows: new Map([['append-1', sequential]]) }, settings);
  expect(report.rows).toEqual([
    {
      key: 'append-1',
      row: 'append, 1 waiting',
      perSecond: 3_100,
      p50Ms: 0.4,
      p99Ms: 0.9,
      ceilings: { 'grpc-js': 4_000, http2: 6_200 },
      best: 6_200,
      ofCeiling: 0.5,
      eventStoreDb: [2_800, 3_000],
    },
  ]);
  expect(report.ratio).toEqual({
    'append, 1 waiting: node / ceiling': 0.5,
    "append, 1 waiting: node / EventStoreDB's lower figure": 1.107,
  });
  expect(report.cases.map((one) => one.case)).toEqual([
    'append, 1 waiting, node',
    'append, 1 waiting, @grpc/grpc-js without a store',
    'append, 1 waiting, node:http2 without a store',
  ]);
});

it('a sequential append is held against fsync and round trip of the same run', () => {
  const rows = new Map([['append-1' as const, sequential]]);
  const report = reportOf({ ...nothing, rows, fsync: [round(2_000, 0.5)] }, settings);
  const [goal] = report.goals.filter((one) => one.goal.includes('each at its median'));
  expect(goal).toMatchObject({ required: '≤ 1.1 ms', measured: '0.9 ms', outcome: 'met' });
});

it('the large store is compared with the empty one', () => {
  const report = reportOf({ ...nothing, large: [round(900, 1)], empty: [round(1_000, 1)], opens: [round(2, 500)] }, settings);
  expect(report.ratio).toEqual({ 'append rate: large store / empty store': 0.9 });
  expect(report.goals.map(({ outcome }) => outcome)).toEqual(['met', 'met']);
});

describe('the tables', () => {
  it('have a section for each kind of figure that there is', () => {
    const report = reportOf(
      {
        ...nothing,
        rows: new Map([['append-1', sequential]]),
        fsync: [round(2_000, 0.5)],
        memory: { idle: { residentMiB: 60, privateMiB: 40, peakMiB: 123.4 } },
      },
      settings,
    );
    const lines = reportLines(report);
    expect(lines.filter((line) => line === '')).toHaveLength(3);
    expect(lines).toContainEqual(
      expect.stringMatching(/^append, 1 waiting +3 100 +50 % +4 000 +6 200 +2 800–3 000 +0\.4 +0\.9$/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^one fsync: 4 KiB, O_DSYNC +2 000 +0\.5 +0\.5 +1$/));
    expect(lines).toContainEqual(expect.stringMatching(/^idle +60\.0 +40\.0$/));
    expect(lines).toContainEqual(expect.stringMatching(/^most +123\.4$/));
    expect(lines.filter((line) => line.startsWith('append, 1 waiting, '))).toEqual([]);
  });

  it('say of a quick run that it is one', () => {
    expect(reportLines(reportOf(nothing, { ...settings, isQuick: true }))[0]).toMatch(/^a quick run/);
    expect(reportLines(reportOf(nothing, settings))).toEqual([]);
  });
});
