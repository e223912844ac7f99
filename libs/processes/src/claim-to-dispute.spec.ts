import type { ComplaintEvent, DisputeEvent } from '@recourse/disputes/events';
import type { OrderEvent } from '@recourse/orders/events';
import { claimToDispute } from './claim-to-dispute.js';
import { noon, parties, recorded, streams } from './sample-events.js';

const { on } = claimToDispute;
const file = {
  ...parties,
  orderId: 'demo.o1',
  reason: 'key-invalid',
  productKind: 'game-card',
  promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false },
  policy: { id: 'demo', version: 1, hash: 'h' },
  units: [],
} as const;
const evidence = [{ evidenceId: 'e1', kind: 'chat', showsActivationFailure: true, content: 'person-2' }] as const;
const closed = (outcome: string, ...units: number[]) => ({
  category: 'order',
  id: 'demo.o1',
  command: { type: 'CloseClaim', claimId: 'demo.o1.1', outcome, ...(units.length > 0 && { units }) },
});
const key = { disputeId: 'demo.o1.1', orderId: 'demo.o1', platform: 'demo', merchant: 'm1' };

it('a claim opens its dispute with everything that came with it, as of the moment of the claim', async () => {
  const opened = recorded<OrderEvent, 'ClaimOpened'>('order-demo.o1', 'ClaimOpened', {
    ...file,
    claimId: 'demo.o1.1',
    channel: 'app',
    draft: false,
    evidence,
    openedAt: noon,
  });
  expect(await on.ClaimOpened?.(opened, streams())).toMatchObject([
    {
      category: 'dispute',
      id: 'demo.o1.1',
      command: { type: 'OpenDispute', disputeId: 'demo.o1.1', draft: false, evidence, openedAt: noon },
    },
  ]);
});

it('a submission and a replacement are told with their own moments', async () => {
  const submitted = recorded<OrderEvent, 'ClaimSubmitted'>('order-demo.o1', 'ClaimSubmitted', {
    claimId: 'demo.o1.1',
    orderId: 'demo.o1',
    units: [1],
    submittedAt: noon,
  });
  expect(await on.ClaimSubmitted?.(submitted, streams())).toMatchObject([
    { command: { type: 'SubmitDispute', submittedAt: noon } },
  ]);
});

it('a draft that lapsed or was withdrawn while it was being submitted halts nothing', async () => {
  const submitted = recorded<OrderEvent, 'ClaimSubmitted'>('order-demo.o1', 'ClaimSubmitted', {
    claimId: 'demo.o1.1',
    orderId: 'demo.o1',
    units: [1],
    submittedAt: noon,
  });
  expect(await on.ClaimSubmitted?.(submitted, streams())).toMatchObject([{ settledBy: ['DraftOver', 'NotADraft'] }]);
});

it('what ends the case ends the claim, for the units it ends', async () => {
  const lapsed = recorded<DisputeEvent, 'DraftLapsed'>('dispute-demo.o1.1', 'DraftLapsed', {
    disputeId: 'demo.o1.1',
    orderId: 'demo.o1',
    lapsedAt: noon,
  });
  const withdrawn = recorded<DisputeEvent, 'DisputeWithdrawn'>('dispute-demo.o1.1', 'DisputeWithdrawn', {
    ...key,
    withdrawnAt: noon,
  });
  const resolved = recorded<DisputeEvent, 'ResolvedByReissue'>('dispute-demo.o1.1', 'ResolvedByReissue', {
    ...key,
    units: [2],
    resolvedAt: noon,
  });
  const final = (...refused: number[]) =>
    recorded<DisputeEvent, 'VerdictBecameFinal'>('dispute-demo.o1.1', 'VerdictBecameFinal', {
      ...key,
      verdictId: 'demo.o1.1.v1',
      refused,
      finalAt: noon,
    });
  expect(await on.DraftLapsed?.(lapsed, streams())).toMatchObject([closed('lapsed')]);
  expect(await on.DisputeWithdrawn?.(withdrawn, streams())).toMatchObject([closed('withdrawn')]);
  expect(await on.ResolvedByReissue?.(resolved, streams())).toMatchObject([closed('reissued', 2)]);
  expect(await on.VerdictBecameFinal?.(final(3), streams())).toMatchObject([closed('refused', 3)]);
  expect(await on.VerdictBecameFinal?.(final(), streams())).toEqual([]);
});

it('a complaint outside is told to every case of its units, once each', async () => {
  const externalNumber = { fingerprint: 'f', masked: '****0123' };
  const received = recorded<ComplaintEvent, 'ComplaintReceived'>('complaint-demo.f', 'ComplaintReceived', {
    complaintId: 'demo.f',
    platform: 'demo',
    orderId: 'demo.o1',
    merchant: 'm1',
    buyer: 'b1',
    channel: 'court',
    externalNumber,
    content: 'person-3',
    units: [
      { unitNo: 1, disputeId: 'demo.o1.1' },
      { unitNo: 2, disputeId: 'demo.o1.1' },
      { unitNo: 3, disputeId: 'demo.o1.2' },
      { unitNo: 4 },
    ],
    receivedAt: noon,
    answerBy: noon,
    recordedBy: 'anna',
    recordedAt: noon,
  });
  const link = (id: string) => ({
    name: `link-${id}`,
    category: 'dispute',
    id,
    command: { type: 'LinkComplaint', complaintId: 'demo.f', channel: 'court', externalNumber, linkedBy: 'anna', linkedAt: noon },
  });
  expect(await on.ComplaintReceived?.(received, streams())).toMatchObject([link('demo.o1.1'), link('demo.o1.2')]);
});
