import type { PayoutCommand, PayoutEvent, ReconciliationCommand, ReconciliationEvent } from '@recourse/compensation/events';
import type { Action, Process } from '@recourse/eventing';

const payout = (name: string, id: string, command: PayoutCommand): Action => ({
  do: 'command',
  name,
  category: 'payout',
  id,
  command,
});
/** Its stream is that of the bill: all but the line. */
const reconciliation = (name: string, differenceId: string, command: ReconciliationCommand): Action => ({
  do: 'command',
  name,
  category: 'reconciliation',
  id: differenceId.slice(0, differenceId.lastIndexOf('.')),
  command,
});

/** A difference that is said to be a refund made outside: its payout takes it or not, and only then it is cleared or open again. */
export const reconciling: Process<ReconciliationEvent | PayoutEvent> = {
  name: 'reconciling',
  version: 1,
  on: {
    DifferenceAssigned: ({ data: { refundId, differenceId, rail, amount } }) => [
      payout('take-outside-refund', refundId, { type: 'RecordRefundedOutside', differenceId, rail, amount }),
    ],
    RefundedOutside: ({ data: { differenceId, purpose } }) => [
      reconciliation('clear-difference', differenceId, { type: 'ClearDifference', differenceId, refundId: purpose.refundId }),
    ],
    OutsideRefundRefused: ({ data: { differenceId, payoutId, why } }) => [
      reconciliation('release-difference', differenceId, { type: 'ReleaseDifference', differenceId, refundId: payoutId, why }),
    ],
  },
};
