import { randomInt } from 'node:crypto';

/**
 * How often a property is tried and from which seed. A seed stands in the name of its test: `MODEL_SEED` repeats a run,
 * `MODEL_PATH` the counterexample fast-check printed with it, `MODEL_RUNS` makes it many.
 */
export function runs(usual: number) {
  const numRuns = Number(process.env['MODEL_RUNS'] ?? usual);
  const seed = Number(process.env['MODEL_SEED'] ?? randomInt(2 ** 31));
  const path = process.env['MODEL_PATH'];
  const timeoutMs = 120_000 + numRuns * 500;
  // A counterexample is made smaller only as long as there is time left to print it.
  const limit = { interruptAfterTimeLimit: timeoutMs - 20_000, markInterruptAsFailure: true };
  return {
    parameters: { numRuns, seed, ...limit, ...(path === undefined ? {} : { path }) },
    timeoutMs,
    name: `seed ${seed}, ${numRuns} runs`,
  };
}
