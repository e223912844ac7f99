import { encodeData, eventsOf, plusDays, type DataOf, type Instant } from '@recourse/eventing';
import { zero } from '@recourse/money';
import type { CaseUnit, Findings, SubmittedCase } from './case.js';
import type { DisputeEvent, UnitVerdict } from './dispute.js';
import {
  contradictionIn,
  matchRule,
  personRequestedRule,
  policyHash,
  type Decision,
  type Explanation,
  type PolicyTable,
} from './policy-table.js';

type VerdictReached = DataOf<DisputeEvent, 'VerdictReached'>;

const appealDays = 7; // K13
/** An event may hold 65,536 characters; what is not units (explanation, basis, references) needs less than the rest. */
const maxUnitsLength = 45_000;
const event = eventsOf<DisputeEvent>();

/** One unit on its way to a verdict, with the rule that brought it there. */
export interface Judged extends Findings {
  readonly unit: CaseUnit;
  readonly rule: string;
}

export function byRule<Item extends { readonly rule: string }>(items: readonly Item[]): readonly (readonly [Item, ...Item[]])[] {
  const groups = new Map<string, [Item, ...Item[]]>();
  for (const item of items) {
    const group = groups.get(item.rule);
    if (group === undefined) groups.set(item.rule, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

const verdictOn = ({ unit, facts, sources }: Judged, { liable, remedy, bearer }: Decision): UnitVerdict => ({
  unitNo: unit.unitNo,
  liable,
  remedy,
  bearer,
  refund: remedy === 'NONE' ? zero(unit.claimed.price.asset) : unit.claimed.price,
  facts,
  sources,
});

/** As many units as one event can hold; hardly ever more than one portion. */
function portions(units: readonly UnitVerdict[]): UnitVerdict[][] {
  const found: UnitVerdict[][] = [];
  let length = Infinity;
  for (const unit of units) {
    const more = encodeData(unit).length + 1;
    if (length + more > maxUnitsLength) {
      found.push([]);
      length = 0;
    }
    found.at(-1)?.push(unit);
    length += more;
  }
  return found;
}

export interface Ruling {
  readonly decidedBy: VerdictReached['decidedBy'];
  readonly person?: string;
  readonly explanation: Explanation;
  readonly basis: readonly string[];
}

/**
 * Verdicts on units that one rule brought here, each its own refund.
 * @param first number of the first of these verdicts in the dispute, from 1
 */
export function verdictsOn(
  { file }: SubmittedCase,
  first: number,
  judged: readonly [Judged, ...Judged[]],
  decisionOn: (unitNo: number) => Decision,
  ruling: Ruling,
  at: Instant,
) {
  const { disputeId, orderId, platform, merchant, buyer, policy } = file;
  return portions(judged.map((one) => verdictOn(one, decisionOn(one.unit.unitNo)))).map((units, i) =>
    event('VerdictReached', {
      disputeId,
      verdictId: `${disputeId}.v${first + i}`,
      orderId,
      platform,
      merchant,
      buyer,
      units,
      ...ruling,
      policy,
      rule: judged[0].rule,
      decidedAt: at,
      appealUntil: plusDays(at, appealDays),
    }),
  );
}

/**
 * Runs a verdict again on its own facts under the table its order froze; empty when everything comes out the same (I7).
 * A person and an overdue review decide what the table leaves open, so there the table must name the same rule and not decide.
 */
export function rejudge(verdict: VerdictReached, table: PolicyTable): readonly string[] {
  const hash = policyHash(table);
  if (hash !== verdict.policy.hash)
    return [`${verdict.verdictId}: the table has hash ${hash}, the verdict was given under ${verdict.policy.hash}`];
  return verdict.units.flatMap((unit) => {
    const differs = (what: string) => `${verdict.verdictId} unit ${unit.unitNo}: ${what}`;
    if (verdict.rule === personRequestedRule) {
      const problem = verdict.decidedBy === 'rule' ? 'a rule decided what the buyer asked a person for' : contradictionIn(unit);
      return problem === undefined ? [] : [differs(problem)];
    }
    const rule = matchRule(table, unit.facts);
    if (rule.id !== verdict.rule) return [differs(`the facts lead to rule ${rule.id}, the verdict names ${verdict.rule}`)];
    const decided = rule.then.do === 'decide';
    if (decided !== (verdict.decidedBy === 'rule'))
      return [differs(`rule ${rule.id} does ${rule.then.do}, the verdict was given by ${verdict.decidedBy}`)];
    const problems: string[] = [];
    const contradiction = contradictionIn(unit);
    if (contradiction !== undefined) problems.push(differs(contradiction));
    if (unit.remedy === 'NONE' && unit.refund.minor !== 0n) problems.push(differs('an amount is refunded without a remedy'));
    if (rule.then.do === 'decide') {
      const { liable, remedy, bearer } = rule.then;
      if (unit.liable !== liable || unit.remedy !== remedy || unit.bearer !== bearer)
        problems.push(differs(`the rule says ${liable}, ${remedy}, borne by ${bearer}`));
      if (rule.explanation.zh !== verdict.explanation.zh || rule.explanation.en !== verdict.explanation.en)
        problems.push(differs('the explanation is not that of the rule'));
      if (rule.basis.join('\n') !== verdict.basis.join('\n')) problems.push(differs('the basis is not that of the rule'));
    }
    return problems;
  });
}
