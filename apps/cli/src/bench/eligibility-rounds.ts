import { type Answered, type AskedUnit, type FoldingBaseline, inOneCall, oneByOne } from './eligibility-subject.js';
import { benchCase, machine, type BenchReport, type Round } from './report.js';
import { median, rounded } from './statistics.js';
import type { Client } from '../client.js';

export interface EligibilityBench {
  readonly client: Client;
  readonly units: readonly AskedUnit[];
  readonly baseline: FoldingBaseline;
  /** When every unit of it was there, before the claims. */
  readonly past: string;
  readonly rounds: number;
  readonly onStep: (done: number, of: number, what: string) => void;
}
export interface EligibilityReport extends BenchReport {
  readonly units: number;
  /** Of the one answer; of all single answers together. */
  readonly bytes: { readonly inOneCall: number; readonly oneByOne: number };
}

/** As many as the folding baseline and the single calls wait for at once. */
const waiting = 8;

/** The three take turns in every round; round 0 warms all of them up and does not count. @throws Error when they do not say the same */
export async function measureEligibility(bench: EligibilityBench): Promise<EligibilityReport> {
  const { client, units, baseline, past, rounds, onStep } = bench;
  const names = {
    call: `${units.length} units in one call`,
    past: `${units.length} units in one call, as of a past moment`,
    single: `unit by unit over the same API, ${waiting} waiting`,
    fold: `folding the streams for each unit, no HTTP, ${waiting} waiting`,
  };
  const series = new Map<string, Round[]>(Object.values(names).map((name) => [name, []]));
  const bytes = { inOneCall: 0, oneByOne: 0 };
  const steps = (rounds + 1) * series.size;
  let step = 0;
  const measured = async (round: number, name: string, work: () => Promise<Answered>): Promise<Answered> => {
    onStep((step += 1), steps, `round ${round}: ${name}`);
    const answered = await work();
    if (round > 0) series.get(name)?.push(answered);
    return answered;
  };
  for (let round = 0; round <= rounds; round += 1) {
    const call = await measured(round, names.call, () => inOneCall(client, units));
    await measured(round, names.past, () => inOneCall(client, units, past));
    const single = await measured(round, names.single, () => oneByOne(client, units, waiting));
    const at = new Date().toISOString();
    const fold = await measured(round, names.fold, () => baseline.answer(units, at, waiting));
    for (const other of [single, fold])
      if (JSON.stringify(other.briefs) !== JSON.stringify(call.briefs)) throw new Error('not all ways lead to the same answers');
    bytes.inOneCall = call.bytes;
    bytes.oneByOne = single.bytes;
  }
  const rateOf = (name: string): number => median((series.get(name) ?? []).map(({ perSecond }) => perSecond));
  const ratio = Object.fromEntries(
    [names.single, names.fold].map((name) => [`${names.call} / ${name}`, rounded(rateOf(names.call) / rateOf(name))]),
  );
  const cases = [...series].map(([name, of]) => benchCase(name, of));
  return { name: 'eligibility', machine: machine(), cases, ratio, units: units.length, bytes };
}
