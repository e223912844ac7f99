import { benchCase, casesTable, machine, ratioTable, type BenchReport, type Round } from './report.js';
import { rounded } from './statistics.js';
import { table } from '../tables.js';

/** What is measured, and how many requesters wait. */
export const rowKeys = [
  'fund-1',
  'fund-16',
  'fund-64',
  'fund-256',
  'appending-1',
  'appending-16',
  'appending-64',
  'appending-256',
  'naive-1',
  'naive-64',
  'row-lock-64',
  'row-lock-256',
] as const;
export type RowKey = (typeof rowKeys)[number];
export const waitingOf = (key: RowKey): number => Number(key.slice(key.lastIndexOf('-') + 1));

/** Reservations per second that so many connections made. */
export interface Swept {
  readonly connections: number;
  readonly perSecond: number;
}
export interface Settings {
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Of the row-locking SQL transfer: the fastest of the sweep. */
  readonly connections: number;
  readonly sweep: readonly Swept[];
}

export interface Goal {
  readonly ratio: RatioKey;
  readonly required: number;
  readonly isMet: boolean;
}
export interface FundReport extends BenchReport {
  readonly ratio: Readonly<Record<RatioKey, number>>;
  readonly goals: readonly Goal[];
  readonly settings: Settings;
}

const ratios = {
  vsRowLock64: ['fund-64', 'row-lock-64'],
  vsRowLock256: ['fund-256', 'row-lock-256'],
  vsNaive64: ['fund-64', 'naive-64'],
} as const satisfies Readonly<Record<string, readonly [subject: RowKey, baseline: RowKey]>>;
export type RatioKey = keyof typeof ratios;
const ratioKeys = Object.keys(ratios) as RatioKey[];
const required: Partial<Record<RatioKey, number>> = { vsRowLock64: 30, vsRowLock256: 40 };

/** Medians of rates are divided. @throws RangeError when a row has no round */
export function reportOf(measured: ReadonlyMap<RowKey, readonly Round[]>, settings: Settings): FundReport {
  const caseOf = (key: RowKey) => benchCase(titleOf(key, settings), measured.get(key) ?? []);
  const ratioOf = ([subject, baseline]: readonly [RowKey, RowKey]) =>
    rounded(caseOf(subject).perSecond / caseOf(baseline).perSecond);
  const ratio = Object.fromEntries(ratioKeys.map((key) => [key, ratioOf(ratios[key])])) as Record<RatioKey, number>;
  const goals = ratioKeys.flatMap((key) => {
    const least = required[key];
    return least === undefined ? [] : [{ ratio: key, required: least, isMet: ratio[key] >= least }];
  });
  return { name: 'fund', machine: machine(), cases: [...measured.keys()].map(caseOf), ratio, goals, settings };
}

function titleOf(key: RowKey, { connections }: Settings): string {
  const waiting = `${waitingOf(key)} waiting`;
  if (key.startsWith('fund-')) return `fund, ${waiting}`;
  if (key.startsWith('appending-')) return `fund with the inputs' appends, ${waiting}`;
  if (key.startsWith('naive-')) return `one append per reservation, ${waiting}`;
  return `row-locking SQL, ${waiting}, ${connections} connection${connections === 1 ? '' : 's'}`;
}

/** The tables as a person reads them. */
export function reportLines({ cases, ratio, goals, settings }: FundReport): string[] {
  const { isQuick, rounds, sweep } = settings;
  return [
    ...(isQuick ? [`a quick run: ${rounds} short rounds`, ''] : []),
    ...casesTable(cases),
    '',
    ...ratioTable(ratio),
    '',
    ...table(
      ['goal', 'required', 'measured', 'outcome'],
      goals.map((goal) => [goal.ratio, `≥ ${goal.required}`, String(ratio[goal.ratio]), goal.isMet ? 'met' : 'missed']),
      [1, 2],
    ),
    '',
    `row-locking SQL by connections: ${sweep.map((one) => `${one.connections}: ${one.perSecond}/s`).join(', ')}`,
  ];
}
