import { appendsOf, type AppendFloor } from './appends.js';
import { stagesOf, type RefundKind, type Stage } from './journey.js';
import type { BenchMarket } from './market.js';
import { benchCase, machine, type BenchCase, type BenchReport, type Round } from './report.js';
import { connectionCounts, type SqlLedger } from './sql.js';
import { rounded } from './statistics.js';
import type { BenchSubject, Measured } from './subject.js';

export interface RefundBench {
  readonly market: BenchMarket;
  readonly subject: BenchSubject;
  readonly sql: SqlLedger;
  readonly floor: AppendFloor;
}
export interface RoundOptions {
  readonly rounds: number;
  /** Of each kind, decided at once in each round; a quarter as many are decided one by one. */
  readonly refunds: number;
  readonly onStep: (done: number, of: number, what: string) => void;
}

/** `stages` and `perRefund` have an entry for each case of the subject. */
export interface RefundReport extends BenchReport {
  readonly stages: Readonly<Record<string, readonly Stage[]>>;
  /** What one refund appends on average, its verdict included. */
  readonly perRefund: Readonly<Record<string, { readonly events: number; readonly appends: number }>>;
}

const kinds = ['escrow', 'fund'] as const satisfies readonly RefundKind[];
/** At once: as many at a time as the worker's processes have lanes. */
const loads = { 'at once': 32, 'one by one': 1 } as const;
type Load = keyof typeof loads;
const loadNames = Object.keys(loads) as Load[];
const warmUpRefunds = 8;
const sqlRoundMs = 600;

const subjectCase = (kind: RefundKind, load: Load): string => `refund from ${kind}, ${load}`;
const floorCase = (kind: RefundKind, load: Load): string => `bare appends, ${kind}, ${load}`;
const sqlCase = (kind: RefundKind, connections: number): string =>
  `SQL refund, ${kind}, ${connections} connection${connections === 1 ? '' : 's'}`;

/** Baselines and subject take turns in every round; round 0 warms all of them up and does not count. */
export async function measureRefunds(bench: RefundBench, { rounds, refunds, onStep }: RoundOptions): Promise<RefundReport> {
  const series = new Map<string, Round[]>();
  const measured = new Map<string, Measured[]>();
  const steps = (rounds + 1) * kinds.length * (2 * loadNames.length + connectionCounts.length);
  let step = 0;

  const measure = async (round: number, kind: RefundKind, load: Load): Promise<void> => {
    const { market, subject, floor } = bench;
    const wanted = load === 'at once' ? refunds : Math.ceil(refunds / 4);
    const count = round === 0 ? Math.min(warmUpRefunds, wanted) : wanted;
    let claimed = 0;
    const disputes = await market.claims(kind, count, () =>
      onStep(step, steps, `round ${round}: ${(claimed += 1)} of ${count} claims`),
    );
    await subject.settled();
    onStep((step += 1), steps, `round ${round}: ${subjectCase(kind, load)}`);
    const result = await subject.refunds(kind, disputes, loads[load]);
    await subject.settled();
    onStep((step += 1), steps, `round ${round}: ${floorCase(kind, load)}`);
    const bare = await floor.replay(result.events, count, loads[load]);
    if (round === 0) return;
    add(measured, subjectCase(kind, load), result);
    add(series, floorCase(kind, load), bare);
  };

  for (let round = 0; round <= rounds; round += 1) {
    for (const kind of kinds) {
      for (const load of loadNames) await measure(round, kind, load);
      for (const connections of connectionCounts) {
        onStep((step += 1), steps, `round ${round}: ${sqlCase(kind, connections)}`);
        const result = await bench.sql.refunds(kind, connections, sqlRoundMs);
        if (round > 0) add(series, sqlCase(kind, connections), result);
      }
    }
  }
  return reportOf(measured, series);
}

function add<Item>(to: Map<string, Item[]>, name: string, item: Item): void {
  const items = to.get(name) ?? [];
  to.set(name, items);
  items.push(item);
}

function reportOf(
  measured: ReadonlyMap<string, readonly Measured[]>,
  baselines: ReadonlyMap<string, readonly Round[]>,
): RefundReport {
  const cases: BenchCase[] = [];
  const ratio: Record<string, number> = {};
  const stages: Record<string, readonly Stage[]> = {};
  const perRefund: Record<string, { readonly events: number; readonly appends: number }> = {};
  for (const kind of kinds) {
    const sql = connectionCounts
      .map((connections) => sqlCase(kind, connections))
      .map((name) => benchCase(name, baselines.get(name) ?? []))
      .reduce((one, other) => (other.perSecond > one.perSecond ? other : one));
    for (const load of loadNames) {
      const name = subjectCase(kind, load);
      const rounds = measured.get(name) ?? [];
      const subject = benchCase(name, rounds);
      const floor = benchCase(floorCase(kind, load), baselines.get(floorCase(kind, load)) ?? []);
      cases.push(subject, floor);
      ratio[`${subject.case} / ${floor.case}`] = rounded(subject.perSecond / floor.perSecond);
      if (load === 'at once') ratio[`${subject.case} / ${sql.case}`] = rounded(subject.perSecond / sql.perSecond);
      const journeys = rounds.flatMap((round) => round.journeys);
      const events = rounds.flatMap((round) => round.events);
      stages[name] = stagesOf(kind, journeys);
      perRefund[name] = {
        events: rounded(events.length / journeys.length),
        appends: rounded(appendsOf(events).length / journeys.length),
      };
    }
    cases.push(sql);
  }
  return { name: 'refunds', machine: machine(), cases, ratio, stages, perRefund };
}
