import { DecisionDiagram, type Turn } from './decision-diagram.js';
import { platformBasisPoints, refundedPercent } from './decision-money.js';
import type { FactSpace } from './fact-space.js';
import { factValues, type Facts, type PolicyRule, type PolicyTable, type RuleOutcome } from './policy-table.js';

/** Where a merchant's table falls short of the platform's, with facts that show it. */
export interface Shortfall {
  readonly code: 'WorseThanPlatform' | 'CostlierForPlatform' | 'PolicyInvalid';
  readonly detail: string;
  readonly witness?: Facts;
}

const whole = 100;

/**
 * Never less for the buyer, whatever comes: where the platform refunds, at least as much; where it asks on, the same question
 * or the whole price at once; where it refuses, anything. Step by step the same facts follow, so nothing is lost on the way.
 */
function isWorse(standard: RuleOutcome, own: RuleOutcome): boolean {
  const given = own.do === 'decide' ? refundedPercent(own) : 0;
  if (standard.do === 'decide') return given < refundedPercent(standard);
  return own.do !== standard.do && given < whole;
}
/** A merchant does not get rid of a cost at the platform's expense. S61 */
const isCostlier = (standard: RuleOutcome, own: RuleOutcome): boolean =>
  standard.do === 'decide' && own.do === 'decide' && platformBasisPoints(own) > platformBasisPoints(standard);

const told = ({ id, then }: PolicyRule): string =>
  then.do === 'decide' ? `rule ${id} gives ${then.remedy} borne by ${then.bearer}` : `rule ${id} goes on to ${then.do}`;
const said = (facts: Facts): string =>
  Object.entries(facts)
    .map(([fact, value]) => `${fact}=${String(value)}`)
    .join(' ');

/**
 * Whether a table may stand in for the platform's, proven over the whole fact space. Both must be complete (`validateTable`).
 * @param space the facts' values; fewer of them in tests only
 * @returns undefined when it may
 */
export function shortfallOf(standard: PolicyTable, own: PolicyTable, space: FactSpace = factValues): Shortfall | undefined {
  const diagram = DecisionDiagram.of([standard.rules, own.rules], space);
  if (diagram === undefined)
    return {
      code: 'PolicyInvalid',
      detail: "with the platform's table it tells apart more situations than can be compared; make it simpler",
    };
  const pairs = diagram.within({}).flatMap((turn) => {
    const [theirs, ours] = [standard.rules[turn.rules[0] ?? -1], own.rules[turn.rules[1] ?? -1]];
    return theirs === undefined || ours === undefined ? [] : [{ theirs, ours, turn }];
  });
  const first = (breaks: typeof isWorse) =>
    pairs
      .filter(({ theirs, ours }) => breaks(theirs.then, ours.then))
      // What can happen is shown first.
      .toSorted((one, two) => two.turn.consistent - one.turn.consistent || two.turn.count - one.turn.count)[0];
  const found = (code: Shortfall['code'], whom: string, { theirs, ours, turn }: Found): Shortfall => ({
    code,
    detail: `${whom}: the platform's ${told(theirs)}, this table's ${told(ours)}, for example where ${said(turn.witness)}`,
    witness: turn.witness,
  });
  const worse = first(isWorse);
  if (worse !== undefined) return found('WorseThanPlatform', "it gives the buyer less than the platform's policy", worse);
  const costlier = first(isCostlier);
  return costlier && found('CostlierForPlatform', 'it puts on the platform what its own policy does not', costlier);
}
interface Found {
  readonly theirs: PolicyRule;
  readonly ours: PolicyRule;
  readonly turn: Turn;
}
