import { encodeData, isAfter, type EventOf, type Recorded } from '@recourse/eventing';
import { format, type Money, zero } from '@recourse/money';
import type { EventReference, OrderEvent, UnitFacts } from '@recourse/orders/events';
import { isIn, type CaseUnit, type SubmittedCase } from './case.js';
import { dispute, type CaseFile, type DisputeEvent, type UnitVerdict } from './dispute.js';
import { findingsOf } from './facts.js';
import { incidentStreamOf } from './case-material.js';
import type { IncidentEvent } from './incident.js';
import type { Facts, PolicyTable } from './policy-table.js';
import { rejudge } from './verdict.js';

export type RecordedVerdict = Recorded<EventOf<DisputeEvent, 'VerdictReached'>>;

/** A claim as its order says it was opened, derived from the order's own events. */
export interface DerivedClaim extends Omit<CaseFile, 'disputeId'> {
  readonly claimId: string;
  readonly openedAt: string;
}

/** Everything a verdict is derived from again; what stands in the verdict itself is not among it. Nothing of it is in the vault. */
export interface VerdictSources {
  readonly verdict: RecordedVerdict;
  /** The case's stream from its first event; what came after the verdict is not looked at. */
  readonly history: readonly Recorded<DisputeEvent>[];
  /** The claim as the order's own events make it; undefined when the order has none. */
  readonly claim: DerivedClaim | undefined;
  /** The table that was published before the verdict with its policy's id, version and hash; undefined when none was. */
  readonly table: PolicyTable | undefined;
  /** Events of other streams by their references: those of the order, those that are cited, and the incidents of these. */
  readonly cited: ReadonlyMap<EventReference, Recorded>;
}

/** Something a verdict says that does not follow. */
export interface Difference {
  readonly unitNo?: number;
  /** The fact it is about. */
  readonly fact?: keyof Facts;
  readonly found: string;
  readonly expected: string;
  /** Events that say what is expected. */
  readonly from: readonly EventReference[];
}

const text = (amount: Money): string => `${format(amount)} ${amount.asset}`;
const list = (references: readonly EventReference[]): string => (references.length === 0 ? 'no event' : references.join(', '));

/** The case as it stood when the verdict was reached. @throws Error for a history that no decision could have made */
function caseBefore({ verdict, history }: VerdictSources) {
  const before = history.filter(({ revision }) => revision < verdict.revision);
  let state = dispute.initial;
  for (const event of before) state = dispute.evolve(state, event as unknown as DisputeEvent);
  return { before, state };
}

type FileMember = 'orderId' | 'platform' | 'merchant' | 'buyer' | 'reason' | 'productKind' | 'promise' | 'policy';
const ofFile: Readonly<Record<FileMember, keyof Facts | undefined>> = {
  orderId: undefined,
  platform: undefined,
  merchant: undefined,
  buyer: undefined,
  reason: 'reason',
  productKind: 'productKind',
  promise: 'reissuePromised',
  policy: undefined,
};
const ofUnit: Readonly<Record<keyof UnitFacts, keyof Facts | undefined>> = {
  unitNo: undefined,
  product: undefined,
  price: undefined,
  fee: undefined,
  escrow: undefined,
  deliveredAt: 'delivered',
  revealedAt: 'revealed',
  afterSaleEndsAt: 'afterSale',
  sevenDayEndsAt: 'sevenDay',
  deliveryReference: undefined,
  platformFailure: 'platformFailure',
  evidence: undefined,
};
const shown = (value: unknown): string => (value === undefined ? 'nothing' : encodeData(value));

/** The case file against the order's own events. */
function* fileDifferences({ file, openedAt }: SubmittedCase, claim: DerivedClaim | undefined): Generator<Difference> {
  if (claim === undefined) {
    yield { found: `claim ${file.disputeId}`, expected: `a claim of these units in order ${file.orderId}`, from: [] };
    return;
  }
  if (openedAt !== claim.openedAt)
    yield { fact: 'afterSale', found: `opened at ${openedAt}`, expected: claim.openedAt, from: [] };
  for (const member of Object.keys(ofFile) as FileMember[]) {
    const [found, expected, fact] = [shown(file[member]), shown(claim[member]), ofFile[member]];
    if (found !== expected) yield { ...(fact && { fact }), found: `${member} ${found}`, expected, from: [] };
  }
  for (const expected of claim.units) {
    const found = file.units.find(({ unitNo }) => unitNo === expected.unitNo);
    for (const member of Object.keys(ofUnit) as (keyof UnitFacts)[]) {
      const fact = ofUnit[member];
      if (shown(found?.[member]) === shown(expected[member])) continue;
      yield {
        unitNo: expected.unitNo,
        ...(fact && { fact }),
        found: `${member} ${shown(found?.[member])}`,
        expected: shown(expected[member]),
        from: expected.evidence,
      };
    }
  }
}

/** Facts and rule that the unit's verdict must rest on. */
function findingsAt(
  state: SubmittedCase,
  unit: CaseUnit,
  before: readonly Recorded<DisputeEvent>[],
): Pick<UnitVerdict, 'facts' | 'sources'> & { readonly rule?: string } {
  if (isIn('under-review')(unit)) return unit.status;
  if (!isIn('decided')(unit)) return findingsOf(state, unit);
  const earlier = before.findLast(
    ({ type, data }) => type === 'VerdictReached' && data.units.some(({ unitNo }) => unitNo === unit.unitNo),
  );
  // What is decided again is decided on the facts of the first time.
  const judged = earlier?.type === 'VerdictReached' ? earlier.data.units.find(({ unitNo }) => unitNo === unit.unitNo) : undefined;
  return judged ?? findingsOf(state, unit);
}

/** Whether whoever decided could decide on a unit that stood so. */
function turnDifference({ data }: RecordedVerdict, { unitNo, status }: CaseUnit): Difference | undefined {
  const differs = (expected: string): Difference => ({
    unitNo,
    found: `decided by ${data.decidedBy} while ${status.is}`,
    expected,
    from: [],
  });
  switch (data.decidedBy) {
    case 'rule':
      return ['under-review', 'awaiting-buyer-check', 'decided', 'resolved'].includes(status.is)
        ? differs('a unit that the policy may move')
        : undefined;
    case 'person':
      return status.is === 'under-review' && data.person !== undefined
        ? undefined
        : differs('a named person, and a unit under review');
    case 'overdue':
      return status.is === 'under-review' && status.escalated && isAfter(data.decidedAt, status.until)
        ? undefined
        : differs('a unit whose review is overdue for its supervisor too');
  }
}

const wholeOf: Readonly<Record<UnitVerdict['remedy'], (price: Money) => Money>> = {
  NONE: ({ asset }) => zero(asset),
  FULL_REFUND: (price) => price,
};

function* unitDifferences(
  { verdict, table }: VerdictSources,
  { state, before }: { readonly state: SubmittedCase; readonly before: readonly Recorded<DisputeEvent>[] },
  found: UnitVerdict,
): Generator<Difference> {
  const { unitNo } = found;
  const unit = state.units.find((one) => one.unitNo === unitNo);
  if (unit === undefined) {
    yield { unitNo, found: 'a verdict', expected: 'a unit of this case', from: [] };
    return;
  }
  const turn = turnDifference(verdict, unit);
  if (turn) yield turn;
  const expected = findingsAt(state, unit, before);
  if (expected.rule !== undefined && expected.rule !== verdict.data.rule)
    yield { unitNo, found: `rule ${verdict.data.rule}`, expected: `rule ${expected.rule}, which asked for a person`, from: [] };
  const asked = new Set(table?.rules.flatMap(({ when }) => Object.keys(when)));
  for (const fact of Object.keys(expected.facts) as (keyof Facts)[]) {
    const value: string | undefined = found.facts[fact];
    // A verdict of earlier times knows nothing of facts that were thought of later; no rule of its table asks for them.
    if (value === undefined && !asked.has(fact)) continue;
    const from = expected.sources.find((source) => source.fact === fact)?.from ?? [];
    if (value !== expected.facts[fact]) {
      yield { unitNo, fact, found: value ?? 'nothing', expected: expected.facts[fact] ?? 'nothing', from };
      continue;
    }
    const cited = found.sources.find((source) => source.fact === fact)?.from ?? [];
    if (list(cited) !== list(from)) yield { unitNo, fact, found: `from ${list(cited)}`, expected: `from ${list(from)}`, from };
  }
  const { price } = unit.claimed;
  const refund = wholeOf[found.remedy](price);
  if (shown(found.refund) !== shown(refund))
    yield { unitNo, found: `${found.remedy} of ${text(found.refund)}`, expected: text(refund), from: unit.claimed.evidence };
}

/** Whether every event that is cited was there before the verdict. */
function* missing({ verdict, history, cited }: VerdictSources): Generator<Difference> {
  for (const { unitNo, sources } of verdict.data.units)
    for (const { fact, from } of sources)
      for (const reference of from) {
        const [revision = '', stream = ''] = reference.split(/@(.*)/s);
        const source =
          stream === verdict.stream ? history.find((event) => event.revision.toString() === revision) : cited.get(reference);
        if (source === undefined)
          yield { unitNo, fact, found: `from ${reference}`, expected: 'an event that is there', from: [] };
        else if (source.position >= verdict.position)
          yield { unitNo, fact, found: `from ${reference}`, expected: 'an event before the verdict', from: [reference] };
      }
}

/** Whether an event of the order notes the incident for the unit, and somebody recorded it. */
function isNoted(source: Recorded | undefined, orderId: string, unitNo: number, cited: VerdictSources['cited']): boolean {
  const noted = source as Recorded<OrderEvent> | undefined;
  if (noted?.stream !== `order-${orderId}`) return false;
  if (noted.type === 'PlatformDeliveryFailed') return noted.data.unitNo === unitNo;
  if (noted.type !== 'PlatformIncidentNoted' || !noted.data.units.includes(unitNo)) return false;
  return [...cited.values()].some((event) => {
    if (event.stream !== incidentStreamOf(noted.data) || event.position >= noted.position) return false;
    const { type, data } = event as unknown as IncidentEvent;
    return (
      (type === 'IncidentRecorded' || type === 'IncidentWidened') &&
      data.orders.some((order) => order.orderId === orderId && order.units.includes(unitNo))
    );
  });
}

/** An incident counts only when the order notes it and somebody recorded it, whatever the case says. S11 */
function* unproven({ verdict, cited }: VerdictSources): Generator<Difference> {
  for (const { unitNo, facts, sources } of verdict.data.units) {
    if (facts.platformFailure !== 'yes') continue;
    const from = sources.find(({ fact }) => fact === 'platformFailure')?.from ?? [];
    if (!from.some((reference) => isNoted(cited.get(reference), verdict.data.orderId, unitNo, cited)))
      yield {
        unitNo,
        fact: 'platformFailure',
        found: `yes, from ${list(from)}`,
        expected: 'an event of the order that a delivery failed, or an incident that was recorded for this unit',
        from,
      };
  }
}

/**
 * I7: a verdict derived again from the events before it, and from the table its order froze. Facts come from the case's own
 * history and the order's, not from the verdict; then the policy is applied to them anew.
 * @returns what does not follow; nothing when the verdict is what it must be
 */
export function rederive(sources: VerdictSources): readonly Difference[] {
  const { verdict, history, table, claim } = sources;
  const { policy, rule, platform } = verdict.data;
  const gap = history.findIndex(({ revision }, i) => revision !== BigInt(i));
  if (gap >= 0) return [{ found: `a history without its event ${gap}`, expected: 'every event of the case', from: [] }];
  let known;
  try {
    known = caseBefore(sources);
  } catch (error) {
    return [{ found: error instanceof Error ? error.message : String(error), expected: 'a history that can be', from: [] }];
  }
  const { state, before } = known;
  if (state.status !== 'submitted')
    return [{ found: `a verdict in a case that is ${state.status}`, expected: 'a submitted case', from: [] }];
  const differences = [...fileDifferences(state, claim)];
  for (const unit of verdict.data.units) differences.push(...unitDifferences(sources, { state, before }, unit));
  differences.push(...missing(sources), ...unproven(sources));
  if (platform !== state.file.platform || shown(policy) !== shown(state.file.policy))
    differences.push({ found: `policy ${shown(policy)}`, expected: shown(state.file.policy), from: [] });
  if (table === undefined) {
    differences.push({
      found: `rule ${rule} of policy ${policy.id} version ${policy.version}, hash ${policy.hash}`,
      expected: 'a table that was published before with this id, version and hash',
      from: [],
    });
    return differences;
  }
  for (const problem of rejudge(verdict.data, table))
    differences.push({ found: problem, expected: `what policy ${policy.id} version ${policy.version} says`, from: [] });
  return differences;
}
