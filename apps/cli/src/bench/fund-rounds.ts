import { turned } from './eventstore-rounds.js';
import { reportOf, rowKeys, waitingOf, type FundReport, type RowKey, type Swept } from './fund-report.js';
import type { FundSubject, Load } from './fund-subject.js';
import { sweptConnections, type RowLock } from './fund-rowlock.js';
import type { Round } from './report.js';
import { median, rounded } from './statistics.js';

export interface FundBench {
  readonly subject: FundSubject;
  readonly rowLock: RowLock;
  readonly rounds: number;
  readonly isQuick: boolean;
  readonly onStep: (done: number, of: number, what: string) => void;
}

/** Reservations of a full round; a quick one and the warm-up make a third. */
const refundsOf = {
  'fund-1': 450,
  'fund-16': 6_000,
  'fund-64': 15_000,
  'fund-256': 18_000,
  'appending-1': 300,
  'appending-16': 2_400,
  'appending-64': 4_500,
  'appending-256': 4_500,
  'naive-1': 450,
  'naive-64': 1_500,
  'row-lock-64': 1_200,
  'row-lock-256': 1_500,
} as const satisfies Record<RowKey, number>;
const quickShare = 1 / 3;
const sweepRefunds = 240;
const sweeps = 3;

/** All rows take turns in every round and the first one changes; round 0 warms all of them up and does not count. */
export async function measureFund({ subject, rowLock, rounds, isQuick, onStep }: FundBench): Promise<FundReport> {
  const steps = sweeps * sweptConnections.length + (rounds + 1) * rowKeys.length;
  let step = 0;
  const show = (what: string) => onStep((step += 1), steps, what);

  const sweep = await sweepConnections(rowLock, show);
  const connections = sweep.reduce((best, one) => (one.perSecond > best.perSecond ? one : best)).connections;
  const measure = (key: RowKey, load: Load): Promise<Round> => {
    if (key.startsWith('fund-')) return subject.reserve(load);
    if (key.startsWith('appending-')) return subject.appendAndReserve(load);
    if (key.startsWith('naive-')) return subject.reserveNaively(load);
    return rowLock.reserve(load, connections);
  };
  const measured = new Map<RowKey, Round[]>(rowKeys.map((key) => [key, []]));
  for (let round = 0; round <= rounds; round += 1)
    for (const key of turned(rowKeys, round * 5)) {
      show(`round ${round}: ${key}`);
      const share = isQuick || round === 0 ? quickShare : 1;
      const result = await measure(key, { waiting: waitingOf(key), refunds: Math.ceil(refundsOf[key] * share) });
      if (round > 0) measured.get(key)?.push(result);
    }
  return reportOf(measured, { isQuick, rounds, connections, sweep });
}

/** Turn by turn, so that a slow moment of the machine is not charged to one count. */
async function sweepConnections(rowLock: RowLock, show: (what: string) => void): Promise<Swept[]> {
  const rates = new Map<number, number[]>(sweptConnections.map((connections) => [connections, []]));
  for (let turn = 0; turn < sweeps; turn += 1)
    for (const connections of turned(sweptConnections, turn * 2)) {
      show(`row-locking SQL with ${connections} connections`);
      const { perSecond } = await rowLock.reserve({ waiting: 64, refunds: sweepRefunds }, connections);
      rates.get(connections)?.push(perSecond);
    }
  return [...rates].map(([connections, of]) => ({ connections, perSecond: rounded(median(of)) }));
}
