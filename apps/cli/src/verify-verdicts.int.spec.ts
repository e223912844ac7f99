import { policyHash, type DisputeEvent, type UnitVerdict } from '@recourse/disputes';
import type { DataOf } from '@recourse/eventing';
import type { DomainEvent } from '@recourse/ledger';
import { explainDispute } from './explain-dispute.js';
import {
  event,
  fen,
  open,
  refund,
  saleOf,
  startSampleInstallation,
  table,
  type Sale,
  type SampleInstallation,
} from './sample-installation.js';
import { verify, type VerifyReport } from './verify.js';

type Verdict = DataOf<DisputeEvent, 'VerdictReached'>;

let house: SampleInstallation;
let payee: string;
let sale: Sale;

beforeEach(async () => {
  house = await startSampleInstallation();
  payee = await house.vault.storePerson({ account: 'alice' });
  sale = saleOf(1, payee);
  await open(house);
});
afterEach(() => house.remove());

const broken = async (): Promise<VerifyReport['violations']> => {
  const { violations, counts } = await verify({ ...house, rails: [house.sandboxRail] });
  const found = violations.filter(({ invariant }) => invariant === 'I7');
  expect(counts.I7).toBe(found.length);
  return found;
};
const verdictIn = ({ decided }: Sale): Verdict => {
  const last = decided.at(-1);
  if (last?.type !== 'VerdictReached') throw new Error('the case ends in its verdict');
  return last.data;
};
/** The case as it is, its verdict changed before it was appended. @returns the position of the verdict */
async function judged(change: (verdict: Verdict) => Verdict, before: readonly DomainEvent[] = sale.sold): Promise<bigint> {
  await house.append(sale.orderStream, ...before);
  return house.append(sale.disputeStream, ...sale.decided.slice(0, -1), event('VerdictReached', change(verdictIn(sale))));
}
const ofUnit =
  (change: (unit: UnitVerdict) => UnitVerdict) =>
  (verdict: Verdict): Verdict => ({ ...verdict, units: verdict.units.map(change) });
const subject = 'demo.o1.1 demo.o1.1.v1';

it('a verdict that follows from its events holds, also after the buyer was erased', async () => {
  await refund(house, sale, 'alice');
  expect(await broken()).toEqual([]);
  const before = await explainDispute(house.eventStore, 'demo.o1.1');
  await house.vault.shred({ kind: 'person', id: payee });
  await house.vault.shred({ kind: 'order', id: sale.orderId });
  expect(await broken()).toEqual([]);
  expect(await explainDispute(house.eventStore, 'demo.o1.1')).toEqual(before);
});

it('a fact that the events do not give is named with the events that say otherwise', async () => {
  const position = await judged(ofUnit((unit) => ({ ...unit, facts: { ...unit.facts, revealed: 'yes' } })));
  expect(await broken()).toEqual([
    {
      invariant: 'I7',
      subject: `${subject} unit 1 revealed`,
      position,
      found: 'yes',
      expected: expect.stringMatching(
        /^no, by 0@order-demo\.o1 at \d+, 1@order-demo\.o1 at \d+, 2@order-demo\.o1 at \d+, 3@order/,
      ),
    },
  ]);
});

it('a fact that was changed together with the rule it leads to is named all the same', async () => {
  await judged((verdict) => ({
    ...ofUnit((unit) => ({
      ...unit,
      ...({ liable: 'NONE', remedy: 'NONE', bearer: 'none', refund: fen(0) } as const),
      facts: { ...unit.facts, activationFailureEvidence: 'no' },
      sources: unit.sources.filter(({ fact }) => fact !== 'activationFailureEvidence'),
    }))(verdict),
    rule: 'person',
    decidedBy: 'person',
    person: 'mallory',
  }));
  expect((await broken()).map((violation) => [violation.subject, violation.found])).toEqual([
    [`${subject} unit 1`, 'decided by person while submitted'],
    [`${subject} unit 1 activationFailureEvidence`, 'no'],
  ]);
});

it('a rule other than the one that the facts lead to is named', async () => {
  await judged((verdict) => ({ ...verdict, rule: 'person' }));
  expect(await broken()).toMatchObject([
    { subject, found: `demo.o1.1.v1 unit 1: the facts lead to rule used-before-sale, the verdict names person` },
  ]);
});

it('another explanation, basis or liable party than those of the rule are named', async () => {
  await judged((verdict) => ({
    ...ofUnit((unit) => ({ ...unit, liable: 'PLATFORM', bearer: 'platform' }))(verdict),
    explanation: { zh: '平台责任', en: 'the platform' },
    basis: ['S11'],
  }));
  expect((await broken()).map(({ found }) => found)).toEqual([
    'demo.o1.1.v1 unit 1: the rule says MERCHANT, FULL_REFUND, borne by merchant',
    'demo.o1.1.v1 unit 1: the explanation is not that of the rule',
    'demo.o1.1.v1 unit 1: the basis is not that of the rule',
  ]);
});

it('an amount other than the price of the unit is named', async () => {
  await judged(ofUnit((unit) => ({ ...unit, refund: fen(10_001) })));
  expect(await broken()).toMatchObject([
    {
      subject: `${subject} unit 1`,
      found: 'FULL_REFUND of 100.01 CNY',
      expected: expect.stringMatching(/^100\.00 CNY, by 0@order/),
    },
  ]);
});

it('a table that nobody published before the verdict is named, also if it is published later', async () => {
  const other = { ...table, version: 2 };
  const policy = { id: 'standard', version: 2, hash: policyHash(other) };
  await judged((verdict) => ({ ...verdict, policy }));
  const published = { platform: 'demo', ...policy, table: other, publishedAt: verdictIn(sale).decidedAt };
  await house.append('policy-standard', event('PolicyPublished', { ...published, effectiveFrom: verdictIn(sale).decidedAt }));
  expect(await broken()).toMatchObject([
    { subject, found: `policy ${JSON.stringify(policy)}`, expected: JSON.stringify(verdictIn(sale).policy) },
    { subject, found: `rule used-before-sale of policy standard version 2, hash ${policy.hash}` },
  ]);
});

it('a source that is not there, or came after the verdict, is named', async () => {
  const cite = (reference: string) =>
    ofUnit((unit) => ({
      ...unit,
      sources: unit.sources.map((source) => (source.fact === 'revealed' ? { ...source, from: [reference] } : source)),
    }));
  await judged(cite('77@order-demo.o1'));
  expect((await broken()).map(({ subject: about, found, expected }) => [about, found, expected])).toEqual([
    [`${subject} unit 1 revealed`, 'from 77@order-demo.o1', expect.stringMatching(/^from 0@order-demo\.o1, 1@order/)],
    [`${subject} unit 1 revealed`, 'from 77@order-demo.o1', 'an event that is there'],
  ]);
});

it('a case file that its order does not bear out is named, with the fact that would come of it', async () => {
  const [submitted, ...rest] = sale.decided;
  if (submitted?.type !== 'DisputeSubmitted') throw new Error('a case begins with its submission');
  await house.append(sale.orderStream, ...sale.sold);
  const units = submitted.data.units.map((unit) => ({ ...unit, revealedAt: submitted.data.submittedAt }));
  const position = await house.append(sale.disputeStream, event('DisputeSubmitted', { ...submitted.data, units }), ...rest);
  expect(await broken()).toMatchObject([
    {
      subject: `${subject} unit 1 revealed`,
      position,
      found: 'revealedAt "2026-03-03T08:00:00.000Z"',
      expected: expect.stringMatching(/^nothing, by/),
    },
    { subject: `${subject} unit 1 revealed`, position, found: 'no', expected: expect.stringMatching(/^yes/) },
  ]);
});

it('a platform failure that no event of the order and no incident proves is named, whoever attested it', async () => {
  await house.append(sale.orderStream, ...sale.sold);
  const attested = event('IncidentAttested', {
    disputeId: 'demo.o1.1',
    units: [1],
    incidentId: 'demo.none',
    from: '2@order-demo.o1',
    attestedAt: verdictIn(sale).decidedAt,
  });
  const change = ofUnit((unit) => ({
    ...unit,
    facts: { ...unit.facts, platformFailure: 'yes' },
    sources: unit.sources.map((source) =>
      source.fact === 'platformFailure' ? { ...source, from: ['2@order-demo.o1'] } : source,
    ),
  }));
  await house.append(
    sale.disputeStream,
    ...sale.decided.slice(0, -1),
    attested,
    event('VerdictReached', change(verdictIn(sale))),
  );
  expect(await broken()).toMatchObject([
    {
      subject: `${subject} unit 1 platformFailure`,
      found: 'yes, from 2@order-demo.o1',
      expected: expect.stringContaining('an incident that was recorded'),
    },
  ]);
});

it('a verdict without a case, and a second one on a unit that is decided, are named', async () => {
  await judged((verdict) => verdict);
  await house.append(sale.disputeStream, event('VerdictReached', { ...verdictIn(sale), verdictId: 'demo.o1.1.v2' }));
  const stray = saleOf(2, payee);
  await house.append(stray.disputeStream, event('VerdictReached', verdictIn(stray)));
  expect((await broken()).map(({ subject: about, found }) => [about, found])).toEqual([
    ['demo.o1.1 demo.o1.1.v2 unit 1', 'decided by rule while decided'],
    ['demo.o2.1 demo.o2.1.v1', 'a verdict of dispute demo.o2.1'],
  ]);
});

it('names as many as asked for and counts all', async () => {
  await judged(ofUnit((unit) => ({ ...unit, refund: fen(1), liable: 'NONE' })));
  const report = await verify({ ...house, rails: [house.sandboxRail] }, { maxViolations: 1 });
  expect(report.counts.I7).toBeGreaterThan(1);
  expect(report.violations.filter(({ invariant }) => invariant === 'I7')).toHaveLength(1);
});
