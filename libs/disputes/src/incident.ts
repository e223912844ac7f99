import {
  eventsOf,
  isAfter,
  reject,
  type CommandOf,
  type Decider,
  type Event,
  type Instant,
  type Rejection,
  type Stamped,
} from '@recourse/eventing';
import type { Explanation } from './policy-table.js';

/** Units of one order that the incident concerns. */
export interface IncidentOrder {
  readonly orderId: string;
  readonly units: readonly number[];
}

/** Stream `incident-{platform}.{no}`: a failure of the platform itself, recorded by somebody who answers for it. S11 */
export type IncidentEvent =
  | Event<
      'IncidentRecorded',
      {
        readonly incidentId: string;
        readonly platform: string;
        readonly title: Explanation;
        /** What of the platform failed, such as `delivery` or `top-up-gateway`. */
        readonly system: string;
        readonly from: Instant;
        readonly until?: Instant;
        readonly orders: readonly IncidentOrder[];
        readonly recordedBy: string;
        readonly recordedAt: Instant;
      }
    >
  /** It concerns more units than was known; only the new ones are named. */
  | Event<
      'IncidentWidened',
      {
        readonly incidentId: string;
        readonly platform: string;
        readonly orders: readonly IncidentOrder[];
        readonly widenedBy: string;
        readonly widenedAt: Instant;
      }
    >
  | Event<
      'IncidentEnded',
      {
        readonly incidentId: string;
        readonly platform: string;
        readonly until: Instant;
        readonly endedBy: string;
        readonly endedAt: Instant;
      }
    >
  /** It was recorded wrongly. What was judged on it stands until two people override it. */
  | Event<
      'IncidentRetracted',
      {
        readonly incidentId: string;
        readonly platform: string;
        readonly reason: string;
        readonly retractedBy: string;
        readonly retractedAt: Instant;
      }
    >;

export type IncidentCommand =
  | {
      readonly type: 'RecordIncident';
      readonly incidentId: string;
      readonly platform: string;
      readonly title: Explanation;
      readonly system: string;
      readonly from: Instant;
      readonly until?: Instant;
      readonly orders: readonly IncidentOrder[];
      readonly subject: string;
    }
  | { readonly type: 'WidenIncident'; readonly orders: readonly IncidentOrder[]; readonly subject: string }
  | { readonly type: 'EndIncident'; readonly until: Instant; readonly subject: string }
  | { readonly type: 'RetractIncident'; readonly reason: string; readonly subject: string };

export type IncidentRejection =
  | 'IncidentExists'
  | 'IncidentUnknown'
  | 'IncidentIsRetracted'
  | 'IncidentHasEnded'
  | 'IncidentTooLarge'
  | 'IncidentPeriodInvalid'
  | 'IncidentConcernsNothing';

interface KnownIncident {
  readonly status: 'known';
  readonly incidentId: string;
  readonly platform: string;
  readonly from: Instant;
  readonly until: Instant | undefined;
  readonly isRetracted: boolean;
  readonly units: ReadonlyMap<string, ReadonlySet<number>>;
}
export type Incident = { readonly status: 'unknown' } | KnownIncident;

/** Units of one request, so that one event can name them all. */
export const maxUnitsPerNotice = 200;
/** Units of one incident; another one can be recorded. */
const maxUnits = 5_000;
const event = eventsOf<IncidentEvent>();
type Answer = readonly IncidentEvent[] | Rejection<IncidentRejection>;
type Do<Type extends IncidentCommand['type']> = Stamped<CommandOf<IncidentCommand, Type>>;

const count = (orders: readonly IncidentOrder[]): number => orders.reduce((sum, { units }) => sum + units.length, 0);

/** Each order and unit once, without those that are known. */
function newIn(orders: readonly IncidentOrder[], known: KnownIncident['units']): readonly IncidentOrder[] {
  const merged = new Map<string, Set<number>>();
  for (const { orderId, units } of orders)
    merged.set(orderId, new Set([...(merged.get(orderId) ?? []), ...units.filter((unit) => !known.get(orderId)?.has(unit))]));
  return [...merged]
    .filter(([, units]) => units.size > 0)
    .map(([orderId, units]) => ({ orderId, units: [...units].toSorted((a, b) => a - b) }));
}

/** Why the orders cannot be noted at once, or undefined. */
function tooMany(orders: readonly IncidentOrder[], known: number): Rejection<IncidentRejection> | undefined {
  if (count(orders) > maxUnitsPerNotice) return reject('IncidentTooLarge', `name at most ${maxUnitsPerNotice} units at once`);
  return known + count(orders) > maxUnits
    ? reject('IncidentTooLarge', `an incident has at most ${maxUnits} units; record another one`)
    : undefined;
}

function record({ incidentId, platform, title, system, from, until, orders: named, subject, at }: Do<'RecordIncident'>): Answer {
  if (isAfter(from, at)) return reject('IncidentPeriodInvalid', 'an incident that is still to come cannot be recorded');
  if (until !== undefined && (isAfter(from, until) || isAfter(until, at)))
    return reject('IncidentPeriodInvalid', 'an incident ends after it began, and not in the future');
  const orders = newIn(named, new Map());
  if (orders.length === 0) return reject('IncidentConcernsNothing', 'name at least one unit of an order');
  return (
    tooMany(orders, 0) ?? [
      event('IncidentRecorded', {
        incidentId,
        platform,
        title,
        system,
        from,
        ...(until !== undefined && { until }),
        orders,
        recordedBy: subject,
        recordedAt: at,
      }),
    ]
  );
}

function decideKnown(command: Exclude<Stamped<IncidentCommand>, { type: 'RecordIncident' }>, state: KnownIncident): Answer {
  const { incidentId, platform } = state;
  const { subject, at } = command;
  if (command.type === 'RetractIncident')
    return state.isRetracted
      ? []
      : [event('IncidentRetracted', { incidentId, platform, reason: command.reason, retractedBy: subject, retractedAt: at })];
  if (state.isRetracted) return reject('IncidentIsRetracted', 'this incident was retracted; record another one');
  switch (command.type) {
    case 'WidenIncident': {
      const orders = newIn(command.orders, state.units);
      if (orders.length === 0) return [];
      const known = [...state.units.values()].reduce((sum, units) => sum + units.size, 0);
      return (
        tooMany(orders, known) ?? [event('IncidentWidened', { incidentId, platform, orders, widenedBy: subject, widenedAt: at })]
      );
    }
    case 'EndIncident':
      if (state.until !== undefined)
        return state.until === command.until ? [] : reject('IncidentHasEnded', `it has ended at ${state.until}`);
      if (isAfter(state.from, command.until) || isAfter(command.until, at))
        return reject('IncidentPeriodInvalid', 'an incident ends after it began, and not in the future');
      return [event('IncidentEnded', { incidentId, platform, until: command.until, endedBy: subject, endedAt: at })];
  }
}

/** Incidents of the platform: what proves its failure beside its own delivery events. What buyers claim proves nothing. S11 */
export const incident: Decider<IncidentCommand, Incident, IncidentEvent, IncidentRejection> = {
  category: 'incident',
  initial: { status: 'unknown' },
  events: { IncidentRecorded: 1, IncidentWidened: 1, IncidentEnded: 1, IncidentRetracted: 1 },
  decide: (command, state) => {
    if (command.type === 'RecordIncident')
      return state.status === 'unknown' ? record(command) : reject('IncidentExists', 'this number is taken; use another one');
    return state.status === 'unknown'
      ? reject('IncidentUnknown', 'there is no incident of this number; record it first')
      : decideKnown(command, state);
  },
  evolve: (state, { type, data }) => {
    if (type === 'IncidentRecorded') {
      const { incidentId, platform, from, until } = data;
      return { status: 'known', incidentId, platform, from, until, isRetracted: false, units: withUnits(new Map(), data.orders) };
    }
    if (state.status === 'unknown') return state;
    switch (type) {
      case 'IncidentWidened':
        return { ...state, units: withUnits(state.units, data.orders) };
      case 'IncidentEnded':
        return { ...state, until: data.until };
      case 'IncidentRetracted':
        return { ...state, isRetracted: true };
    }
  },
};

function withUnits(known: KnownIncident['units'], orders: readonly IncidentOrder[]): KnownIncident['units'] {
  const units = new Map(known);
  for (const order of orders) units.set(order.orderId, new Set([...(units.get(order.orderId) ?? []), ...order.units]));
  return units;
}
