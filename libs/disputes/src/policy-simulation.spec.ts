import { fold, isRejection, plusHours, plusMs, type Instant, type Stamped } from '@recourse/eventing';
import type { ClaimReason } from '@recourse/orders/events';
import { dispute, type CaseFile, type DisputeCommand, type DisputeEvent } from './dispute.js';
import { PolicySimulation, type UnitComparison } from './policy-simulation.js';
import type { PolicyRule, PolicyTable, RuleOutcome, VerificationOutcome } from './policy-table.js';
import { afterSaleEndsAt, caseFile, claimedAt, deliveredAt, readDefaultPolicy, undelivered } from './sample-case.js';
import { changeOf, SimulationTotals } from './simulation-totals.js';

let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});

type Told = readonly (readonly [event: DisputeEvent, at: Instant])[];
/** Everything that follows from these commands, which must all be accepted, each event with its moment. */
function told(...commands: Stamped<DisputeCommand>[]): Told {
  const events: DisputeEvent[] = [];
  const moments: Instant[] = [];
  for (const command of commands) {
    const outcome = dispute.decide(command, fold(dispute, events));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
    moments.push(...outcome.map(() => command.at));
  }
  return events.map((event, i) => [event, moments[i]!]);
}
const open = (reason: ClaimReason, differing: Partial<CaseFile> = {}) =>
  ({ type: 'OpenDispute', draft: false, openedAt: claimedAt, at: claimedAt, ...caseFile(reason, table, differing) }) as const;
const apply = (at: Instant = claimedAt) => ({ type: 'ApplyPolicy', table, at }) as const;
const verified = (outcome: VerificationOutcome) =>
  ({
    type: 'RecordVerification',
    at: claimedAt,
    results: [{ unitNo: 1, outcome, source: 'sandbox', queriedAt: claimedAt, resultHash: 'ab'.repeat(32) }],
  }) as const;
const clock = (at: Instant) => ({ type: 'PassDisputeDeadlines', at }) as const;
const ruled = (at: Instant, remedy: 'FULL_REFUND' | 'NONE'): Stamped<DisputeCommand> => ({
  type: 'DecideDispute',
  person: 'anna',
  units: [
    remedy === 'NONE'
      ? { unitNo: 1, liable: 'BUYER', remedy, bearer: 'none' }
      : { unitNo: 1, liable: 'MERCHANT', remedy, bearer: 'merchant' },
  ],
  explanation: { zh: '证据充分', en: 'The evidence convinces' },
  at,
});
/** With an offer that promises no reissue, so that a dead key is decided at once. */
const plain = { promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false } };
const dead = () => told(open('key-invalid', plain), apply(), verified('INVALID'), apply());

const refund = { do: 'decide', liable: 'MERCHANT', remedy: 'FULL_REFUND', bearer: 'merchant' } as const;
const refusal = { do: 'decide', liable: 'NONE', remedy: 'NONE', bearer: 'none' } as const;
/** The default policy with one rule that does something else. */
const withRule = (id: string, then: RuleOutcome): PolicyTable => ({
  ...table,
  version: 2,
  rules: table.rules.map((rule) => (rule.id === id ? { ...rule, then } : rule)),
});
const before = (rule: Pick<PolicyRule, 'id' | 'when' | 'then'>): PolicyTable => ({
  ...table,
  version: 2,
  rules: [{ explanation: { zh: '规则', en: 'rule' }, basis: ['S16'], ...rule }, ...table.rules],
});

function simulated(candidate: PolicyTable, events: Told): readonly UnitComparison[] {
  const simulation = new PolicySimulation(candidate);
  const ended = events.flatMap(([event, at]) => simulation.take(event, at));
  expect(simulation.open).toBe(0);
  return ended;
}
const brief = ({ old, new: now, changed, sooner }: UnitComparison): string => {
  const said = (end: UnitComparison['old']) => {
    if (end.is === 'decided') return `${end.rule} ${end.by} ${end.remedy} ${end.bearer} ${end.money.buyer.minor}`;
    if (end.is === 'reissued') return 'reissued';
    return end.is === 'review' ? `${end.rule} review` : `${end.rule} asks ${end.step}`;
  };
  return `${said(old)} → ${said(now)}${changed ? ', changed' : ''}${sooner ? ', sooner' : ''}`;
};
const briefs = (candidate: PolicyTable, events: Told) => simulated(candidate, events).map(brief);

describe('a case under another table', () => {
  it('ends as it did under the same table', () => {
    expect(briefs(table, dead())).toEqual([
      'dead-unit rule FULL_REFUND merchant 1000 → dead-unit rule FULL_REFUND merchant 1000',
    ]);
  });

  it('is decided otherwise on the same facts', () => {
    const events = told(open('key-invalid'), apply(), verified('UNUSED'), apply());
    expect(briefs(withRule('unused-and-valid', { ...refund, liable: 'NONE' }), events)).toEqual([
      'unused-and-valid rule NONE none 0 → unused-and-valid rule FULL_REFUND merchant 1000, changed',
    ]);
    const [only] = simulated(withRule('unused-and-valid', { ...refund, liable: 'NONE' }), events);
    expect(only).toMatchObject({ verdictId: 'o1.1.v1', unitNo: 1, platform: 'demo', merchant: 'm1', reason: 'key-invalid' });
  });

  it('that somebody else bears is changed, though the buyer gets the same', () => {
    const events = told(open('not-delivered', { units: [undelivered(1)] }), apply());
    const atOurCost = { do: 'decide', liable: 'NONE', remedy: 'FULL_REFUND', bearer: 'platform' } as const;
    expect(briefs(withRule('not-delivered', atOurCost), events)).toEqual([
      'not-delivered rule FULL_REFUND merchant 1000 → not-delivered rule FULL_REFUND platform 1000, changed',
    ]);
  });

  it('may end before the verifier is asked', () => {
    expect(briefs(before({ id: 'at-once', when: { reason: 'key-invalid' }, then: refund }), dead())).toEqual([
      'dead-unit rule FULL_REFUND merchant 1000 → at-once rule FULL_REFUND merchant 1000, sooner',
    ]);
    expect(briefs(before({ id: 'at-once', when: { reason: 'key-invalid' }, then: refusal }), dead())).toEqual([
      'dead-unit rule FULL_REFUND merchant 1000 → at-once rule NONE none 0, changed, sooner',
    ]);
  });

  it('that would go to a person has no end that is known', () => {
    expect(briefs(withRule('dead-unit', { do: 'review' }), dead())).toEqual([
      'dead-unit rule FULL_REFUND merchant 1000 → dead-unit review, changed',
    ]);
    expect(briefs(withRule('verify', { do: 'review' }), dead())).toEqual([
      'dead-unit rule FULL_REFUND merchant 1000 → verify review, changed, sooner',
    ]);
  });

  it('that would be asked something else has no end that is known either', () => {
    const askMerchant = before({
      id: 'ask-merchant',
      when: { reason: 'key-invalid', merchantAnswer: 'none' },
      then: { do: 'await-merchant' },
    });
    expect(briefs(askMerchant, dead())).toEqual([
      'dead-unit rule FULL_REFUND merchant 1000 → ask-merchant asks await-merchant, changed',
    ]);
  });
});

describe('a case of a person', () => {
  const events = (remedy: 'FULL_REFUND' | 'NONE') =>
    told(open('platform-failure'), apply(), ruled(plusHours(claimedAt, 1), remedy));

  it('is the person’s under the new table too', () => {
    expect(briefs(table, events('NONE'))).toEqual([
      'platform-failure-unproven person NONE none 0 → platform-failure-unproven person NONE none 0',
    ]);
  });

  it('is compared with the rule that would decide it', () => {
    const decided = withRule('platform-failure-unproven', refund);
    expect(briefs(decided, events('NONE'))).toEqual([
      'platform-failure-unproven person NONE none 0 → platform-failure-unproven rule FULL_REFUND merchant 1000, changed, sooner',
    ]);
    expect(briefs(decided, events('FULL_REFUND'))).toEqual([
      'platform-failure-unproven person FULL_REFUND merchant 1000 → platform-failure-unproven rule FULL_REFUND merchant 1000, sooner',
    ]);
  });

  it('that was overdue stays so, or is decided in time', () => {
    const overdue = told(open('platform-failure'), apply(), clock(plusHours(claimedAt, 121)));
    expect(briefs(table, overdue)[0]).toMatch(/overdue FULL_REFUND platform 1000 → .*overdue FULL_REFUND platform 1000$/);
    expect(briefs(withRule('platform-failure-unproven', refusal), overdue)[0]).toMatch(
      / → .* rule NONE none 0, changed, sooner$/,
    );
  });

  it('whose verifier did not answer is his under every table that asks the verifier', () => {
    const silent = told(open('key-invalid'), apply(), clock(plusHours(claimedAt, 25)), ruled(plusHours(claimedAt, 26), 'NONE'));
    expect(briefs(table, silent)).toEqual(['verify person NONE none 0 → verify person NONE none 0']);
  });

  it('who was asked for by the buyer has it whatever a table would ask, unless it refunds', () => {
    const asked = { type: 'RequestPerson', at: claimedAt } as const;
    const events = told(
      open('key-invalid'),
      apply(),
      verified('INCONCLUSIVE'),
      apply(),
      asked,
      apply(),
      ruled(claimedAt, 'NONE'),
    );
    expect(briefs(table, events)).toEqual(['person-requested person NONE none 0 → person-requested person NONE none 0']);
    expect(briefs(withRule('inconclusive', refusal), events)[0]).toMatch(/ → inconclusive rule NONE none 0, changed, sooner$/);
    expect(briefs(withRule('verify', refund), events)[0]).toMatch(/ → verify rule FULL_REFUND merchant 1000, changed, sooner$/);
  });

  it('with nothing to verify goes to him from verify as well', () => {
    const unverifiable = { ...undelivered(1), deliveredAt, afterSaleEndsAt };
    const events = told(open('key-invalid', { units: [unverifiable] }), apply(), ruled(plusHours(claimedAt, 1), 'NONE'));
    expect(briefs(table, events)).toEqual(['verify person NONE none 0 → verify person NONE none 0']);
  });
});

describe('a reissue', () => {
  const waiting = () => [open('key-invalid'), apply(), verified('INVALID'), apply()] as const;
  const replaced = { type: 'ReportReplacement', unitNo: 1, deliveredAt: claimedAt, at: claimedAt } as const;

  it('that worked is an end to compare, without a verdict', () => {
    const events = told(...waiting(), replaced, { type: 'CheckReplacement', works: true, at: claimedAt });
    expect(briefs(table, events)).toEqual(['reissued → reissued']);
    const atOnce = withRule('dead-key-reissue', refund);
    expect(briefs(atOnce, events)).toEqual(['reissued → dead-key-reissue rule FULL_REFUND merchant 1000, changed, sooner']);
  });

  it('that was missed is judged by the time that had passed', () => {
    const late = plusMs(plusHours(claimedAt, 24), 1);
    const events = told(...waiting(), clock(late), apply(late));
    expect(briefs(table, events)).toEqual([
      'reissue-missed rule FULL_REFUND merchant 1000 → reissue-missed rule FULL_REFUND merchant 1000',
    ]);
  });
});

it('a draft is a case from its submission on, and one that is withdrawn has no end', () => {
  const draft = { ...open('dislike'), draft: true };
  const submit = { type: 'SubmitDispute', submittedAt: claimedAt, at: claimedAt } as const;
  expect(briefs(withRule('dislike', refund), told(draft, submit, apply()))).toEqual([
    'dislike rule NONE none 0 → dislike rule FULL_REFUND merchant 1000, changed',
  ]);
  expect(briefs(table, told(draft, { type: 'WithdrawDispute', at: claimedAt }))).toEqual([]);
  expect(briefs(table, told(open('key-invalid'), { type: 'WithdrawDispute', at: claimedAt }))).toEqual([]);
});

it('cases of others pass by, and what is under way is counted', () => {
  const simulation = new PolicySimulation(table, ({ merchant }) => merchant === 'm2');
  for (const [event, at] of dead()) expect(simulation.take(event, at)).toEqual([]);
  expect(simulation.open).toBe(0);
  const all = new PolicySimulation(table);
  for (const [event, at] of told(open('key-invalid'), apply())) all.take(event, at);
  expect(all.open).toBe(1);
});

it('totals say who gets and bears what, by rule and by merchant, and what nobody knows', () => {
  const totals = new SimulationTotals();
  const add = (candidate: PolicyTable, events: Told) => totals.add(simulated(candidate, events));
  add(table, dead());
  add(withRule('dislike', refund), told(open('dislike'), apply()));
  add(withRule('dead-unit', { do: 'review' }), dead());
  const report = totals.report();
  expect(report).toMatchObject({ verdicts: 3, changedVerdicts: 2, units: 3, changed: 2, toPerson: 1, asked: 0, reissued: 0 });
  const fen = (minor: number) => ({ asset: 'CNY', minor: BigInt(minor) });
  const [money] = report.money;
  expect(money).toEqual({
    asset: 'CNY',
    old: { buyer: fen(1_000), merchant: fen(1_000), platform: fen(0) },
    new: { buyer: fen(2_000), merchant: fen(2_000), platform: fen(0) },
    open: fen(1_000),
  });
  expect(changeOf(money!)).toEqual({ buyer: fen(1_000), merchant: fen(1_000), platform: fen(0) });
  expect(report.byRule.map(({ old, new: now, units, changed }) => [old, now, units, changed])).toEqual([
    ['dislike', 'dislike', 1, 1],
    ['dead-unit', 'dead-unit (review)', 1, 1],
    ['dead-unit', 'dead-unit', 1, 0],
  ]);
  expect(report.byMerchant).toMatchObject([{ platform: 'demo', merchant: 'm1', units: 3, changed: 2 }]);
});
