import { randomInt } from 'node:crypto';

/**
 * How often a property is tried and from which seed. A seed stands in the name of its test: `MODEL_SEED` repeats a run,
 * `MODEL_PATH` the counterexample fast-check printed with it, `MODEL_RUNS` makes it many.
 */
export function runs(usual: number): { numRuns: number; seed: number; path?: string } {
  const path = process.env['MODEL_PATH'];
  return {
    numRuns: Number(process.env['MODEL_RUNS'] ?? usual),
    seed: Number(process.env['MODEL_SEED'] ?? randomInt(2 ** 31)),
    ...(path === undefined ? {} : { path }),
  };
}

/** Generous: a failing property is shrunk, which takes many more runs. */
export const timeoutMsOf = ({ numRuns }: { numRuns: number }) => 120_000 + numRuns * 1_000;
