import type { PayoutCommand, PayoutEvent, PayoutPurpose } from '@recourse/compensation/events';
import type { DepositCommand } from '@recourse/deposits/events';
import type { DisputeEvent } from '@recourse/disputes/events';
import type { Action, DataOf, EventOf, Process, Recorded, StreamReader } from '@recourse/eventing';
import { isZero } from '@recourse/money';
import type { OrderCommand, OrderEvent, OverturnedUnit } from '@recourse/orders/events';
import { depositId } from './merchant-account.js';

type Overturned = DataOf<DisputeEvent, 'VerdictOverturned'>;
type RefundPurpose = Extract<PayoutPurpose, { kind: 'refund' }>;

const orderEvents = (orderId: string, streams: StreamReader) => streams.read<OrderEvent>(`order-${orderId}`);
const disputeEvents = (disputeId: string, streams: StreamReader) => streams.read<DisputeEvent>(`dispute-${disputeId}`);

/**
 * Whether there is a refund to take back: none where the order refused it, as the buyer has a new key instead.
 * @throws Error while the order has not answered the verdict yet
 */
async function isApproved({ verdictId, disputeId, orderId }: Overturned, streams: StreamReader): Promise<boolean> {
  const ofOrder = await orderEvents(orderId, streams);
  if (ofOrder.some(({ type, data }) => type === 'RefundApproved' && data.refundId === verdictId)) return true;
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

/** What two people made of the verdict that a refund rests on; undefined when its payout was cancelled for another reason. */
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
  const { verdictId, platform, orderId, buyer, merchant, isFraud, approvedBy } = overturned;
  const command: PayoutCommand = {
    type: 'CancelPayout',
    payoutId: verdictId,
    platform,
    purpose: { kind: 'refund', refundId: verdictId, orderId, buyer, merchant },
    subject: approvedBy,
    reason: `verdict ${verdictId} is overturned`,
    ...(isFraud ? { isFraud } : {}),
  };
  return { do: 'command', name: 'cancel-payout', category: 'payout', id: verdictId, command };
}

/** Whether the payee had the money when the payout was not cancelled. */
async function wasOut({ stream, revision }: Recorded<EventOf<PayoutEvent, 'PayoutCancelRefused'>>, streams: StreamReader) {
  const before = (await streams.read<PayoutEvent>(stream)).filter((event) => event.revision < revision);
  return before.findLast(({ type }) => type === 'PayoutSucceeded' || type === 'PayoutReversed')?.type === 'PayoutSucceeded';
}

function makeWhole(data: DataOf<OrderEvent, 'RefundOverturned'>): Action[] {
  const { platform, merchant, refundId, orderId, disputeId, escrowLoss, recourse } = data;
  if (isZero(escrowLoss) && isZero(recourse)) return [];
  const command: DepositCommand = {
    type: 'MakeWhole',
    obligationId: refundId,
    refundId,
    orderId,
    caseId: disputeId,
    escrowLoss,
    recourse,
  };
  return [{ do: 'command', name: 'make-whole', category: 'deposit', id: depositId(platform, merchant), command }];
}

/** The event with which a refund first arrived: that it came back later, or went out again, changes nothing here. */
const firstPaid = async (refundId: string, streams: StreamReader) =>
  (await streams.read<PayoutEvent>(`payout-${refundId}`)).find(({ type }) => type === 'PayoutSucceeded');

/**
 * A verdict that two people overturned, down to the merchant's loss. He is made whole once the buyer is paid; that and the
 * overturned refund come in either order, and whichever stands later in the log finds the other: so one of the two acts.
 */
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
    RefundOverturned: async ({ data, position }, streams) => {
      const paid = await firstPaid(data.refundId, streams);
      return paid !== undefined && paid.position < position ? makeWhole(data) : [];
    },
    PayoutSucceeded: async ({ id, position, data: { purpose } }, streams) => {
      if (purpose.kind !== 'refund') return [];
      const overturned = (await orderEvents(purpose.orderId, streams)).find(
        (event) => event.type === 'RefundOverturned' && event.data.refundId === purpose.refundId && event.position < position,
      );
      if (overturned?.type !== 'RefundOverturned') return [];
      return (await firstPaid(purpose.refundId, streams))?.id === id ? makeWhole(overturned.data) : [];
    },
  },
};
