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
import type { ContributionEvent } from './contribution.js';
import { type FundControlEvent, type FundLimits, limitsOf } from './fund-control.js';
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
  | EventOf<OrderEvent, 'RefundApproved' | 'RefundRevoked'>
  | EventOf<ContributionEvent, 'ContributionApproved'>
  | EventOf<DepositEvent, 'DepositDebited' | 'PayableDebited'>
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
  readonly waiting: PersistentMap<number, Reservation>;
  /** Numbers of those of them that wait aside and are not in the line. */
  readonly aside: PersistentMap<number, true>;
  /** Nobody before this number waits in the line. */
  readonly head: number;
  readonly next: number;
  /**
   * Numbers of the refunds that wait and of those that waited or were reserved last. Inputs are told apart by position; this only catches an
   * approval that stands twice in the log.
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
    ReservationHandedOver: 1,
    ReservationTakenOver: 1,
    ReservationHandedBack: 1,
    HandOversRenewed: 1,
    HandOverEnded: 1,
    HandOverRevoked: 1,
    ReservationWithdrawn: 1,
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
    'ContributionApproved',
    'DepositDebited',
    'PayableDebited',
    'RefundFundedFromDeposit',
    'HandOverDeclined',
    'DepositFundingPaid',
    'DepositToppedUp',
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
export const lineOf = (state: Open): readonly Reservation[] =>
  state.waiting
    .keys()
    .toSorted((a, b) => a - b)
    .flatMap((number) => inLine(state, number) ?? []);
function inLine({ waiting, aside, handedOver }: Open, number: number): Reservation | undefined {
  const reservation = waiting.get(number);
  return reservation && !aside.has(number) && !handedOver.has(reservation.refundId) ? reservation : undefined;
}

const concernsFund = (input: FundInput): boolean =>
  (input.type !== 'RefundApproved' && input.type !== 'RefundRevoked') ||
  !isZero(input.data.fromFund) ||
  !isZero(input.data.fromFees);
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
      if (state.numbers.has(wanted.refundId) || state.handedOver.has(wanted.refundId)) return [];
      if (isBeyondLimit(state, wanted)) return [event('ReservationQueued', { ...wanted, why: 'velocity-limit' })];
      if (state.isPaused) return [event('ReservationQueued', { ...wanted, why: 'paused' })];
      const isFunded = state.head === state.next && compare(state.available, wanted.fromFund) >= 0;
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
  const asked = handedOver === 'asked' ? state.waiting.get(state.numbers.get(refundId) ?? state.next) : undefined;
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
            state.waiting.get(number)?.merchant === merchant && !state.unasked.has(number) && isForDeposit(inLine(state, number)),
        );
/** The merchant bears all of the fund's part, so that his deposit can pay it in the fund's place. */
const isForDeposit = (reservation: Reservation | undefined): boolean =>
  reservation !== undefined && isPositive(reservation.fromFund) && equals(reservation.merchantShare, reservation.fromFund);

const isBeyondLimit = (state: Open, { merchant, fromFund, countedOn = '' }: Reservation): boolean =>
  state.dailyPerMerchant !== undefined && compare(add(spentOn(state, merchant, countedOn), fromFund), state.dailyPerMerchant) > 0;

/**
 * What follows without a further input, by urgency: who is free again takes his place, then money goes out, then deposits are
 * asked for what there is no money for, then its level is told.
 */
const isFreeing = ({ freeing }: Open): boolean => freeing.done < freeing.numbers.length;
function fundable({ isPaused, waiting, head, available }: Open): Reservation | undefined {
  const first = isPaused ? undefined : waiting.get(head);
  return first && compare(available, first.fromFund) >= 0 ? first : undefined;
}
const isBelowMark = ({ available, lowWaterMark }: Open): boolean =>
  lowWaterMark !== undefined && compare(available, lowWaterMark) < 0;
const toHandOver = ({ isPaused, waiting, unasked, askFrom }: Open): Reservation | undefined =>
  isPaused || !unasked.has(askFrom) ? undefined : waiting.get(askFrom);
const hasMore = (state: Open): boolean =>
  isFreeing(state) || fundable(state) !== undefined || toHandOver(state) !== undefined || isBelowMark(state) !== state.isLow;

function onwardFrom(state: Open, at: Instant): readonly Change[] {
  const { platform, asset, available, freeing } = state;
  const number = freeing.numbers[freeing.done];
  if (number !== undefined) return freed(state, number, at, { because: freeing.because });
  // Strictly in order: a large refund at the head is never overtaken by a small one behind it.
  const first = fundable(state);
  if (first) return [event('FundsReserved', first)];
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
      return asking(counting(queued, data), number);
    }
    case 'ReservationFreed': {
      const number = state.numbers.get(data.refundId) ?? state.next;
      const held = state.waiting.get(number);
      if (!held) return state;
      const { freeing } = state;
      const isPlanned = freeing.numbers[freeing.done] === number;
      const free = counting(
        {
          ...state,
          waiting: state.waiting.with(number, countedAnew(held, data.countedOn)),
          aside: state.aside.without(number),
          head: Math.min(state.head, number),
          freeing: isPlanned ? { ...freeing, done: freeing.done + 1 } : freeing,
        },
        data,
      );
      return asking(free, number);
    }
    case 'FundsReserved': {
      const known = state.numbers.get(data.refundId);
      const paid = { ...state, available: subtract(state.available, data.fromFund) };
      if (known !== undefined) return gone(paid, known, data.refundId);
      const number = state.next;
      const numbers = state.numbers.with(data.refundId, number);
      return counting(gone({ ...paid, next: number + 1, numbers }, number, data.refundId), data);
    }
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
      const freed = uncounting(state, state.waiting.get(number));
      return gone({ ...freed, handedOver: state.handedOver.with(refundId, 'taken') }, number, refundId);
    }
    case 'ReservationWithdrawn': {
      const { refundId } = data;
      const number = state.numbers.get(refundId) ?? state.next;
      // What waits aside has not been counted yet.
      const left = state.aside.has(number) ? state : uncounting(state, state.waiting.get(number));
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

/** The first in the line from here on, or whoever comes next. */
function withHead(state: Open, from: number): Open {
  let head = from;
  while (head < state.next && !inLine(state, head)) head += 1;
  return head === state.head ? state : { ...state, head };
}

/** It does not wait any more; its id is still known for a while. */
function gone(state: Open, number: number, refundId: string): Open {
  const slot = state.reserved % maxReservedLast;
  const forgotten = state.reservedLast.get(slot);
  const after = {
    ...notAsking(state, number),
    waiting: state.waiting.without(number),
    numbers: forgotten === undefined ? state.numbers : state.numbers.without(forgotten),
    reservedLast: state.reservedLast.with(slot, refundId),
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
