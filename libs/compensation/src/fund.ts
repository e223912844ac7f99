import type { DepositEvent } from '@recourse/deposits/events';
import {
  type DataOf,
  type Decider,
  type Event,
  type EventOf,
  eventsOf,
  type Instant,
  reject,
  shanghaiDay,
  type StreamProcessor,
} from '@recourse/eventing';
import { add, compare, equals, format, isPositive, isZero, type Money, subtract, sum, zero } from '@recourse/money';
import type { OrderEvent, RefundParties } from '@recourse/orders/events';
import type { BuyerDebtEvent, OwedByBuyer } from './buyer-debt.js';
import type { ContributionEvent } from './contribution.js';
import { type FundControlEvent, type FundLimits, limitsOf } from './fund-control.js';
import type { PayoutEvent } from './payout.js';
import { PersistentMap } from './persistent-map.js';

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
  /** First event of a period: what the fund had and who waited when it began. Period 0001 begins with nothing. */
  | Event<
      'FundPeriodOpened',
      { readonly platform: string; readonly period: string; readonly available: Money; readonly openedAt: Instant }
    >
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
export type FundRejection = 'AssetMismatch';

type Open = Which & {
  readonly status: 'open';
  readonly available: Money;
  /** By number, which approvals get in the order of the log; whoever approves refunds bounds it, since one that is due cannot be refused. */
  readonly waiting: PersistentMap<number, Entry>;
  /** Numbers of those of them that wait aside and are not in the line. */
  readonly aside: PersistentMap<number, true>;
  /** Nobody before this number waits in the line. */
  readonly head: number;
  readonly next: number;
  /**
   * Numbers of what waits, and of what waited or was paid last, by `keyOf`. Inputs are told apart by position; this only catches
   * an approval or a claim that stands twice in the log.
   */
  readonly numbers: PersistentMap<string, number>;
  /** The last `maxReservedLast` of them, in a ring. */
  readonly reservedLast: PersistentMap<number, string>;
  readonly reserved: number;
  /**
   * Refunds that the merchant's deposit was asked for: without an answer yet (they are among `waiting` as well), withdrawn before
   * the answer, or paid by it and not yet by the rail. Bounded as `waiting` is.
   */
  readonly handedOver: PersistentMap<string, 'asked' | 'withdrawn' | 'taken'>;
  /** Numbers of those in the line whose merchant's deposit is still to be asked; none of them is before `askFrom`. */
  readonly unasked: PersistentMap<number, true>;
  readonly askFrom: number;
  readonly isPaused: boolean;
  readonly isLow: boolean;
  readonly lowWaterMark: Money | undefined;
  readonly dailyPerMerchant: Money | undefined;
  /** The newest day seen, as far as a daily limit asks for it; days do not go back. */
  readonly day: string;
  /** What counts against a merchant's limit, on the last day on which anything did. */
  readonly spent: PersistentMap<string, { readonly day: string; readonly amount: Money }>;
  /** Of those aside, the ones that the new day or the new limits let go, in order; `done` of them have gone. */
  readonly freeing: { readonly numbers: readonly number[]; readonly done: number; readonly because: 'new-day' | 'new-limits' };
};
export type Fund = { readonly status: 'unopened' } | Open;

export const maxReservedLast = 1024;

const firstPeriod = '0001';
const event = eventsOf<FundEvent>();

/** Stream `fund-{platform}.{asset}.{period}`, written by `fundProcessor` alone. */
export const fund: Decider<FundCommand, Fund, FundEvent, FundRejection> = {
  category: 'fund',
  initial: { status: 'unopened' },
  events: {
    FundPeriodOpened: 1,
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
  decide: (command, state) => {
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
    if (happened.type === 'FundPeriodOpened') return openedWith(happened.data);
    if (state.status === 'unopened') throw new Error(`${happened.type} stands before FundPeriodOpened`);
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
      id: `${input.data.platform}.${assetOf(input)}.${firstPeriod}`,
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

/** Who waits in the line, in its order; those aside and those handed over are not in it. */
export const lineOf = (state: Open): readonly Entry[] =>
  state.waiting
    .keys()
    .toSorted((a, b) => a - b)
    .flatMap((number) => inLine(state, number) ?? []);
function inLine({ waiting, aside, handedOver }: Open, number: number): Entry | undefined {
  const entry = waiting.get(number);
  if (entry === undefined || aside.has(number)) return undefined;
  return entry.kind === 'reservation' && handedOver.has(entry.wanted.refundId) ? undefined : entry;
}

/** What it is known by: a refund and the compensation for it may both be here. */
const keyOf = ({ kind, wanted: { refundId } }: Entry): string => (kind === 'reservation' ? refundId : `compensation/${refundId}`);
/** The fund's own money that it wants. */
const priceOf = (entry: Entry): Money => (entry.kind === 'reservation' ? entry.wanted.fromFund : entry.wanted.amount);

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
const openedWith = ({ platform, available }: { readonly platform: string; readonly available: Money }): Open => ({
  status: 'open',
  platform,
  asset: available.asset,
  available,
  waiting: PersistentMap.empty(),
  aside: PersistentMap.empty(),
  head: 0,
  next: 0,
  numbers: PersistentMap.empty(),
  reservedLast: PersistentMap.empty(),
  reserved: 0,
  handedOver: PersistentMap.empty(),
  unasked: PersistentMap.empty(),
  askFrom: 0,
  isPaused: false,
  isLow: false,
  lowWaterMark: undefined,
  dailyPerMerchant: undefined,
  day: '',
  spent: PersistentMap.empty(),
  freeing: { numbers: [], done: 0, because: 'new-day' },
});

type Change = Exclude<FundEvent, { type: 'FundPeriodOpened' }>;

const spentOn = ({ spent, asset }: Open, merchant: string, day: string): Money => {
  const last = spent.get(merchant);
  return last?.day === day ? last.amount : zero(asset);
};
const later = (one: string, other: string): string => (one > other ? one : other);
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

/** Numbers of those in the line for which the merchant's deposit was asked and is to be asked again. */
const renewable = (state: Open, merchant: string): readonly number[] =>
  state.head === state.next
    ? []
    : state.waiting
        .keys()
        .filter(
          (number) =>
            state.waiting.get(number)?.wanted.merchant === merchant &&
            !state.unasked.has(number) &&
            isForDeposit(inLine(state, number)),
        );
/** The merchant bears all of the fund's part, so that his deposit can pay it in the fund's place. */
const isForDeposit = (entry: Entry | undefined): boolean =>
  entry?.kind === 'reservation' && isPositive(entry.wanted.fromFund) && equals(entry.wanted.merchantShare, entry.wanted.fromFund);
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

/** Only refunds wait aside, or for the word of a deposit. */
function reservationAt({ waiting }: Open, number: number): Reservation | undefined {
  const entry = waiting.get(number);
  return entry?.kind === 'reservation' ? entry.wanted : undefined;
}

/** Who of those aside may go on now, in the order of their approvals. */
function freeable(state: Open, because: 'new-day' | 'new-limits'): Open['freeing'] {
  const { dailyPerMerchant: limit, aside, day } = state;
  const spent = new Map<string, Money>();
  const numbers = aside
    .keys()
    .toSorted((a, b) => a - b)
    .filter((number) => {
      const held = reservationAt(state, number);
      if (!held || limit === undefined) return true;
      const before = spent.get(held.merchant) ?? spentOn(state, held.merchant, day);
      const after = add(before, held.fromFund);
      const goes = compare(after, limit) <= 0 || (because === 'new-day' && isZero(before));
      if (goes) spent.set(held.merchant, after);
      return goes;
    });
  return { numbers, done: 0, because };
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

const compensationOf = ({
  platform,
  merchant,
  refundId,
  orderId,
  caseId,
  amount,
}: DataOf<FundInput, 'CompensationClaimed'> | DataOf<FundEvent, 'CompensationQueued'>): Compensation => ({
  platform,
  asset: amount.asset,
  merchant,
  refundId,
  orderId,
  ...(caseId === undefined ? {} : { caseId }),
  amount,
});

function post(state: Open, { type, data }: Change): Open {
  switch (type) {
    case 'FundContributed':
    case 'FundReimbursed':
    case 'FraudRepaid':
    case 'RefundReturned':
      return { ...state, available: add(state.available, data.amount) };
    // Of what the fund lays out it keeps no count: it is not the fund's to spend.
    case 'BuyerFraudEstablished':
    case 'DoublePaymentRepaid':
    case 'BuyerDebtWrittenOff':
      return state;
    case 'ReservationRevoked':
      return { ...state, available: add(state.available, data.fromFund) };
    case 'ReservationQueued': {
      const { why, ...wanted } = data;
      const queued = enqueued(state, { kind: 'reservation', wanted });
      if (why === 'velocity-limit') return withHead({ ...queued, aside: state.aside.with(state.next, true) }, state.head);
      return asking(counting(queued, data), state.next);
    }
    case 'CompensationQueued':
      return enqueued(state, { kind: 'compensation', wanted: compensationOf(data) });
    case 'ReservationFreed': {
      const number = state.numbers.get(data.refundId) ?? state.next;
      const held = reservationAt(state, number);
      if (!held) return state;
      const { freeing } = state;
      const isPlanned = freeing.numbers[freeing.done] === number;
      const free = counting(
        {
          ...state,
          waiting: state.waiting.with(number, { kind: 'reservation', wanted: countedAnew(held, data.countedOn) }),
          aside: state.aside.without(number),
          head: Math.min(state.head, number),
          freeing: isPlanned ? { ...freeing, done: freeing.done + 1 } : freeing,
        },
        data,
      );
      return asking(free, number);
    }
    case 'FundsReserved': {
      const after = dequeued(state, { kind: 'reservation', wanted: data });
      return state.numbers.has(data.refundId) ? after : counting(after, data);
    }
    case 'MerchantCompensated':
      return dequeued(state, { kind: 'compensation', wanted: data });
    case 'ReservationHandedOver': {
      const { refundId } = data;
      const asked = notAsking(state, state.numbers.get(refundId) ?? state.next);
      return withHead({ ...asked, handedOver: state.handedOver.with(refundId, 'asked') }, state.head);
    }
    case 'ReservationHandedBack': {
      const { refundId } = data;
      const number = state.numbers.get(refundId) ?? state.head;
      return { ...state, handedOver: state.handedOver.without(refundId), head: Math.min(state.head, number) };
    }
    case 'ReservationTakenOver': {
      const { refundId } = data;
      const number = state.numbers.get(refundId) ?? state.next;
      const freed = uncounting(state, reservationAt(state, number));
      return gone({ ...freed, handedOver: state.handedOver.with(refundId, 'taken') }, number, refundId);
    }
    case 'ReservationWithdrawn': {
      const { refundId } = data;
      const number = state.numbers.get(refundId) ?? state.next;
      // What waits aside has not been counted yet.
      const left = state.aside.has(number) ? state : uncounting(state, reservationAt(state, number));
      const { handedOver } = state;
      const withdrawn = handedOver.has(refundId) ? handedOver.with(refundId, 'withdrawn') : handedOver;
      return gone({ ...left, aside: state.aside.without(number), handedOver: withdrawn }, number, refundId);
    }
    case 'HandOverEnded':
    case 'HandOverRevoked':
      return { ...state, handedOver: state.handedOver.without(data.refundId) };
    case 'HandOversRenewed':
      return renewable(state, data.merchant).reduce(asking, state);
    case 'FundPaused':
      return { ...state, isPaused: true };
    case 'FundResumed':
      return { ...state, isPaused: false };
    case 'FundLimitsSet': {
      const { lowWaterMark, dailyPerMerchant, setAt } = data;
      const limited = { ...state, lowWaterMark, dailyPerMerchant, day: later(state.day, shanghaiDay(setAt)) };
      return { ...limited, freeing: freeable(limited, 'new-limits') };
    }
    case 'FundDayOpened': {
      const begun = { ...state, day: data.day };
      return { ...begun, freeing: freeable(begun, 'new-day') };
    }
    case 'FundRanLow':
      return { ...state, isLow: true };
    case 'FundRecovered':
      return { ...state, isLow: false };
  }
}

const enqueued = (state: Open, entry: Entry): Open => ({
  ...state,
  next: state.next + 1,
  numbers: state.numbers.with(keyOf(entry), state.next),
  waiting: state.waiting.with(state.next, entry),
});

/** Paid, whether it waited or not. */
function dequeued(state: Open, entry: Entry): Open {
  const key = keyOf(entry);
  const number = state.numbers.get(key) ?? state.next;
  const known = { next: Math.max(state.next, number + 1), numbers: state.numbers.with(key, number) };
  return gone({ ...state, ...known, available: subtract(state.available, priceOf(entry)) }, number, key);
}

/** The first in the line from here on, or whoever comes next. */
function withHead(state: Open, from: number): Open {
  let head = from;
  while (head < state.next && !inLine(state, head)) head += 1;
  return head === state.head ? state : { ...state, head };
}

/** It does not wait any more; its key is still known for a while. */
function gone(state: Open, number: number, key: string): Open {
  const slot = state.reserved % maxReservedLast;
  const forgotten = state.reservedLast.get(slot);
  const after = {
    ...notAsking(state, number),
    waiting: state.waiting.without(number),
    numbers: forgotten === undefined ? state.numbers : state.numbers.without(forgotten),
    reservedLast: state.reservedLast.with(slot, key),
    reserved: state.reserved + 1,
  };
  return withHead(after, state.head);
}

/** It is in the line now: if the fund cannot pay it, its merchant's deposit is asked. */
const asking = (state: Open, number: number): Open =>
  isForDeposit(state.waiting.get(number))
    ? withAskFrom({ ...state, unasked: state.unasked.with(number, true) }, Math.min(state.askFrom, number))
    : state;
const notAsking = (state: Open, number: number): Open =>
  state.unasked.has(number) ? withAskFrom({ ...state, unasked: state.unasked.without(number) }, state.askFrom) : state;
function withAskFrom(state: Open, from: number): Open {
  let askFrom = from;
  while (askFrom < state.next && !state.unasked.has(askFrom)) askFrom += 1;
  return askFrom === state.askFrom ? state : { ...state, askFrom };
}

/** The day on which it was held aside says nothing any more: then it was not counted. */
function countedAnew(held: Reservation, countedOn: string | undefined): Reservation {
  const reservation: { -readonly [Part in keyof Reservation]: Reservation[Part] } = { ...held };
  delete reservation.countedOn;
  return countedOn === undefined ? reservation : { ...reservation, countedOn };
}

function counting(
  state: Open,
  { merchant, fromFund, countedOn }: Pick<Reservation, 'merchant' | 'fromFund' | 'countedOn'>,
): Open {
  if (countedOn === undefined) return state;
  const amount = add(spentOn(state, merchant, countedOn), fromFund);
  return { ...state, day: later(state.day, countedOn), spent: state.spent.with(merchant, { day: countedOn, amount }) };
}

/** It was counted and the fund laid nothing out; a day that is over does not matter any more. */
function uncounting(state: Open, reservation: Reservation | undefined): Open {
  if (reservation?.countedOn === undefined) return state;
  const { merchant, fromFund, countedOn } = reservation;
  const last = state.spent.get(merchant);
  if (last?.day !== countedOn) return state;
  return { ...state, spent: state.spent.with(merchant, { day: countedOn, amount: subtract(last.amount, fromFund) }) };
}
