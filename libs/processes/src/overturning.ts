import type { PayoutCommand, PayoutEvent, PayoutPurpose } from '@recourse/compensation/events';
import type { DisputeEvent } from '@recourse/disputes/events';
import type { Action, DataOf, EventOf, Process, Recorded, StreamReader } from '@recourse/eventing';
import { isZero } from '@recourse/money';
import type { OrderCommand, OrderEvent, OverturnedUnit } from '@recourse/orders/events';

type Overturned = DataOf<DisputeEvent, 'VerdictOverturned'>;
type RefundPurpose = Extract<PayoutPurpose, { kind: 'refund' }>;

const orderEvents = (orderId: string, streams: StreamReader) => streams.read<OrderEvent>(`order-${orderId}`);
const disputeEvents = (disputeId: string, streams: StreamReader) => streams.read<DisputeEvent>(`dispute-${disputeId}`);

/**
 * Whether there is a refund of these units to take back: none where the order refunded nothing of them, as the buyer has a new key
 * or another verdict's refund instead.
 * @throws Error while the order has not answered the verdict yet
 */
async function isApproved({ verdictId, disputeId, orderId, units }: Overturned, streams: StreamReader): Promise<boolean> {
  const ofOrder = await orderEvents(orderId, streams);
  for (const { type, data } of ofOrder) {
    if (type === 'RefundApproved' && data.refundId === verdictId)
      return data.lines.some((line) => units.some(({ unitNo }) => unitNo === line.unitNo));
    if (type === 'RefundShutOut' && data.refundId === verdictId) return false;
  }
  // Before the order said so itself, it refused a refund of replaced units.
  const ofDispute = await disputeEvents(disputeId, streams);
  const judged = ofDispute.flatMap(({ type, data }) =>
    type === 'VerdictReached' && data.verdictId === verdictId ? data.units : [],
  );
  const replaced = ofOrder.flatMap(({ type, data }) =>
    type === 'ReplacementDelivered' && data.claimId === disputeId ? [data.unitNo] : [],
  );
  if (judged.some(({ unitNo, facts }) => facts.reissue !== 'failed' && replaced.includes(unitNo))) return false;
  throw new Error(`refund ${verdictId} is to be taken back before the order ${orderId} approved it`);
}

/** What two people, or an appeal, made of the verdict that a refund rests on; undefined when its payout was cancelled for another reason. */
async function overturnedBy({ refundId, orderId }: RefundPurpose, streams: StreamReader): Promise<Overturned | undefined> {
  for (const { type, data } of await orderEvents(orderId, streams)) {
    if (type !== 'RefundApproved' || data.refundId !== refundId || data.ground.kind !== 'verdict') continue;
    for (const said of await disputeEvents(data.ground.disputeId, streams))
      if (said.type === 'VerdictOverturned' && said.data.verdictId === refundId) return said.data;
  }
  return undefined;
}

const unitsOf = ({ units }: Overturned): OverturnedUnit[] =>
  units.map(({ unitNo, liable, remedy }) => ({ unitNo, liable, bearer: remedy === 'NONE' ? 'none' : 'platform' }));
const takesRefund = ({ units }: Overturned): boolean => units.some(({ remedy }) => remedy === 'NONE');

const toOrder = (name: string, orderId: string, command: OrderCommand): Action => ({
  do: 'command',
  name,
  category: 'order',
  id: orderId,
  command,
});
const overturnRefund = (overturned: Overturned, buyerOwes: boolean): Action =>
  toOrder('overturn-refund', overturned.orderId, {
    type: 'OverturnRefund',
    refundId: overturned.verdictId,
    units: unitsOf(overturned),
    buyerOwes,
  });

function cancelPayout(overturned: Overturned): Action {
  const { verdictId, platform, orderId, buyer, merchant, isFraud, proposedBy, approvedBy } = overturned;
  const command: PayoutCommand = {
    type: 'CancelPayout',
    payoutId: verdictId,
    platform,
    purpose: { kind: 'refund', refundId: verdictId, orderId, buyer, merchant },
    // Nobody approves what an overdue appeal changes, and that takes no refund back.
    subject: approvedBy ?? proposedBy,
    reason: `verdict ${verdictId} is overturned`,
    ...(isFraud ? { isFraud } : {}),
  };
  return { do: 'command', name: 'cancel-payout', category: 'payout', id: verdictId, command };
}

/** Whether the payee had the money when the payout was not cancelled. */
async function wasOut({ stream, revision }: Recorded<EventOf<PayoutEvent, 'PayoutCancelRefused'>>, streams: StreamReader) {
  const before = (await streams.read<PayoutEvent>(stream)).filter((event) => event.revision < revision);
  if (before.some(({ type, data }) => type === 'RefundedOutside' && !isZero(data.fromRefund))) return true;
  return before.findLast(({ type }) => type === 'PayoutSucceeded' || type === 'PayoutReversed')?.type === 'PayoutSucceeded';
}

/** A verdict that two people, or an appeal of the merchant, overturned: its payout is asked to cancel, and the order does what the answer leaves to be done. */
export const overturning: Process<DisputeEvent | OrderEvent | PayoutEvent> = {
  name: 'overturning',
  version: 1,
  // An order and its payouts are one lane.
  lane: ({ data }) => {
    if ('orderId' in data) return data.orderId;
    return 'purpose' in data && data.purpose.kind === 'refund' ? data.purpose.orderId : '';
  },
  on: {
    VerdictOverturned: async ({ data }, streams) => {
      if (!(await isApproved(data, streams))) return [];
      // Only another bears it: the buyer is paid as ever.
      return [takesRefund(data) ? cancelPayout(data) : overturnRefund(data, false)];
    },
    PayoutCancelled: async ({ data: { purpose } }, streams) => {
      const overturned = purpose.kind === 'refund' ? await overturnedBy(purpose, streams) : undefined;
      if (overturned === undefined) return [];
      const { orderId, verdictId: refundId } = overturned;
      return [toOrder('revoke-refund', orderId, { type: 'RevokeRefund', refundId, units: unitsOf(overturned) })];
    },
    PayoutCancelRefused: async (event, streams) => {
      const { purpose } = event.data;
      const overturned = purpose.kind === 'refund' ? await overturnedBy(purpose, streams) : undefined;
      if (overturned === undefined) return [];
      return [overturnRefund(overturned, overturned.isFraud && (await wasOut(event, streams)))];
    },
  },
};
