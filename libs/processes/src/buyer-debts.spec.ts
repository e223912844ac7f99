import type { BuyerDebtEvent, FundEvent, PayoutEvent } from '@recourse/compensation/events';
import { buyerDebts } from './buyer-debts.js';
import { fen, noon, recorded, streams } from './sample-events.js';

const { on } = buyerDebts;
const lane = (event: Parameters<NonNullable<typeof buyerDebts.lane>>[0]) => buyerDebts.lane?.(event);
const refundId = 'demo.o1.1.v1';
const owed = { debtId: refundId, platform: 'demo', buyer: 'b1', merchant: 'm1', refundId, kind: 'fraud' } as const;
const action = { do: 'command', category: 'buyerdebt', id: refundId } as const;
const settling = {
  ...action,
  name: 'settle-by-return',
  command: { type: 'SettleDebtByReturn', amount: fen(5_000) },
  settledBy: ['DebtUnknown'],
};

const established = recorded<FundEvent, 'BuyerFraudEstablished'>('fund-demo.CNY.0001', 'BuyerFraudEstablished', {
  platform: 'demo',
  asset: 'CNY',
  refundId,
  orderId: 'demo.o1',
  merchant: 'm1',
  buyer: 'b1',
  amount: fen(5_000),
});
const opened = (of: Partial<typeof owed> | { kind: 'double-payment'; debtId: string } = {}) =>
  recorded<BuyerDebtEvent, 'BuyerDebtOpened'>(`buyerdebt-${refundId}`, 'BuyerDebtOpened', {
    ...owed,
    ...of,
    amount: fen(5_000),
    outstanding: fen(5_000),
    openedAt: noon,
  });
const returned = (isFraud: boolean) =>
  recorded<PayoutEvent, 'PayoutReturned'>(`payout-${refundId}`, 'PayoutReturned', {
    payoutId: refundId,
    platform: 'demo',
    purpose: { kind: 'refund', refundId, orderId: 'demo.o1', buyer: 'b1', merchant: 'm1' },
    rail: 'sandbox',
    amount: fen(5_000),
    ...(isFraud ? { isFraud } : {}),
    returnedAt: noon,
  });

it('what a buyer owes for fraud becomes a debt', async () => {
  expect(await on.BuyerFraudEstablished?.(established, streams())).toEqual([
    { ...action, name: 'open', command: { type: 'OpenBuyerDebt', ...owed, amount: fen(5_000) }, settledBy: [] },
  ]);
});

it('a refund that came back from him pays it', async () => {
  expect(await on.PayoutReturned?.(returned(true), streams())).toEqual([settling]);
  expect(await on.PayoutReturned?.(returned(false), streams())).toEqual([]);
});

it('one that was faster than the debt pays it when it is opened', async () => {
  expect(await on.BuyerDebtOpened?.(opened(), streams(returned(true)))).toEqual([settling]);
  expect(await on.BuyerDebtOpened?.(opened(), streams(returned(false)))).toEqual([]);
  expect(await on.BuyerDebtOpened?.(opened(), streams())).toEqual([]);
  const twice = opened({ kind: 'double-payment', debtId: `${refundId}.outside` });
  expect(await on.BuyerDebtOpened?.(twice, streams(returned(true)))).toEqual([]);
});

it('everything of one refund is handled in the order of the log', () => {
  expect([established, opened(), returned(true)].map(lane)).toEqual([refundId, refundId, refundId]);
});
