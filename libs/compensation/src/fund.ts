import type { DepositEvent } from '@recourse/deposits/events';
import {
  type DataOf,
  type Decider,
  type Event,
  type EventOf,
  eventsOf,
  type Instant,
  periodNo,
  reject,
  shanghaiDay,
  type StreamProcessor,
} from '@recourse/eventing';
import { add, compare, format, isZero, type Money, sum, zero } from '@recourse/money';
import type { OrderEvent, RefundParties } from '@recourse/orders/events';
import type { BuyerDebtEvent, OwedByBuyer } from './buyer-debt.js';
import type { ContributionEvent } from './contribution.js';
import { type FundControlEvent, type FundLimits, limitsOf } from './fund-control.js';
import { begun, type CarriedLists, type CarriedStanding, carriedInto, fundPeriods, openedWith } from './fund-period.js';
import {
  type Change,
  compensationOf,
  type Fund,
  keyOf,
  later,
  type Open,
  post,
  priceOf,
  renewable,
  reservationAt,
  spentOn,
} from './fund-state.js';
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

function concernsFund({ type, data }: FundInput): boolean {
  // What comes back from a buyer who deceived pays his debt first, and is told by that.
  if (type === 'PayoutReturned') return data.purpose.kind === 'refund' && data.isFraud === undefined;
  if (type === 'RefundOverturned') return data.buyerOwes !== undefined && !isZero(data.buyerOwes);
  return (type !== 'RefundApproved' && type !== 'RefundRevoked') || !isZero(data.fromFund) || !isZero(data.fromFees);
}
/** It means nothing to a fund that nobody has asked anything of. */
function concernsWaitingOnly({ type }: FundInput): boolean {
  switch (type) {
    case 'RefundRevoked':
    case 'RefundFundedFromDeposit':
    case 'HandOverDeclined':
    case 'DepositFundingPaid':
    case 'DepositToppedUp':
    case 'FundHoldLiftOrdered':
    case 'FundDayBegan':
      return true;
    case 'RefundApproved':
    case 'ContributionApproved':
    case 'DepositDebited':
    case 'PayableDebited':
    case 'CompensationClaimed':
    case 'PayoutReturned':
    case 'RefundOverturned':
    case 'BuyerDebtRepaid':
    case 'BuyerDebtReturned':
    case 'DebtWriteOffApproved':
    case 'FundPauseOrdered':
    case 'FundResumeOrdered':
    case 'FundLimitsApproved':
      return false;
  }
}
const assetOf = ({ data }: FundInput): string =>
  'asset' in data ? data.asset : 'amount' in data ? data.amount.asset : data.total.asset;

/** The day a reservation counts on, while there is a daily limit. */
const counted = (state: Open, at: Instant): { readonly countedOn?: string } =>
  state.dailyPerMerchant === undefined ? {} : { countedOn: later(state.day, shanghaiDay(at)) };

/** The input's own event; what else follows is `onwardFrom`. */
function effectOf(input: FundInput, state: Open, at: Instant): readonly Change[] {
  switch (input.type) {
    case 'RefundApproved': {
      const wanted = { ...reservationOf(input.data), ...counted(state, at) };
      const entry = { kind: 'reservation', wanted } as const;
      if (state.numbers.has(keyOf(entry)) || state.handedOver.has(wanted.refundId)) return [];
      if (isBeyondLimit(state, wanted)) return [event('ReservationQueued', { ...wanted, why: 'velocity-limit' })];
      if (state.isPaused) return [event('ReservationQueued', { ...wanted, why: 'paused' })];
      return isPaidAtOnce(state, entry) ? paid(entry) : [event('ReservationQueued', wanted)];
    }
    // No daily limit: it bounds what the fund lays out for a merchant's refunds, and this is what he is owed.
    case 'CompensationClaimed': {
      const wanted = compensationOf(input.data);
      const entry = { kind: 'compensation', wanted } as const;
      if (state.numbers.has(keyOf(entry))) return [];
      if (state.isPaused) return [event('CompensationQueued', { ...wanted, why: 'paused' })];
      return isPaidAtOnce(state, entry) ? paid(entry) : [event('CompensationQueued', wanted)];
    }
    case 'PayoutReturned': {
      const { platform, purpose, amount } = input.data;
      if (purpose.kind !== 'refund') return [];
      const { merchant, buyer, refundId } = purpose;
      return [event('RefundReturned', { platform, asset: amount.asset, merchant, buyer, refundId, amount })];
    }
    case 'ContributionApproved': {
      const { platform, contributionId, amount, rail } = input.data;
      return [event('FundContributed', { platform, contributionId, amount, rail })];
    }
    case 'DepositDebited':
    case 'PayableDebited': {
      const { platform, merchant, obligationId, refundId, amount } = input.data;
      const source = input.type === 'DepositDebited' ? 'deposit' : 'payable';
      return [event('FundReimbursed', { platform, merchant, obligationId, refundId, amount, source })];
    }
    case 'RefundRevoked':
      return revoked(input.data, state);
    case 'RefundFundedFromDeposit':
    case 'HandOverDeclined':
    case 'DepositFundingPaid':
      return answered(input, state);
    case 'DepositToppedUp': {
      const { merchant } = input.data;
      const { platform, asset } = state;
      return renewable(state, merchant).length === 0 ? [] : [event('HandOversRenewed', { platform, asset, merchant })];
    }
    case 'RefundOverturned': {
      const { platform, refundId, orderId, merchant, buyer, buyerOwes: amount } = input.data;
      if (amount === undefined) return [];
      return [event('BuyerFraudEstablished', { platform, asset: amount.asset, refundId, orderId, merchant, buyer, amount })];
    }
    case 'BuyerDebtRepaid': {
      const { amount, rail, transaction } = input.data;
      const repaid = { ...debtOf(input.data), amount, rail, transaction };
      return [event(input.data.kind === 'fraud' ? 'FraudRepaid' : 'DoublePaymentRepaid', repaid)];
    }
    case 'BuyerDebtReturned': {
      const { amount, rest, platform, merchant, buyer, refundId } = input.data;
      const returned = { platform, asset: rest.asset, merchant, buyer, refundId, amount: rest };
      return [
        ...(isZero(amount) ? [] : [event('FraudRepaid', { ...debtOf(input.data), amount })]),
        ...(isZero(rest) ? [] : [event('RefundReturned', returned)]),
      ];
    }
    case 'DebtWriteOffApproved': {
      const { amount, reason, proposedBy, approvedBy } = input.data;
      return [event('BuyerDebtWrittenOff', { ...debtOf(input.data), amount, reason, proposedBy, approvedBy })];
    }
    case 'FundPauseOrdered': {
      const { platform, asset, kind, orderedBy: by, reason } = input.data;
      return [event('FundPaused', { platform, asset, kind, by, reason, pausedAt: at })];
    }
    case 'FundResumeOrdered': {
      const { platform, asset, orderedBy: by, proposedBy, reason } = input.data;
      const second = proposedBy === undefined ? {} : { proposedBy };
      return [event('FundResumed', { platform, asset, by, ...second, reason, resumedAt: at })];
    }
    case 'FundLimitsApproved': {
      return [event('FundLimitsSet', { ...limitsOf(input.data), approvedBy: input.data.approvedBy, setAt: at })];
    }
    case 'FundHoldLiftOrdered': {
      const { refundId, orderedBy: by, reason } = input.data;
      const number = state.numbers.get(refundId);
      // The new day was faster, or nobody held it.
      if (number === undefined || !state.aside.has(number)) return [];
      return freed(state, number, at, { because: 'lifted', by, reason });
    }
    case 'FundDayBegan': {
      const { platform, asset, day } = input.data;
      return state.aside.size === 0
        ? []
        : [event('FundDayOpened', { platform, asset, day: later(state.day, day), openedAt: at })];
    }
  }
}

/** Whoever has the money of it gives it back; nobody does while it waits. */
function revoked(
  { refundId, orderId, merchant, fromFund, fromFees, merchantShare }: DataOf<FundInput, 'RefundRevoked'>,
  state: Open,
): readonly Change[] {
  const { platform, asset } = state;
  const which = { platform, asset, refundId, orderId, merchant };
  const handedOver = state.handedOver.get(refundId);
  if (handedOver === 'taken') return [event('HandOverRevoked', which)];
  if (handedOver === 'withdrawn') return [];
  const number = state.numbers.get(refundId);
  if (number !== undefined && state.waiting.has(number)) return [event('ReservationWithdrawn', { ...which, fromFund })];
  return [event('ReservationRevoked', { ...which, fromFund, fromFees, merchantShare })];
}

/** The word of a deposit that was asked; nothing to a fund that has not asked it, or has it already. */
function answered({ type, data }: Exclude<HandOverInput, { type: 'DepositToppedUp' }>, state: Open): readonly Change[] {
  const { platform, asset } = state;
  const { refundId, orderId, merchant } = data;
  const which = { platform, asset, refundId, orderId, merchant };
  const handedOver = state.handedOver.get(refundId);
  if (type === 'DepositFundingPaid') return handedOver === 'taken' ? [event('HandOverEnded', which)] : [];
  if (handedOver === 'withdrawn') return [event(type === 'HandOverDeclined' ? 'HandOverEnded' : 'HandOverRevoked', which)];
  const asked = handedOver === 'asked' ? reservationAt(state, state.numbers.get(refundId) ?? state.next) : undefined;
  if (!asked) return [];
  const { fromFund } = asked;
  return [event(type === 'HandOverDeclined' ? 'ReservationHandedBack' : 'ReservationTakenOver', { ...which, fromFund })];
}

const debtOf = ({
  debtId,
  platform,
  buyer,
  merchant,
  refundId,
  kind,
  amount: { asset },
}: OwedByBuyer & { readonly amount: Money }): Which & OwedByBuyer => ({
  platform,
  asset,
  debtId,
  buyer,
  merchant,
  refundId,
  kind,
});

const isBeyondLimit = (state: Open, { merchant, fromFund, countedOn = '' }: Reservation): boolean =>
  state.dailyPerMerchant !== undefined && compare(add(spentOn(state, merchant, countedOn), fromFund), state.dailyPerMerchant) > 0;

/** Nobody in the line is before it, and the money is there. */
const isPaidAtOnce = ({ head, next, available }: Open, entry: Entry): boolean =>
  head === next && compare(available, priceOf(entry)) >= 0;
const paid = ({ kind, wanted }: Entry): readonly Change[] =>
  kind === 'reservation' ? [event('FundsReserved', wanted)] : [event('MerchantCompensated', wanted)];

/**
 * What follows without a further input, by urgency: who is free again takes his place, then money goes out, then deposits are
 * asked for what there is no money for, then its level is told.
 */
const isFreeing = ({ freeing }: Open): boolean => freeing.done < freeing.numbers.length;
function fundable({ isPaused, waiting, head, available }: Open): Entry | undefined {
  const first = isPaused ? undefined : waiting.get(head);
  return first && compare(available, priceOf(first)) >= 0 ? first : undefined;
}
const isBelowMark = ({ available, lowWaterMark }: Open): boolean =>
  lowWaterMark !== undefined && compare(available, lowWaterMark) < 0;
const toHandOver = (state: Open): Reservation | undefined =>
  state.isPaused || !state.unasked.has(state.askFrom) ? undefined : reservationAt(state, state.askFrom);
const hasMore = (state: Open): boolean =>
  isFreeing(state) || fundable(state) !== undefined || toHandOver(state) !== undefined || isBelowMark(state) !== state.isLow;

function onwardFrom(state: Open, at: Instant): readonly Change[] {
  const { platform, asset, available, freeing } = state;
  const number = freeing.numbers[freeing.done];
  if (number !== undefined) return freed(state, number, at, { because: freeing.because });
  // Strictly in order: a large refund at the head is never overtaken by a small one behind it.
  const first = fundable(state);
  if (first) return paid(first);
  const next = toHandOver(state);
  if (next) return [event('ReservationHandedOver', next)];
  if (isBelowMark(state) === state.isLow) return [];
  const level = { platform, asset, available, lowWaterMark: state.lowWaterMark ?? zero(asset), at };
  return [event(state.isLow ? 'FundRecovered' : 'FundRanLow', level)];
}

function freed(
  state: Open,
  number: number,
  at: Instant,
  cause: Pick<DataOf<FundEvent, 'ReservationFreed'>, 'because' | 'by' | 'reason'>,
): readonly Change[] {
  const held = reservationAt(state, number);
  if (!held) return [];
  const { platform, asset } = state;
  const { refundId, merchant, fromFund } = held;
  return [event('ReservationFreed', { platform, asset, refundId, merchant, fromFund, ...cause, ...counted(state, at) })];
}

function reservationOf(approved: DataOf<FundInput, 'RefundApproved'>): Reservation {
  const { platform, merchant, buyer, payee, rail, refundId, orderId, ground, fromFund, fromFees, total } = approved;
  // What the merchant bears of an escrow line he has paid out of that escrow; only the fund's lines become recourse.
  const shares = approved.lines.filter(({ source }) => source === 'fund').map(({ merchantShare }) => merchantShare);
  return {
    platform,
    merchant,
    buyer,
    payee,
    rail,
    refundId,
    orderId,
    ...(ground.kind === 'verdict' ? { caseId: ground.disputeId } : {}),
    amount: add(fromFund, fromFees),
    fromFund,
    fromFees,
    merchantShare: sum(shares, total.asset),
    total,
  };
}
