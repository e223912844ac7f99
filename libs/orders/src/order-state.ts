import {
  type CommandOf,
  type DataOf,
  type EventOf,
  type Instant,
  reject,
  type Rejection,
  type Stamped,
} from '@recourse/eventing';
import type { FreezeScope, OrderCommand, OrderEvent, OrderRejection, RefundGround, RefundLine } from './order.js';
import { evolveUnits, type Unit, type Units, unitsOf } from './unit.js';

export type StampedOrderCommand = Stamped<OrderCommand>;
export type Do<Type extends OrderCommand['type']> = Stamped<CommandOf<OrderCommand, Type>>;
export type Decision = readonly OrderEvent[] | Rejection<OrderRejection>;

type Outcome = DataOf<OrderEvent, 'ClaimClosed'>['outcome'];
export interface Claim {
  readonly claimId: string;
  /** undefined while it is a draft. */
  readonly submittedAt: Instant | undefined;
  readonly openedAt: Instant;
  readonly channels: readonly string[];
  readonly units: ReadonlyMap<number, 'open' | Outcome>;
}

/** A refund as it was approved; a verdict that is overturned needs its lines. */
export interface Refund {
  readonly is: 'approved' | 'revoked' | 'overturned';
  readonly ground: RefundGround;
  readonly lines: readonly RefundLine[];
}

interface Known {
  /** Events so far: the revision of the next one. */
  readonly length: number;
  readonly terms: DataOf<OrderEvent, 'OrderPlaced'>;
  readonly units: Units;
  /** Transactions whose money went back as surplus. */
  readonly surplus: ReadonlySet<string>;
  /** While there is one, nothing is released. */
  readonly freezes: ReadonlySet<FreezeScope>;
}
export type Placed = Known & { readonly status: 'placed' };
export type Paid = Known & {
  readonly status: 'paid';
  readonly transaction: string;
  readonly deliverBefore: Instant;
  readonly claims: ReadonlyMap<string, Claim>;
  /** By their ids: as many as its units and claims allow. */
  readonly refunds: ReadonlyMap<string, Refund>;
  /** Verdicts that refund nothing. */
  readonly shutOut: ReadonlySet<string>;
};
export type Cancelled = Known & {
  readonly status: 'cancelled';
  readonly transaction: string | undefined;
  /** It may have been paid, and a verdict on it may be overturned yet. */
  readonly paid: Paid | undefined;
};
export type Order = { readonly status: 'none'; readonly length: 0 } | Placed | Paid | Cancelled;

export const unknownUnit = reject('UnitUnknown', 'name at least one unit, each by its number in this order, from 1');

/** The named units, each once, in ascending order; undefined when none is named or one is not of this order. */
export function unitsNamed(order: Paid, unitNos: readonly number[]): readonly Unit[] | undefined {
  const units = [...new Set(unitNos)].toSorted((a, b) => a - b).flatMap((unitNo) => order.units.get(unitNo) ?? []);
  return units.length > 0 && units.length === new Set(unitNos).size ? units : undefined;
}

const withSurplus = ({ surplus }: Known, { data }: EventOf<OrderEvent, 'SurplusCaptured'>): ReadonlySet<string> =>
  new Set([...surplus, data.transaction]);

function withFreeze({ freezes }: Known, { type, data }: EventOf<OrderEvent, 'OrderFrozen' | 'OrderUnfrozen'>) {
  const others = [...freezes].filter((scope) => scope !== data.scope);
  return new Set(type === 'OrderFrozen' ? [...others, data.scope] : others);
}

/** Events that leave a paid order paid. */
type PaidEvent = Exclude<OrderEvent, { type: 'OrderPlaced' | 'PaymentCaptured' | 'OrderCancelled' }>;

function evolvePaid(order: Paid, event: PaidEvent): Paid {
  const next: Paid = { ...order, length: order.length + 1, units: evolveUnits(order.units, event, order.length) };
  const withClaim = (claimId: string, to: (claim: Claim) => Claim): Paid => {
    const claim = order.claims.get(claimId);
    return claim ? { ...next, claims: new Map(order.claims).set(claimId, to(claim)) } : next;
  };
  const withRefund = (refundId: string, refund: Refund): Paid => ({
    ...next,
    refunds: new Map(order.refunds).set(refundId, refund),
  });
  switch (event.type) {
    case 'ClaimOpened': {
      const { claimId, draft, openedAt, channel, units } = event.data;
      const frozen = new Map(units.map(({ unitNo }) => [unitNo, 'open' as const]));
      const claim: Claim = { claimId, submittedAt: draft ? undefined : openedAt, openedAt, channels: [channel], units: frozen };
      return { ...next, claims: new Map(order.claims).set(claimId, claim) };
    }
    case 'ClaimSubmitted':
      return withClaim(event.data.claimId, (claim) => ({ ...claim, submittedAt: event.data.submittedAt }));
    case 'ClaimAttached':
      return withClaim(event.data.claimId, (claim) => ({ ...claim, channels: [...claim.channels, event.data.channel] }));
    case 'ClaimClosed': {
      const { claimId, outcome, units } = event.data;
      return withClaim(claimId, (claim) => ({
        ...claim,
        units: new Map([...claim.units, ...units.map(({ unitNo }) => [unitNo, outcome] as const)]),
      }));
    }
    case 'RefundApproved':
      return withRefund(event.data.refundId, { is: 'approved', ground: event.data.ground, lines: event.data.lines });
    case 'RefundRevoked':
    case 'RefundOverturned': {
      const refund = order.refunds.get(event.data.refundId);
      const is = event.type === 'RefundRevoked' ? 'revoked' : 'overturned';
      return refund ? withRefund(event.data.refundId, { ...refund, is }) : next;
    }
    case 'RefundShutOut':
      return { ...next, shutOut: new Set([...order.shutOut, event.data.refundId]) };
    case 'SurplusCaptured':
      return { ...next, surplus: withSurplus(order, event) };
    case 'OrderFrozen':
    case 'OrderUnfrozen':
      return { ...next, freezes: withFreeze(order, event) };
    case 'DeliveryOverdue':
    case 'UnitDelivered':
    case 'PlatformDeliveryFailed':
    case 'PlatformIncidentNoted':
    case 'KeyRevealed':
    case 'ReceiptConfirmed':
    case 'EscrowReleased':
    case 'ReplacementDelivered':
    case 'RefundFundedFromEscrow':
      return next;
  }
}

/** The order as it will be after events of the append that is being decided. */
export const follow = (order: Paid, events: readonly PaidEvent[]): Paid => events.reduce(evolvePaid, order);

export function evolve(order: Order, event: OrderEvent): Order {
  if (event.type === 'OrderPlaced')
    return {
      status: 'placed',
      length: 1,
      terms: event.data,
      units: unitsOf(event.data.units),
      surplus: new Set(),
      freezes: new Set(),
    };
  if (order.status === 'none') return order;
  const known = {
    terms: order.terms,
    length: order.length + 1,
    units: evolveUnits(order.units, event, order.length),
    surplus: event.type === 'SurplusCaptured' ? withSurplus(order, event) : order.surplus,
    freezes: event.type === 'OrderFrozen' || event.type === 'OrderUnfrozen' ? withFreeze(order, event) : order.freezes,
  };
  if (event.type === 'PaymentCaptured') {
    const { transaction, deliverBefore } = event.data;
    return { ...known, status: 'paid', transaction, deliverBefore, claims: new Map(), refunds: new Map(), shutOut: new Set() };
  }
  if (event.type === 'OrderCancelled')
    return order.status === 'paid'
      ? { ...known, status: 'cancelled', transaction: order.transaction, paid: order }
      : { ...known, status: 'cancelled', transaction: undefined, paid: undefined };
  if (order.status === 'paid') return evolvePaid(order, event);
  return order.status === 'placed'
    ? { ...order, ...known }
    : { ...order, ...known, paid: order.paid && evolvePaid(order.paid, event) };
}
