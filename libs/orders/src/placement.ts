import { eventsOf, plusMs, reject, type Rejection } from '@recourse/eventing';
import {
  allocate,
  compare,
  format,
  isNegative,
  isPositive,
  isZero,
  maxMinor,
  money,
  type Money,
  sameAsset,
  zero,
} from '@recourse/money';
import { feeOnPrice } from './fee-schedule.js';
import type { Exposure, OrderEvent, OrderLine, OrderRejection, PolicyReference } from './order.js';
import type { Decision, Do } from './order-state.js';
import { isBelowMinimum, lintPromise } from './promise.js';

const event = eventsOf<OrderEvent>();

/** Units of one order: an event that names them all must fit the largest event that is stored. */
export const maxUnits = 100;
export const payWithinMs = 30 * 60_000; // K13

/** S25: an offer with a vague after-sale promise, or with less than the policy publishes, is not sold. */
function promiseFault({ promise, productKind, minimums }: Do<'PlaceOrder'>): Rejection<OrderRejection> | undefined {
  const [first] = lintPromise(promise, { productKind, ...(minimums && { minimums }) });
  if (first === undefined) return undefined;
  return reject(isBelowMinimum(first) ? 'PromiseBelowMinimum' : 'PromiseIncomplete', first.message.en);
}

const isSamePolicy = (one: PolicyReference, other: PolicyReference): boolean =>
  one.id === other.id && one.version === other.version && one.hash === other.hash;

/** One entry per unit, in the order of the lines. */
const spread = (lines: readonly OrderLine[]): OrderLine[] =>
  lines.flatMap((line) => Array.from({ length: line.quantity }, () => line));

function countFault(lines: readonly OrderLine[]): Decision | undefined {
  if (lines.length === 0 || lines.some(({ quantity }) => !Number.isSafeInteger(quantity) || quantity < 1))
    return reject('NothingOrdered', 'every line has a whole quantity of at least 1, and there is at least one line');
  return lines.reduce((count, { quantity }) => count + quantity, 0) > maxUnits
    ? reject('TooManyUnits', `an order has at most ${maxUnits} units; split it`)
    : undefined;
}

/** K16: settled at delivery, only the deposit stands behind a claim; so it must cover all that may yet be claimed. */
function exposed({ settlement, exposure }: Do<'PlaceOrder'>, total: Money): Exposure | Rejection<OrderRejection> | undefined {
  if (settlement !== 'ON_DELIVERY') return undefined;
  if (exposure === undefined)
    return reject('ExposureUnknown', "an order settled at delivery is placed with the merchant's exposure");
  if (!sameAsset(exposure.limit, total) || !sameAsset(exposure.exposed, total))
    return reject('AssetMismatch', "an order settled at delivery is in the asset of the merchant's deposit");
  const { limit } = exposure;
  const withThis = exposure.exposed.minor + total.minor;
  return withThis > limit.minor
    ? reject(
        'ExposureTooHigh',
        `with this order ${shown(withThis, total)} could be claimed from a deposit of ${shown(limit.minor, limit)}; use ESCROW or top up`,
      )
    : { limit, exposed: money(withThis, total.asset) };
}
const shown = (minor: bigint, { asset }: Money): string =>
  minor > maxMinor ? 'more than an amount can hold' : `${format(money(minor, asset))} ${asset}`;

type Fees = Pick<Do<'PlaceOrder'>, 'fee' | 'feeSchedule' | 'productKind'>;

function feeFault({ fee, feeSchedule, productKind }: Fees, total: Money): Decision | undefined {
  if (feeSchedule === undefined) {
    if (fee === undefined) return reject('FeeMissing', 'the platform has no fee schedule in force; name the fee');
    if (!sameAsset(fee, total)) return mixedAssets;
    if (isNegative(fee)) return reject('AmountNotPositive', 'a fee is not below zero');
    return compare(fee, total) > 0 ? reject('FeeTooLarge', 'the fee is more than the buyer pays') : undefined;
  }
  if (fee !== undefined) return reject('FeeScheduled', 'the fee follows from the schedule in force; leave it out');
  return sameAsset(feeSchedule.rates[productKind].minimum, total) ? undefined : mixedAssets;
}

/** One fee per unit. What the shop names for the whole order is weighed by what is paid, not by the list price: no fee exceeds its price. */
function unitFees({ fee, feeSchedule, productKind }: Fees, prices: readonly Money[]): readonly Money[] {
  if (feeSchedule !== undefined) return prices.map((price) => feeOnPrice(price, feeSchedule.rates[productKind]));
  return allocate(
    fee ?? zero(prices[0]?.asset),
    prices.map(({ minor }) => minor),
  );
}

const mixedAssets = reject('AssetMismatch', 'unit prices, discount and fee of one order are in one asset');

function amountFault(lines: readonly OrderLine[], discount: Money): Decision | undefined {
  if (!lines.every(({ unitPrice }) => sameAsset(unitPrice, discount))) return mixedAssets;
  if (isNegative(discount) || !lines.every(({ unitPrice }) => isPositive(unitPrice)))
    return reject('AmountNotPositive', 'unit prices are above zero, the discount is not below zero');
  const list = lines.reduce((sum, { unitPrice, quantity }) => sum + unitPrice.minor * BigInt(quantity), 0n);
  if (list > maxMinor) return reject('AmountTooLarge', 'the order is worth more than an amount can hold; split it');
  return discount.minor >= list ? reject('DiscountTooLarge', 'the discount leaves nothing to pay') : undefined;
}

export function placeOrder(command: Do<'PlaceOrder'>): Decision {
  const { at, lines, promise, policy, productKind, feeSchedule } = command;
  const { discount = zero(lines[0]?.unitPrice.asset) } = command;
  const fault = countFault(lines) ?? amountFault(lines, discount);
  if (fault) return fault;
  const broken = promiseFault(command);
  if (broken) return broken;
  if (!isSamePolicy(command.consent, policy))
    return reject(
      'ConsentMissing',
      `the buyer must accept version ${policy.version} of the refund policy ${policy.id} before paying`,
    ); // S24

  const ordered = spread(lines);
  const weights = ordered.map(({ unitPrice }) => unitPrice.minor);
  const list = weights.reduce((sum, weight) => sum + weight, 0n);
  const total = money(list - discount.minor, discount.asset);
  const wrongFee = feeFault(command, total);
  if (wrongFee) return wrongFee;
  const exposure = exposed(command, total);
  if (exposure !== undefined && 'rejected' in exposure) return exposure;
  const prices = allocate(total, weights);
  if (prices.some(isZero)) {
    return reject(
      'DiscountTooLarge',
      'the discount would leave a unit that costs nothing and so could not be refunded by itself',
    );
  }
  const fees = unitFees(command, prices);
  const units = ordered.map(({ product }, index) => ({
    unitNo: index + 1,
    product,
    price: prices[index] ?? total,
    fee: fees[index] ?? zero(total.asset),
  }));
  const { orderId, platform, merchant, buyer, payee, rail, receiver, settlement } = command;
  const parties = { platform, merchant, buyer, payee, rail, receiver };
  const agreed = { productKind, settlement, promise, policy };
  return [
    event('OrderPlaced', {
      orderId,
      ...parties,
      ...agreed,
      units,
      total,
      payBefore: plusMs(at, payWithinMs),
      placedAt: at,
      ...(feeSchedule !== undefined && { feeScheduleVersion: feeSchedule.version }),
      ...(exposure && { exposure }),
      ...(command.noReturnConsent && { noReturnConsent: true }),
    }),
  ];
}
