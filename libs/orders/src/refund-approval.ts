import { type EventOf, eventsOf, type Instant } from '@recourse/eventing';
import { add, compare, isPositive, isZero, type Money, subtract, sum, zero } from '@recourse/money';
import type { Liability, OrderEvent, RefundGround, RefundLine } from './order.js';
import type { Paid } from './order-state.js';
import { feeOn, restOf, type Unit } from './unit.js';

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

/** Sums over the lines, so that who reads them need not add up. */
export function totalsOf(lines: readonly RefundLine[], asset: string) {
  const over = (of: 'amount' | 'fromEscrow' | 'fromFund' | 'fromFees' | 'merchantShare'): Money =>
    sum(
      lines.map((line) => line[of]),
      asset,
    );
  return {
    total: over('amount'),
    fromEscrow: over('fromEscrow'),
    fromFund: over('fromFund'),
    fromFees: over('fromFees'),
    merchantShare: over('merchantShare'),
  };
}

export const partiesOf = ({ terms: { platform, merchant, buyer, payee, rail } }: Paid) => ({
  platform,
  merchant,
  buyer,
  payee,
  rail,
});

/** The approval and, for what escrow holds, its funding in the same append. */
export function approve(
  order: Paid,
  refundId: string,
  ground: RefundGround,
  parts: readonly RefundPart[],
  approvedAt: Instant,
): readonly EventOf<OrderEvent, 'RefundApproved' | 'RefundFundedFromEscrow'>[] {
  const { orderId, total: price } = order.terms;
  const parties = partiesOf(order);
  const lines = parts.flatMap(refundLines);
  const totals = totalsOf(lines, price.asset);
  const { total, fromEscrow } = totals;
  const unitsWithRest = parts
    .filter(({ unit, merchant, platform }) => compare(add(merchant, platform), restOf(unit)) < 0)
    .map(({ unit }) => unit.unitNo);
  const approved = event('RefundApproved', {
    ...parties,
    refundId,
    orderId,
    ground,
    lines,
    ...totals,
    ...(unitsWithRest.length > 0 && { unitsWithRest }),
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
