import type { PayoutEvent } from '@recourse/compensation/events';
import type { DepositCommand } from '@recourse/deposits/events';
import type { DataOf, EventOf, Recorded, StreamReader } from '@recourse/eventing';
import { isZero } from '@recourse/money';
import type { OrderEvent } from '@recourse/orders/events';

/** A refund made past us that leaves nothing to pay is as good as ours. */
export const isPaidOutside = ({ type, data }: PayoutEvent): boolean =>
  type === 'RefundedOutside' && !isZero(data.fromRefund) && isZero(data.stillDue);
/**
 * The event with which a refund first arrived: that it came back later, or went out again, changes nothing here. Of one that was
 * paid past us in part only it is the end of the rest.
 */
const firstPaid = async (refundId: string, streams: StreamReader) =>
  (await streams.read<PayoutEvent>(`payout-${refundId}`)).find(
    (event) => event.type === 'PayoutSucceeded' || event.type === 'PayoutReturned' || isPaidOutside(event),
  );

function makeWhole(data: DataOf<OrderEvent, 'RefundOverturned'>): DepositCommand[] {
  const { refundId, orderId, disputeId: caseId, escrowLoss, recourse } = data;
  if (isZero(escrowLoss) && isZero(recourse)) return [];
  return [{ type: 'MakeWhole', obligationId: refundId, refundId, orderId, caseId, escrowLoss, recourse }];
}

/**
 * A merchant is made whole once the buyer is paid; that and the overturned refund come in either order, and whichever stands later
 * in the log finds the other: so one of the two acts.
 */
export async function onOverturned(
  { data, position }: Recorded<EventOf<OrderEvent, 'RefundOverturned'>>,
  streams: StreamReader,
): Promise<DepositCommand[]> {
  const paid = await firstPaid(data.refundId, streams);
  return paid !== undefined && paid.position < position ? makeWhole(data) : [];
}

export async function onPaid(
  { id, position, data: { purpose } }: Recorded<EventOf<PayoutEvent, 'PayoutSucceeded' | 'RefundedOutside'>>,
  streams: StreamReader,
): Promise<DepositCommand[]> {
  if (purpose.kind !== 'refund') return [];
  const overturned = (await streams.read<OrderEvent>(`order-${purpose.orderId}`)).find(
    (event) => event.type === 'RefundOverturned' && event.data.refundId === purpose.refundId && event.position < position,
  );
  if (overturned?.type !== 'RefundOverturned') return [];
  return (await firstPaid(purpose.refundId, streams))?.id === id ? makeWhole(overturned.data) : [];
}
