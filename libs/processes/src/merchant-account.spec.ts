import type { FundEvent, PayoutEvent } from '@recourse/compensation/events';
import type { DisputeEvent } from '@recourse/disputes/events';
import type { OrderEvent } from '@recourse/orders/events';
import { merchantAccount } from './merchant-account.js';
import { fen, noon, parties, recorded, streams } from './sample-events.js';

const { on } = merchantAccount;
const account = { do: 'command', category: 'deposit', id: 'demo.m1' } as const;
const lane = (event: Parameters<NonNullable<typeof merchantAccount.lane>>[0]) => merchantAccount.lane?.(event);

const reserved = (merchantShare: number) =>
  recorded<FundEvent, 'FundsReserved'>('fund-demo.CNY.0001', 'FundsReserved', {
    ...parties,
    refundId: 'demo.o1.1.v1',
    orderId: 'demo.o1',
    caseId: 'demo.o1.1',
    amount: fen(5_000),
    fromFund: fen(4_900),
    fromFees: fen(100),
    merchantShare: fen(merchantShare),
    total: fen(5_000),
  });
const paid = (
  purpose: PayoutEvent extends infer E ? (E extends { type: 'PayoutSucceeded'; data: { purpose: infer P } } ? P : never) : never,
) =>
  recorded<PayoutEvent, 'PayoutSucceeded'>('payout-demo.o1.1.v1', 'PayoutSucceeded', {
    payoutId: 'demo.o1.1.v1',
    platform: 'demo',
    purpose,
    rail: 'sandbox',
    amount: fen(5_000),
    transferNo: 1,
    key: 'k',
    railTransferId: 'r',
    succeededAt: noon,
  });
const refund = { kind: 'refund', refundId: 'demo.o1.1.v1', orderId: 'demo.o1', buyer: 'b1', merchant: 'm1' } as const;

it('the merchant’s share of what the fund reserved becomes an obligation, secured by the hold of its case', async () => {
  expect(await on.FundsReserved?.(reserved(4_900), streams())).toEqual([
    {
      ...account,
      name: 'open-obligation',
      command: {
        type: 'OpenObligation',
        obligationId: 'demo.o1.1.v1',
        refundId: 'demo.o1.1.v1',
        orderId: 'demo.o1',
        amount: fen(4_900),
        caseId: 'demo.o1.1',
      },
    },
  ]);
});

it('what the fund is short of is asked of the deposit, and what the deposit gave is asked back when the refund was revoked', async () => {
  const waits = { fromFund: fen(4_900), fromFees: fen(100), merchantShare: fen(4_900), total: fen(5_000) };
  const refund = { ...parties, refundId: 'demo.o1.1.v1', orderId: 'demo.o1', caseId: 'demo.o1.1' };
  const handedOver = recorded<FundEvent, 'ReservationHandedOver'>('fund-demo.CNY.0001', 'ReservationHandedOver', {
    ...refund,
    amount: fen(5_000),
    ...waits,
    countedOn: '2026-03-01',
  });
  const { fromFees, merchantShare: share, total } = waits;
  expect(await on.ReservationHandedOver?.(handedOver, streams())).toEqual([
    { ...account, name: 'fund-refund', command: { type: 'FundRefund', ...refund, share, fromFees, total } },
  ]);
  const revoked = recorded<FundEvent, 'HandOverRevoked'>('fund-demo.CNY.0001', 'HandOverRevoked', {
    platform: 'demo',
    asset: 'CNY',
    merchant: 'm1',
    refundId: 'demo.o1.1.v1',
    orderId: 'demo.o1',
  });
  expect(await on.HandOverRevoked?.(revoked, streams())).toEqual([
    { ...account, name: 'revoke-funding', command: { type: 'RevokeFunding', refundId: 'demo.o1.1.v1' } },
  ]);
  expect([lane(handedOver), lane(revoked)]).toEqual(['demo.m1', 'demo.m1']);
});

it('what the platform bears alone opens no obligation', async () => {
  expect(await on.FundsReserved?.(reserved(0), streams())).toEqual([]);
});

it('recourse follows the payment of the refund; a settlement or withdrawal is only known to be paid', async () => {
  expect(await on.PayoutSucceeded?.(paid(refund), streams())).toEqual([
    { ...account, name: 'collect', command: { type: 'CollectObligation', obligationId: 'demo.o1.1.v1' } },
  ]);
  for (const kind of ['settlement', 'withdrawal'] as const)
    expect(await on.PayoutSucceeded?.(paid({ kind, merchant: 'm1' }), streams())).toEqual([
      { ...account, name: 'confirm-draw', command: { type: 'ConfirmDraw', payoutId: 'demo.o1.1.v1' } },
    ]);
});

it('recourse follows a refund that was made outside in our place, and not one beside our payment or of a part', async () => {
  const outside = (fromRefund: number, stillDue: number) =>
    recorded<PayoutEvent, 'RefundedOutside'>('payout-demo.o1.1.v1', 'RefundedOutside', {
      payoutId: 'demo.o1.1.v1',
      platform: 'demo',
      purpose: refund,
      rail: 'sandbox',
      fromRefund: fen(fromRefund),
      toBuyer: fen(0),
      stillDue: fen(stillDue),
      differenceId: 'sandbox.2026-03-01.movement-1',
      recordedAt: noon,
    });
  expect(await on.RefundedOutside?.(outside(5_000, 0), streams())).toEqual([
    { ...account, name: 'collect', command: { type: 'CollectObligation', obligationId: 'demo.o1.1.v1' } },
  ]);
  expect(lane(outside(5_000, 0))).toBe('demo.m1');
  expect(await on.RefundedOutside?.(outside(2_000, 3_000), streams())).toEqual([]);
  expect(await on.RefundedOutside?.(outside(0, 0), streams())).toEqual([]);
});

it('a settlement that was cancelled is the merchant’s again; what a refund was funded from is not his', async () => {
  const cancelled = (purpose: Parameters<typeof paid>[0]) =>
    recorded<PayoutEvent, 'PayoutCancelled'>('payout-demo.m1.s1', 'PayoutCancelled', {
      payoutId: 'demo.m1.s1',
      platform: 'demo',
      purpose,
      cancelledAt: noon,
    });
  const event = cancelled({ kind: 'settlement', merchant: 'm1' });
  expect(await on.PayoutCancelled?.(event, streams())).toEqual([
    { ...account, name: 'return-draw', command: { type: 'ReturnDraw', payoutId: 'demo.m1.s1' } },
  ]);
  expect(lane(event)).toBe('demo.m1');
  expect(await on.PayoutCancelled?.(cancelled(refund), streams())).toEqual([]);
});

it('a settlement that is given back says what it was, for an account that has forgotten it', async () => {
  const purpose = { kind: 'settlement', merchant: 'm1' } as const;
  const payoutId = 'demo.m1.s1';
  const requested = recorded<PayoutEvent, 'PayoutRequested'>('payout-demo.m1.s1', 'PayoutRequested', {
    payoutId,
    platform: 'demo',
    purpose,
    rail: 'sandbox',
    payee: 'person-1',
    amount: fen(5_000),
    requestedAt: noon,
  });
  const event = recorded<PayoutEvent, 'PayoutCancelled'>('payout-demo.m1.s1', 'PayoutCancelled', {
    payoutId,
    platform: 'demo',
    purpose,
    cancelledAt: noon,
  });
  expect(await on.PayoutCancelled?.(event, streams(requested))).toMatchObject([
    { command: { type: 'ReturnDraw', payoutId, draw: { kind: 'settlement', amount: fen(5_000) } } },
  ]);
});
it('the obligation of a reservation that was revoked is revoked behind it, in the lane in which it was opened', async () => {
  const revoked = (merchantShare: number) =>
    recorded<FundEvent, 'ReservationRevoked'>('fund-demo.CNY.0001', 'ReservationRevoked', {
      platform: 'demo',
      asset: 'CNY',
      refundId: 'demo.o1.1.v1',
      orderId: 'demo.o1',
      merchant: 'm1',
      fromFund: fen(4_900),
      fromFees: fen(100),
      merchantShare: fen(merchantShare),
    });
  expect(await on.ReservationRevoked?.(revoked(4_900), streams())).toEqual([
    { ...account, name: 'revoke-obligation', command: { type: 'RevokeObligation', obligationId: 'demo.o1.1.v1' } },
  ]);
  expect(await on.ReservationRevoked?.(revoked(0), streams())).toEqual([]);
  expect([lane(revoked(4_900)), lane(reserved(4_900))]).toEqual(['demo.m1', 'demo.m1']);
});

it('what the fund pays a merchant for an overturned verdict is credited to him', async () => {
  const compensated = recorded<FundEvent, 'MerchantCompensated'>('fund-demo.CNY.0001', 'MerchantCompensated', {
    platform: 'demo',
    asset: 'CNY',
    merchant: 'm1',
    refundId: 'demo.o1.1.v1',
    orderId: 'demo.o1',
    caseId: 'demo.o1.1',
    amount: fen(4_900),
  });
  expect(await on.MerchantCompensated?.(compensated, streams())).toEqual([
    {
      ...account,
      name: 'credit-compensation',
      command: { type: 'CreditCompensation', refundId: 'demo.o1.1.v1', orderId: 'demo.o1', amount: fen(4_900) },
    },
  ]);
  expect(lane(compensated)).toBe('demo.m1');
});

it('proceeds of released escrow are credited net of the fee', async () => {
  const released = (net: number) =>
    recorded<OrderEvent, 'EscrowReleased'>('order-demo.o1', 'EscrowReleased', {
      orderId: 'demo.o1',
      platform: 'demo',
      merchant: 'm1',
      unitNo: 2,
      amount: fen(100),
      fee: fen(100 - net),
      net: fen(net),
      because: 'confirmed',
    });
  expect(await on.EscrowReleased?.(released(98), streams())).toEqual([
    { ...account, name: 'credit-payable', command: { type: 'CreditPayable', orderId: 'demo.o1', unitNo: 2, amount: fen(98) } },
  ]);
  expect(await on.EscrowReleased?.(released(0), streams())).toEqual([]);
});

it('a case keeps its note until its last verdict is final, that on an appeal too', async () => {
  const disputeId = 'demo.o1.1';
  const stream = `dispute-${disputeId}`;
  const party = { disputeId, platform: 'demo', merchant: 'm1', orderId: 'demo.o1' };
  const said = <Type extends DisputeEvent['type']>(type: Type, data: object) =>
    recorded<DisputeEvent, Type>(stream, type, { ...party, ...data } as never);
  const final = (n: number) => said('VerdictBecameFinal', { verdictId: `${disputeId}.v${n}`, refused: [], finalAt: noon });
  const verdict = (n: number, ...unitNos: number[]) =>
    said('VerdictReached', { verdictId: `${disputeId}.v${n}`, units: unitNos.map((unitNo) => ({ unitNo })) });
  const submitted = said('DisputeSubmitted', { units: [{ unitNo: 1 }, { unitNo: 2 }, { unitNo: 3 }] });
  const resolved = said('ResolvedByReissue', { units: [3], resolvedAt: noon });
  const before = [submitted, verdict(1, 1), verdict(2, 2)];
  const ended = [{ ...account, name: 'end-case-note', command: { type: 'EndCaseNote', caseId: disputeId } }];

  expect(await on.VerdictBecameFinal?.(final(1), streams(...before, final(1)))).toEqual([]);
  expect(await on.ResolvedByReissue?.(resolved, streams(...before, final(1), resolved))).toEqual([]);
  expect(await on.VerdictBecameFinal?.(final(2), streams(...before, final(1), resolved, final(2)))).toEqual(ended);
  const appealed = [...before, final(1), resolved, verdict(3, 2), final(2)];
  expect(await on.VerdictBecameFinal?.(final(2), streams(...appealed))).toEqual([]);
  expect(await on.VerdictBecameFinal?.(final(3), streams(...appealed, final(3)))).toEqual(ended);
  const withdrawn = said('DisputeWithdrawn', { withdrawnAt: noon });
  expect(await on.DisputeWithdrawn?.(withdrawn, streams(submitted, withdrawn))).toEqual(ended);
});

it('opening and collecting an obligation share one lane, though their streams differ, and so do a case and its end', () => {
  const final = recorded<DisputeEvent, 'VerdictBecameFinal'>('dispute-demo.o1.1', 'VerdictBecameFinal', {
    disputeId: 'demo.o1.1',
    platform: 'demo',
    merchant: 'm1',
    orderId: 'demo.o1',
    verdictId: 'demo.o1.1.v1',
    refused: [],
    finalAt: noon,
  });
  expect([lane(reserved(1)), lane(paid(refund)), lane(final)]).toEqual(['demo.m1', 'demo.m1', 'demo.m1']);
});
