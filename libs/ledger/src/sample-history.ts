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
export const forgiven = (amount: number) =>
  event('RecourseForgiven', { ...account, obligationId: refundId, refundId, amount: fen(amount), forgivenAt: at(5) });
export const obligationRevoked = event('ObligationRevoked', {
  ...account,
  obligationId: refundId,
  refundId,
  amount: net,
  revokedAt: at(5),
});
/** What the fund owes and pays the merchant whose verdict was overturned. */
const loss = (amount: number) => ({ ...account, refundId, orderId, caseId: claimId, amount: fen(amount) });
export const compensationClaimed = (amount: number, escrowLoss = 0) =>
  event('CompensationClaimed', {
    ...loss(amount),
    recovered: fen(amount - escrowLoss),
    escrowLoss: fen(escrowLoss),
    claimedAt: at(5),
  });
export const compensated = (amount: number) => event('MerchantCompensated', { ...loss(amount), asset: 'CNY' });
export const compensationCredited = (amount: number) =>
  event('CompensationCredited', { ...account, refundId, orderId, amount: fen(amount) });
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
const reservationOf = (source: 'fund' | 'platform') => {
  const { fromFund, fromFees, merchantShare } = partsOf(source);
  return { ...parties, refundId, orderId, caseId: claimId, amount: price, fromFund, fromFees, merchantShare, total: price };
};
const reservation = reservationOf('fund');
export const reserved = (source: 'fund' | 'platform') => event('FundsReserved', reservationOf(source));
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
export const fundedFromDeposit = (fromHeld: number, fromDeposit: number, fromFees = 500) =>
  event('RefundFundedFromDeposit', {
    ...parties,
    refundId,
    orderId,
    caseId: claimId,
    fromHeld: fen(fromHeld),
    fromDeposit: fen(fromDeposit),
    fromFees: fen(fromFees),
    amount: fen(fromHeld + fromDeposit + fromFees),
    total: price,
    fundedAt: at(4),
  });
export const reservationWithdrawn = event('ReservationWithdrawn', {
  platform,
  asset: 'CNY',
  merchant,
  refundId,
  orderId,
  fromFund: net,
});
export const depositFundingRevoked = event('DepositFundingRevoked', {
  ...account,
  refundId,
  orderId,
  toDeposit: net,
  toFees: fee,
  amount: price,
  revokedAt: at(5),
});
/** The refund stands, and the merchant is to have what he lost by it. */
export const overturned = (recourse: number, escrowLoss = 0, buyerOwes?: number) =>
  event('RefundOverturned', {
    refundId,
    orderId,
    ...parties,
    disputeId: claimId,
    units: [1],
    amount: price,
    escrowLoss: fen(escrowLoss),
    recourse: fen(recourse),
    ...(buyerOwes === undefined ? {} : { buyerOwes: fen(buyerOwes) }),
    overturnedAt: at(5),
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
export const payoutCancelled = event('PayoutCancelled', {
  payoutId: refundId,
  platform,
  purpose: refundPayout.purpose,
  cancelledAt: at(5),
});
export const payoutReturned = event('PayoutReturned', { ...refundPayout, returnedAt: at(6) });
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

/** The fund is empty, so the merchant's deposit pays his part at once and nothing is left to recover. */
export const handedOver: readonly DomainEvent[] = [
  depositOpened(),
  toppedUp(50_000),
  ...soldOnDelivery,
  claimOpened,
  held(8_000),
  approved('fund'),
  fundOpened(),
  claimClosed('refunded'),
  event('ReservationQueued', reservation),
  event('ReservationHandedOver', reservation),
  fundedFromDeposit(8_000, 1_500),
  event('ReservationTakenOver', { platform, asset: 'CNY', merchant, refundId, orderId, fromFund: net }),
  ...paid,
  event('DepositFundingPaid', { ...account, refundId, orderId, amount: price, paidAt: at(5) }),
  event('HandOverEnded', { platform, asset: 'CNY', merchant, refundId, orderId }),
];

/** As `handedOver`, but the verdict is overturned before anybody was paid. */
export const refundRevokedFromDeposit: readonly DomainEvent[] = [
  ...handedOver.slice(0, handedOver.findIndex(({ type }) => type === 'ReservationTakenOver') + 1),
  revoked('fund'),
  event('HandOverRevoked', { platform, asset: 'CNY', merchant, refundId, orderId }),
  depositFundingRevoked,
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

/** The verdict behind a refund that was recovered in part is overturned: the rest is forgiven, the part is given back. */
export const madeWhole: readonly DomainEvent[] = [
  ...thinDeposit.slice(0, -3),
  overturned(9_500),
  forgiven(6_500),
  compensationClaimed(3_000),
  compensated(3_000),
  compensationCredited(3_000),
];

/** Overturned when what was missing had been written off, and a part of that recovered after all. */
export const madeWholeAfterWriteOff: readonly DomainEvent[] = [
  ...writtenOffDebt,
  overturned(9_500),
  reinstated(4_500, 0),
  forgiven(4_500),
  compensationClaimed(5_000),
  compensated(5_000),
  compensationCredited(5_000),
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

/** The verdict is overturned before the refund out of escrow was paid: the merchant gets the unit. */
export const revokedRefund: readonly DomainEvent[] = [
  ...refundFromEscrow.slice(0, -4),
  cancelRequested,
  payoutCancelled,
  revoked('escrow'),
  released(1, 'claim-closed'),
  credited(1),
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

export const buyerFraud = (amount: number, buyer = 'b1') =>
  event('BuyerFraudEstablished', { platform, asset: 'CNY', refundId, orderId, merchant, buyer, amount: fen(amount) });
const owed = { debtId: refundId, platform, buyer: 'b1', merchant, refundId, kind: 'fraud' } as const;
const owedTwice = { ...owed, debtId: `${refundId}.outside`, kind: 'double-payment' } as const;
const byRail = { rail: 'alipay', transaction: 't9' };
const twoPeople = { reason: 'the buyer is gone', proposedBy: 'chen', approvedBy: 'zhou' };
export const debtOpened = (amount: number, outstanding = amount) =>
  event('BuyerDebtOpened', { ...owed, amount: fen(amount), outstanding: fen(outstanding), openedAt: at(6) });
export const debtRepaid = (amount: number, outstanding: number) =>
  event('BuyerDebtRepaid', { ...owed, ...byRail, amount: fen(amount), outstanding: fen(outstanding), repaidAt: at(6) });
export const debtReturned = (amount: number, rest: number, outstanding: number) =>
  event('BuyerDebtReturned', {
    ...owed,
    amount: fen(amount),
    rest: fen(rest),
    outstanding: fen(outstanding),
    returnedAt: at(6),
  });
export const debtGivenUp = (amount: number, approvedBy = 'zhou') =>
  event('DebtWriteOffApproved', { ...owed, ...twoPeople, amount: fen(amount), approvedBy, approvedAt: at(6) });
export const fraudRepaid = (amount: number, source: 'rail' | 'refund') =>
  event('FraudRepaid', { ...owed, asset: 'CNY', amount: fen(amount), ...(source === 'rail' ? byRail : {}) });
export const refundReturned = (amount: number) =>
  event('RefundReturned', { platform, asset: 'CNY', merchant, buyer: 'b1', refundId, amount: fen(amount) });
export const doublePaymentRepaid = event('DoublePaymentRepaid', { ...owedTwice, ...byRail, asset: 'CNY', amount: price });
export const buyerDebtWrittenOff = (kind: 'fraud' | 'double-payment', amount: number) =>
  event('BuyerDebtWrittenOff', { ...(kind === 'fraud' ? owed : owedTwice), ...twoPeople, asset: 'CNY', amount: fen(amount) });

/** A buyer who deceived: he repays a part, then the refund itself comes back from his account, more than he owes by then. */
export const deceit: readonly DomainEvent[] = [
  ...refundFromEscrow,
  overturned(0, 9_500, 10_000),
  buyerFraud(10_000),
  debtOpened(10_000),
  debtRepaid(3_000, 7_000),
  fraudRepaid(3_000, 'rail'),
  reversed(),
  payoutReturned,
  debtReturned(7_000, 3_000, 0),
  fraudRepaid(7_000, 'refund'),
  refundReturned(3_000),
];
/** He repays a part, and two people give up the rest. */
export const deceitGivenUp: readonly DomainEvent[] = [
  ...deceit.slice(0, -5),
  debtGivenUp(7_000),
  buyerDebtWrittenOff('fraud', 7_000),
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
