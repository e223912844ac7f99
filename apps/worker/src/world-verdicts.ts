import { frozenTable, openingOf, readCase, rederive, type VerdictSources } from '@recourse/disputes';
import { replayClaim } from '@recourse/orders';
import type { World } from './world.js';

/** Every verdict of a world, with all that it is derived from again. */
export async function verdictsOf(world: World): Promise<readonly VerdictSources[]> {
  const sources: VerdictSources[] = [];
  for (const disputeId of world.idsOf('dispute')) {
    const found = await readCase(disputeId, world.reader);
    const opened = found && openingOf(found.history);
    if (found === undefined || opened === undefined) throw new Error(`case ${disputeId} was not opened`);
    const table = await frozenTable(opened, world.reader);
    const claim = replayClaim(found.order, disputeId);
    for (const verdict of found.history) if (verdict.type === 'VerdictReached') sources.push({ ...found, verdict, claim, table });
  }
  return sources;
}

/** I7, as long as the world is: what its verdicts say and do not follow from. */
export async function underivedVerdicts(world: World): Promise<readonly string[]> {
  return (await verdictsOf(world)).flatMap((sources) =>
    rederive(sources).map(({ found, expected }) => `${sources.verdict.data.verdictId}: ${found} instead of ${expected}`),
  );
}
