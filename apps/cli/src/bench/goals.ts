import type { Ceiling } from './servers.js';
import type { RowKey } from './rows.js';
import { rounded } from './statistics.js';

/** What the real server does; not measured here. */
export const reference = {
  source: 'EventStoreDB 24.2.0, same client, 2 cores, flush to disk on',
  /** Events per second, lower and upper. */
  perSecond: {
    'append-1': [2_800, 3_000],
    'append-64': [9_200, 11_900],
    'append-64-classic': [4_600, 5_000],
    'append-100': [36_000, 42_000],
    'one-stream': [23_000, 25_000],
    'read-all': [70_000, 70_000],
    'read-stream': [45_000, 74_000],
    'catch-up': [72_000, 72_000],
    'catch-up-half': [32_000, 48_000],
  } satisfies Readonly<Record<RowKey, readonly [lower: number, upper: number]>>,
} as const;

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Medians; what was not measured is missing. */
export interface Figures {
  readonly rows: readonly {
    readonly key: RowKey;
    readonly title: string;
    readonly perSecond: number;
    readonly ceilings: Readonly<Partial<Record<Ceiling, number>>>;
  }[];
  readonly sequential?: { readonly append: Latency; readonly fsync: Latency; readonly roundTrip: Latency };
  readonly scannedPerSecond?: number;
  readonly open?: { readonly events: number; readonly ms: number };
  /** Append rate of the large store divided by that of an empty one. */
  readonly large?: { readonly events: number; readonly streams: number; readonly ratio: number };
}

export interface Goal {
  readonly goal: string;
  readonly required: string;
  readonly measured: string;
  /** Open: it is out of reach, or this run cannot decide it; the note says why. */
  readonly outcome: 'met' | 'missed' | 'open';
  readonly note?: string;
}

const shareOfCeiling: Readonly<Partial<Record<RowKey, number>>> = { 'append-64': 0.8, 'append-100': 0.8 };
const scannedPerSecond = 300_000;
const largeEvents = 1_000_000;
const largeStreams = 200_000;
const openMs = 2_000;
const largeRatio = 0.9;

const grouped = (value: number): string => Math.round(value).toLocaleString('en').replaceAll(',', ' ');
const ms = (value: number): string => `${rounded(value)} ms`;

/** The better one is what can be had. */
export const bestCeiling = (ofRow: Readonly<Partial<Record<Ceiling, number>>>): number | undefined => {
  const all = Object.values(ofRow);
  return all.length === 0 ? undefined : Math.max(...all);
};

export function goalsOf(figures: Figures): Goal[] {
  return [...figures.rows.flatMap(goalsOfRow), ...sequentialGoals(figures), ...largeGoals(figures)];
}

function goalsOfRow({ key, title, perSecond, ceilings }: Figures['rows'][number]): Goal[] {
  const [lower, upper] = reference.perSecond[key];
  const ceiling = bestCeiling(ceilings);
  const note = (figure: number) =>
    ceiling !== undefined && ceiling <= figure ? `the ceiling is ${grouped(ceiling)}/s` : undefined;
  const goals: Goal[] = [
    { ...atLeast(`${title}: EventStoreDB's lower figure`, perSecond, lower), ...noted(note(lower)) },
    {
      goal: `${title}: above EventStoreDB's upper figure`,
      required: `> ${grouped(upper)}/s`,
      measured: `${grouped(perSecond)}/s`,
      outcome: perSecond > upper ? 'met' : note(upper) === undefined ? 'missed' : 'open',
      ...noted(note(upper)),
    },
  ];
  const share = shareOfCeiling[key];
  if (share !== undefined && ceiling !== undefined)
    goals.push(atLeast(`${title}: ${100 * share} % of the ceiling`, perSecond, share * ceiling));
  return goals;
}

const atLeast = (goal: string, measured: number, required: number): Goal => ({
  goal,
  required: `≥ ${grouped(required)}/s`,
  measured: `${grouped(measured)}/s`,
  outcome: measured >= required ? 'met' : 'missed',
});

const noted = (note: string | undefined): Pick<Goal, 'note'> => (note === undefined ? {} : { note });

/** Against the medians of its parts, and against their own 99 %, which a stall of this machine or of the client moves alike. */
function sequentialGoals({ sequential }: Figures): Goal[] {
  if (sequential === undefined) return [];
  const { append, fsync, roundTrip } = sequential;
  return (['p50Ms', 'p99Ms'] as const).map((percentile) => {
    const allowed = 2 * fsync[percentile] + roundTrip[percentile];
    return {
      goal: `sequential append, p99: 2 × fsync + round trip, each at its ${percentile === 'p50Ms' ? 'median' : 'p99'}`,
      required: `≤ ${ms(allowed)}`,
      measured: ms(append.p99Ms),
      outcome: append.p99Ms <= allowed ? 'met' : 'missed',
    };
  });
}

function largeGoals({ scannedPerSecond: scanned, open, large }: Figures): Goal[] {
  const goals: Goal[] = [];
  if (scanned !== undefined) goals.push(atLeast('filtered catch-up, 1 % matching: scanned', scanned, scannedPerSecond));
  if (open !== undefined) {
    goals.push({
      goal: `open of ${grouped(largeEvents)} events`,
      required: `< ${ms(openMs)}`,
      measured: ms(open.ms),
      ...decided(open.ms < openMs, open.events < largeEvents ? `the store has ${grouped(open.events)} events` : undefined),
    });
  }
  if (large !== undefined) {
    const isSmall = large.events < largeEvents || large.streams < largeStreams;
    goals.push({
      goal: `append rate at ${grouped(largeStreams)} streams and ${grouped(largeEvents)} events / empty store`,
      required: `≥ ${largeRatio}`,
      measured: String(rounded(large.ratio)),
      ...decided(
        large.ratio >= largeRatio,
        isSmall ? `the store has ${grouped(large.streams)} streams and ${grouped(large.events)} events` : undefined,
      ),
    });
  }
  return goals;
}

/** A smaller store than the goal's proves nothing if it does well; if it does badly, a larger one will not do better. */
const decided = (isMet: boolean, caveat: string | undefined): Pick<Goal, 'outcome' | 'note'> => ({
  outcome: !isMet ? 'missed' : caveat === undefined ? 'met' : 'open',
  ...noted(caveat),
});
