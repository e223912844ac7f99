import { type EventOf, eventsOf, type Instant } from '@recourse/eventing';
import { add, isPositive, isZero, type Money, subtract, sum, zero } from '@recourse/money';
import type { Liability, OrderEvent, RefundGround, RefundLine } from './order.js';
import type { Paid } from './order-state.js';
import { feeOn, type Unit } from './unit.js';

const event = eventsOf<OrderEvent>();

/** What of one unit is refunded now, by who finally bears it. K1 */
export interface RefundPart {
  readonly unit: Unit;
  readonly liable: Liability;
  readonly merchant: Money;
  readonly platform: Money;
}

/** One line per source. K5 */
export function refundLines({ unit, liable, merchant, platform }: RefundPart): readonly RefundLine[] {
  const { unitNo } = unit;
  const none = zero(unit.price.asset);
  if (unit.escrow === 'held') {
    const nothingBack = { unitNo, liable, merchantShare: none, fromFees: none };
    const lines: readonly RefundLine[] = [
      { ...nothingBack, source: 'escrow', amount: merchant, fromFund: none, fromEscrow: merchant },
      { ...nothingBack, source: 'fund', amount: platform, fromFund: platform, fromEscrow: none },
    ];
    return lines.filter(({ amount }) => isPositive(amount));
  }
  const amount = add(merchant, platform);
  const fromFees = feeOn(unit, merchant);
  return [
    {
      unitNo,
      liable,
      source: 'fund',
      amount,
      merchantShare: subtract(merchant, fromFees),
      fromFees,
      fromFund: subtract(amount, fromFees),
      fromEscrow: none,
    },
  ];
}

/** The approval and, for what escrow holds, its funding in the same append. */
export function approve(
  { terms }: Paid,
  refundId: string,
  ground: RefundGround,
  parts: readonly RefundPart[],
  approvedAt: Instant,
): readonly EventOf<OrderEvent, 'RefundApproved' | 'RefundFundedFromEscrow'>[] {
  const { orderId, platform, merchant, buyer, payee, rail } = terms;
  const parties = { platform, merchant, buyer, payee, rail };
  const lines = parts.flatMap(refundLines);
  const over = (of: 'amount' | 'fromEscrow' | 'fromFund' | 'fromFees' | 'merchantShare'): Money =>
    sum(
      lines.map((line) => line[of]),
      terms.total.asset,
    );
  const total = over('amount');
  const fromEscrow = over('fromEscrow');
  const approved = event('RefundApproved', {
    ...parties,
    refundId,
    orderId,
    ground,
    lines,
    total,
    fromEscrow,
    fromFund: over('fromFund'),
    fromFees: over('fromFees'),
    merchantShare: over('merchantShare'),
    approvedAt,
  });
  if (isZero(fromEscrow)) return [approved];
  const funded = event('RefundFundedFromEscrow', {
    ...parties,
    refundId,
    orderId,
    lines: lines.filter(({ source }) => source === 'escrow').map(({ unitNo, amount }) => ({ unitNo, amount })),
    amount: fromEscrow,
    total,
    complete: lines.every(({ source }) => source === 'escrow'),
  });
  return [approved, funded];
}
