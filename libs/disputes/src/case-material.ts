import type { EventOf, Recorded, StreamReader } from '@recourse/eventing';
import type { EventReference, OrderEvent } from '@recourse/orders/events';
import type { DisputeEvent } from './dispute.js';
import type { IncidentEvent } from './incident.js';
import type { PolicyEvent } from './policy.js';
import type { PolicyTable } from './policy-table.js';

/** All that the log has of a case; nothing of it is in the vault. */
export interface CaseStreams {
  /** The case's own stream. */
  readonly history: readonly Recorded<DisputeEvent>[];
  /** The stream of its order. */
  readonly order: readonly Recorded<OrderEvent>[];
  /** Events of the order and of other streams that the case rests on, by their references. */
  readonly cited: ReadonlyMap<EventReference, Recorded>;
}
export type OpenedCase = EventOf<DisputeEvent, 'DisputeDrafted' | 'DisputeSubmitted'>['data'];

/** Other streams than the order's; what cites more is not believed. */
const maxOtherStreams = 50;

const streamIn = (reference: EventReference): string => reference.slice(reference.indexOf('@') + 1);

/** Where the incident that an event of the order notes was recorded. */
export const incidentStreamOf = ({ incidentId }: { readonly incidentId: string }): string => `incident-${incidentId}`;

/** The first event of a case says whose it is; undefined for a case that is not there. */
export function openingOf(history: readonly Recorded<DisputeEvent>[]): OpenedCase | undefined {
  const [opened] = history;
  return opened?.type === 'DisputeDrafted' || opened?.type === 'DisputeSubmitted' ? opened.data : undefined;
}

/** @returns undefined for a case that is not there @throws as the reader does */
export async function readCase(disputeId: string, streams: StreamReader): Promise<CaseStreams | undefined> {
  const history = await streams.read<DisputeEvent>(`dispute-${disputeId}`);
  const opened = openingOf(history);
  if (opened === undefined) return undefined;
  const own = new Set([`dispute-${disputeId}`, `order-${opened.orderId}`]);
  const order = await streams.read<OrderEvent>(`order-${opened.orderId}`);
  const others = new Set<string>();
  for (const { type, data } of order) if (type === 'PlatformIncidentNoted') others.add(incidentStreamOf(data));
  for (const { type, data } of history) {
    if (type === 'IncidentAttested') others.add(streamIn(data.from));
    if (type === 'VerdictReached')
      for (const { from } of data.units.flatMap(({ sources }) => sources)) for (const one of from) others.add(streamIn(one));
  }
  const cited = new Map<EventReference, Recorded>();
  const note = (events: readonly Recorded[]) => {
    for (const event of events) cited.set(`${event.revision}@${event.stream}`, event);
  };
  note(order as unknown as readonly Recorded[]);
  for (const stream of [...others].filter((name) => !own.has(name)).slice(0, maxOtherStreams))
    note((await streams.read<IncidentEvent>(stream)) as unknown as readonly Recorded[]);
  return { history, order, cited };
}

/** The table that a case's order froze, from the policies of its platform or of its merchant; undefined when neither has it. */
export async function frozenTable(
  { policy, platform, merchant }: Pick<OpenedCase, 'policy' | 'platform' | 'merchant'>,
  streams: StreamReader,
): Promise<PolicyTable | undefined> {
  for (const id of new Set([policy.id, platform, `${platform}.${merchant}`])) {
    const published = await streams.read<PolicyEvent>(`policy-${id}`);
    const found = published.find(
      ({ type, data }) => type === 'PolicyPublished' && data.version === policy.version && data.hash === policy.hash,
    );
    if (found) return found.data.table;
  }
  return undefined;
}
