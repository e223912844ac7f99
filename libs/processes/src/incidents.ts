import type { DisputeCommand, IncidentEvent, IncidentOrder } from '@recourse/disputes/events';
import type { Action, EventOf, Process, Recorded, StreamReader } from '@recourse/eventing';
import type { OrderCommand, OrderEvent } from '@recourse/orders/events';

const note = (incidentId: string, { orderId, units }: IncidentOrder): Action => {
  const command: OrderCommand = { type: 'NoteIncident', incidentId, units };
  // Nothing was paid, or everything is refunded: there is nothing to prove.
  const settledBy = ['NotPaid', 'OrderIsCancelled'];
  return { do: 'command', name: `note-${orderId}`, category: 'order', id: orderId, command, settledBy };
};
const noteAll = ({ data: { incidentId, orders } }: EventOf<IncidentEvent, 'IncidentRecorded' | 'IncidentWidened'>) =>
  orders.map((order) => note(incidentId, order));

/** An incident of the platform reaches every order it names; from there it reaches the claims. S11 */
export const incidents: Process<IncidentEvent> = {
  name: 'incidents',
  version: 1,
  on: { IncidentRecorded: noteAll, IncidentWidened: noteAll },
};

/** Units under an open claim by claim, as of an event of the order. */
function openClaims(events: readonly Recorded<OrderEvent>[], upTo: bigint): ReadonlyMap<string, ReadonlySet<number>> {
  const claims = new Map<string, Set<number>>();
  for (const { type, data, revision } of events) {
    if (revision >= upTo) break;
    if (type === 'ClaimOpened') claims.set(data.claimId, new Set(data.units.map(({ unitNo }) => unitNo)));
    if (type === 'ClaimClosed') for (const { unitNo } of data.units) claims.get(data.claimId)?.delete(unitNo);
  }
  return claims;
}

/** Tells the cases that were open when the order noted it; whoever claims later finds it in the order's own facts. */
export async function attest(
  { type, data, stream, revision }: Recorded<EventOf<OrderEvent, 'PlatformIncidentNoted' | 'PlatformDeliveryFailed'>>,
  streams: StreamReader,
): Promise<readonly Action[]> {
  const [units, incidentId, attestedAt] =
    type === 'PlatformIncidentNoted'
      ? [data.units, data.incidentId, data.notedAt]
      : [[data.unitNo], data.incident, data.failedAt];
  const claims = openClaims(await streams.read<OrderEvent>(stream), revision);
  return [...claims].flatMap(([claimId, claimed]): readonly Action[] => {
    const concerned = units.filter((unitNo) => claimed.has(unitNo));
    if (concerned.length === 0) return [];
    const from = `${revision}@${stream}`;
    const command: DisputeCommand = { type: 'AttestIncident', units: concerned, incidentId, from, attestedAt };
    return [{ do: 'command', name: `attest-incident-${claimId}`, category: 'dispute', id: claimId, command }];
  });
}
