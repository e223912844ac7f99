import { Inject, Injectable } from '@nestjs/common';
import type { PayoutEvent } from '@recourse/compensation/events';
import type { DisputeEvent } from '@recourse/disputes/events';
import type { Actor, DataOf } from '@recourse/eventing';
import { Problem } from '@recourse/nest';
import type { OrderEvent } from '@recourse/orders/events';
import { Edge } from './edge.js';
import { derivedIdShape, disputeIdShape, idShape } from './fields.js';

export type PlacedOrder = DataOf<OrderEvent, 'OrderPlaced'>;
export type OpenedDispute = DataOf<DisputeEvent, 'DisputeDrafted' | 'DisputeSubmitted'>;

/** Whose is it? Somebody else's is answered as if it did not exist. */
@Injectable()
export class Parties {
  constructor(@Inject(Edge) private readonly edge: Edge) {}

  /** @throws Problem 404 for an order that is not there or not the caller's */
  async order(caller: Actor, orderNo: string): Promise<PlacedOrder> {
    const placed = idShape.test(orderNo)
      ? await this.edge.firstEvent<Extract<OrderEvent, { type: 'OrderPlaced' }>>(`order-${caller.platform}.${orderNo}`)
      : undefined;
    if (placed === undefined || !isPartyOf(caller, placed.data))
      throw new Problem(404, 'order-unknown', 'there is no such order for you');
    return placed.data;
  }

  /** @throws Problem 404 for a dispute that is not there or not the caller's */
  async dispute(caller: Actor, disputeId: string): Promise<OpenedDispute> {
    const opened = disputeIdShape.test(disputeId)
      ? await this.edge.firstEvent<Extract<DisputeEvent, { type: 'DisputeDrafted' | 'DisputeSubmitted' }>>(`dispute-${disputeId}`)
      : undefined;
    if (opened === undefined || !isPartyOf(caller, opened.data))
      throw new Problem(404, 'dispute-unknown', 'there is no such dispute for you');
    return opened.data;
  }

  /** @throws Problem 404 for a payout that is not there or not the caller's */
  async payout(caller: Actor, payoutId: string): Promise<DataOf<PayoutEvent, 'PayoutRequested'>> {
    const requested = derivedIdShape.test(payoutId)
      ? await this.edge.firstEvent<Extract<PayoutEvent, { type: 'PayoutRequested' }>>(`payout-${payoutId}`)
      : undefined;
    if (requested === undefined || !isPartyOf(caller, { platform: requested.data.platform, ...requested.data.purpose }))
      throw new Problem(404, 'payout-unknown', 'there is no such payout for you');
    return requested.data;
  }

  /** @throws Problem 404 for a merchant that is not the caller */
  merchant(caller: Actor, merchant: string): string {
    if (!idShape.test(merchant) || (caller.role === 'merchant' && caller.party !== merchant))
      throw new Problem(404, 'merchant-unknown', 'there is no such merchant for you');
    return merchant;
  }

  /** @throws Problem 404 for a buyer that is not the caller */
  buyer(caller: Actor, buyer: string): string {
    if (!idShape.test(buyer) || (caller.role === 'buyer' && caller.party !== buyer))
      throw new Problem(404, 'buyer-unknown', 'there is no such buyer for you');
    return buyer;
  }
}

interface Owned {
  readonly platform: string;
  readonly merchant: string;
  readonly buyer?: string | null;
}

/** Staff and shops see their whole platform; a buyer and a merchant what they are a party of. */
export function isPartyOf(caller: Actor, { platform, merchant, buyer }: Owned): boolean {
  if (caller.platform !== platform) return false;
  if (caller.role === 'buyer') return caller.party === buyer;
  return caller.role !== 'merchant' || caller.party === merchant;
}

/** A merchant and a buyer see their own only. */
export const ownParty = (caller: Actor, role: 'merchant' | 'buyer'): string | undefined =>
  caller.role === role ? caller.party : undefined;
