import { isAfter, type DataOf, type Instant } from '@recourse/eventing';
import type { PolicyEvent } from './policy.js';

export type PublishedPolicy = DataOf<PolicyEvent, 'PolicyPublished'>;
export type PolicyStatus = 'announced' | 'in-force' | 'superseded' | 'retired' | 'withdrawn';

/** A version as it stands at a moment. */
export interface PolicyStanding {
  readonly published: PublishedPolicy;
  readonly status: PolicyStatus;
  /** When what follows it begins, in the past or announced. */
  readonly until?: Instant;
  readonly withdrawn?: DataOf<PolicyEvent, 'PolicyWithdrawn'>;
}

type Turn = Extract<PolicyEvent, { type: 'PolicyPublished' | 'PolicyRetired' }>;

/** What begins one after the other; of two that begin in one moment the later one stands. */
function turnsOf(events: readonly PolicyEvent[]): readonly Turn[] {
  const withdrawn = new Set(events.flatMap(({ type, data }) => (type === 'PolicyWithdrawn' ? [data.version] : [])));
  return events.filter(
    (event): event is Turn =>
      event.type === 'PolicyRetired' || (event.type === 'PolicyPublished' && !withdrawn.has(event.data.version)),
  );
}

/**
 * The version that judges an order placed at `at`: a moment exactly at its beginning is inside. Undefined before the first, and
 * when the line is retired.
 */
export function policyInForce(events: readonly PolicyEvent[], at: Instant): PublishedPolicy | undefined {
  const turn = turnsOf(events).findLast(({ data }) => !isAfter(data.effectiveFrom, at));
  return turn?.type === 'PolicyPublished' ? turn.data : undefined;
}

/** The version in force at `at` and those announced by then: what an order may be placed under from then on. */
export function policiesFrom(events: readonly PolicyEvent[], at: Instant): readonly PublishedPolicy[] {
  const inForce = policyInForce(events, at);
  return turnsOf(events).flatMap(({ type, data }) =>
    type === 'PolicyPublished' && (data === inForce || isAfter(data.effectiveFrom, at)) ? [data] : [],
  );
}

/** Every version there ever was, in the order of publication. */
export function standingsOf(events: readonly PolicyEvent[], at: Instant): readonly PolicyStanding[] {
  const turns = turnsOf(events);
  const inForce = policyInForce(events, at);
  const withdrawals = new Map(
    events.flatMap(({ type, data }) => (type === 'PolicyWithdrawn' ? [[data.version, data] as const] : [])),
  );
  return events.flatMap((event): PolicyStanding[] => {
    if (event.type !== 'PolicyPublished') return [];
    const { data: published } = event;
    const withdrawn = withdrawals.get(published.version);
    if (withdrawn !== undefined) return [{ published, status: 'withdrawn', withdrawn }];
    const next = turns[turns.findIndex(({ data }) => data === published) + 1];
    const until = next === undefined ? {} : { until: next.data.effectiveFrom };
    if (isAfter(published.effectiveFrom, at)) return [{ published, status: 'announced', ...until }];
    if (published === inForce) return [{ published, status: 'in-force', ...until }];
    return [{ published, status: next?.type === 'PolicyRetired' ? 'retired' : 'superseded', ...until }];
  });
}
