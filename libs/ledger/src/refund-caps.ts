import type { EventOf, Recorded } from '@recourse/eventing';
import type { Money } from '@recourse/money';
import type { RefundLine } from '@recourse/orders/events';
import { addsUp, handle, reporter, text, type Check, type Handlers, type Ledger, type Violation } from './invariant.js';
import type { DomainEvent } from './posting.js';

type Approval = Recorded<EventOf<DomainEvent, 'RefundApproved'>>;
type Revocation = Recorded<EventOf<DomainEvent, 'RefundRevoked'>>;
type Surplus = Recorded<EventOf<DomainEvent, 'SurplusCaptured'>>;
interface Order {
  readonly asset: string;
  paid: boolean;
  /** What may still be refunded, by unit number, in minor units. */
  readonly left: Map<number, bigint>;
}

const violation = reporter('I3');

/**
 * I3: per unit, refunds approved net of revoked are at most the price paid, a refund adds up, and it is revoked once and whole; a
 * surplus is no part of the price and goes back once per transaction. Keeps one entry per order until it is cancelled unpaid or
 * refunded in full, since a claim may come at any time, one per refund, since its verdict may be overturned at any time, and one
 * per surplus.
 */
export class RefundCaps implements Check {
  readonly invariant = 'I3';
  readonly #orders = new Map<string, Order>();
  /** What each refund that stands was approved as. */
  readonly #approved = new Map<string, string>();
  /** `rail/transaction` and refund of every surplus so far. */
  readonly #surplus = new Set<string>();
  readonly #on: Handlers = {
    OrderPlaced: ({ data: { orderId, units, total } }) => {
      const left = new Map(units.map(({ unitNo, price }) => [unitNo, price.minor]));
      this.#orders.set(orderId, { asset: total.asset, paid: false, left });
      return [];
    },
    PaymentCaptured: ({ data: { orderId } }) => {
      const order = this.#orders.get(orderId);
      if (order !== undefined) order.paid = true;
      return [];
    },
    OrderCancelled: ({ data: { orderId } }) => {
      if (this.#orders.get(orderId)?.paid === false) this.#orders.delete(orderId);
      return [];
    },
    RefundApproved: (event) => {
      this.#approved.set(event.data.refundId, contentOf(event.data));
      return [...this.#overCap(event), ...sums(event)];
    },
    RefundRevoked: (event) => this.#revoke(event),
    SurplusCaptured: (event) => this.#surplusOnce(event),
  };

  check(event: Recorded<DomainEvent>, ledger: Ledger): readonly Violation[] {
    return handle(this.#on, event, ledger);
  }

  finish(): readonly Violation[] {
    return [];
  }

  #surplusOnce({ position, data }: Surplus): Violation[] {
    const { rail, transaction, refundId, amount } = data;
    const names = [`${rail}/${transaction}`, refundId];
    const isTwice = names.some((name) => this.#surplus.has(name));
    for (const name of names) this.#surplus.add(name);
    return [
      ...(isTwice ? [violation(position, refundId, `surplus of ${transaction} again`, 'one refund for one transaction')] : []),
      ...(amount.minor > 0n ? [] : [violation(position, refundId, `surplus of ${text(amount)}`, 'more than nothing')]),
    ];
  }

  #overCap(event: Approval): Violation[] {
    const { orderId, lines } = event.data;
    const order = this.#orders.get(orderId);
    const over = lines.flatMap(({ unitNo, amount }) => {
      const asset = order?.asset ?? amount.asset;
      const left = order?.paid === true ? (order.left.get(unitNo) ?? 0n) : 0n;
      order?.left.set(unitNo, left - amount.minor);
      if (amount.asset === asset && amount.minor <= left) return [];
      const rest = left > 0n ? left : 0n;
      return [violation(event.position, `${orderId}#${unitNo}`, text(amount), `at most ${text({ asset, minor: rest })}`)];
    });
    if (order !== undefined && [...order.left.values()].every((left) => left <= 0n)) this.#orders.delete(orderId);
    return over;
  }

  #revoke({ position, data }: Revocation): Violation[] {
    const { orderId, refundId, lines, total } = data;
    const approved = this.#approved.get(refundId);
    this.#approved.delete(refundId);
    const wrong = (expected: string) => [violation(position, refundId, `revoked ${text(total)}`, expected)];
    if (approved === undefined) return wrong('a refund that stands');
    if (approved !== contentOf(data)) return wrong('the refund as it was approved');
    // An order that was refunded in full is known by nothing but what comes back.
    const order = this.#orders.get(orderId) ?? { asset: total.asset, paid: true, left: new Map<number, bigint>() };
    this.#orders.set(orderId, order);
    for (const { unitNo, amount } of lines) order.left.set(unitNo, (order.left.get(unitNo) ?? 0n) + amount.minor);
    return [];
  }
}

const parts = ['fromEscrow', 'fromFund', 'fromFees', 'merchantShare'] as const;

function sums({ position, data }: Approval): Violation[] {
  const wrong = [
    ...(['amount', ...parts] as const)
      .filter(
        (part) =>
          !addsUp(
            part === 'amount' ? data.total : data[part],
            data.lines.map((line) => line[part]),
          ),
      )
      .map((part) => (part === 'amount' ? 'total' : part)),
    ...data.lines.filter((line) => !lineAddsUp(line)).map((line) => `line of unit ${line.unitNo} from ${line.source}`),
  ];
  return wrong.map((part) => violation(position, data.refundId, `${part} does not add up`, 'the sum of its parts'));
}

type Content = Pick<EventOf<DomainEvent, 'RefundApproved'>['data'], 'lines' | 'total' | (typeof parts)[number]>;
/** Every amount of it in short, as there is one of these for every refund. */
const contentOf = ({ lines, ...refund }: Content): string => {
  const amountsOf = (of: Readonly<Record<(typeof parts)[number], Money>>) => parts.map((part) => of[part].minor);
  const ofLines = lines.map((line) => [line.unitNo, line.amount.minor, ...amountsOf(line)].join());
  return [refund.total.asset, refund.total.minor, ...amountsOf(refund), ...ofLines].join(' ');
};

const lineAddsUp = ({ amount, source, fromEscrow, fromFund, fromFees }: RefundLine): boolean =>
  addsUp(amount, [fromEscrow, fromFund, fromFees]) && (source === 'escrow') === (fromFund.minor === 0n && fromFees.minor === 0n);
