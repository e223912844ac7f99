import type { Recorded } from '@recourse/eventing';
import type { DomainEvent } from './posting.js';
import { stepOf, unitsIn, type ChainStep } from './refund-chain.js';

export interface CaseStep extends ChainStep {
  readonly eventId: string;
}

/** Is this event of an order about units of the case, or about the order as a whole? What another claim is about alone is not. */
export function isAboutCase(event: Recorded<DomainEvent>, disputeId: string, units: ReadonlySet<number>): boolean {
  const named = unitsIn({ ...event.data });
  if (named.length > 0) return named.some((unit) => units.has(unit));
  return !('claimId' in event.data) || event.data.claimId === disputeId;
}

/** The story of a case from the events that are about it, in the order of the log. */
export function caseSteps(events: readonly Recorded<DomainEvent>[]): readonly CaseStep[] {
  const places = new Map<string, string>();
  return events.map((event) => {
    const { causationId } = event.metadata;
    const step = stepOf(event, causationId === undefined ? undefined : places.get(causationId));
    places.set(event.id, step.place);
    return { ...step, eventId: event.id };
  });
}
