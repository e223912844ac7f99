import type { PayoutEvent, ReconciliationEvent } from '@recourse/compensation/events';
import { reconciling } from './reconciling.js';
import { fen, noon, recorded, streams } from './sample-events.js';

const { on } = reconciling;
const differenceId = 'sandbox.2026-03-01.movement-1';
const refundId = 'demo.o1.1.v1';
const purpose = { kind: 'refund', refundId, orderId: 'demo.o1', buyer: 'b1', merchant: 'm1' } as const;

it('the payout is asked whether the difference is its refund, and only its answer clears the difference or opens it again', async () => {
  const assigned = recorded<ReconciliationEvent, 'DifferenceAssigned'>(
    'reconciliation-sandbox.2026-03-01',
    'DifferenceAssigned',
    {
      differenceId,
      platform: 'demo',
      rail: 'sandbox',
      day: '2026-03-01',
      direction: 'out',
      amount: fen(5_000),
      refundId,
      assignedBy: 'finance-chen',
      assignedAt: noon,
    },
  );
  expect(await on.DifferenceAssigned?.(assigned, streams())).toEqual([
    {
      do: 'command',
      name: 'take-outside-refund',
      category: 'payout',
      id: refundId,
      command: { type: 'RecordRefundedOutside', differenceId, rail: 'sandbox', amount: fen(5_000) },
    },
  ]);
  const taken = recorded<PayoutEvent, 'RefundedOutside'>(`payout-${refundId}`, 'RefundedOutside', {
    payoutId: refundId,
    platform: 'demo',
    purpose,
    rail: 'sandbox',
    fromRefund: fen(5_000),
    toBuyer: fen(0),
    stillDue: fen(0),
    differenceId,
    recordedAt: noon,
  });
  const answer = { do: 'command', category: 'reconciliation', id: 'sandbox.2026-03-01' } as const;
  expect(await on.RefundedOutside?.(taken, streams())).toEqual([
    { ...answer, name: 'clear-difference', command: { type: 'ClearDifference', differenceId, refundId } },
  ]);
  const refused = recorded<PayoutEvent, 'OutsideRefundRefused'>(`payout-${refundId}`, 'OutsideRefundRefused', {
    payoutId: refundId,
    platform: 'demo',
    purpose,
    differenceId,
    why: 'TransferLive',
    refusedAt: noon,
  });
  expect(await on.OutsideRefundRefused?.(refused, streams())).toEqual([
    {
      ...answer,
      name: 'release-difference',
      command: { type: 'ReleaseDifference', differenceId, refundId, why: 'TransferLive' },
    },
  ]);
});
