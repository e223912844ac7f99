import type { DepositEvent } from '@recourse/deposits/events';
import type { DisputeEvent, UnitVerdict } from '@recourse/disputes/events';
import type { FundEvent, PayoutEvent } from '@recourse/compensation/events';
import type { OrderEvent } from '@recourse/orders/events';
import { refunding } from './refunding.js';
import { fen, noon, parties, recorded, streams } from './sample-events.js';

const { on } = refunding;
const facts: UnitVerdict['facts'] = {
  reason: 'key-invalid',
  productKind: 'game-card',
  delivered: 'yes',
  revealed: 'yes',
  platformFailure: 'no',
  afterSale: 'before',
  sevenDay: 'none',
  activationFailureEvidence: 'no',
  verification: 'INVALID',
  reissuePromised: 'yes',
  reissue: 'missed',
  merchantAnswer: 'none',
};
const upheld: UnitVerdict = {
  unitNo: 1,
  liable: 'MERCHANT',
  remedy: 'FULL_REFUND',
  bearer: 'merchant',
  refund: fen(5_000),
  facts,
  sources: [],
};
const refused: UnitVerdict = { ...upheld, unitNo: 2, liable: 'BUYER', remedy: 'NONE', bearer: 'none', refund: fen(0) };
const verdict = (...units: UnitVerdict[]) =>
  recorded<DisputeEvent, 'VerdictReached'>('dispute-demo.o1.1', 'VerdictReached', {
    disputeId: 'demo.o1.1',
    verdictId: 'demo.o1.1.v1',
    orderId: 'demo.o1',
    platform: 'demo',
    merchant: 'm1',
    buyer: 'b1',
    units,
    decidedBy: 'rule',
    policy: { id: 'demo', version: 1, hash: 'h' },
    rule: 'reissue-missed',
    explanation: { zh: '理由', en: 'reasons' },
    basis: ['S12'],
    decidedAt: noon,
    appealUntil: noon,
  });
const requested = (id: string, amount: number, purpose: object) => [
  {
    do: 'command',
    name: 'request-payout',
    category: 'payout',
    id,
    command: {
      type: 'RequestPayout',
      payoutId: id,
      platform: 'demo',
      purpose,
      rail: 'sandbox',
      payee: 'person-1',
      amount: fen(amount),
    },
  },
];
const refundOf = { kind: 'refund', refundId: 'demo.o1.1.v1', orderId: 'demo.o1', buyer: 'b1', merchant: 'm1' };

it('a ruling on an appeal refunds a unit whose key was reissued before it, not one reissued after', async () => {
  const { data } = verdict(upheld, { ...upheld, unitNo: 2 });
  const ruling = (appealOf: object) =>
    recorded<DisputeEvent, 'VerdictReached'>(
      'dispute-demo.o1.1',
      'VerdictReached',
      { ...data, ...appealOf, units: data.units.map((one) => ({ ...one, facts: { ...facts, reissue: 'none' } })) },
      { position: 20n },
    );
  const replaced = (unitNo: number, position: bigint) =>
    recorded<OrderEvent, 'ReplacementDelivered'>(
      'order-demo.o1',
      'ReplacementDelivered',
      {
        orderId: 'demo.o1',
        claimId: 'demo.o1.1',
        unitNo,
        delivery: { kind: 'key', ciphertext: 'sealed', fingerprint: 'f', masked: '*' },
        deliveredAt: noon,
      },
      { position },
    );
  const order = streams(replaced(1, 10n), replaced(2, 30n));
  expect(await on.VerdictReached?.(ruling({ appealOf: 'demo.o1.1.v0' }), order)).toMatchObject([
    { command: { units: [{ replacementFailed: true }, { replacementFailed: false }] } },
  ]);
  expect(await on.VerdictReached?.(ruling({}), order)).toMatchObject([
    { command: { units: [{ replacementFailed: false }, { replacementFailed: false }] } },
  ]);
});

it('the order approves what a verdict grants, and hears nothing of what it refuses', async () => {
  const [approve, ...more] = (await on.VerdictReached?.(verdict(upheld, refused), streams())) ?? [];
  expect(more).toEqual([]);
  expect(approve).toMatchObject({
    category: 'order',
    id: 'demo.o1',
    command: {
      type: 'ApproveRefund',
      refundId: 'demo.o1.1.v1',
      units: [{ unitNo: 1, amount: fen(5_000), bearer: 'merchant', replacementFailed: false }],
    },
  });
  expect(await on.VerdictReached?.(verdict(refused), streams())).toEqual([]);
});

it('a shared refund is named by what each bears, and who bears nothing of it is not named', async () => {
  const shared: UnitVerdict = { ...upheld, liable: 'SHARED', bearer: 'shared', refund: fen(1_001), merchantPart: fen(501) };
  const [approve] = (await on.VerdictReached?.(verdict(shared), streams())) ?? [];
  expect(approve).toMatchObject({
    command: {
      units: [
        { unitNo: 1, amount: fen(501), liable: 'SHARED', bearer: 'merchant' },
        { unitNo: 1, amount: fen(500), liable: 'SHARED', bearer: 'platform' },
      ],
    },
  });
  const oneFen = verdict({ ...shared, refund: fen(1), merchantPart: fen(0) });
  expect(await on.VerdictReached?.(oneFen, streams())).toMatchObject([
    { command: { units: [{ amount: fen(1), bearer: 'platform' }] } },
  ]);
});

it('a partial refund is approved by its amount', async () => {
  const part: UnitVerdict = { ...upheld, remedy: 'PARTIAL_REFUND', refundPercent: 33, refund: fen(1_650), price: fen(5_000) };
  expect(await on.VerdictReached?.(verdict(part), streams())).toMatchObject([
    { command: { units: [{ amount: fen(1_650), bearer: 'merchant' }] } },
  ]);
});

it('a replacement that failed too is named, or the order would keep the refund out', async () => {
  const failed = verdict({ ...upheld, facts: { ...facts, reissue: 'failed' } });
  expect(await on.VerdictReached?.(failed, streams())).toMatchObject([{ command: { units: [{ replacementFailed: true }] } }]);
});

it('one payout is requested, when the last line of the refund is funded', async () => {
  const escrow = (complete: boolean) =>
    recorded<OrderEvent, 'RefundFundedFromEscrow'>('order-demo.o1', 'RefundFundedFromEscrow', {
      ...parties,
      refundId: 'demo.o1.1.v1',
      orderId: 'demo.o1',
      lines: [{ unitNo: 1, amount: fen(2_000) }],
      amount: fen(2_000),
      total: fen(5_000),
      complete,
    });
  expect(await on.RefundFundedFromEscrow?.(escrow(false), streams())).toEqual([]);
  expect(await on.RefundFundedFromEscrow?.(escrow(true), streams())).toEqual(requested('demo.o1.1.v1', 5_000, refundOf));
  const reserved = recorded<FundEvent, 'FundsReserved'>('fund-demo.CNY.0001', 'FundsReserved', {
    ...parties,
    refundId: 'demo.o1.1.v1',
    orderId: 'demo.o1',
    amount: fen(3_000),
    fromFund: fen(3_000),
    fromFees: fen(0),
    merchantShare: fen(0),
    total: fen(5_000),
  });
  expect(await on.FundsReserved?.(reserved, streams())).toEqual(requested('demo.o1.1.v1', 5_000, refundOf));
  const byDeposit = recorded<DepositEvent, 'RefundFundedFromDeposit'>('deposit-demo.m1.0001', 'RefundFundedFromDeposit', {
    ...parties,
    refundId: 'demo.o1.1.v1',
    orderId: 'demo.o1',
    fromHeld: fen(1_000),
    fromDeposit: fen(2_000),
    fromFees: fen(0),
    amount: fen(3_000),
    total: fen(5_000),
    fundedAt: noon,
  });
  expect(await on.RefundFundedFromDeposit?.(byDeposit, streams())).toEqual(requested('demo.o1.1.v1', 5_000, refundOf));
});

it('a settlement is paid out like a refund, and whoever asked for it is the first of two people', async () => {
  const drawn = recorded<DepositEvent, 'SettlementDrawn'>('deposit-demo.m1.0001', 'SettlementDrawn', {
    platform: 'demo',
    merchant: 'm1',
    payoutId: 'demo.m1.s1',
    amount: fen(700),
    payee: 'person-1',
    rail: 'sandbox',
    drawnAt: noon,
  });
  const [request] = requested('demo.m1.s1', 700, { kind: 'settlement', merchant: 'm1' });
  expect(await on.SettlementDrawn?.(drawn, streams())).toEqual([request]);
  const actor = { subject: 'merchant-1', role: 'merchant', party: 'm1', platform: 'demo' } as const;
  const byPerson = { ...drawn, metadata: { ...drawn.metadata, actor } };
  expect(await on.SettlementDrawn?.(byPerson, streams())).toEqual([
    { ...request, command: { ...request?.command, requestedBy: 'merchant-1' } },
  ]);
});

it('a payout that was approved, or came back, wakes the job that pays it', async () => {
  const place = { payoutId: 'demo.o1.1.v1', platform: 'demo' };
  const wake = [{ do: 'wake', kind: 'payout', key: 'demo.o1.1.v1' }];
  const approved = recorded<PayoutEvent, 'PayoutApproved'>('payout-demo.o1.1.v1', 'PayoutApproved', {
    ...place,
    amount: fen(2),
    approvalLimit: fen(1),
    firstBy: 'f1',
    approvedBy: 'f2',
    approvedAt: noon,
  });
  const reversed = recorded<PayoutEvent, 'PayoutReversed'>('payout-demo.o1.1.v1', 'PayoutReversed', {
    ...place,
    purpose: { kind: 'settlement', merchant: 'm1' },
    rail: 'sandbox',
    amount: fen(2),
    transferNo: 1,
    key: 'k',
    railTransferId: 'r',
    code: 'ACCOUNT_CLOSED',
    reversedAt: noon,
  });
  expect(await on.PayoutApproved?.(approved, streams())).toEqual(wake);
  expect(await on.PayoutReversed?.(reversed, streams())).toEqual(wake);
});

it('a withdrawal is paid out as one payment, also when it takes proceeds along', async () => {
  const drawn = recorded<DepositEvent, 'WithdrawalDrawn'>('deposit-demo.m1.0001', 'WithdrawalDrawn', {
    platform: 'demo',
    merchant: 'm1',
    payoutId: 'demo.m1.w1',
    amount: fen(700),
    fromDeposit: fen(600),
    fromPayable: fen(100),
    payee: 'person-1',
    rail: 'sandbox',
    drawnAt: noon,
  });
  expect(await on.WithdrawalDrawn?.(drawn, streams())).toEqual(
    requested('demo.m1.w1', 700, { kind: 'withdrawal', merchant: 'm1' }),
  );
});

it('a surplus goes back at once, in a payout of its own', async () => {
  const refundId = 'demo.o1.surplus.0123456789abcdef';
  const surplus = recorded<OrderEvent, 'SurplusCaptured'>('order-demo.o1', 'SurplusCaptured', {
    ...parties,
    refundId,
    orderId: 'demo.o1',
    transaction: 't-2',
    why: 'duplicate',
    amount: fen(5_000),
    capturedAt: noon,
    bookedAt: noon,
  });
  expect(await on.SurplusCaptured?.(surplus, streams())).toEqual(requested(refundId, 5_000, { ...refundOf, refundId }));
});
