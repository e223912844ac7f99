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
import { add, compare, format, isZero, type Money, subtract, sum, zero } from '@recourse/money';
import type { OrderEvent, RefundParties } from '@recourse/orders/events';
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
  /** Paid, no longer owed, and back: from refund:{refundId} to fund:available. */
  | Event<
      'RefundReturned',
      Which & { readonly merchant: string; readonly buyer: string; readonly refundId: string; readonly amount: Money }
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
  | EventOf<DepositEvent, 'DepositDebited' | 'PayableDebited' | 'CompensationClaimed'>
  | EventOf<PayoutEvent, 'PayoutReturned'>
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
   * Numbers of what waits and of what was paid last, by `keyOf`. Inputs are told apart by position; this only catches an
   * approval or a claim that stands twice in the log.
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
    'ContributionApproved',
    'DepositDebited',
    'PayableDebited',
    'CompensationClaimed',
    'PayoutReturned',
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

/** Who waits in the line, in its order; those aside are not in it. */
export const lineOf = ({ waiting, aside }: Open): readonly Entry[] =>
  waiting
    .keys()
    .filter((number) => !aside.has(number))
    .toSorted((a, b) => a - b)
    .flatMap((number) => waiting.get(number) ?? []);

/** What it is known by: a refund and the compensation for it may both be here. */
const keyOf = ({ kind, wanted: { refundId } }: Entry): string => (kind === 'reservation' ? refundId : `compensation/${refundId}`);
/** The fund's own money that it wants. */
const priceOf = (entry: Entry): Money => (entry.kind === 'reservation' ? entry.wanted.fromFund : entry.wanted.amount);

function concernsFund({ type, data }: FundInput): boolean {
  if (type === 'PayoutReturned') return data.purpose.kind === 'refund';
  return type !== 'RefundApproved' || !isZero(data.fromFund) || !isZero(data.fromFees);
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
      if (state.numbers.has(keyOf(entry))) return [];
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

/** Nobody in the line is before it, and the money is there. */
const isPaidAtOnce = ({ waiting, aside, available }: Open, entry: Entry): boolean =>
  waiting.size === aside.size && compare(available, priceOf(entry)) >= 0;
const paid = ({ kind, wanted }: Entry): readonly Change[] =>
  kind === 'reservation' ? [event('FundsReserved', wanted)] : [event('MerchantCompensated', wanted)];

/** What follows without a further input, by urgency: who is free again takes his place, then money goes out, then its level is told. */
const isFreeing = ({ freeing }: Open): boolean => freeing.done < freeing.numbers.length;
function fundable({ isPaused, waiting, head, available }: Open): Entry | undefined {
  const first = isPaused ? undefined : waiting.get(head);
  return first && compare(available, priceOf(first)) >= 0 ? first : undefined;
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
  if (first) return paid(first);
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
  const held = heldAside(state, number);
  if (!held) return [];
  const { platform, asset } = state;
  const { refundId, merchant, fromFund } = held;
  return [event('ReservationFreed', { platform, asset, refundId, merchant, fromFund, ...cause, ...counted(state, at) })];
}

/** Only refunds wait aside. */
function heldAside({ waiting }: Open, number: number): Reservation | undefined {
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
      const held = heldAside(state, number);
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
    case 'RefundReturned':
      return { ...state, available: add(state.available, data.amount) };
    case 'ReservationRevoked':
      return { ...state, available: add(state.available, data.fromFund) };
    case 'ReservationQueued': {
      const { why, ...wanted } = data;
      const queued = enqueued(state, { kind: 'reservation', wanted });
      if (why === 'velocity-limit') return withHead({ ...queued, aside: state.aside.with(state.next, true) }, state.head);
      return counting(queued, data);
    }
    case 'CompensationQueued':
      return enqueued(state, { kind: 'compensation', wanted: compensationOf(data) });
    case 'ReservationFreed': {
      const number = state.numbers.get(data.refundId) ?? state.next;
      const held = heldAside(state, number);
      if (!held) return state;
      const { freeing } = state;
      const isPlanned = freeing.numbers[freeing.done] === number;
      return counting(
        {
          ...state,
          waiting:
            data.countedOn === undefined
              ? state.waiting
              : state.waiting.with(number, { kind: 'reservation', wanted: { ...held, countedOn: data.countedOn } }),
          aside: state.aside.without(number),
          head: Math.min(state.head, number),
          freeing: isPlanned ? { ...freeing, done: freeing.done + 1 } : freeing,
        },
        data,
      );
    }
    case 'FundsReserved': {
      const after = dequeued(state, { kind: 'reservation', wanted: data });
      return state.numbers.has(data.refundId) ? after : counting(after, data);
    }
    case 'MerchantCompensated':
      return dequeued(state, { kind: 'compensation', wanted: data });
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
  const known = state.numbers.get(key);
  const number = known ?? state.next;
  const slot = state.reserved % maxReservedLast;
  const forgotten = state.reservedLast.get(slot);
  const numbers = known === undefined ? state.numbers.with(key, number) : state.numbers;
  const after = {
    ...state,
    available: subtract(state.available, priceOf(entry)),
    waiting: state.waiting.without(number),
    next: Math.max(state.next, number + 1),
    numbers: forgotten === undefined ? numbers : numbers.without(forgotten),
    reservedLast: state.reservedLast.with(slot, key),
    reserved: state.reserved + 1,
  };
  return withHead(after, state.head);
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
