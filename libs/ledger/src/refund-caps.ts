import type { EventOf, Recorded } from '@recourse/eventing';
import type { RefundLine } from '@recourse/orders/events';
import { addsUp, handle, reporter, text, type Check, type Handlers, type Ledger, type Violation } from './invariant.js';
import type { DomainEvent } from './posting.js';

type Approval = Recorded<EventOf<DomainEvent, 'RefundApproved'>>;
type Surplus = Recorded<EventOf<DomainEvent, 'SurplusCaptured'>>;
interface Order {
  readonly asset: string;
  paid: boolean;
  /** What may still be refunded, by unit number, in minor units. */
  readonly left: Map<number, bigint>;
}

const violation = reporter('I3');

/**
 * I3: per unit, refunds approved are at most the price paid, and a refund adds up; a surplus is no part of the price and goes
 * back once per transaction. Keeps one entry per order until it is refunded in full or cancelled unpaid, since a claim may come
 * at any time, and one per surplus.
 */
export class RefundCaps implements Check {
  readonly invariant = 'I3';
  readonly #orders = new Map<string, Order>();
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
    RefundApproved: (event) => [...this.#overCap(event), ...sums(event)],
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
}

function sums({ position, data }: Approval): Violation[] {
  const parts = ['fromEscrow', 'fromFund', 'fromFees', 'merchantShare'] as const;
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

const lineAddsUp = ({ amount, source, fromEscrow, fromFund, fromFees }: RefundLine): boolean =>
  addsUp(amount, [fromEscrow, fromFund, fromFees]) && (source === 'escrow') === (fromFund.minor === 0n && fromFees.minor === 0n);
