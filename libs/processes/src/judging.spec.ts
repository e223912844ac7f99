import type { DisputeEvent, PolicyEvent, PolicyTable } from '@recourse/disputes/events';
import type { OrderEvent } from '@recourse/orders/events';
import { judging } from './judging.js';
import { noon, parties, recorded, streams } from './sample-events.js';

const { on } = judging;
const policy = { id: 'demo', version: 2, hash: 'h2' };
const table = (version: number): PolicyTable => ({ id: 'demo', version, title: { zh: '规则', en: 'rules' }, rules: [] });
const published = (version: number) =>
  recorded<PolicyEvent, 'PolicyPublished'>('policy-demo', 'PolicyPublished', {
    platform: 'demo',
    id: 'demo',
    version,
    hash: `h${version}`,
    table: table(version),
    publishedAt: noon,
    effectiveFrom: noon,
  });
const submitted = recorded<DisputeEvent, 'DisputeSubmitted'>('dispute-demo.o1.1', 'DisputeSubmitted', {
  ...parties,
  disputeId: 'demo.o1.1',
  orderId: 'demo.o1',
  reason: 'key-invalid',
  productKind: 'game-card',
  promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false },
  policy,
  units: [],
  submittedAt: noon,
  reissueUntil: noon,
});
const missed = recorded<DisputeEvent, 'ReissueMissed'>('dispute-demo.o1.1', 'ReissueMissed', {
  disputeId: 'demo.o1.1',
  units: [1],
  missedAt: noon,
});
const replaced = (claimId: string) =>
  recorded<OrderEvent, 'ReplacementDelivered'>('order-demo.o1', 'ReplacementDelivered', {
    orderId: 'demo.o1',
    claimId,
    unitNo: 1,
    delivery: { kind: 'key', ciphertext: 'x', fingerprint: 'f', masked: '*' },
    deliveredAt: noon,
  });
const applied = {
  do: 'command',
  name: 'apply-policy',
  category: 'dispute',
  id: 'demo.o1.1',
  command: { type: 'ApplyPolicy', table: table(2) },
  settledBy: ['AlreadyDecided'],
};

it('a case is judged by the version that was frozen into its order, whatever was published since', async () => {
  const world = streams(published(1), published(2), published(3), submitted);
  expect(await on.DisputeSubmitted?.(submitted, world)).toEqual([applied]);
});

it('a case under a policy of the merchant’s own is judged by that, also when the policy has ended since', async () => {
  const id = 'demo.m1';
  const own = recorded<PolicyEvent, 'PolicyPublished'>('policy-demo.m1', 'PolicyPublished', {
    ...published(2).data,
    merchant: 'm1',
    id,
    table: { ...table(2), id: 'own' },
  });
  const ended = recorded<PolicyEvent, 'PolicyRetired'>('policy-demo.m1', 'PolicyRetired', {
    platform: 'demo',
    merchant: 'm1',
    id,
    reason: { zh: '规则', en: 'rules' },
    retiredBy: 'li',
    retiredAt: noon,
    effectiveFrom: noon,
  });
  const case_ = { ...submitted, data: { ...submitted.data, policy: { ...policy, id } } };
  expect(await on.DisputeSubmitted?.(case_, streams(published(2), ended, own, case_))).toEqual([
    { ...applied, command: { type: 'ApplyPolicy', table: { ...table(2), id: 'own' } } },
  ]);
});

it('a later fact finds the frozen version in the case’s own stream', async () => {
  const recordedWord = recorded<DisputeEvent, 'VerificationRecorded'>('dispute-demo.o1.1', 'VerificationRecorded', {
    disputeId: 'demo.o1.1',
    results: [],
  });
  expect(await on.VerificationRecorded?.(recordedWord, streams(published(2), submitted))).toEqual([applied]);
});

it('a key that was reissued in time is reported before the missed reissue is judged', async () => {
  const world = streams(published(2), submitted, replaced('demo.o1.1'), replaced('demo.o1.9'));
  expect(await on.ReissueMissed?.(missed, world)).toEqual([
    { ...applied, name: 'report-replacement-1', command: { type: 'ReportReplacement', unitNo: 1, deliveredAt: noon } },
    applied,
  ]);
});

it('a tag on a chat is a fact like any other, once the case is submitted', async () => {
  const tagged = recorded<DisputeEvent, 'EvidenceTagged'>('dispute-demo.o1.1', 'EvidenceTagged', {
    disputeId: 'demo.o1.1',
    evidenceId: 'c1',
    problemConfirmed: true,
    merchantPromised: 'refund',
    by: 'arbitrator',
    taggedBy: 'anna',
    taggedAt: noon,
  });
  expect(await on.EvidenceTagged?.(tagged, streams(published(2), submitted))).toEqual([applied]);
  expect(await on.EvidenceTagged?.(tagged, streams(published(2)))).toEqual([]);
  await expect(on.ReissueMissed?.(missed, streams(published(2)))).rejects.toThrow('judged before it was submitted');
});

it('a policy that is not in its stream stops the case instead of judging it by another', async () => {
  await expect(on.DisputeSubmitted?.(submitted, streams(published(1)))).rejects.toThrow(
    'policy demo version 2 is not in its stream',
  );
});
