import fc from 'fast-check';
import { acts, Town } from './world-acts.js';
import type { Dice } from './world-rail.js';
import { comeToRest, debtsLeft, everybodyPays, faultsAtRest, wrongBurdens } from './world-rest.js';
import { situationsIn } from './world-situations.js';
import { type Parts, soundParts } from './world.js';

/** Worlds of a run; a campaign sets more. */
const numRuns = Number(process.env['WORLDS'] ?? 100);
const timeLimitMs = process.env['WORLDS'] === undefined ? 50_000 : 3_600_000;

type Step = readonly [act: string, seed: number];
const names = Object.keys(acts);
/** How much more often what a world is fond of happens there. */
const fondness = 15;
/** Each world is fond of some acts, so that what is rare in one is common in another. */
const history: fc.Arbitrary<readonly Step[]> = fc
  .noBias(fc.uniqueArray(fc.constantFrom(...names), { maxLength: 7, size: 'max' }))
  .chain((fond) => {
    const weighted = names.flatMap((name) =>
      Array.from({ length: (acts[name]?.[0] ?? 0) + (fond.includes(name) ? fondness : 0) }, () => name),
    );
    const step = fc.tuple(fc.constantFrom(...weighted), fc.nat(2 ** 31 - 1));
    return fc.noBias(fc.array(step, { minLength: 1, maxLength: 500, size: 'max' }));
  });

/** Mulberry32. */
function diceOf(seed: number): Dice {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % sides;
  };
}

/** @throws Broken as soon as an invariant is */
async function live(steps: readonly Step[], parts: Parts = soundParts): Promise<Town> {
  const town = new Town(parts);
  for (const [name, seed] of steps) await acts[name]![1](town, diceOf(seed));
  await comeToRest(town);
  expect(faultsAtRest(town)).toEqual([]);
  await town.world.audit(town.rail.book);
  await everybodyPays(town);
  expect([...faultsAtRest(town), ...debtsLeft(town), ...wrongBurdens(town)]).toEqual([]);
  return town;
}

it(
  'whatever happens at once, the books hold after every event, and what can go on does',
  async () => {
    const types = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const { world } = await live(steps);
        for (const seen of situationsIn(world.log)) types.set(seen, (types.get(seen) ?? 0) + 1);
      }),
      { numRuns, endOnFailure: process.env['SHRINK'] === undefined, interruptAfterTimeLimit: timeLimitMs },
    );
    if (process.env['TYPES']) process.stdout.write(`${JSON.stringify([...types].sort(([, a], [, b]) => a - b))}\n`);
  },
  timeLimitMs + 10_000,
);
