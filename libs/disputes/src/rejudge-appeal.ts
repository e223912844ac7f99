import type { DataOf } from '@recourse/eventing';
import { add, compare, format } from '@recourse/money';
import type { DisputeEvent } from './dispute.js';
import { restOf, verdictContradictionIn } from './award.js';

type VerdictReached = DataOf<DisputeEvent, 'VerdictReached'>;

/** What a ruling on an appeal must keep to: no table decides it, but it gives only what was appealed and what is left of the price. */
export function rejudgeAppeal(verdict: VerdictReached, ofCase: readonly DisputeEvent[]): readonly string[] {
  const earlier = ofCase.flatMap(({ type, data }) =>
    type === 'VerdictReached' && data.verdictId === verdict.appealOf ? [data] : [],
  )[0];
  const appealed = ofCase.flatMap(({ type, data }) =>
    type === 'AppealLodged' && data.verdictId === verdict.appealOf && data.by === 'buyer' ? data.units : [],
  );
  const claimed = ofCase.flatMap(({ type, data }) => (type === 'DisputeSubmitted' ? data.units : []));
  return verdict.units.flatMap((unit) => {
    const { unitNo, refund } = unit;
    const differs = (what: string) => `${verdict.verdictId} unit ${unitNo}: ${what}`;
    const before = earlier?.units.find((one) => one.unitNo === unitNo);
    const unitClaimed = claimed.find((one) => one.unitNo === unitNo);
    const price = unitClaimed && restOf(unitClaimed);
    if (earlier === undefined || before === undefined || price === undefined)
      return [differs(`the case has no verdict ${String(verdict.appealOf)} on it`)];
    const problems: string[] = [];
    const contradiction = verdictContradictionIn(unit);
    if (contradiction !== undefined) problems.push(differs(contradiction));
    if (verdict.rule !== 'appeal') problems.push(differs(`a ruling on an appeal rests on no rule, and it names ${verdict.rule}`));
    if (earlier.appealOf !== undefined) problems.push(differs(`${earlier.verdictId} was given on appeal itself`));
    if (!appealed.includes(unitNo)) problems.push(differs(`the buyer did not appeal ${earlier.verdictId}`));
    if (unit.remedy === 'NONE') problems.push(differs('an appeal is given nothing; then the first verdict stands'));
    const together = add(before.refund, refund);
    if (compare(together, price) > 0)
      problems.push(differs(`${format(together)} is refunded in all, of a price of ${format(price)}`));
    if (verdict.decidedBy === 'appeal' && (verdict.person === undefined || verdict.person === earlier.person))
      problems.push(differs('the appeal was ruled by nobody else than the first verdict'));
    if (verdict.decidedBy === 'overdue' && (unit.liable !== 'PLATFORM' || unit.bearer !== 'platform'))
      problems.push(differs('the platform was late and does not bear it'));
    return problems;
  });
}
