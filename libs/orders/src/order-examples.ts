import { type CommandOf, isRejection, plusMs, type Instant, type Stamped } from '@recourse/eventing';
import { money } from '@recourse/money';
import { type Delivery, type FreezeScope, order, type OrderCommand, type OrderEvent } from './order.js';

/** Commands of one example order, `demo.1001`: what specs say their sentences with. */
export const orderId = 'demo.1001';
export const start: Instant = '2026-03-01T00:00:00.000Z';
/** Hours (and milliseconds) after the order was placed. */
export const after = (hours: number, ms = 0): Instant => plusMs(start, hours * 3_600_000 + ms);

export type Placing = CommandOf<OrderCommand, 'PlaceOrder'>;
const policy = { id: 'demo', version: 1, hash: 'ab'.repeat(32) };

/** Keys at ¥10.00 each, fee ¥1.00 a unit, in escrow, 24 h after-sale, 24 h to deliver. */
export const place = (quantity = 1, change: Partial<Placing> = {}): Placing => ({
  type: 'PlaceOrder',
  orderId,
  platform: 'demo',
  merchant: 'm1',
  buyer: 'b1',
  payee: 'vault:payee-b1',
  rail: 'sandbox',
  receiver: 'acct-demo',
  productKind: 'game-card',
  settlement: 'ESCROW',
  promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: true, sevenDay: false },
  policy,
  consent: policy,
  lines: [{ product: 'steam-100', unitPrice: money(1_000n), quantity }],
  fee: money(100n * BigInt(quantity)),
  // Read for orders settled at delivery only.
  exposure: { limit: money(10n ** 15n), exposed: money(0n) },
  ...change,
});
export const sevenDay = { promise: { afterSaleHours: 24, deliverWithinHours: 24, reissue: false, sevenDay: true } };

export const capture = (amount = 1_000n, change: Partial<CommandOf<OrderCommand, 'CapturePayment'>> = {}) =>
  ({
    type: 'CapturePayment',
    transaction: 't-1',
    amount: money(amount),
    receiver: 'acct-demo',
    capturedAt: start,
    ...change,
  }) as const;

export const key = (name: string): Delivery => ({ kind: 'key', ciphertext: `sealed ${name}`, fingerprint: name, masked: '****' });
export const topUp = (receipt: string): Delivery => ({ kind: 'top-up', receipt, accountReference: 'vault:phone' });
export const deliver = (...unitNos: number[]) => deliverAs(...unitNos.map((unitNo) => [unitNo, key(`key-${unitNo}`)] as const));
export const deliverAs = (...deliveries: (readonly [number, Delivery])[]) =>
  ({ type: 'DeliverUnits', deliveries: deliveries.map(([unitNo, delivery]) => ({ unitNo, delivery })) }) as const;

export const freeze = (scope: FreezeScope = 'order') => ({ type: 'FreezeOrder', scope, reason: 'suspicion' }) as const;
export const unfreeze = (scope: FreezeScope = 'order') => ({ type: 'UnfreezeOrder', scope, reason: 'cleared' }) as const;
export const reveal = (unitNo = 1) => ({ type: 'RevealKey', unitNo }) as const;
export const confirm = (...units: number[]) => ({ type: 'ConfirmReceipt', units }) as const;
export const fail = (unitNo = 1) => ({ type: 'ReportPlatformFailure', unitNo, incident: 'incident-7' }) as const;
export const note = (...units: number[]) => ({ type: 'NoteIncident', incidentId: 'demo.I1', units }) as const;
export const cancel = { type: 'CancelOrder', by: 'buyer' } as const;
export const pass = { type: 'PassOrderDeadlines' } as const;

export const claim = (units: number[] = [1], change: Partial<CommandOf<OrderCommand, 'OpenClaim'>> = {}) =>
  ({ type: 'OpenClaim', units, reason: 'key-invalid', channel: 'app', draft: false, ...change }) as const;
export const submit = (n = 1) => ({ type: 'SubmitClaim', claimId: `${orderId}.${n}` }) as const;
export const close = (outcome: CommandOf<OrderCommand, 'CloseClaim'>['outcome'], n = 1, ...units: number[]) =>
  ({ type: 'CloseClaim', claimId: `${orderId}.${n}`, outcome, ...(units.length > 0 && { units }) }) as const;
export const replace = (unitNo = 1, name = 'new-key', n = 1) =>
  ({ type: 'ReplaceUnit', claimId: `${orderId}.${n}`, unitNo, delivery: key(name) }) as const;

type Approval = CommandOf<OrderCommand, 'ApproveRefund'>;
/** Verdict `v` on claim `n`: ¥10.00 for unit 1 at the merchant's cost, if nothing else is said. */
export const refund = (units: Partial<Approval['units'][number]>[] = [{}], v = 1, n = 1): Approval => ({
  type: 'ApproveRefund',
  refundId: `${orderId}.${n}.v${v}`,
  disputeId: `${orderId}.${n}`,
  verdictId: `${orderId}.${n}.v${v}`,
  rule: 'dead-key',
  units: units.map((unit) => ({ unitNo: 1, amount: money(1_000n), liable: 'MERCHANT', bearer: 'merchant', ...unit })),
});

const firstUnits = (quantity: number): number[] => Array.from({ length: quantity }, (_, index) => index + 1);
export const paid = (quantity = 1, change: Partial<Placing> = {}) =>
  [place(quantity, change), capture(1_000n * BigInt(quantity))] as const;
export const delivered = (quantity = 1, change: Partial<Placing> = {}) =>
  [...paid(quantity, change), deliver(...firstUnits(quantity))] as const;

/** The events of commands sent one after another, each at its own time or at the time of the one before. @throws a refusal */
export function history(...commands: (OrderCommand & { readonly at?: Instant })[]): OrderEvent[] {
  const events: OrderEvent[] = [];
  let state = order.initial;
  let at = start;
  for (const command of commands) {
    at = command.at ?? at;
    const outcome = order.decide({ ...command, at } as Stamped<OrderCommand>, state);
    if (isRejection(outcome)) throw new Error(`${command.type} was refused: ${outcome.rejected}, ${outcome.detail}`);
    events.push(...outcome);
    state = outcome.reduce(order.evolve, state);
  }
  return events;
}

export const typesOf = (events: readonly OrderEvent[]) => events.map(({ type }) => type);
