import type { Instant } from '@recourse/eventing';
import { money } from '@recourse/money';
import type { ClaimReason, UnitFacts } from '@recourse/orders/events';
import type { CaseFile } from './dispute.js';
import { policyHash, type PolicyTable } from './policy-table.js';
import { isTable, validateTable } from './table-check.js';

// The path is not a literal, since a policy is data beside the sources and not a module of theirs.
const defaultPolicyPath = '../policies/default-policy.json';

/** The policy that comes with the product, read and checked as any stranger's. */
export async function readDefaultPolicy(): Promise<PolicyTable> {
  const { default: json } = (await import(defaultPolicyPath, { with: { type: 'json' } })) as { default: unknown };
  const table = validateTable(json);
  if (!isTable(table)) throw new Error(table.join('\n'));
  return table;
}

/** Delivered at this moment, 24 h of after-sale time. */
export const deliveredAt: Instant = '2026-03-01T08:00:00.000Z';
export const afterSaleEndsAt: Instant = '2026-03-02T08:00:00.000Z';
export const claimedAt: Instant = '2026-03-01T20:00:00.000Z';

/** A delivered and revealed unit at 10.00. */
export const unit = (unitNo: number, differing: Partial<UnitFacts> = {}): UnitFacts => ({
  unitNo,
  product: 'p1',
  price: money(1000n),
  fee: money(50n),
  escrow: 'held',
  deliveredAt,
  revealedAt: '2026-03-01T08:05:00.000Z',
  afterSaleEndsAt,
  deliveryReference: `fingerprint-${unitNo}`,
  platformFailure: false,
  evidence: ['1@order-o1', `${unitNo + 1}@order-o1`],
  ...differing,
});

/** A paid unit that never came. */
export const undelivered = (unitNo: number, differing: Partial<UnitFacts> = {}): UnitFacts => {
  const { product, price, fee, escrow, platformFailure } = unit(unitNo);
  return { unitNo, product, price, fee, escrow, platformFailure, evidence: ['1@order-o1'], ...differing };
};

/** A claim on one game-card key whose offer promises a reissue. */
export const caseFile = (reason: ClaimReason, table: PolicyTable, differing: Partial<CaseFile> = {}): CaseFile => ({
  disputeId: 'o1.1',
  orderId: 'o1',
  platform: 'demo',
  merchant: 'm1',
  buyer: 'b1',
  reason,
  productKind: 'game-card',
  promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false },
  policy: { id: 'demo', version: 1, hash: policyHash(table) },
  units: [unit(1)],
  ...differing,
});
