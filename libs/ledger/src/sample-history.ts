import { eventsOf, systemActor, type DataOf, type Recorded } from '@recourse/eventing';
import type { RefundLine } from '@recourse/orders/events';
import { money, type Money } from '@recourse/money';
import { Audit, type AuditReport } from './audit.js';
import type { AuditContext } from './invariant.js';
import type { DomainEvent } from './posting.js';

/** Histories that specs tell, break and audit. */
const made = eventsOf<DomainEvent>();
const event = <Type extends DomainEvent['type']>(type: Type, data: DataOf<DomainEvent, Type>): DomainEvent => made(type, data);
export const fen = (minor: number): Money => money(BigInt(minor));

const at = (day: number) => `2026-03-${String(day).padStart(2, '0')}T08:00:00.000Z`;
export const endOfMonth = '2026-03-31T08:00:00.000Z';

export const platform = 'demo';
export const merchant = 'm1';
export const orderId = 'demo.o1';
export const refundId = 'demo.o1.1.v1';
export const settlementId = 'demo.m1.s1';
export const withdrawalId = 'demo.m1.w1';
export const refundKey = '1'.repeat(32);
export const settlementKey = '2'.repeat(32);
const account = { platform, merchant };
const parties = { platform, merchant, buyer: 'b1', payee: 'vault:b1', rail: 'alipay' };
const price = fen(10_000);
const fee = fen(500);
const net = fen(9_500);
const claimId = 'demo.o1.1';
const policy = { id: 'standard', version: 1, hash: 'a'.repeat(64) };
const promise = { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: false };
const caseHold = { kind: 'case', caseId: claimId } as const;

export const toppedUp = (amount: number, transaction = 't1') =>
  event('DepositToppedUp', { ...account, amount: fen(amount), rail: 'alipay', transaction, toppedUpAt: at(1) });
export const held = (amount: number) => event('DepositHeld', { ...account, for: caseHold, amount: fen(amount) });
export const debited = (fromHeld: number, fromDeposit: number, outstanding: number) =>
  event('DepositDebited', {
    ...account,
    obligationId: refundId,
    refundId,
    fromHeld: fen(fromHeld),
    fromDeposit: fen(fromDeposit),
    amount: fen(fromHeld + fromDeposit),
    outstanding: fen(outstanding),
    debitedAt: at(5),
  });
export const payableDebited = (amount: number, outstanding: number) =>
  event('PayableDebited', {
    ...account,
    obligationId: refundId,
    refundId,
    amount: fen(amount),
    outstanding: fen(outstanding),
    debitedAt: at(5),
  });
export const reimbursed = (amount: number) =>
  event('FundReimbursed', { ...account, obligationId: refundId, refundId, amount: fen(amount), source: 'deposit' });
export const released = (unitNo: number, because: DataOf<DomainEvent, 'EscrowReleased'>['because']) =>
  event('EscrowReleased', { orderId, ...account, unitNo, amount: price, fee, net, because });
export const credited = (unitNo = 1) => event('PayableCredited', { ...account, orderId, unitNo, amount: net });
export const obligationOpened = (amount: number) =>
  event('ObligationOpened', {
    ...account,
    obligationId: refundId,
    refundId,
    caseId: claimId,
    orderId,
    amount: fen(amount),
    openedAt: at(4),
  });
export const settlementDrawn = (amount: number) =>
  event('SettlementDrawn', {
    ...account,
    payoutId: settlementId,
    amount: fen(amount),
    payee: 'vault:m1',
    rail: 'alipay',
    drawnAt: at(3),
  });
export const settlementReturned = (amount: number) =>
  event('SettlementReturned', { ...account, payoutId: settlementId, amount: fen(amount) });
export const withdrawalDrawn = (fromDeposit: number, fromPayable = 0) =>
  event('WithdrawalDrawn', {
    ...account,
    payoutId: withdrawalId,
    amount: fen(fromDeposit + fromPayable),
    fromDeposit: fen(fromDeposit),
    fromPayable: fen(fromPayable),
    payee: 'vault:m1',
    rail: 'alipay',
    drawnAt: at(5),
  });
export const drawReturned = (toDeposit: number, toPayable = 0) =>
  event('DrawReturned', {
    ...account,
    payoutId: withdrawalId,
    amount: fen(toDeposit + toPayable),
    toDeposit: fen(toDeposit),
    toPayable: fen(toPayable),
    returnedAt: at(5),
  });
export const writtenOff = (amount: number, approvedBy = 'zhou') =>
  event('RecourseWrittenOff', {
    ...account,
    obligationId: refundId,
    refundId,
    amount: fen(amount),
    reason: 'the merchant is gone',
    proposedBy: 'chen',
    approvedBy,
    writtenOffAt: at(5),
  });
export const reinstated = (amount: number, rest: number) =>
  event('RecourseReinstated', {
    ...account,
    obligationId: refundId,
    refundId,
    amount: fen(amount),
    writtenOff: fen(rest),
    reinstatedAt: at(5),
  });
export const refundPaid = event('ObligationRefundPaid', { ...account, obligationId: refundId, refundId, paidAt: at(5) });
export const depositOpened = (deposit = 0, period = '0001') =>
  event('DepositPeriodOpened', { ...account, period, deposit: fen(deposit), held: fen(0), payable: fen(0), openedAt: at(1) });
export const fundOpened = (available = 0, period = '0001') =>
  event('FundPeriodOpened', { platform, period, available: fen(available), openedAt: at(1) });
export const contributed = event('FundContributed', {
  platform,
  contributionId: 'demo.c1',
  amount: fen(100_000),
  rail: 'alipay',
});

export const placed = (settlement: 'ESCROW' | 'ON_DELIVERY', units = 1) =>
  event('OrderPlaced', {
    orderId,
    ...parties,
    receiver: 'ours',
    productKind: 'game-card',
    settlement,
    promise,
    policy,
    units: Array.from({ length: units }, (_, index) => ({ unitNo: index + 1, product: 'card', price, fee })),
    total: fen(10_000 * units),
    payBefore: at(2),
    placedAt: at(2),
  });
export const captured = (amount: number) =>
  event('PaymentCaptured', {
    orderId,
    platform,
    rail: 'alipay',
    transaction: 't2',
    amount: fen(amount),
    capturedAt: at(2),
    deliverBefore: at(3),
  });
export const surplusId = `${orderId}.surplus.${'0'.repeat(16)}`;
export const surplus = (amount: number, transaction = 't3', id = surplusId) =>
  event('SurplusCaptured', {
    ...parties,
    refundId: id,
    orderId,
    transaction,
    why: 'duplicate',
    amount: fen(amount),
    capturedAt: at(2),
    bookedAt: at(2),
  });
export const delivered = (unitNo = 1) =>
  event('UnitDelivered', {
    orderId,
    unitNo,
    delivery: { kind: 'key', ciphertext: 'c', fingerprint: 'f', masked: '****' },
    deliveredAt: at(2),
    afterSaleEndsAt: at(3),
  });
export const frozen = event('OrderFrozen', { orderId, ...account, scope: 'order', reason: 'suspicion', frozenAt: at(2) });
export const unfrozen = event('OrderUnfrozen', { orderId, ...account, scope: 'order', reason: 'cleared', unfrozenAt: at(9) });
export const claimOpened = event('ClaimOpened', {
  claimId,
  orderId,
  ...account,
  buyer: 'b1',
  reason: 'key-used',
  channel: 'app',
  draft: false,
  productKind: 'game-card',
  promise,
  policy,
  units: [{ unitNo: 1, product: 'card', price, fee, escrow: 'held', platformFailure: false, evidence: [] }],
  openedAt: at(3),
});
export const claimClosed = (outcome: 'refunded' | 'refused') =>
  event('ClaimClosed', { claimId, orderId, outcome, units: [{ unitNo: 1 }], closedAt: at(4) });

type Source = 'escrow' | 'fund' | 'platform';
const partsOf = (source: Source) => ({
  fromEscrow: source === 'escrow' ? price : fen(0),
  fromFund: source === 'escrow' ? fen(0) : source === 'fund' ? net : price,
  fromFees: source === 'fund' ? fee : fen(0),
  merchantShare: source === 'fund' ? net : fen(0),
});
const linesOf = (source: Source): readonly RefundLine[] => [
  {
    unitNo: 1,
    source: source === 'escrow' ? 'escrow' : 'fund',
    amount: price,
    liable: source === 'platform' ? 'PLATFORM' : 'MERCHANT',
    ...partsOf(source),
  },
];
export const approved = (source: Source) =>
  event('RefundApproved', {
    refundId,
    orderId,
    ...parties,
    ground: { kind: 'verdict', disputeId: claimId, verdictId: refundId, rule: 'used-before-sale' },
    lines: linesOf(source),
    total: price,
    ...partsOf(source),
    approvedAt: at(4),
  });
export const fundedFromEscrow = event('RefundFundedFromEscrow', {
  refundId,
  orderId,
  ...parties,
  lines: [{ unitNo: 1, amount: price }],
  amount: price,
  total: price,
  complete: true,
});
export const reserved = (source: 'fund' | 'platform') => {
  const { fromFund, fromFees, merchantShare } = partsOf(source);
  return event('FundsReserved', {
    ...parties,
    refundId,
    orderId,
    caseId: claimId,
    amount: price,
    fromFund,
    fromFees,
    merchantShare,
    total: price,
  });
};
/** Taken back before it was paid. */
export const revoked = (source: Source) =>
  event('RefundRevoked', {
    refundId,
    orderId,
    ...parties,
    disputeId: claimId,
    lines: linesOf(source),
    total: price,
    ...partsOf(source),
    revokedAt: at(5),
  });
export const reservationRevoked = event('ReservationRevoked', {
  platform,
  asset: 'CNY',
  merchant,
  refundId,
  orderId,
  ...partsOf('fund'),
});

const refundPayout = {
  payoutId: refundId,
  platform,
  purpose: { kind: 'refund', refundId, orderId, buyer: 'b1', merchant },
  rail: 'alipay',
  amount: price,
} as const;
const settlementPayout = {
  payoutId: settlementId,
  platform,
  purpose: { kind: 'settlement', merchant },
  rail: 'alipay',
  amount: net,
} as const;
const first = { transferNo: 1, key: refundKey };
export const submitted = (transferNo = 1, key = refundKey) =>
  event('TransferSubmitted', { ...refundPayout, transferNo, key, payee: 'vault:b1', submittedAt: at(4) });
export const failed = (transferNo = 1, key = refundKey) =>
  event('TransferFailed', { payoutId: refundId, transferNo, key, failure: 'Closed', code: 'CLOSED' });
export const processing = event('TransferProcessing', { payoutId: refundId, ...first });
export const succeeded = (transferNo = 1, key = refundKey) =>
  event('PayoutSucceeded', { ...refundPayout, transferNo, key, railTransferId: 'r1', succeededAt: at(5) });
export const reversed = (transferNo = 1, key = refundKey) =>
  event('PayoutReversed', { ...refundPayout, transferNo, key, railTransferId: 'r1', code: 'ACCOUNT_CLOSED', reversedAt: at(6) });
export const gatewayFee = event('GatewayFeeCharged', {
  payoutId: refundId,
  platform,
  rail: 'alipay',
  ...first,
  amount: fen(10),
  chargedAt: at(5),
});
export const differenceId = 'alipay.2026-03-04.l1';
const difference = { differenceId, platform, rail: 'alipay', day: '2026-03-04' };
/** A line of the rail's bill that nobody here made. */
export const differenceBooked = (amount: number, direction: 'in' | 'out' = 'out', key?: string) =>
  event('DifferenceBooked', {
    ...difference,
    direction,
    amount: fen(amount),
    lineId: 'l1',
    kind: 'refund',
    reference: 't0',
    orderId,
    ...(key === undefined ? {} : { key }),
    occurredAt: at(4),
    bookedAt: at(5),
  });
export const refundedOutside = (fromRefund: number, toBuyer = 0, stillDue = 0) =>
  event('RefundedOutside', {
    payoutId: refundId,
    platform,
    purpose: refundPayout.purpose,
    rail: 'alipay',
    fromRefund: fen(fromRefund),
    toBuyer: fen(toBuyer),
    stillDue: fen(stillDue),
    differenceId,
    recordedAt: at(5),
  });
export const differenceCleared = (
  amount: number,
  into: DataOf<DomainEvent, 'DifferenceCleared'>['into'] = { kind: 'refunded-outside', refundId },
  direction: 'in' | 'out' = 'out',
) => event('DifferenceCleared', { ...difference, direction, amount: fen(amount), into, by: 'chen', clearedAt: at(5) });
export const differenceWrittenOff = (amount: number, approvedBy = 'zhou', direction: 'in' | 'out' = 'out') =>
  event('DifferenceWrittenOff', {
    ...difference,
    direction,
    amount: fen(amount),
    reason: 'nobody knows',
    proposedBy: 'chen',
    approvedBy,
    writtenOffAt: at(5),
  });
/** Above a limit, and approved by these two. */
export const payoutRequested = (limit: number) =>
  event('PayoutRequested', { ...refundPayout, payee: 'vault:b1', requestedAt: at(4), approvalLimit: fen(limit) });
export const payoutApproved = (firstBy: string, approvedBy: string) =>
  event('PayoutApproved', {
    payoutId: refundId,
    platform,
    amount: price,
    approvalLimit: fen(9_999),
    firstBy,
    approvedBy,
    approvedAt: at(4),
  });
export const cancelRequested = event('PayoutCancelRequested', {
  payoutId: refundId,
  platform,
  purpose: refundPayout.purpose,
  reason: 'asked for',
  requestedBy: 'finance-1',
  requestedAt: at(4),
});
export const settlementPaid = [
  event('PayoutRequested', { ...settlementPayout, payee: 'vault:m1', requestedAt: at(3) }),
  event('TransferSubmitted', {
    ...settlementPayout,
    transferNo: 1,
    key: settlementKey,
    payee: 'vault:m1',
    submittedAt: at(3),
  }),
  event('PayoutSucceeded', { ...settlementPayout, transferNo: 1, key: settlementKey, railTransferId: 'r2', succeededAt: at(3) }),
];
export const paid = [
  event('PayoutRequested', { ...refundPayout, payee: 'vault:b1', requestedAt: at(4) }),
  submitted(),
  processing,
  succeeded(),
];

const opened = [depositOpened(), fundOpened(), contributed];
const soldOnDelivery = [placed('ON_DELIVERY'), captured(10_000), delivered(), released(1, 'delivered'), credited()];

/** A dead key of a merchant paid on delivery: the fund pays, the deposit is debited, the fund is made whole. */
export const deadKey: readonly DomainEvent[] = [
  ...opened,
  toppedUp(50_000),
  ...soldOnDelivery,
  claimOpened,
  held(10_000),
  approved('fund'),
  claimClosed('refunded'),
  reserved('fund'),
  obligationOpened(9_500),
  event('HoldReassigned', { ...account, caseId: claimId, obligationId: refundId, amount: net }),
  event('HoldReleased', { ...account, for: caseHold, amount: fee }),
  ...paid,
  refundPaid,
  debited(9_500, 0, 0),
  reimbursed(9_500),
];

/** As `deadKey`, but somebody refunded the buyer at the rail's console before we did. */
export const paidOutside: readonly DomainEvent[] = deadKey.flatMap((each) => {
  if (each.type === 'PayoutRequested')
    return [each, differenceBooked(10_000), refundedOutside(10_000), differenceCleared(10_000)];
  return ['TransferSubmitted', 'TransferProcessing', 'PayoutSucceeded'].includes(each.type) ? [] : [each];
});

/** The deposit covers a part, the rest is owed until the next top-up. */
export const thinDeposit: readonly DomainEvent[] = [
  ...opened,
  toppedUp(3_000),
  ...soldOnDelivery,
  settlementDrawn(9_500),
  ...settlementPaid,
  claimOpened,
  held(3_000),
  approved('fund'),
  claimClosed('refunded'),
  reserved('fund'),
  obligationOpened(9_500),
  event('HoldReassigned', { ...account, caseId: claimId, obligationId: refundId, amount: fen(3_000) }),
  ...paid,
  refundPaid,
  debited(3_000, 0, 6_500),
  reimbursed(3_000),
  toppedUp(10_000, 't3'),
  debited(0, 6_500, 0),
  reimbursed(6_500),
];

/** The debt of a merchant who seems to be gone is given up; money that comes later pays a part of it all the same. */
export const writtenOffDebt: readonly DomainEvent[] = [
  ...thinDeposit.slice(0, -3),
  writtenOff(6_500),
  toppedUp(2_000, 't3'),
  reinstated(2_000, 4_500),
  debited(0, 2_000, 0),
  reimbursed(2_000),
];

/** Two units in escrow: one refunded out of it, one released when its window ends. */
export const refundFromEscrow: readonly DomainEvent[] = [
  placed('ESCROW', 2),
  captured(20_000),
  delivered(1),
  delivered(2),
  claimOpened,
  released(2, 'window-ended'),
  credited(2),
  approved('escrow'),
  fundedFromEscrow,
  claimClosed('refunded'),
  ...paid,
];

/** The platform is at fault while escrow holds the unit: the fund pays, the merchant gets his money. */
export const platformBears: readonly DomainEvent[] = [
  ...opened,
  placed('ESCROW'),
  captured(10_000),
  delivered(),
  claimOpened,
  approved('platform'),
  released(1, 'platform-bears'),
  claimClosed('refunded'),
  credited(),
  reserved('platform'),
  ...paid,
];

const surplusPayout = {
  payoutId: surplusId,
  platform,
  purpose: { kind: 'refund', refundId: surplusId, orderId, buyer: 'b1', merchant },
  rail: 'alipay',
  amount: fen(10_000),
  transferNo: 1,
  key: refundKey,
} as const;
/** The second payment of an order goes back, without anybody's approval, while the first stays in escrow. */
export const paidTwice: readonly DomainEvent[] = [
  placed('ESCROW'),
  captured(10_000),
  surplus(10_000),
  event('TransferSubmitted', { ...surplusPayout, payee: 'vault:b1', submittedAt: at(2) }),
  event('PayoutSucceeded', { ...surplusPayout, railTransferId: 'r3', succeededAt: at(2) }),
];

/** Positions are 10, 20, 30 …, as a log with other things in between has them. */
export const recorded = (history: readonly DomainEvent[]): Recorded<DomainEvent>[] =>
  history.map((each, index) => ({
    ...each,
    id: `e${index}`,
    stream: 'history-1',
    revision: BigInt(index),
    position: BigInt((index + 1) * 10),
    metadata: {
      commandId: `c${index}`,
      correlationId: 'c0',
      actor: systemActor('history'),
      schemaVersion: 1,
      recordedAt: at(6),
      effectiveAt: at(6),
    },
  }));

export const audited = (history: readonly DomainEvent[], context: Partial<AuditContext> = {}): Promise<AuditReport> =>
  new Audit().run(recorded(history), { now: endOfMonth, toleranceMs: 60_000, ...context });

/** Place of the last event of a type. */
export const positionOf = (history: readonly DomainEvent[], type: DomainEvent['type']): bigint =>
  BigInt((history.findLastIndex((each) => each.type === type) + 1) * 10);

/** The history with the last event of a type replaced. @throws RangeError when there is none */
export function replaced(history: readonly DomainEvent[], type: DomainEvent['type'], ...by: DomainEvent[]): DomainEvent[] {
  const index = history.findLastIndex((each) => each.type === type);
  if (index < 0) throw new RangeError(`the history has no ${type}`);
  return history.toSpliced(index, 1, ...by);
}

/** The history with some data of the last event of a type changed. */
export function tampered<Type extends DomainEvent['type']>(
  history: readonly DomainEvent[],
  type: Type,
  data: Partial<DataOf<DomainEvent, Type>>,
): DomainEvent[] {
  const original = history.findLast((each) => each.type === type);
  return replaced(history, type, { type, data: { ...original?.data, ...data } } as DomainEvent);
}
