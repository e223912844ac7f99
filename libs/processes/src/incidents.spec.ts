import type { IncidentEvent } from '@recourse/disputes/events';
import type { OrderEvent } from '@recourse/orders/events';
import { attest, incidents } from './incidents.js';
import { fen, noon, parties, recorded, streams } from './sample-events.js';

const orders = [
  { orderId: 'demo.o1', units: [1, 2] },
  { orderId: 'demo.o2', units: [1] },
];
const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false };
const stream = 'order-demo.o1';
const claimed = (revision: bigint, claimId: string, ...units: number[]) =>
  recorded<OrderEvent, 'ClaimOpened'>(
    stream,
    'ClaimOpened',
    {
      ...parties,
      claimId,
      orderId: 'demo.o1',
      reason: 'key-invalid',
      channel: 'app',
      draft: false,
      productKind: 'game-card',
      promise,
      policy: { id: 'demo', version: 1, hash: 'h' },
      units: units.map((unitNo) => ({
        unitNo,
        product: 'card',
        price: fen(100),
        fee: fen(1),
        escrow: 'held',
        platformFailure: false,
        evidence: [],
      })),
      openedAt: noon,
    },
    { revision },
  );
const closed = (revision: bigint, claimId: string, ...units: number[]) =>
  recorded<OrderEvent, 'ClaimClosed'>(
    stream,
    'ClaimClosed',
    { claimId, orderId: 'demo.o1', outcome: 'withdrawn', units: units.map((unitNo) => ({ unitNo })), closedAt: noon },
    { revision },
  );
const noted = (revision: bigint, ...units: number[]) =>
  recorded<OrderEvent, 'PlatformIncidentNoted'>(
    stream,
    'PlatformIncidentNoted',
    { orderId: 'demo.o1', units, incidentId: 'demo.I1', notedAt: noon },
    { revision },
  );
const told = (id: string, ...units: number[]) => ({
  do: 'command',
  name: `attest-incident-${id}`,
  category: 'dispute',
  id,
  command: { type: 'AttestIncident', units, incidentId: 'demo.I1', from: `7@${stream}`, attestedAt: noon },
});

it('an incident is noted in every order it names; one that nobody paid has nothing to prove', () => {
  const event = recorded<IncidentEvent, 'IncidentWidened'>('incident-demo.I1', 'IncidentWidened', {
    incidentId: 'demo.I1',
    platform: 'demo',
    orders,
    widenedBy: 'olga',
    widenedAt: noon,
  });
  expect(incidents.on.IncidentWidened?.(event, streams())).toEqual(
    orders.map(({ orderId, units }) => ({
      do: 'command',
      name: `note-${orderId}`,
      category: 'order',
      id: orderId,
      command: { type: 'NoteIncident', incidentId: 'demo.I1', units },
      settledBy: ['NotPaid', 'OrderIsCancelled'],
    })),
  );
});

it('cases that were open on these units are told, each of its own', async () => {
  const event = noted(7n, 1, 2, 3);
  const world = streams(claimed(2n, 'demo.o1.1', 1, 4), claimed(3n, 'demo.o1.2', 2), event);
  expect(await attest(event, world)).toEqual([told('demo.o1.1', 1), told('demo.o1.2', 2)]);
});

it('a claim that has ended, or is opened later, is not told: the later one has it from the order', async () => {
  const event = noted(7n, 1);
  const world = streams(claimed(2n, 'demo.o1.1', 1), closed(3n, 'demo.o1.1', 1), event, claimed(8n, 'demo.o1.2', 1));
  expect(await attest(event, world)).toEqual([]);
});

it('a delivery that the platform failed is told to the claim that waits for it', async () => {
  const failed = recorded<OrderEvent, 'PlatformDeliveryFailed'>(
    stream,
    'PlatformDeliveryFailed',
    { orderId: 'demo.o1', unitNo: 1, incident: 'demo.I1', failedAt: noon },
    { revision: 7n },
  );
  expect(await attest(failed, streams(claimed(2n, 'demo.o1.1', 1), failed))).toEqual([told('demo.o1.1', 1)]);
});
