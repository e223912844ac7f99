import type { Instant, Recorded } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import type { EventReference, OrderEvent, UnitPrice } from '@recourse/orders/events';

/** An event of the platform's own that proves something, so that nobody has to send a screenshot of it. */
export interface AttestedEvent {
  readonly reference: EventReference;
  readonly position: bigint;
  readonly eventId: string;
  readonly at: Instant;
}
export interface AttestedDelivery extends AttestedEvent {
  readonly kind: 'key' | 'top-up';
  /** A key with all but its ends starred out, or the carrier's receipt. */
  readonly shown: string;
}
export interface AttestedUnit {
  readonly unitNo: number;
  readonly product: string;
  readonly price: Money;
  /** Nothing: the platform has no delivery of it, which answers "not delivered" without the buyer. S44 */
  readonly delivered?: AttestedDelivery;
  readonly revealed?: AttestedEvent;
  /** The platform's own failure, and the incident it names. S11 */
  readonly failed?: AttestedEvent & { readonly incident: string };
  readonly replaced: readonly AttestedDelivery[];
}

/** What the platform attests of an order from its own events: order, payment, delivery and reveal. S37, S38, S44, S47 */
export interface OrderAttestation {
  /** Name of the goods, number and amount. S37 */
  readonly order: AttestedEvent & { readonly orderId: string; readonly products: readonly string[]; readonly total: Money };
  /** Order number at the rail and amount. S38 */
  readonly payment?: AttestedEvent & { readonly rail: string; readonly transaction: string; readonly amount: Money };
  readonly units: readonly AttestedUnit[];
}

const attested = ({ revision, stream, position, id }: Recorded<OrderEvent>, at: Instant): AttestedEvent => ({
  reference: `${revision}@${stream}`,
  position,
  eventId: id,
  at,
});
const delivery = (event: OfType<'UnitDelivered' | 'ReplacementDelivered'>): AttestedDelivery => {
  const { delivery: what, deliveredAt } = event.data;
  return { ...attested(event, deliveredAt), kind: what.kind, shown: what.kind === 'key' ? what.masked : what.receipt };
};

type OfType<Type extends OrderEvent['type']> = Extract<Recorded<OrderEvent>, { readonly type: Type }>;

function attestUnit(
  { unitNo, product, price }: UnitPrice,
  of: <Type extends OrderEvent['type']>(type: Type) => readonly OfType<Type>[],
): AttestedUnit {
  const isIt = ({ data }: { readonly data: { readonly unitNo: number } }) => data.unitNo === unitNo;
  const delivered = of('UnitDelivered').find(isIt);
  // The first time counts; the key of a replacement is another one.
  const revealed = of('KeyRevealed').find(isIt);
  const failed = of('PlatformDeliveryFailed').find(isIt);
  const noted = of('PlatformIncidentNoted').find(({ data }) => data.units.includes(unitNo));
  return {
    unitNo,
    product,
    price,
    ...(delivered && { delivered: delivery(delivered) }),
    ...(revealed && { revealed: attested(revealed, revealed.data.revealedAt) }),
    ...(failed && { failed: { ...attested(failed, failed.data.failedAt), incident: failed.data.incident } }),
    ...(noted && { failed: { ...attested(noted, noted.data.notedAt), incident: noted.data.incidentId } }),
    replaced: of('ReplacementDelivered').filter(isIt).map(delivery),
  };
}

/** @param events of the order's stream, from the first @throws Error when they do not begin with the order */
export function attestOrder(events: readonly Recorded<OrderEvent>[], units: ReadonlySet<number>): OrderAttestation {
  const [placed] = events;
  if (placed?.type !== 'OrderPlaced') throw new Error('an order begins with OrderPlaced');
  const { orderId, total, placedAt } = placed.data;
  const of = <Type extends OrderEvent['type']>(type: Type) =>
    events.filter((event): event is OfType<Type> => event.type === type);
  const [payment] = of('PaymentCaptured');
  const named = placed.data.units.filter(({ unitNo }) => units.has(unitNo));
  return {
    order: { ...attested(placed, placedAt), orderId, products: [...new Set(named.map(({ product }) => product))], total },
    ...(payment && {
      payment: {
        ...attested(payment, payment.data.capturedAt),
        rail: payment.data.rail,
        transaction: payment.data.transaction,
        amount: payment.data.amount,
      },
    }),
    units: named.map((unit) => attestUnit(unit, of)),
  };
}
