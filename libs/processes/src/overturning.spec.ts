import type { PayoutEvent, PayoutPurpose } from '@recourse/compensation/events';
import type { DisputeEvent, OverriddenUnit, UnitVerdict } from '@recourse/disputes/events';
import type { Action, DataOf, Recorded } from '@recourse/eventing';
import type { OrderEvent } from '@recourse/orders/events';
import { merchantAccount } from './merchant-account.js';
import { overturning } from './overturning.js';
import { fen, noon, parties, recorded, streams } from './sample-events.js';

const { on, lane } = overturning;
const { on: ofAccount, lane: accountLane } = merchantAccount;
const orderId = 'demo.o1';
const disputeId = 'demo.o1.1';
const refundId = 'demo.o1.1.v1';
const refund: PayoutPurpose = { kind: 'refund', refundId, orderId, buyer: 'b1', merchant: 'm1' };
const settlement: PayoutPurpose = { kind: 'settlement', merchant: 'm1' };
const { platform, merchant, buyer } = parties;

const was = { liable: 'MERCHANT', bearer: 'merchant', remedy: 'FULL_REFUND', refund: fen(5_000) } as const;
const gone: OverriddenUnit = { unitNo: 1, liable: 'BUYER', bearer: 'none', remedy: 'NONE', refund: fen(0), was };
const shifted: OverriddenUnit = { ...was, unitNo: 2, liable: 'NONE', bearer: 'platform', was };
const overturned = (isFraud: boolean, ...units: OverriddenUnit[]) =>
  recorded<DisputeEvent, 'VerdictOverturned'>(`dispute-${disputeId}`, 'VerdictOverturned', {
    disputeId,
    verdictId: refundId,
    orderId,
    platform,
    merchant,
    buyer,
    units: units.length > 0 ? units : [gone],
    isFraud,
    explanation: { zh: '复核', en: 'a second look' },
    proposedBy: 'anna',
    approvedBy: 'bo',
    overturnedAt: noon,
  });
const judged = (reissue: 'none' | 'failed') =>
  recorded<DisputeEvent, 'VerdictReached'>(`dispute-${disputeId}`, 'VerdictReached', {
    verdictId: refundId,
    units: [{ unitNo: 1, facts: { reissue } } as UnitVerdict],
  } as unknown as DataOf<DisputeEvent, 'VerdictReached'>);
const replaced = recorded<OrderEvent, 'ReplacementDelivered'>(`order-${orderId}`, 'ReplacementDelivered', {
  orderId,
  claimId: disputeId,
  unitNo: 1,
  delivery: { kind: 'key', ciphertext: 'sealed', fingerprint: 'f', masked: '*' },
  deliveredAt: noon,
});
const part = {
  source: 'fund',
  liable: 'MERCHANT',
  amount: fen(2_500),
  fromFund: fen(2_500),
  merchantShare: fen(2_375),
  fromFees: fen(0),
  fromEscrow: fen(0),
} as const;
const approved = (
  ground: DataOf<OrderEvent, 'RefundApproved'>['ground'] = { kind: 'verdict', disputeId, verdictId: refundId, rule: 'r' },
) =>
  recorded<OrderEvent, 'RefundApproved'>(`order-${orderId}`, 'RefundApproved', {
    ...parties,
    refundId,
    orderId,
    ground,
    lines: [1, 2].map((unitNo) => ({ ...part, unitNo })),
    total: fen(5_000),
    fromEscrow: fen(0),
    fromFund: fen(5_000),
    fromFees: fen(0),
    merchantShare: fen(4_750),
    approvedAt: noon,
  });
const place = { payoutId: refundId, platform };
const cancelled = (purpose: PayoutPurpose = refund) =>
  recorded<PayoutEvent, 'PayoutCancelled'>(`payout-${refundId}`, 'PayoutCancelled', { ...place, purpose, cancelledAt: noon });
const refused = (revision: bigint, purpose: PayoutPurpose = refund) =>
  recorded<PayoutEvent, 'PayoutCancelRefused'>(
    `payout-${refundId}`,
    'PayoutCancelRefused',
    { ...place, purpose, railTransferId: 'rail-1', refusedAt: noon },
    { revision },
  );
const transfer = { ...place, rail: 'sandbox', amount: fen(5_000), transferNo: 1, key: 'k', railTransferId: 'rail-1' };
const paid = (position: bigint, purpose: PayoutPurpose = refund) =>
  recorded<PayoutEvent, 'PayoutSucceeded'>(
    `payout-${refundId}`,
    'PayoutSucceeded',
    { ...transfer, purpose, succeededAt: noon },
    { id: `paid-${position}`, revision: position, position },
  );
const back = (position: bigint) =>
  recorded<PayoutEvent, 'PayoutReversed'>(
    `payout-${refundId}`,
    'PayoutReversed',
    { ...transfer, purpose: refund, code: 'BACK', reversedAt: noon },
    { revision: position, position },
  );
const stands = (position: bigint, of: Partial<DataOf<OrderEvent, 'RefundOverturned'>> = {}) =>
  recorded<OrderEvent, 'RefundOverturned'>(
    `order-${orderId}`,
    'RefundOverturned',
    {
      ...parties,
      refundId,
      orderId,
      disputeId,
      units: [1],
      amount: fen(5_000),
      escrowLoss: fen(0),
      recourse: fen(4_750),
      overturnedAt: noon,
      ...of,
    },
    { position },
  );

const toOrder = (name: string, command: object) => [{ do: 'command', name, category: 'order', id: orderId, command }];
const units = [{ unitNo: 1, liable: 'BUYER', bearer: 'none' }];
const wholeAgain = [
  {
    do: 'command',
    name: 'make-whole',
    category: 'deposit',
    id: 'demo.m1',
    command: {
      type: 'MakeWhole',
      obligationId: refundId,
      refundId,
      orderId,
      caseId: disputeId,
      escrowLoss: fen(0),
      recourse: fen(4_750),
    },
  },
];

describe('a verdict that is overturned', () => {
  it('asks the payout to cancel when a refund goes, in the name of who approved it', async () => {
    const cancel = (isFraud: boolean) => ({
      do: 'command',
      name: 'cancel-payout',
      category: 'payout',
      id: refundId,
      command: {
        type: 'CancelPayout',
        payoutId: refundId,
        platform,
        purpose: refund,
        subject: 'bo',
        reason: `verdict ${refundId} is overturned`,
        ...(isFraud ? { isFraud } : {}),
      },
    });
    expect(await on.VerdictOverturned!(overturned(false, gone, shifted), streams(approved()))).toEqual([cancel(false)]);
    expect(await on.VerdictOverturned!(overturned(true), streams(approved()))).toEqual([cancel(true)]);
  });

  it('asks nobody where the order refunded nothing of it', async () => {
    const shutOut = recorded<OrderEvent, 'RefundShutOut'>(`order-${orderId}`, 'RefundShutOut', {
      refundId,
      orderId,
      disputeId,
      units: [1, 2],
      shutOutAt: noon,
    });
    expect(await on.VerdictOverturned!(overturned(true), streams(shutOut))).toEqual([]);
    const { data } = approved();
    const other = recorded<OrderEvent, 'RefundApproved'>(`order-${orderId}`, 'RefundApproved', {
      ...data,
      lines: [{ ...part, unitNo: 3 }],
    });
    expect(await on.VerdictOverturned!(overturned(true), streams(other))).toEqual([]);
  });

  it('lets the payout go on when only another bears it', async () => {
    expect(await on.VerdictOverturned!(overturned(false, shifted), streams(approved()))).toEqual(
      toOrder('overturn-refund', {
        type: 'OverturnRefund',
        refundId,
        units: [{ unitNo: 2, liable: 'NONE', bearer: 'platform' }],
        buyerOwes: false,
      }),
    );
  });

  it('an overdue appeal, which nobody approved, leaves the refund to the platform at once', async () => {
    const { approvedBy, ...data } = overturned(false, shifted).data;
    expect(approvedBy).toBeDefined();
    const event = recorded<DisputeEvent, 'VerdictOverturned'>(`dispute-${disputeId}`, 'VerdictOverturned', {
      ...data,
      proposedBy: 'merchant-m1',
      appealId: `${refundId}.a1`,
    });
    expect(await on.VerdictOverturned?.(event, streams(approved()))).toMatchObject([
      {
        name: 'overturn-refund',
        command: { type: 'OverturnRefund', units: [{ unitNo: 2, bearer: 'platform' }], buyerOwes: false },
      },
    ]);
  });

  it('waits for the order to approve the refund, unless a new key took its place', async () => {
    const early = async (...events: Recorded[]) => on.VerdictOverturned!(overturned(false), streams(...events));
    await expect(early()).rejects.toThrow(`before the order ${orderId} approved it`);
    await expect(early(judged('none'))).rejects.toThrow('approved it');
    await expect(early(judged('failed'), replaced)).rejects.toThrow('approved it');
    expect(await early(judged('none'), replaced)).toEqual([]);
    expect(await early(judged('failed'), replaced, approved())).toHaveLength(1);
  });
});

describe('the answer of the payout', () => {
  it('revokes a refund of which nothing was paid', async () => {
    expect(await on.PayoutCancelled!(cancelled(), streams(approved(), overturned(true)))).toEqual(
      toOrder('revoke-refund', { type: 'RevokeRefund', refundId, units }),
    );
  });

  it('overturns a refund that was paid, and the buyer who deceived owes what he has', async () => {
    const overturn = (buyerOwes: boolean) => toOrder('overturn-refund', { type: 'OverturnRefund', refundId, units, buyerOwes });
    const answer = (isFraud: boolean, ...payments: Recorded[]) =>
      on.PayoutCancelRefused!(refused(9n), streams(approved(), overturned(isFraud), ...payments));
    expect(await answer(false, paid(5n))).toEqual(overturn(false));
    expect(await answer(true, paid(5n))).toEqual(overturn(true));
    expect(await answer(true, paid(5n), back(6n))).toEqual(overturn(false));
    expect(await answer(true, paid(5n), back(6n), paid(7n))).toEqual(overturn(true));
    // What came back since is told by the payout.
    expect(await answer(true, paid(5n), back(10n))).toEqual(overturn(true));
  });

  it('is of no concern when it is not about an overturned verdict', async () => {
    const others = [
      streams(approved()),
      streams(approved({ kind: 'not-delivered-in-time' }), overturned(false)),
      streams(overturned(false)),
    ];
    for (const found of others) {
      expect(await on.PayoutCancelled!(cancelled(), found)).toEqual([]);
      expect(await on.PayoutCancelRefused!(refused(9n), found)).toEqual([]);
    }
    expect(await on.PayoutCancelled!(cancelled(settlement), streams())).toEqual([]);
    expect(await on.PayoutCancelRefused!(refused(9n, settlement), streams())).toEqual([]);
  });
});

describe('the merchant is made whole once the buyer is paid', () => {
  /** What both handlers do about one history, in whichever order they look at it. */
  const acts = async (...events: (ReturnType<typeof paid> | ReturnType<typeof stands>)[]) => {
    const log = streams(...events);
    const done: Action[] = [];
    for (const event of events)
      done.push(
        ...(await (event.type === 'PayoutSucceeded'
          ? ofAccount.PayoutSucceeded!(event, log)
          : ofAccount.RefundOverturned!(event, log))),
      );
    return done.filter((action) => action.do === 'command' && action.name === 'make-whole');
  };

  it('by one of the two events, whichever is later', async () => {
    expect(await acts(paid(3n), stands(4n))).toEqual(wholeAgain);
    expect(await acts(stands(3n), paid(4n))).toEqual(wholeAgain);
  });

  it('once, though the money came back and went out again', async () => {
    expect(await acts(paid(2n), paid(3n), stands(4n))).toEqual(wholeAgain);
    expect(await acts(paid(2n), stands(3n), paid(4n))).toEqual(wholeAgain);
    expect(await acts(stands(2n), paid(3n), paid(4n))).toEqual(wholeAgain);
  });

  it('in the lane of his account, in which his obligation was opened before', () => {
    expect([paid(3n), stands(4n)].map((event) => accountLane!(event))).toEqual(['demo.m1', 'demo.m1']);
  });

  it('not before, and not where he lost nothing', async () => {
    expect(await acts(stands(3n))).toEqual([]);
    expect(await acts(paid(3n))).toEqual([]);
    expect(await acts(paid(3n), stands(4n, { recourse: fen(0) }))).toEqual([]);
    expect(await acts(paid(3n), stands(4n, { refundId: 'demo.o1.1.v2' }))).toEqual([]);
    expect(await acts(paid(3n, settlement))).toEqual([]);
    expect(await acts(paid(3n), stands(4n, { recourse: fen(0), escrowLoss: fen(1) }))).toHaveLength(1);
  });
});

it('an order, its case and its payouts are one lane', () => {
  const lanes = [overturned(false), cancelled(), refused(1n)].map((event) => lane!(event));
  expect(new Set(lanes)).toEqual(new Set([orderId]));
  expect(lane!(cancelled(settlement))).toBe('');
});
