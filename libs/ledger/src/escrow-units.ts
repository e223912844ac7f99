import { isAfter, plusMs, type Instant, type Recorded } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import type { SettlementMode } from '@recourse/orders/events';
import {
  addsUp,
  handle,
  reporter,
  text,
  type AuditContext,
  type Check,
  type Handlers,
  type Ledger,
  type Violation,
} from './invariant.js';
import type { DomainEvent } from './posting.js';

interface Unit {
  readonly price: bigint;
  /** In escrow, in minor units. */
  held: bigint;
  /** Refunded out of it: a verdict that is overturned may bring it back. */
  refunded: bigint;
  claimId?: string;
  /** Place of the event that last moved the release. */
  position: bigint;
  deliveredAt?: Instant;
  revealedAt?: Instant | undefined;
  confirmedAt?: Instant;
  claimClosedAt?: Instant;
  /** Back in escrow, as a refund was revoked: the merchant's at once. */
  backAt?: Instant;
  afterSaleEndsAt?: Instant | undefined;
  sevenDayEndsAt?: Instant | undefined;
}
interface Order {
  readonly asset: string;
  readonly settlement: SettlementMode;
  captured: boolean;
  /** Who keeps its releases back, and when the last one let go. */
  readonly freezes: Set<string>;
  unfrozenAt?: Instant;
  readonly units: Map<number, Unit>;
}

const violation = reporter('I2');
const latest = (...instants: (Instant | undefined)[]): Instant | undefined =>
  instants
    .filter((instant) => instant !== undefined)
    .toSorted()
    .at(-1);

/** When a delivered unit's escrow is due to the merchant, if no claim is open; undefined as long as nothing is due. K16 */
function releaseDue(unit: Unit, settlement: SettlementMode): Instant | undefined {
  if (unit.backAt !== undefined) return latest(unit.backAt, unit.claimClosedAt);
  if (unit.deliveredAt === undefined) return undefined;
  if (settlement === 'ON_DELIVERY') return latest(unit.deliveredAt, unit.claimClosedAt);
  if (unit.confirmedAt !== undefined) return latest(unit.confirmedAt, unit.claimClosedAt);
  const promised = unit.revealedAt === undefined ? unit.sevenDayEndsAt : unit.revealedAt;
  return latest(unit.afterSaleEndsAt, promised, unit.claimClosedAt);
}

/**
 * I2: per unit, captured = released + refunded from escrow net of revoked + held, and nothing is held past its release without an
 * open claim or a freeze, and nothing is released under a freeze. Keeps one entry per order that is not yet paid, still has
 * escrow, or was refunded out of it, since the verdict may be overturned at any time.
 */
export class EscrowUnits implements Check {
  readonly invariant = 'I2';
  readonly #orders = new Map<string, Order>();
  readonly #on: Handlers = {
    OrderPlaced: ({ position, data: { orderId, units, total, settlement } }) => {
      const open = new Map(units.map(({ unitNo, price }) => [unitNo, { price: price.minor, held: 0n, refunded: 0n, position }]));
      this.#orders.set(orderId, { asset: total.asset, settlement, captured: false, freezes: new Set(), units: open });
      return [];
    },
    OrderCancelled: ({ data: { orderId } }) => {
      if (this.#orders.get(orderId)?.captured === false) this.#orders.delete(orderId);
      return [];
    },
    PaymentCaptured: ({ position, data: { orderId, amount } }) => this.#capture(position, orderId, amount),
    EscrowReleased: ({ position, data: { orderId, unitNo, amount, net, fee } }) => [
      ...(addsUp(amount, [net, fee])
        ? []
        : [violation(position, `${orderId}#${unitNo}`, `released ${text(amount)}`, `${text(net)} net + ${text(fee)} fee`)]),
      ...((this.#orders.get(orderId)?.freezes.size ?? 0) > 0
        ? [violation(position, `${orderId}#${unitNo}`, `released ${text(amount)}`, 'nothing, as the order is frozen')]
        : []),
      ...this.#take(position, orderId, unitNo, amount, 'released'),
    ],
    OrderFrozen: ({ data: { orderId, scope } }) => {
      this.#orders.get(orderId)?.freezes.add(scope);
      return [];
    },
    OrderUnfrozen: ({ data: { orderId, scope, unfrozenAt } }) => {
      const order = this.#orders.get(orderId);
      order?.freezes.delete(scope);
      if (order !== undefined) order.unfrozenAt = unfrozenAt;
      return [];
    },
    RefundFundedFromEscrow: ({ position, data: { orderId, refundId, lines, amount } }) => [
      ...(addsUp(
        amount,
        lines.map((line) => line.amount),
      )
        ? []
        : [violation(position, refundId, `refunded ${text(amount)} from escrow`, 'the sum of its lines')]),
      ...lines.flatMap((line) => this.#take(position, orderId, line.unitNo, line.amount, 'refunded')),
    ],
    RefundRevoked: ({ position, data: { orderId, refundId, lines, fromEscrow, revokedAt } }) => [
      ...(addsUp(
        fromEscrow,
        lines.map((line) => line.fromEscrow),
      )
        ? []
        : [violation(position, refundId, `revoked ${text(fromEscrow)} from escrow`, 'the sum of its lines')]),
      ...lines
        .filter((line) => line.fromEscrow.minor > 0n)
        .flatMap((line) => this.#giveBack(position, orderId, line.unitNo, line.fromEscrow, revokedAt)),
    ],
    UnitDelivered: ({ position, data: { orderId, unitNo, deliveredAt, afterSaleEndsAt, sevenDayEndsAt } }) =>
      this.#note(position, orderId, [unitNo], { deliveredAt, afterSaleEndsAt, sevenDayEndsAt }),
    KeyRevealed: ({ position, data: { orderId, unitNo, revealedAt } }) => this.#note(position, orderId, [unitNo], { revealedAt }),
    // The buyer has not seen the new key yet.
    ReplacementDelivered: ({ position, data: { orderId, unitNo, deliveredAt } }) =>
      this.#note(position, orderId, [unitNo], { deliveredAt, revealedAt: undefined }),
    ReceiptConfirmed: ({ position, data: { orderId, units, confirmedAt } }) =>
      this.#note(position, orderId, units, { confirmedAt }),
    ClaimOpened: ({ position, data: { orderId, claimId, units } }) =>
      this.#note(
        position,
        orderId,
        units.map(({ unitNo }) => unitNo),
        { claimId },
      ),
    ClaimClosed: ({ position, data: { orderId, units, closedAt: claimClosedAt } }) => {
      for (const { unitNo, afterSaleEndsAt } of units) {
        this.#note(
          position,
          orderId,
          [unitNo],
          afterSaleEndsAt === undefined ? { claimClosedAt } : { claimClosedAt, afterSaleEndsAt },
        );
        delete this.#orders.get(orderId)?.units.get(unitNo)?.claimId;
      }
      return [];
    },
  };

  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] {
    return handle(this.#on, event, ledger);
  }

  finish({ now, toleranceMs }: AuditContext): readonly Violation[] {
    const late: Violation[] = [];
    for (const [orderId, { asset, settlement, freezes, unfrozenAt, units }] of this.#orders)
      for (const [unitNo, unit] of units) {
        if (unit.held <= 0n || unit.claimId !== undefined || freezes.size > 0) continue;
        const earned = releaseDue(unit, settlement);
        const due = earned && latest(earned, unfrozenAt);
        if (due === undefined || !isAfter(now, plusMs(due, toleranceMs))) continue;
        const held = text({ asset, minor: unit.held });
        late.push(violation(unit.position, `${orderId}#${unitNo}`, `${held} held at ${now}`, `released at ${due}`));
      }
    return late;
  }

  #capture(position: bigint, orderId: string, amount: Money): readonly Violation[] {
    const order = this.#orders.get(orderId);
    if (order === undefined || order.captured)
      return [violation(position, orderId, `captured ${text(amount)}`, 'an order that waits for its payment')];
    order.captured = true;
    let minor = 0n;
    for (const unit of order.units.values()) minor += unit.held = unit.price;
    const total = { asset: order.asset, minor };
    return addsUp(amount, [total]) ? [] : [violation(position, orderId, `captured ${text(amount)}`, `${text(total)}, its units`)];
  }

  #take(position: bigint, orderId: string, unitNo: number, amount: Money, what: string): readonly Violation[] {
    const order = this.#orders.get(orderId);
    const unit = order?.units.get(unitNo);
    const held = { asset: order?.asset ?? amount.asset, minor: unit?.held ?? 0n };
    const wrong = amount.asset !== held.asset || amount.minor > held.minor;
    if (order !== undefined && unit !== undefined) {
      unit.held = wrong ? 0n : held.minor - amount.minor;
      if (what === 'refunded' && !wrong) unit.refunded += amount.minor;
      const isOver = [...order.units.values()].every((other) => other.held === 0n && other.refunded === 0n);
      if (order.captured && isOver) this.#orders.delete(orderId);
    }
    return wrong
      ? [violation(position, `${orderId}#${unitNo}`, `${what} ${text(amount)}`, `at most ${text(held)}, what it holds`)]
      : [];
  }

  /** Held again, and due no sooner than now. */
  #giveBack(position: bigint, orderId: string, unitNo: number, amount: Money, at: Instant): readonly Violation[] {
    const order = this.#orders.get(orderId);
    const unit = order?.units.get(unitNo);
    const refunded = { asset: order?.asset ?? amount.asset, minor: unit?.refunded ?? 0n };
    if (unit === undefined || amount.asset !== refunded.asset || amount.minor > refunded.minor)
      return [
        violation(position, `${orderId}#${unitNo}`, `revoked ${text(amount)}`, `at most ${text(refunded)}, refunded from it`),
      ];
    unit.held += amount.minor;
    unit.refunded -= amount.minor;
    return this.#note(position, orderId, [unitNo], { backAt: at });
  }

  #note(position: bigint, orderId: string, unitNos: readonly number[], facts: Partial<Unit>): readonly Violation[] {
    const order = this.#orders.get(orderId);
    for (const unitNo of unitNos) {
      const unit = order?.units.get(unitNo);
      if (unit !== undefined) Object.assign(unit, facts, { position });
    }
    return [];
  }
}
