import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { type EventOf, eventsOf, isAfter, plusHours, reject } from '@recourse/eventing';
import { compare, isPositive, type Money, sameAsset, subtract } from '@recourse/money';
import type { OrderEvent, SurplusReason } from './order.js';
import type { Cancelled, Decision, Do, Paid, Placed } from './order-state.js';

const event = eventsOf<OrderEvent>();

/** An order this long books no more surplus, so that what is open can still end within the 5,000 events a command may load. */
export const maxEventsForSurplus = 4_500;
const transactionHex = 16;

/** One transaction of a rail is one refund, however often and to whomever it is told. */
export const surplusRefundId = (orderId: string, rail: string, transaction: string): string =>
  `${orderId}.surplus.${bytesToHex(sha256(utf8ToBytes(`${rail}/${transaction}`))).slice(0, transactionHex)}`;

type Capture = Do<'CapturePayment'>;
// A rail's clock may run ahead; nothing takes effect later than it is recorded.
const momentOf = ({ capturedAt, at }: Capture) => (isAfter(capturedAt, at) ? at : capturedAt);

function surplus(
  { terms }: Placed | Paid | Cancelled,
  command: Capture,
  why: SurplusReason,
  amount: Money,
): EventOf<OrderEvent, 'SurplusCaptured'> {
  const { orderId, platform, merchant, buyer, payee, rail } = terms;
  const { transaction } = command;
  return event('SurplusCaptured', {
    platform,
    merchant,
    buyer,
    payee,
    rail,
    refundId: surplusRefundId(orderId, rail, transaction),
    orderId,
    transaction,
    why,
    amount,
    capturedAt: momentOf(command),
    bookedAt: command.at,
  });
}

/** Why the whole capture is no payment of this order; undefined when it pays it. */
function whyNotPaid(order: Placed | Paid | Cancelled, { capturedAt, amount }: Capture): SurplusReason | undefined {
  if (order.status === 'cancelled') return 'cancelled';
  if (order.status === 'paid') return 'duplicate';
  if (isAfter(capturedAt, order.terms.payBefore)) return 'late';
  return compare(amount, order.terms.total) < 0 ? 'too-little' : undefined;
}

export function capturePayment(command: Capture, order: Placed | Paid | Cancelled): Decision {
  const { terms } = order;
  const { transaction, amount } = command;
  const paidBy = order.status === 'placed' ? undefined : order.transaction;
  if (transaction === paidBy || order.surplus.has(transaction)) return [];
  // What is not at our account, or not in the order's asset, is not this order's to book. S70
  if (transaction === '' || command.receiver !== terms.receiver || !sameAsset(amount, terms.total) || !isPositive(amount))
    return reject('CaptureMismatch', 'transaction, receiver and asset must be those the order asked for');
  const why = whyNotPaid(order, command);
  if (why !== undefined)
    return order.length < maxEventsForSurplus
      ? [surplus(order, command, why, amount)]
      : reject('TooManyCaptures', 'too many payments came for this order; finance books this one by hand');
  const rest = subtract(amount, terms.total);
  const paid = event('PaymentCaptured', {
    orderId: terms.orderId,
    platform: terms.platform,
    rail: terms.rail,
    transaction,
    amount: terms.total,
    capturedAt: momentOf(command),
    deliverBefore: plusHours(command.at, terms.promise.deliverWithinHours),
  });
  return isPositive(rest) ? [paid, surplus(order, command, 'too-much', rest)] : [paid];
}
