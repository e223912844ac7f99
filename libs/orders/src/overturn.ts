import { eventsOf, reject, type Rejection } from '@recourse/eventing';
import { add, isPositive, subtract, sum, zero } from '@recourse/money';
import { isReleaseDue, release } from './escrow.js';
import type { OrderEvent, OrderRejection, OverturnedUnit, RefundGround, RefundLine } from './order.js';
import {
  type Cancelled,
  type Decision,
  type Do,
  follow,
  type Paid,
  type Placed,
  type Refund,
  unknownUnit,
} from './order-state.js';
import { approve, partiesOf, type RefundPart, totalsOf } from './refund-approval.js';
import { feeSparedOn } from './unit.js';

interface OfVerdict extends Refund {
  readonly ground: Extract<RefundGround, { kind: 'verdict' }>;
}
interface Overturned {
  readonly order: Paid;
  readonly refund: OfVerdict;
  readonly units: ReadonlyMap<number, OverturnedUnit>;
}

const event = eventsOf<OrderEvent>();

/** The refund of the verdict, and the units of it that the verdict no longer stands on. */
function overturned(
  { refundId, units }: Do<'RevokeRefund' | 'OverturnRefund'>,
  state: Placed | Paid | Cancelled,
): Overturned | Rejection<OrderRejection> {
  const order = state.status === 'cancelled' ? state.paid : state;
  const refund = order?.status === 'paid' ? order.refunds.get(refundId) : undefined;
  if (order?.status !== 'paid' || refund === undefined)
    return reject('RefundUnknown', 'no refund of this id was approved for this order');
  const { ground } = refund;
  if (ground.kind !== 'verdict') return reject('NotByVerdict', 'this refund rests on no verdict; there is nothing to overturn');
  // What the verdict named and the order did not refund, as a new key had come, is not taken back either.
  const refunded = units.filter(({ unitNo }) => refund.lines.some((line) => line.unitNo === unitNo));
  const named = new Map(refunded.map((unit) => [unit.unitNo, unit]));
  if (named.size === 0 || named.size < refunded.length) return unknownUnit;
  return { order, refund: { ...refund, ground }, units: named };
}

/** What of a unit's lines the verdict still gives, by who bears it now. */
function partLeft(order: Paid, unitNo: number, lines: readonly RefundLine[], change: OverturnedUnit | undefined): RefundPart[] {
  const unit = order.units.get(unitNo);
  if (unit === undefined || change?.bearer === 'none') return [];
  const { asset } = unit.price;
  const amount = sum(
    lines.map((line) => line.amount),
    asset,
  );
  if (change !== undefined) return [{ unit, liable: change.liable, merchant: zero(asset), platform: amount }];
  const merchant = sum(
    lines.map(({ fromEscrow, merchantShare, fromFees }) => add(fromEscrow, add(merchantShare, fromFees))),
    asset,
  );
  return [{ unit, liable: lines[0]?.liable ?? 'UNPROVEN', merchant, platform: subtract(amount, merchant) }];
}

/** Nothing was paid: escrow has its part back, what is still due is approved anew, and the merchant gets what nobody claims. */
export function revokeRefund(command: Do<'RevokeRefund'>, state: Placed | Paid | Cancelled): Decision {
  const found = overturned(command, state);
  if ('rejected' in found) return found;
  const { order, refund, units } = found;
  const { refundId, at } = command;
  if (refund.is === 'revoked') return [];
  if (refund.is === 'overturned') return reject('RefundIsOverturned', 'this refund is paid or goes on to be; it is not revoked');
  const { lines, ground } = refund;
  const { orderId, total } = order.terms;
  const revoked = event('RefundRevoked', {
    ...partiesOf(order),
    refundId,
    orderId,
    disputeId: ground.disputeId,
    lines,
    ...totalsOf(lines, total.asset),
    revokedAt: at,
  });
  const before = follow(order, [revoked]);
  const byUnit = Map.groupBy(lines, ({ unitNo }) => unitNo);
  const parts = [...byUnit].flatMap(([unitNo, own]) => partLeft(before, unitNo, own, units.get(unitNo)));
  const approved = parts.length === 0 ? [] : approve(before, `${refundId}.r`, ground, parts, at);
  const after = follow(before, approved);
  const due = [...byUnit.keys()]
    .flatMap((unitNo) => after.units.get(unitNo) ?? [])
    .filter((unit) => isReleaseDue(after, unit, at));
  const releases = due.map((unit) =>
    release(after, unit, units.get(unit.unitNo)?.bearer === 'none' ? 'claim-closed' : 'platform-bears'),
  );
  return [revoked, ...approved, ...releases];
}

/** The buyer keeps what he got or gets; the event says what the merchant lost by it. */
export function overturnRefund(command: Do<'OverturnRefund'>, state: Placed | Paid | Cancelled): Decision {
  const found = overturned(command, state);
  if ('rejected' in found) return found;
  const { order, refund, units } = found;
  const { refundId, at } = command;
  if (refund.is === 'overturned') return [];
  if (refund.is === 'revoked') return reject('RefundIsRevoked', 'this refund was revoked; nothing was or will be paid');
  const { orderId, total: price } = order.terms;
  const lines = refund.lines.filter(({ unitNo }) => units.has(unitNo));
  const { total, fromEscrow, merchantShare } = totalsOf(lines, price.asset);
  const fee = sum(
    lines.flatMap(({ unitNo, fromEscrow: part }) => {
      const unit = order.units.get(unitNo);
      return unit && isPositive(part) ? [feeSparedOn(unit, part)] : [];
    }),
    price.asset,
  );
  const taken = lines.filter(({ unitNo }) => units.get(unitNo)?.bearer === 'none');
  return [
    event('RefundOverturned', {
      ...partiesOf(order),
      refundId,
      orderId,
      disputeId: refund.ground.disputeId,
      units: [...units.keys()].toSorted((a, b) => a - b),
      amount: total,
      escrowLoss: subtract(fromEscrow, fee),
      recourse: merchantShare,
      ...(command.buyerOwes && taken.length > 0 ? { buyerOwes: totalsOf(taken, price.asset).total } : {}),
      overturnedAt: at,
    }),
  ];
}
