import { bestCeiling, goalsOf, reference, type Figures, type Goal, type Latency } from './goals.js';
import type { StoreSize } from './large-store.js';
import type { Memory } from './memory.js';
import { benchCase, machine, type BenchCase, type BenchReport, type Round } from './report.js';
import { rows, type Row, type RowKey } from './rows.js';
import { ceilings, type Ceiling, type ServerName } from './servers.js';
import { rounded } from './statistics.js';
import { table } from '../tables.js';

export type RoundsOf = Readonly<Record<ServerName, Round[]>>;

/** What all rounds gave; what was not asked for is empty. */
export interface Measurements {
  readonly size: StoreSize;
  readonly rows: ReadonlyMap<RowKey, RoundsOf>;
  readonly fsync: Round[];
  /** One round per opening. */
  readonly opens: Round[];
  /** Per second counts events looked at. */
  readonly scans: Round[];
  readonly large: Round[];
  readonly empty: Round[];
  readonly fullReads: Round[];
  /** Of the processes of the store, at these moments. */
  readonly memory: Readonly<Record<string, Memory>>;
}

/** What was measured and how. */
export interface Settings {
  readonly subject: 'node' | 'server';
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly readEvents: number;
}

export interface EventStoreReport extends BenchReport {
  readonly settings: Settings & StoreSize;
  /** Events per second of each row; `best` is what "the ceiling" means. */
  readonly rows: readonly RowReport[];
  readonly reference: typeof reference;
  readonly goals: readonly Goal[];
  readonly memory: Measurements['memory'];
  /** The most that any process of the store had resident; undefined where the system does not say. */
  readonly mostMiB: number | undefined;
}

export interface RowReport extends Latency {
  readonly key: RowKey;
  readonly row: string;
  readonly perSecond: number;
  readonly ceilings: Readonly<Partial<Record<Ceiling, number>>>;
  readonly best: number;
  readonly ofCeiling: number;
  readonly eventStoreDb: readonly [lower: number, upper: number];
}

const nameOf = { 'grpc-js': '@grpc/grpc-js', http2: 'node:http2' } as const satisfies Record<Ceiling, string>;
const grouped = (value: number): string => Math.round(value).toLocaleString('en').replaceAll(',', ' ');

/** @throws RangeError when a row has no round */
export function reportOf(measured: Measurements, settings: Settings): EventStoreReport {
  const { subject } = settings;
  const ofRows = rows.flatMap((row) => {
    const rounds = measured.rows.get(row.key);
    return rounds === undefined ? [] : [rowCases(row, rounds, subject)];
  });
  const others = otherCases(measured);
  const ratio: Record<string, number> = {};
  for (const { report } of ofRows) {
    ratio[`${report.row}: ${subject} / ceiling`] = report.ofCeiling;
    ratio[`${report.row}: ${subject} / EventStoreDB's lower figure`] = rounded(report.perSecond / report.eventStoreDb[0]);
  }
  if (others.large && others.empty)
    ratio['append rate: large store / empty store'] = rounded(others.large.perSecond / others.empty.perSecond);
  return {
    name: 'eventstore',
    machine: machine(),
    cases: [...ofRows.flatMap(({ cases }) => cases), ...Object.values(others)],
    ratio,
    settings: { ...settings, ...measured.size },
    rows: ofRows.map(({ report }) => report),
    reference,
    goals: goalsOf(figuresOf(ofRows, others, measured.size)),
    memory: measured.memory,
    mostMiB: mostOf(measured.memory),
  };
}

interface RowCases {
  readonly report: RowReport;
  readonly cases: readonly BenchCase[];
  readonly roundTrip: BenchCase;
}

function rowCases({ key, title }: Row, rounds: RoundsOf, subject: string): RowCases {
  const of = benchCase(`${title}, ${subject}`, rounds.server);
  const grpc = benchCase(`${title}, ${nameOf['grpc-js']} without a store`, rounds['grpc-js']);
  const http2 = benchCase(`${title}, ${nameOf.http2} without a store`, rounds.http2);
  const bounds = { 'grpc-js': grpc.perSecond, http2: http2.perSecond };
  const best = bestCeiling(bounds) ?? 0;
  const report = {
    key,
    row: title,
    perSecond: of.perSecond,
    p50Ms: of.p50Ms,
    p99Ms: of.p99Ms,
    ceilings: bounds,
    best,
    ofCeiling: rounded(of.perSecond / best),
    eventStoreDb: reference.perSecond[key],
  };
  return { report, cases: [of, grpc, http2], roundTrip: http2 };
}

type OtherCases = Partial<Record<'fsync' | 'open' | 'scan' | 'large' | 'empty' | 'fullRead', BenchCase>>;

function otherCases({ size, fsync, opens, scans, large, empty, fullReads }: Measurements): OtherCases {
  const events = grouped(size.events);
  const one = (name: string, rounds: readonly Round[]) => (rounds.length > 0 ? benchCase(name, rounds) : undefined);
  const all = {
    fsync: one('one fsync: 4 KiB, O_DSYNC', fsync),
    open: one(`open of ${events} events, from the start of the process`, opens),
    scan: one('catch up, filtered, 1 % matching: events scanned', scans),
    large: one(`append, 64 waiting, at ${grouped(size.streams)} streams and ${events} events`, large),
    empty: one('append, 64 waiting, on an empty store', empty),
    fullRead: one(`read of all ${events} events`, fullReads),
  };
  return Object.fromEntries(Object.entries(all).filter(([, of]) => of !== undefined));
}

function figuresOf(ofRows: readonly RowCases[], { fsync, open, scan, large, empty }: OtherCases, size: StoreSize): Figures {
  const sequential = ofRows.find(({ report }) => report.key === 'append-1');
  return {
    rows: ofRows.map(({ report: { key, row, perSecond, ceilings: bounds } }) => ({
      key,
      title: row,
      perSecond,
      ceilings: bounds,
    })),
    ...(sequential && fsync && { sequential: { append: sequential.report, fsync, roundTrip: sequential.roundTrip } }),
    ...(scan && { scannedPerSecond: scan.perSecond }),
    ...(open && { open: { events: size.events, ms: open.p50Ms } }),
    ...(large && empty && { large: { ...size, ratio: large.perSecond / empty.perSecond } }),
  };
}

/** The tables as a person reads them. */
export function reportLines(report: EventStoreReport): string[] {
  const { settings, rows: ofRows, cases, goals, memory, mostMiB } = report;
  const inRows = new Set(
    ofRows.flatMap(({ row }) =>
      [settings.subject, ...ceilings.map((name) => `${nameOf[name]} without a store`)].map((of) => `${row}, ${of}`),
    ),
  );
  const others = cases.filter((one) => !inRows.has(one.case));
  const sections = [
    ofRows.length > 0 ? rowTable(settings.subject, ofRows) : [],
    others.length > 0 ? otherTable(others) : [],
    mostMiB === undefined ? [] : memoryTable(memory, mostMiB),
    goals.length > 0 ? goalTable(goals) : [],
  ].filter((section) => section.length > 0);
  const quick = settings.isQuick
    ? [`a quick run: ${settings.rounds} short rounds, ${grouped(settings.events)} events in the large store`, '']
    : [];
  return [...quick, ...sections.flatMap((section, index) => (index === 0 ? section : ['', ...section]))];
}

const rowTable = (subject: string, ofRows: readonly RowReport[]): string[] => [
  ...table(
    ['events per second', subject, 'of ceiling', nameOf['grpc-js'], nameOf.http2, 'EventStoreDB', 'p50 ms', 'p99 ms'],
    ofRows.map(({ row, perSecond, ofCeiling, ceilings: bounds, eventStoreDb: [lower, upper], p50Ms, p99Ms }) => [
      row,
      grouped(perSecond),
      `${(100 * ofCeiling).toFixed(0)} %`,
      ...ceilings.map((name) => grouped(bounds[name] ?? 0)),
      lower === upper ? grouped(lower) : `${grouped(lower)}–${grouped(upper)}`,
      String(p50Ms),
      String(p99Ms),
    ]),
    [1, 2, 3, 4, 5, 6, 7],
  ),
  `(${nameOf['grpc-js']} and ${nameOf.http2}: servers without a store; ${reference.source}: not measured here)`,
];

const otherTable = (cases: readonly BenchCase[]): string[] =>
  table(
    ['besides', 'per second', 'p50 ms', 'p99 ms', 'samples'],
    cases.map((one) => [one.case, grouped(one.perSecond), ...[one.p50Ms, one.p99Ms, one.samples].map(String)]),
    [1, 2, 3, 4],
  );

function mostOf(memory: Measurements['memory']): number | undefined {
  const peaks = Object.values(memory).map(({ peakMiB }) => peakMiB);
  return peaks.length === 0 ? undefined : Math.max(...peaks);
}

const memoryTable = (memory: Measurements['memory'], mostMiB: number): string[] =>
  table(
    ['memory of the node', 'resident MiB', 'of that private'],
    [
      ...Object.entries(memory).map(([what, of]) => [what, of.residentMiB.toFixed(1), of.privateMiB.toFixed(1)]),
      ['most', mostMiB.toFixed(1), ''],
    ],
    [1, 2],
  );

const goalTable = (goals: readonly Goal[]): string[] =>
  table(
    ['goal', 'required', 'measured', 'outcome', ''],
    goals.map(({ goal, required, measured, outcome, note = '' }) => [goal, required, measured, outcome, note]),
    [1, 2],
  );
