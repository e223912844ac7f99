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
import { add, compare, format, isZero, type Money, subtract, sum, zero } from '@recourse/money';
import type { OrderEvent, RefundParties } from '@recourse/orders/events';
import type { ContributionEvent } from './contribution.js';
import { type FundControlEvent, type FundLimits, limitsOf } from './fund-control.js';
import {
  begun,
  type CarriedLists,
  type CarriedStanding,
  carriedInto,
  fundPeriods,
  type FundPeriod,
  maxReservedLast,
  openedWith,
} from './fund-period.js';
import type { PersistentMap } from './persistent-map.js';

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
export type FundInput =
  | EventOf<OrderEvent, 'RefundApproved'>
  | EventOf<ContributionEvent, 'ContributionApproved'>
  | EventOf<DepositEvent, 'DepositDebited' | 'PayableDebited'>
  | ControlInput;
export type FundCommand =
  | { readonly type: 'TakeInput'; readonly input: FundInput }
  /** The next thing that follows from what has happened already; exactly one event, or none when nothing does. */
  | { readonly type: 'GoOn' };
export type FundRejection = 'AssetMismatch' | 'PeriodNotOpen';

/** What a further period of the fund must know stands in fund-period.ts too: a part that has no place there does not compile. */
export type Open = Which & {
  readonly status: 'open';
  readonly period: FundPeriod;
  readonly available: Money;
  /** By number, which approvals get in the order of the log; whoever approves refunds bounds it, since one that is due cannot be refused. */
  readonly waiting: PersistentMap<number, Reservation>;
  /** Numbers of those of them that wait aside and are not in the line. */
  readonly aside: PersistentMap<number, true>;
  /** Nobody before this number waits in the line. */
  readonly head: number;
  readonly next: number;
  /**
   * Numbers of the refunds that wait and of those reserved last. Inputs are told apart by position; this only catches an
   * approval that stands twice in the log.
   */
  readonly numbers: PersistentMap<string, number>;
  /** The last `maxReservedLast` of them, in a ring. */
  readonly reservedLast: PersistentMap<number, string>;
  readonly reserved: number;
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
/** So many events that carry something into the period are not there yet. */
export type Opening = Omit<Open, 'status'> & { readonly status: 'opening'; readonly awaits: number };
export type Over = Omit<Open, 'status'> & { readonly status: 'over'; readonly closedAt: Instant };
export type Fund = { readonly status: 'unopened' } | Opening | Open | Over;

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
      // A lift or a new day concerns nobody while nobody waits.
      if (input.type === 'FundHoldLiftOrdered' || input.type === 'FundDayBegan') return [];
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
    'ContributionApproved',
    'DepositDebited',
    'PayableDebited',
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

/** Who waits in the line, in its order; those aside are not in it. */
export const lineOf = ({ waiting, aside }: Open): readonly Reservation[] =>
  waiting
    .keys()
    .filter((number) => !aside.has(number))
    .toSorted((a, b) => a - b)
    .flatMap((number) => waiting.get(number) ?? []);

const concernsFund = (input: FundInput): boolean =>
  input.type !== 'RefundApproved' || !isZero(input.data.fromFund) || !isZero(input.data.fromFees);
const assetOf = ({ data }: FundInput): string =>
  'asset' in data ? data.asset : 'amount' in data ? data.amount.asset : data.total.asset;

type Change = Exclude<FundEvent, { type: 'FundPeriodOpened' | 'FundCarriedForward' | 'FundPeriodClosed' }>;

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
      if (state.numbers.has(wanted.refundId)) return [];
      if (isBeyondLimit(state, wanted)) return [event('ReservationQueued', { ...wanted, why: 'velocity-limit' })];
      if (state.isPaused) return [event('ReservationQueued', { ...wanted, why: 'paused' })];
      const isFunded = state.waiting.size === state.aside.size && compare(state.available, wanted.fromFund) >= 0;
      return [event(isFunded ? 'FundsReserved' : 'ReservationQueued', wanted)];
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

const isBeyondLimit = (state: Open, { merchant, fromFund, countedOn = '' }: Reservation): boolean =>
  state.dailyPerMerchant !== undefined && compare(add(spentOn(state, merchant, countedOn), fromFund), state.dailyPerMerchant) > 0;

/** What follows without a further input, by urgency: who is free again takes his place, then money goes out, then its level is told. */
const isFreeing = ({ freeing }: Open): boolean => freeing.done < freeing.numbers.length;
function fundable({ isPaused, waiting, head, available }: Open): Reservation | undefined {
  const first = isPaused ? undefined : waiting.get(head);
  return first && compare(available, first.fromFund) >= 0 ? first : undefined;
}
const isBelowMark = ({ available, lowWaterMark }: Open): boolean =>
  lowWaterMark !== undefined && compare(available, lowWaterMark) < 0;
const hasMore = (state: Open): boolean => isFreeing(state) || fundable(state) !== undefined || isBelowMark(state) !== state.isLow;

function onwardFrom(state: Open, at: Instant): readonly Change[] {
  const { platform, asset, available, freeing } = state;
  const number = freeing.numbers[freeing.done];
  if (number !== undefined) return freed(state, number, at, { because: freeing.because });
  // Strictly in order: a large refund at the head is never overtaken by a small one behind it.
  const first = fundable(state);
  if (first) return [event('FundsReserved', first)];
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
  const waiting = state.waiting.get(number);
  if (!waiting) return [];
  const { platform, asset } = state;
  const { refundId, merchant, fromFund } = waiting;
  return [event('ReservationFreed', { platform, asset, refundId, merchant, fromFund, ...cause, ...counted(state, at) })];
}

/** Who of those aside may go on now, in the order of their approvals. */
function freeable(state: Open, because: 'new-day' | 'new-limits'): Open['freeing'] {
  const { dailyPerMerchant: limit, aside, waiting, day } = state;
  const spent = new Map<string, Money>();
  const numbers = aside
    .keys()
    .toSorted((a, b) => a - b)
    .filter((number) => {
      const held = waiting.get(number);
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

function post(state: Open, { type, data }: Change): Open {
  switch (type) {
    case 'FundContributed':
    case 'FundReimbursed':
      return { ...state, available: add(state.available, data.amount) };
    case 'ReservationRevoked':
      return { ...state, available: add(state.available, data.fromFund) };
    case 'ReservationQueued': {
      const { why, ...reservation } = data;
      const number = state.next;
      const queued = {
        ...state,
        next: number + 1,
        numbers: state.numbers.with(data.refundId, number),
        waiting: state.waiting.with(number, reservation),
      };
      if (why === 'velocity-limit') return withHead({ ...queued, aside: state.aside.with(number, true) }, state.head);
      return counting(queued, data);
    }
    case 'ReservationFreed': {
      const number = state.numbers.get(data.refundId) ?? state.next;
      const held = state.waiting.get(number);
      if (!held) return state;
      const { freeing } = state;
      const isPlanned = freeing.numbers[freeing.done] === number;
      return counting(
        {
          ...state,
          waiting:
            data.countedOn === undefined ? state.waiting : state.waiting.with(number, { ...held, countedOn: data.countedOn }),
          aside: state.aside.without(number),
          head: Math.min(state.head, number),
          freeing: isPlanned ? { ...freeing, done: freeing.done + 1 } : freeing,
        },
        data,
      );
    }
    case 'FundsReserved': {
      const known = state.numbers.get(data.refundId);
      const available = subtract(state.available, data.fromFund);
      const slot = state.reserved % maxReservedLast;
      const forgotten = state.reservedLast.get(slot);
      const number = known ?? state.next;
      const numbers = known === undefined ? state.numbers.with(data.refundId, number) : state.numbers;
      const after = {
        ...state,
        available,
        waiting: state.waiting.without(number),
        next: Math.max(state.next, number + 1),
        numbers: forgotten === undefined ? numbers : numbers.without(forgotten),
        reservedLast: state.reservedLast.with(slot, data.refundId),
        reserved: state.reserved + 1,
      };
      return withHead(known === undefined ? counting(after, data) : after, state.head);
    }
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

/** The first in the line from here on, or whoever comes next. */
function withHead(state: Open, from: number): Open {
  let head = from;
  while (head < state.next && (!state.waiting.has(head) || state.aside.has(head))) head += 1;
  return head === state.head ? state : { ...state, head };
}

function counting(
  state: Open,
  { merchant, fromFund, countedOn }: Pick<Reservation, 'merchant' | 'fromFund' | 'countedOn'>,
): Open {
  if (countedOn === undefined) return state;
  const amount = add(spentOn(state, merchant, countedOn), fromFund);
  return { ...state, day: later(state.day, countedOn), spent: state.spent.with(merchant, { day: countedOn, amount }) };
}
