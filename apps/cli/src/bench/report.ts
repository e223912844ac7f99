import { mkdir, rename, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, percentile, rounded } from './statistics.js';
import { table } from '../tables.js';

/** One measured thing, as every benchmark of this repository reports it. */
export interface BenchCase {
  readonly case: string;
  /** Median over the rounds. */
  readonly perSecond: number;
  /** Over the samples of all rounds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly samples: number;
}

/** What `bench-results/{name}.json` holds; a benchmark may add keys of its own. */
export interface BenchReport {
  readonly name: string;
  readonly machine: string;
  readonly cases: readonly BenchCase[];
  /** Subject divided by baseline, both of the same run; above 1 the subject is faster. */
  readonly ratio: Readonly<Record<string, number>>;
}

export interface Round {
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
}

/** @throws RangeError without rounds or without samples */
export function benchCase(name: string, rounds: readonly Round[]): BenchCase {
  const samples = rounds.flatMap(({ latenciesMs }) => latenciesMs);
  return {
    case: name,
    perSecond: rounded(median(rounds.map(({ perSecond }) => perSecond))),
    p50Ms: rounded(percentile(samples, 0.5)),
    p99Ms: rounded(percentile(samples, 0.99)),
    samples: samples.length,
  };
}

export const machine = (): string =>
  [
    `${cpus()[0]?.model.trim() ?? process.arch} × ${availableParallelism()}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${process.platform} ${release()}`,
    `Node ${process.versions.node}`,
  ].join(', ');

export const casesTable = (cases: readonly BenchCase[]): string[] =>
  table(
    ['case', 'per second', 'p50 ms', 'p99 ms', 'samples'],
    cases.map((one) => [one.case, ...[one.perSecond, one.p50Ms, one.p99Ms, one.samples].map(String)]),
    [1, 2, 3, 4],
  );

export const ratioTable = (ratio: BenchReport['ratio']): string[] =>
  table(
    ['ratio', ''],
    Object.entries(ratio).map(([what, value]) => [what, String(value)]),
    [1],
  );

const resultsDirectory = fileURLToPath(new URL('../../../../bench-results', import.meta.url));

/** Replaces the last run's figures at once. @returns the file */
export async function writeReport(report: BenchReport): Promise<string> {
  await mkdir(resultsDirectory, { recursive: true });
  const file = join(resultsDirectory, `${report.name}.json`);
  await writeFile(`${file}.new`, `${JSON.stringify(report, null, 2)}\n`);
  await rename(`${file}.new`, file);
  return file;
}
