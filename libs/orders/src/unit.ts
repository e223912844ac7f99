import { isAfter, type Instant, msBetween, plusMs } from '@recourse/eventing';
import { add, equals, isPositive, isZero, type Money, share, subtract, zero } from '@recourse/money';
import type { Delivery, OrderEvent, RefundLine, UnitPrice } from './order.js';

/** What the buyer can see of the unit. After a replacement it is the new key; the after-sale clock stays the unit's. */
interface Delivered {
  readonly delivery: Delivery;
  readonly deliveredAt: Instant;
  readonly afterSaleEndsAt: Instant;
  readonly sevenDayEndsAt: Instant | undefined;
  readonly revealedAt: Instant | undefined;
}

/** Revisions of the events that a claim's facts rest on. */
type Basis = {
  readonly [Fact in 'captured' | 'delivered' | 'failed' | 'revealed' | 'released' | 'clock' | 'replaced']?: number | undefined;
};

/** One key or one top-up: Ordered → Delivered → Revealed; beside it its money: Held → Released | Refunded, in parts. */
export interface Unit extends UnitPrice {
  readonly escrow: 'unpaid' | 'held' | 'released';
  /** Approved so far, whatever the source (I3). */
  readonly refunded: Money;
  readonly refundedFromEscrow: Money;
  /** Released so far, and the fee that was taken of it. What came back to escrow is released by itself. */
  readonly released: Money;
  readonly releases: number;
  readonly feeTaken: Money;
  /** Part of the price on which the platform keeps no fee: refunded at the merchant's cost. */
  readonly feeFree: Money;
  readonly delivered: Delivered | undefined;
  /** The platform did not hand it over, or spoiled it afterwards. S11 */
  readonly platformFailure: boolean;
  readonly confirmed: boolean;
  /** The platform bears a refund after which nothing is left to claim, or one was revoked: the merchant gets what escrow has. K5 */
  readonly freed: boolean;
  readonly claim: { readonly claimId: string; readonly clockStoppedAt: Instant } | undefined;
  readonly draftUsed: boolean;
  readonly replacedUnder: string | undefined;
  readonly basis: Basis;
}
export type Units = ReadonlyMap<number, Unit>;

export const unitsOf = (prices: readonly UnitPrice[]): Units =>
  new Map(
    prices.map((unit) => {
      const none = zero(unit.price.asset);
      return [
        unit.unitNo,
        {
          ...unit,
          escrow: 'unpaid',
          refunded: none,
          refundedFromEscrow: none,
          released: none,
          releases: 0,
          feeTaken: none,
          feeFree: none,
          delivered: undefined,
          platformFailure: false,
          confirmed: false,
          freed: false,
          claim: undefined,
          draftUsed: false,
          replacedUnder: undefined,
          basis: {},
        },
      ];
    }),
  );

/** What escrow still has of the unit. */
export const heldOf = (unit: Unit): Money =>
  unit.escrow === 'held' ? subtract(unit.price, add(unit.refundedFromEscrow, unit.released)) : zero(unit.price.asset);
/** What may still be refunded. */
export const restOf = (unit: Unit): Money => subtract(unit.price, unit.refunded);
export const isRefunded = (unit: Unit): boolean => isZero(restOf(unit));

const feeUpTo = (unit: Unit, part: Money): Money => share(unit.fee, part.minor, unit.price.minor);
/** The fee on the rest that the merchant sold; with what is not kept, or was taken before, it makes the whole fee exactly. K7 */
export const feeKept = (unit: Unit): Money => subtract(unit.fee, add(feeUpTo(unit, unit.feeFree), unit.feeTaken));
/** The fee on one more part refunded at the merchant's cost: half up for the first, running sums so that parts add up. K7 */
export const feeOn = (unit: Unit, part: Money): Money =>
  subtract(feeUpTo(unit, add(unit.feeFree, part)), feeUpTo(unit, unit.feeFree));

/** The fee that would have been taken of a part whose refund is the latest at the merchant's cost. */
export const feeSparedOn = (unit: Unit, part: Money): Money => feeOn({ ...unit, feeFree: subtract(unit.feeFree, part) }, part);

export const referenceOf = (delivery: Delivery): string => (delivery.kind === 'key' ? delivery.fingerprint : delivery.receipt);

/** What the merchant did not deliver, or what is refunded in full, nobody will claim any more. */
const isFreedBy = (unit: Unit, { source, amount }: RefundLine): boolean =>
  equals(add(unit.refunded, amount), unit.price) || (source === 'fund' && unit.delivered === undefined);

/** The after-sale window is over and, for an unrevealed key under a seven-day promise, that promise too. K16 */
export const isWindowOver = ({ delivered }: Unit, at: Instant): boolean =>
  delivered !== undefined &&
  isAfter(at, delivered.afterSaleEndsAt) &&
  (delivered.revealedAt !== undefined || delivered.sevenDayEndsAt === undefined || isAfter(at, delivered.sevenDayEndsAt));

/** End of the window when the clock goes on with what a claim left of it; undefined when nothing was running. K13 */
export function windowAfterClaim(unit: Unit, closedAt: Instant): Instant | undefined {
  if (!unit.delivered || !unit.claim || isRefunded(unit)) return undefined;
  const leftMs = msBetween(unit.claim.clockStoppedAt, unit.delivered.afterSaleEndsAt);
  return leftMs < 0 ? undefined : plusMs(closedAt, leftMs);
}

/** @param revision of the event in the order's stream, from 0 */
export function evolveUnits(units: Units, event: OrderEvent, revision: number): Units {
  const change = <Part extends { readonly unitNo: number }>(
    parts: readonly Part[],
    to: (unit: Unit, part: Part) => Unit,
  ): Units => {
    const next = new Map(units);
    for (const part of parts) {
      const unit = next.get(part.unitNo);
      if (unit) next.set(part.unitNo, to(unit, part));
    }
    return next;
  };
  switch (event.type) {
    case 'PaymentCaptured':
      return change([...units.values()], (unit) => ({ ...unit, escrow: 'held', basis: { captured: revision } }));
    case 'UnitDelivered':
      return change([event.data], (unit, { delivery, deliveredAt, afterSaleEndsAt, sevenDayEndsAt }) => ({
        ...unit,
        delivered: { delivery, deliveredAt, afterSaleEndsAt, sevenDayEndsAt, revealedAt: undefined },
        // Delivered under a not-delivered claim: the clock has not run yet, so the whole window is left.
        claim: unit.claim && { ...unit.claim, clockStoppedAt: deliveredAt },
        basis: { ...unit.basis, delivered: revision },
      }));
    case 'PlatformDeliveryFailed':
      return change([event.data], (unit) => ({ ...unit, platformFailure: true, basis: { ...unit.basis, failed: revision } }));
    case 'PlatformIncidentNoted':
      return change(numbered(event.data.units), (unit) => ({
        ...unit,
        platformFailure: true,
        basis: { ...unit.basis, failed: revision },
      }));
    case 'KeyRevealed':
      return change([event.data], (unit, { revealedAt }) => ({
        ...unit,
        delivered: unit.delivered && { ...unit.delivered, revealedAt },
        basis: { ...unit.basis, revealed: revision },
      }));
    case 'ReceiptConfirmed':
      return change(numbered(event.data.units), (unit) => ({ ...unit, confirmed: true }));
    case 'EscrowReleased':
      return change([event.data], (unit, { amount, fee }) => ({
        ...unit,
        escrow: 'released',
        released: add(unit.released, amount),
        releases: unit.releases + 1,
        feeTaken: add(unit.feeTaken, fee),
        basis: { ...unit.basis, released: revision },
      }));
    case 'ClaimOpened':
      return change(event.data.units, (unit) => ({
        ...unit,
        claim: { claimId: event.data.claimId, clockStoppedAt: event.data.openedAt },
        draftUsed: unit.draftUsed || event.data.draft,
      }));
    case 'ClaimClosed':
      return change(event.data.units, (unit, { afterSaleEndsAt }) =>
        unit.delivered && afterSaleEndsAt !== undefined
          ? {
              ...unit,
              claim: undefined,
              delivered: { ...unit.delivered, afterSaleEndsAt },
              basis: { ...unit.basis, clock: revision },
            }
          : { ...unit, claim: undefined },
      );
    case 'ReplacementDelivered':
      return change([event.data], (unit, { claimId, delivery, deliveredAt }) => ({
        ...unit,
        delivered: unit.delivered && { ...unit.delivered, delivery, deliveredAt, revealedAt: undefined },
        replacedUnder: claimId,
        basis: { ...unit.basis, replaced: revision, revealed: undefined },
      }));
    case 'RefundApproved':
      return change(event.data.lines, (unit, line) => ({
        ...unit,
        refunded: add(unit.refunded, line.amount),
        freed: unit.freed || (unit.escrow === 'held' && isFreedBy(unit, line)),
        feeFree: add(unit.feeFree, add(line.fromEscrow, add(line.merchantShare, line.fromFees))),
      }));
    case 'RefundFundedFromEscrow':
      return change(event.data.lines, (unit, { amount }) => ({
        ...unit,
        refundedFromEscrow: add(unit.refundedFromEscrow, amount),
      }));
    case 'RefundRevoked':
      return change(event.data.lines, (unit, line) => ({
        ...unit,
        escrow: isPositive(line.fromEscrow) ? 'held' : unit.escrow,
        freed: unit.freed || isPositive(line.fromEscrow),
        refunded: subtract(unit.refunded, line.amount),
        refundedFromEscrow: subtract(unit.refundedFromEscrow, line.fromEscrow),
        feeFree: subtract(unit.feeFree, add(line.fromEscrow, add(line.merchantShare, line.fromFees))),
      }));
    case 'OrderPlaced':
    case 'OrderFrozen':
    case 'OrderUnfrozen':
    case 'SurplusCaptured':
    case 'OrderCancelled':
    case 'DeliveryOverdue':
    case 'ClaimSubmitted':
    case 'ClaimAttached':
    case 'RefundOverturned':
    case 'RefundShutOut':
      return units;
  }
}

const numbered = (unitNos: readonly number[]) => unitNos.map((unitNo) => ({ unitNo }));
