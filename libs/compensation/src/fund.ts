import type { DepositEvent } from '@recourse/deposits/events';
import {
  type Decider,
  type Event,
  type EventOf,
  eventsOf,
  type Instant,
  periodNo,
  reject,
  type StreamProcessor,
} from '@recourse/eventing';
import { format, type Money, zero } from '@recourse/money';
import type { OrderEvent, RefundParties } from '@recourse/orders/events';
import type { BuyerDebtEvent, OwedByBuyer } from './buyer-debt.js';
import type { ContributionEvent } from './contribution.js';
import type { FundControlEvent, FundLimits } from './fund-control.js';
import { assetOf, concernsFund, concernsWaitingOnly, effectOf } from './fund-input.js';
import { hasMore, onwardFrom } from './fund-line.js';
import { begun, type CarriedLists, type CarriedStanding, carriedInto, fundPeriods, openedWith } from './fund-period.js';
import { type Fund, post } from './fund-state.js';
import type { PayoutEvent } from './payout.js';

/** What a refund wants of the fund; copied from RefundApproved so that the payout needs this event only. */
export interface Reservation extends RefundParties {
  readonly refundId: string;
  readonly orderId: string;
  /** The dispute behind the refund, if there is one. */
  readonly caseId?: string;
  /** Credited to refund:{refundId}: fromFund + fromFees. */
  readonly amount: Money;
  readonly fromFund: Money;
  readonly fromFees: Money;
  /** Becomes merchant:recourse against fund:advanced. */
  readonly merchantShare: Money;
  /** The whole refund, escrow lines included: what the payout pays. */
  readonly total: Money;
  /** The day of Asia/Shanghai on which it counts against the daily limit of its merchant; only while there is one. */
  readonly countedOn?: string;
}

interface Which {
  readonly platform: string;
  readonly asset: string;
}
/** What a merchant lost by a verdict that was overturned. */
export interface Compensation extends Which {
  readonly merchant: string;
  readonly refundId: string;
  readonly orderId: string;
  readonly caseId?: string;
  readonly amount: Money;
}
/** What waits for money, in one line. */
export type Entry =
  | { readonly kind: 'reservation'; readonly wanted: Reservation }
  | { readonly kind: 'compensation'; readonly wanted: Compensation };
/** A refund that waits, or waited, and that somebody else may pay. */
interface Waiting extends Which {
  readonly refundId: string;
  readonly orderId: string;
  readonly merchant: string;
  readonly fromFund: Money;
}
/** The fund's money where it crossed its low-water mark. */
interface Level extends Which {
  readonly available: Money;
  readonly lowWaterMark: Money;
  readonly at: Instant;
}

export type FundEvent =
  /** First event of a period: what the fund had when it began. Period 0001 begins with nothing. */
  | Event<
      'FundPeriodOpened',
      {
        readonly platform: string;
        readonly period: string;
        readonly available: Money;
        /** What goes on besides, and how many events with lists follow before anything else; absent in the first. */
        readonly carried?: CarriedStanding & { readonly events: number };
        readonly openedAt: Instant;
      }
    >
  /** Who waits, and what else is a list, goes on in the new period: as many of these as it takes, right behind its first event. */
  | Event<'FundCarriedForward', Which & CarriedLists>
  /** Last event of a period: what goes on in the next one. */
  | Event<'FundPeriodClosed', Which & { readonly period: string; readonly available: Money; readonly closedAt: Instant }>
  | Event<
      'FundContributed',
      { readonly platform: string; readonly contributionId: string; readonly amount: Money; readonly rail: string }
    >
  | Event<'FundsReserved', Reservation>
  /**
   * Waits first in, first out, in the order of the approvals in the log (K6): for money, or behind others, or because the fund
   * is paused. With `velocity-limit` it waits aside, beyond the daily limit of its merchant, and nobody waits behind it.
   */
  | Event<'ReservationQueued', Reservation & { readonly why?: 'paused' | 'velocity-limit' }>
  /**
   * What waited aside takes the place in the queue that its approval gives it, ahead of whoever was approved later: a person
   * lifted it, the limits changed, or a new day began. On a new day each merchant's go on in their order as far as the day's
   * limit reaches, and the first of them in any case, so that one that is larger than the limit is held back but not for ever.
   */
  | Event<
      'ReservationFreed',
      Which & {
        readonly refundId: string;
        readonly merchant: string;
        readonly fromFund: Money;
        readonly because: 'lifted' | 'new-day' | 'new-limits';
        /** Who lifted it, and why. */
        readonly by?: string;
        readonly reason?: string;
        readonly countedOn?: string;
      }
    >
  | Event<
      'FundReimbursed',
      {
        readonly platform: string;
        readonly merchant: string;
        readonly obligationId: string;
        readonly refundId: string;
        readonly amount: Money;
        readonly source: 'deposit' | 'payable';
      }
    >
  /**
   * What the fund gave for a refund that was revoked before it was paid is the fund's again, and the merchant owes his share no
   * more.
   */
  | Event<
      'ReservationRevoked',
      Which & {
        readonly refundId: string;
        readonly orderId: string;
        readonly merchant: string;
        readonly fromFund: Money;
        readonly fromFees: Money;
        readonly merchantShare: Money;
      }
    >
  /** Waits in the one line of all that want money, strictly in order; the daily limit of its merchant does not hold it back. */
  | Event<'CompensationQueued', Compensation & { readonly why?: 'paused' }>
  /** From fund:available to merchant:settling. */
  | Event<'MerchantCompensated', Compensation>
  /** From buyer:owed to fund:advanced: he got it by deceit, and the merchant is not to bear it. */
  | Event<
      'BuyerFraudEstablished',
      Which & {
        readonly refundId: string;
        readonly orderId: string;
        readonly merchant: string;
        readonly buyer: string;
        readonly amount: Money;
      }
    >
  /** What a buyer owed for fraud is the fund's again. */
  | Event<
      'FraudRepaid',
      Which &
        OwedByBuyer & {
          readonly amount: Money;
          /** Whence he paid it; absent: the refund came back, and it is taken out of refund:{refundId}. */
          readonly rail?: string;
          readonly transaction?: string;
        }
    >
  /** It came back and nobody is owed it any more: from refund:{refundId} to fund:available. */
  | Event<
      'RefundReturned',
      Which & { readonly merchant: string; readonly buyer: string; readonly refundId: string; readonly amount: Money }
    >
  /**
   * It waits for money and its merchant bears all of it, so his deposit is asked: it leaves the line until the answer, keeps its
   * number, and those behind it go on. Asked once when it is queued, and again when this merchant topped up.
   */
  | Event<'ReservationHandedOver', Reservation>
  /** The merchant's deposit paid it. It does not count against his day at the fund, which laid nothing out. */
  | Event<'ReservationTakenOver', Waiting>
  /** The deposit does not cover it: it waits again, at its old place. */
  | Event<'ReservationHandedBack', Waiting>
  /** This merchant topped up while refunds of his wait for money: his deposit is asked again for each of them. */
  | Event<'HandOversRenewed', Which & { readonly merchant: string }>
  /** Nothing more comes of it: the buyer has the deposit's money, or it was withdrawn and the deposit had declined it. */
  | Event<'HandOverEnded', Omit<Waiting, 'fromFund'>>
  /** The deposit's part of a refund that was revoked is to go back to it. */
  | Event<'HandOverRevoked', Omit<Waiting, 'fromFund'>>
  /** It was revoked while it waited, in the line, aside or for the word of the deposit. */
  | Event<'ReservationWithdrawn', Waiting>
  /** What was paid twice is back at the gateway it had left. */
  | Event<
      'DoublePaymentRepaid',
      Which & OwedByBuyer & { readonly amount: Money; readonly rail: string; readonly transaction: string }
    >
  /** For fraud the fund bears it, for a double payment the platform. */
  | Event<
      'BuyerDebtWrittenOff',
      Which &
        OwedByBuyer & {
          readonly amount: Money;
          readonly reason: string;
          readonly proposedBy: string;
          readonly approvedBy: string;
        }
    >
  /** Nothing is reserved until it is resumed: everything that wants money waits in order, and money still comes in. */
  | Event<
      'FundPaused',
      Which & { readonly kind: 'pause' | 'kill-switch'; readonly by: string; readonly reason: string; readonly pausedAt: Instant }
    >
  | Event<
      'FundResumed',
      Which & {
        readonly by: string;
        /** After a kill switch: the other of the two people. */
        readonly proposedBy?: string;
        readonly reason: string;
        readonly resumedAt: Instant;
      }
    >
  /**
   * From here on these limits hold, in place of all before. A merchant's day counts what was reserved or queued for him from
   * then on, what waits aside excepted: it counts on the day on which it is freed, also when a person lifts it.
   */
  | Event<'FundLimitsSet', FundLimits & { readonly approvedBy: string; readonly setAt: Instant }>
  /** A new day began while refunds waited aside. */
  | Event<'FundDayOpened', Which & { readonly day: string; readonly openedAt: Instant }>
  /** Said once when the money falls below the mark, after everything that could be funded was; recovered: at the mark or above. */
  | Event<'FundRanLow', Level>
  | Event<'FundRecovered', Level>;

type ControlInput = EventOf<
  FundControlEvent,
  'FundPauseOrdered' | 'FundResumeOrdered' | 'FundLimitsApproved' | 'FundHoldLiftOrdered' | 'FundDayBegan'
>;
type HandOverInput = EventOf<
  DepositEvent,
  'RefundFundedFromDeposit' | 'HandOverDeclined' | 'DepositFundingPaid' | 'DepositToppedUp'
>;
export type FundInput =
  | EventOf<OrderEvent, 'RefundApproved' | 'RefundRevoked' | 'RefundOverturned'>
  | EventOf<ContributionEvent, 'ContributionApproved'>
  | EventOf<DepositEvent, 'DepositDebited' | 'PayableDebited' | 'CompensationClaimed'>
  | EventOf<PayoutEvent, 'PayoutReturned'>
  | EventOf<BuyerDebtEvent, 'BuyerDebtRepaid' | 'BuyerDebtReturned' | 'DebtWriteOffApproved'>
  | HandOverInput
  | ControlInput;
export type FundCommand =
  | { readonly type: 'TakeInput'; readonly input: FundInput }
  /** The next thing that follows from what has happened already; exactly one event, or none when nothing does. */
  | { readonly type: 'GoOn' };
export type FundRejection = 'AssetMismatch' | 'PeriodNotOpen';

const firstPeriod = periodNo(1);
const event = eventsOf<FundEvent>();

/** Streams `fund-{platform}.{asset}.{period}`, written by `fundProcessor` alone. */
export const fund: Decider<FundCommand, Fund, FundEvent, FundRejection> = {
  category: 'fund',
  initial: { status: 'unopened' },
  events: {
    FundPeriodOpened: 1,
    FundCarriedForward: 1,
    FundPeriodClosed: 1,
    FundContributed: 1,
    FundsReserved: 1,
    ReservationQueued: 1,
    ReservationFreed: 1,
    FundReimbursed: 1,
    ReservationRevoked: 1,
    CompensationQueued: 1,
    MerchantCompensated: 1,
    RefundReturned: 1,
    ReservationHandedOver: 1,
    ReservationTakenOver: 1,
    ReservationHandedBack: 1,
    HandOversRenewed: 1,
    HandOverEnded: 1,
    HandOverRevoked: 1,
    ReservationWithdrawn: 1,
    BuyerFraudEstablished: 1,
    FraudRepaid: 1,
    DoublePaymentRepaid: 1,
    BuyerDebtWrittenOff: 1,
    FundPaused: 1,
    FundResumed: 1,
    FundLimitsSet: 1,
    FundDayOpened: 1,
    FundRanLow: 1,
    FundRecovered: 1,
  },
  periods: fundPeriods,
  decide: (command, state) => {
    if (state.status === 'opening' || state.status === 'over')
      return reject('PeriodNotOpen', `period ${state.period.no} of this fund is not open; another one is`);
    if (command.type === 'GoOn') return state.status === 'open' ? onwardFrom(state, command.at) : [];
    const { input, at } = command;
    if (!concernsFund(input)) return [];
    const asset = assetOf(input);
    if (state.status === 'unopened') {
      if (concernsWaitingOnly(input)) return [];
      const { platform } = input.data;
      const opened = { platform, period: firstPeriod, available: zero(asset), openedAt: at };
      return [event('FundPeriodOpened', opened), ...effectOf(input, openedWith(opened), at)];
    }
    if (state.asset !== asset) return reject('AssetMismatch', `this fund is kept in ${state.asset}, not in ${asset}`);
    return effectOf(input, state, at);
  },
  evolve: (state, happened) => {
    if (happened.type === 'FundPeriodOpened') return begun(happened.data);
    if (state.status === 'opening' && happened.type === 'FundCarriedForward') return carriedInto(state, happened.data);
    if (state.status !== 'open' || happened.type === 'FundCarriedForward')
      throw new Error(`${happened.type} stands where the period is not open, or is open already`);
    if (happened.type === 'FundPeriodClosed') return { ...state, status: 'over', closedAt: happened.data.closedAt };
    return post(state, happened);
  },
};

/** Feeds the fund from the log of all events. */
export const fundProcessor: StreamProcessor<FundInput, FundCommand, Fund, FundEvent, FundRejection> = {
  name: 'fund',
  decider: fund,
  inputs: [
    'RefundApproved',
    'RefundRevoked',
    'RefundOverturned',
    'ContributionApproved',
    'DepositDebited',
    'PayableDebited',
    'CompensationClaimed',
    'PayoutReturned',
    'RefundFundedFromDeposit',
    'HandOverDeclined',
    'DepositFundingPaid',
    'DepositToppedUp',
    'BuyerDebtRepaid',
    'BuyerDebtReturned',
    'DebtWriteOffApproved',
    'FundPauseOrdered',
    'FundResumeOrdered',
    'FundLimitsApproved',
    'FundHoldLiftOrdered',
    'FundDayBegan',
  ],
  route: (input) => {
    if (!concernsFund(input)) return undefined;
    return {
      id: `${input.data.platform}.${assetOf(input)}`,
      command: { type: 'TakeInput', input },
    };
  },
  // One step at a time: money that reaches thousands fills as many appends as it takes, none of them larger than the store allows.
  onward: (state) => (state.status === 'open' && hasMore(state) ? { type: 'GoOn' } : undefined),
  announce: ({ type, data }) => {
    if (type === 'FundRanLow')
      return `ALARM: the fund ran low, ${format(data.available)} ${data.asset} is below its mark of ${format(data.lowWaterMark)}`;
    if (type === 'FundRecovered') return `the fund has recovered, ${format(data.available)} ${data.asset} is available`;
    if (type === 'FundPaused') return `ALARM: the fund stands still by a ${data.kind === 'pause' ? 'pause' : 'kill switch'}`;
    return type === 'FundResumed' ? 'the fund goes on' : undefined;
  },
};
