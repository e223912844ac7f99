import type { DataOf, Instant } from '@recourse/eventing';
import { add, isPositive, subtract, zero, type Money } from '@recourse/money';
import type {
  AfterSalePromise,
  FreezeScope,
  OrderEvent,
  PolicyReference,
  ProductKind,
  SettlementMode,
  UnitFacts,
} from '@recourse/orders/events';
import { without } from './without.js';

/** What of a unit is agreed when it is ordered and never changes. */
export interface UnitTerms {
  readonly orderId: string;
  readonly unitNo: number;
  readonly platform: string;
  readonly merchant: string;
  readonly buyer: string;
  readonly product: string;
  readonly productKind: ProductKind;
  readonly settlement: SettlementMode;
  readonly promise: AfterSalePromise;
  /** Frozen at consent. S24 */
  readonly policy: PolicyReference;
  readonly price: Money;
  readonly fee: Money;
  readonly payBefore: Instant;
  readonly noReturnConsent?: true;
}

/** Where a unit stands by the events of its order. It has moments and no answers: those depend on when one asks. */
export interface UnitStanding extends Pick<
  UnitFacts,
  'deliveredAt' | 'revealedAt' | 'afterSaleEndsAt' | 'sevenDayEndsAt' | 'platformFailure'
> {
  readonly order: 'placed' | 'paid' | 'cancelled';
  readonly escrow: 'unpaid' | 'held' | 'released';
  /** Approved and not revoked, whatever the source. */
  readonly refunded: Money;
  readonly deliverBefore?: Instant;
  /** While there is one, nothing is released. S65 */
  readonly freezes: readonly FreezeScope[];
  readonly confirmed: boolean;
  readonly draftUsed: boolean;
  /** The open claim, and when it stopped the after-sale clock. S77 */
  readonly claim?: { readonly claimId: string; readonly stoppedAt: Instant };
}

interface Change {
  /** Undefined: every unit of the order. */
  readonly units?: readonly number[];
  readonly to: (standing: UnitStanding, unitNo: number) => UnitStanding;
}

export const termsOf = ({ units, ...placed }: DataOf<OrderEvent, 'OrderPlaced'>): readonly UnitTerms[] => {
  const { orderId, platform, merchant, buyer, productKind, settlement, promise, policy, payBefore, noReturnConsent } = placed;
  const consent = noReturnConsent === undefined ? {} : { noReturnConsent };
  const agreed = { orderId, platform, merchant, buyer, productKind, settlement, promise, policy, payBefore, ...consent };
  return units.map(({ unitNo, product, price, fee }) => ({ ...agreed, unitNo, product, price, fee }));
};

export const newStanding = ({ price }: UnitTerms): UnitStanding => ({
  order: 'placed',
  escrow: 'unpaid',
  refunded: zero(price.asset),
  platformFailure: false,
  freezes: [],
  confirmed: false,
  draftUsed: false,
});

const numbersOf = (parts: readonly { readonly unitNo: number }[]): readonly number[] => [
  ...new Set(parts.map(({ unitNo }) => unitNo)),
];

/** What an event of the order does to its units; undefined when it leaves all of them as they are. */
export function changeBy(event: OrderEvent): Change | undefined {
  switch (event.type) {
    case 'PaymentCaptured': {
      const { deliverBefore } = event.data;
      return { to: (unit) => ({ ...unit, order: 'paid', escrow: 'held', deliverBefore }) };
    }
    case 'OrderCancelled':
      return { to: (unit) => ({ ...unit, order: 'cancelled' }) };
    case 'UnitDelivered': {
      const { unitNo, delivery, deliveredAt, afterSaleEndsAt, sevenDayEndsAt } = event.data;
      return {
        units: [unitNo],
        to: (unit) => ({
          ...unit,
          deliveredAt,
          afterSaleEndsAt,
          ...(sevenDayEndsAt === undefined ? {} : { sevenDayEndsAt }),
          // A credited top-up is out of its wrapping when it arrives.
          ...(delivery.kind === 'top-up' ? { revealedAt: deliveredAt } : {}),
          // Delivered under a claim: the clock has not run yet, so the whole window is left.
          ...(unit.claim === undefined ? {} : { claim: { ...unit.claim, stoppedAt: deliveredAt } }),
        }),
      };
    }
    case 'PlatformDeliveryFailed':
      return { units: [event.data.unitNo], to: (unit) => ({ ...unit, platformFailure: true }) };
    case 'PlatformIncidentNoted':
      return { units: event.data.units, to: (unit) => ({ ...unit, platformFailure: true }) };
    case 'KeyRevealed': {
      const { unitNo, revealedAt } = event.data;
      return { units: [unitNo], to: (unit) => ({ ...unit, revealedAt }) };
    }
    case 'ReplacementDelivered': {
      const { unitNo, delivery, deliveredAt } = event.data;
      return {
        units: [unitNo],
        to: (unit) => ({
          ...without(unit, 'revealedAt'),
          deliveredAt,
          ...(delivery.kind === 'top-up' ? { revealedAt: deliveredAt } : {}),
        }),
      };
    }
    case 'ReceiptConfirmed':
      return { units: event.data.units, to: (unit) => ({ ...unit, confirmed: true }) };
    case 'EscrowReleased':
      return { units: [event.data.unitNo], to: (unit) => ({ ...unit, escrow: 'released' }) };
    case 'OrderFrozen':
    case 'OrderUnfrozen': {
      const { scope } = event.data;
      const now: readonly FreezeScope[] = event.type === 'OrderFrozen' ? [scope] : [];
      return { to: (unit) => ({ ...unit, freezes: [...unit.freezes.filter((one) => one !== scope), ...now] }) };
    }
    case 'ClaimOpened': {
      const { claimId, units, draft, openedAt } = event.data;
      return {
        units: numbersOf(units),
        to: (unit) => ({ ...unit, claim: { claimId, stoppedAt: openedAt }, draftUsed: unit.draftUsed || draft }),
      };
    }
    case 'ClaimClosed': {
      const ends = new Map(event.data.units.map(({ unitNo, afterSaleEndsAt }) => [unitNo, afterSaleEndsAt]));
      return {
        units: [...ends.keys()],
        to: (unit, unitNo) => {
          const afterSaleEndsAt = ends.get(unitNo);
          return { ...without(unit, 'claim'), ...(afterSaleEndsAt === undefined ? {} : { afterSaleEndsAt }) };
        },
      };
    }
    case 'RefundApproved': {
      const { lines } = event.data;
      const withThese = (unit: UnitStanding, unitNo: number) =>
        lines.filter((line) => line.unitNo === unitNo).reduce((sum, { amount }) => add(sum, amount), unit.refunded);
      return { units: numbersOf(lines), to: (unit, unitNo) => ({ ...unit, refunded: withThese(unit, unitNo) }) };
    }
    case 'RefundRevoked': {
      const { lines } = event.data;
      return {
        units: numbersOf(lines),
        to: (unit, unitNo) => {
          const own = lines.filter((line) => line.unitNo === unitNo);
          return {
            ...unit,
            escrow: own.some(({ fromEscrow }) => isPositive(fromEscrow)) ? 'held' : unit.escrow,
            refunded: own.reduce((sum, { amount }) => subtract(sum, amount), unit.refunded),
          };
        },
      };
    }
    case 'OrderPlaced':
    case 'SurplusCaptured':
    case 'DeliveryOverdue':
    case 'ClaimSubmitted':
    case 'ClaimAttached':
    case 'RefundFundedFromEscrow':
    case 'RefundOverturned':
    case 'RefundShutOut':
      return undefined;
  }
}
