import { fold, isRejection, plusHours, plusMs, type Stamped } from '@recourse/eventing';
import type { ClaimReason } from '@recourse/orders/events';
import { dispute, type DisputeCommand, type DisputeEvent } from './dispute.js';
import type { PolicyTable } from './policy-table.js';
import { afterSaleEndsAt, caseFile, claimedAt, deliveredAt, readDefaultPolicy, undelivered, unit } from './sample-case.js';

let table: PolicyTable;
beforeAll(async () => {
  table = await readDefaultPolicy();
});

function told(...commands: Stamped<DisputeCommand>[]): DisputeEvent[] {
  const events: DisputeEvent[] = [];
  for (const command of commands) {
    const outcome = dispute.decide(command, fold(dispute, events));
    if (isRejection(outcome)) throw new Error(`${command.type}: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
  }
  return events;
}
const typesOf = (events: readonly DisputeEvent[]) => events.map(({ type }) => type);
const verdictIn = (events: readonly DisputeEvent[]) =>
  events.flatMap((event) => (event.type === 'VerdictReached' ? [event.data] : [])).at(-1);
const open = (reason: ClaimReason, draft = false, units = [unit(1)]) =>
  ({ type: 'OpenDispute', draft, openedAt: claimedAt, at: claimedAt, ...caseFile(reason, table, { units }) }) as const;
const apply = () => ({ type: 'ApplyPolicy', table, at: claimedAt }) as const;
const from = '9@order-o1';
const attest = (...units: number[]) =>
  ({ type: 'AttestIncident', units, incidentId: 'demo.I1', from, attestedAt: claimedAt, at: claimedAt }) as const;
const verified = {
  type: 'RecordVerification',
  results: [{ unitNo: 1, outcome: 'UNUSED', source: 's', queriedAt: claimedAt, resultHash: 'ab'.repeat(32) }],
  at: claimedAt,
} as const;

it('a claim that names the platform does not prove its failure, whatever else is sent', () => {
  const evidence = { type: 'SubmitEvidence', evidenceId: 'e1', by: 'buyer', kind: 'chat', showsActivationFailure: true } as const;
  const events = told(open('platform-failure'), { ...evidence, content: 'vault:e1', at: claimedAt }, apply());
  expect(typesOf(events)).toEqual(['DisputeSubmitted', 'EvidenceSubmitted', 'ReviewStarted']);
  const state = fold(dispute, events);
  expect(state).toMatchObject({ units: [{ status: { facts: { platformFailure: 'no' } } }] });
});

it('an attested incident takes the claim from the person who looks at it, and the platform bears it', () => {
  const events = told(open('platform-failure'), apply(), attest(1), apply());
  expect(typesOf(events)).toEqual(['DisputeSubmitted', 'ReviewStarted', 'IncidentAttested', 'VerdictReached']);
  expect(verdictIn(events)).toMatchObject({
    rule: 'platform-failure',
    units: [{ liable: 'PLATFORM', facts: { platformFailure: 'yes' } }],
  });
  expect(verdictIn(events)?.units[0]?.sources.find(({ fact }) => fact === 'platformFailure')?.from).toEqual([from]);
});

it('while the verifier is asked, it decides at once', () => {
  const events = told(open('key-invalid'), apply(), attest(1), apply());
  expect(typesOf(events)).toEqual(['DisputeSubmitted', 'VerificationRequested', 'IncidentAttested', 'VerdictReached']);
  expect(verdictIn(events)?.rule).toBe('platform-failure');
});

it('a draft keeps it until it is submitted', () => {
  const submit = { type: 'SubmitDispute', submittedAt: plusHours(claimedAt, 1), at: plusHours(claimedAt, 1) } as const;
  const events = told(open('key-invalid', true), attest(1), submit, apply());
  expect(typesOf(events)).toEqual(['DisputeDrafted', 'IncidentAttested', 'DisputeSubmitted', 'VerdictReached']);
  expect(verdictIn(events)?.rule).toBe('platform-failure');
});

it('units of others, units that are decided, and failures that are known are passed over', () => {
  expect(typesOf(told(open('key-invalid'), attest(2)))).toEqual(['DisputeSubmitted']);
  expect(typesOf(told(open('key-invalid'), attest(1), attest(1)))).toEqual(['DisputeSubmitted', 'IncidentAttested']);
  const failed = undelivered(1, { platformFailure: true });
  expect(typesOf(told(open('not-delivered', false, [failed]), attest(1)))).toEqual(['DisputeSubmitted']);
  expect(typesOf(told(open('key-invalid'), apply(), verified, apply(), attest(1))).at(-1)).toBe('VerdictReached');
  const withdraw = { type: 'WithdrawDispute', at: claimedAt } as const;
  expect(typesOf(told(open('key-invalid'), withdraw, attest(1)))).toEqual(['DisputeSubmitted', 'DisputeWithdrawn']);
});

it('of several units only those of the incident go to the platform', () => {
  const events = told(open('key-invalid', false, [unit(1), unit(2)]), apply(), attest(2), apply());
  expect(verdictIn(events)?.units.map(({ unitNo }) => unitNo)).toEqual([2]);
  expect(fold(dispute, events)).toMatchObject({ units: [{ status: { is: 'verifying' } }, { status: { is: 'decided' } }] });
});

it('a review that goes on all the same ends when it had to, and a supervisor keeps his', () => {
  const unseen = undelivered(1, { deliveredAt, afterSaleEndsAt, deliveryReference: 'fingerprint-1' });
  const [learned, over] = [plusHours(claimedAt, 50), plusMs(plusHours(claimedAt, 72), 1)];
  const again = { type: 'ApplyPolicy', table, at: learned } as const;
  const events = told(open('own-cancellation', false, [unseen]), apply(), { ...attest(1), at: learned }, again);
  expect(events.slice(-2)).toMatchObject([
    { type: 'IncidentAttested' },
    { type: 'ReviewStarted', data: { until: plusHours(claimedAt, 72), rule: 'own-cancellation-unrevealed' } },
  ]);
  const late = told(open('platform-failure'), apply(), { type: 'PassDisputeDeadlines', at: over }, attest(1), {
    ...again,
    at: over,
  });
  expect(typesOf(late).slice(-2)).toEqual(['ReviewEscalated', 'IncidentAttested']);
  expect(fold(dispute, late)).toMatchObject({ units: [{ status: { is: 'under-review', escalated: true } }] });
});
