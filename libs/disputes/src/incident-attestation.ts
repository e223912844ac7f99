import { eventsOf, type CommandOf } from '@recourse/eventing';
import { isOver, type Dispute } from './case.js';
import type { DisputeCommand, DisputeEvent } from './dispute.js';

const event = eventsOf<DisputeEvent>();

/** Units that are over stay as they were decided, and a failure that is known is not proven twice. */
export function attestIncident(
  { units, incidentId, from, attestedAt }: CommandOf<DisputeCommand, 'AttestIncident'>,
  state: Exclude<Dispute, { status: 'unknown' }>,
): readonly DisputeEvent[] {
  if (state.status !== 'draft' && state.status !== 'submitted') return [];
  const open =
    state.status === 'draft' ? state.file.units : state.units.filter((unit) => !isOver(unit)).map(({ claimed }) => claimed);
  const news = open
    .filter(({ unitNo, platformFailure }) => units.includes(unitNo) && !platformFailure && !state.attested.has(unitNo))
    .map(({ unitNo }) => unitNo);
  const { disputeId } = state.file;
  return news.length === 0 ? [] : [event('IncidentAttested', { disputeId, units: news, incidentId, from, attestedAt })];
}
