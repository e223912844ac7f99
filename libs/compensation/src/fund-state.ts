import { type DataOf, type Instant, shanghaiDay } from '@recourse/eventing';
import { add, compare, equals, isPositive, isZero, type Money, subtract, zero } from '@recourse/money';
import type { Compensation, Entry, FundEvent, FundInput, Reservation } from './fund.js';
import type { FundPeriod } from './fund-period.js';
import type { PersistentMap } from './persistent-map.js';

/** So many of those paid last are known, to tell an approval or a claim that stands twice in the log. */
export const maxReservedLast = 1024;

/** What a further period of the fund must know stands in fund-period.ts too: a part that has no place there does not compile. */
export interface Open {
  readonly status: 'open';
  readonly platform: string;
  readonly asset: string;
  readonly period: FundPeriod;
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
}
/** So many events that carry something into the period are not there yet. */
export type Opening = Omit<Open, 'status'> & { readonly status: 'opening'; readonly awaits: number };
type Over = Omit<Open, 'status'> & { readonly status: 'over'; readonly closedAt: Instant };
export type Fund = { readonly status: 'unopened' } | Opening | Open | Over;

export type Change = Exclude<FundEvent, { type: 'FundPeriodOpened' | 'FundCarriedForward' | 'FundPeriodClosed' }>;

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
export const keyOf = ({ kind, wanted: { refundId } }: Entry): string =>
  kind === 'reservation' ? refundId : `compensation/${refundId}`;
/** The fund's own money that it wants. */
export const priceOf = (entry: Entry): Money => (entry.kind === 'reservation' ? entry.wanted.fromFund : entry.wanted.amount);

export const spentOn = ({ spent, asset }: Open, merchant: string, day: string): Money => {
  const last = spent.get(merchant);
  return last?.day === day ? last.amount : zero(asset);
};
export const later = (one: string, other: string): string => (one > other ? one : other);
/** Only refunds wait aside, or for the word of a deposit. */
export function reservationAt({ waiting }: Open, number: number): Reservation | undefined {
  const entry = waiting.get(number);
  return entry?.kind === 'reservation' ? entry.wanted : undefined;
}

/** Numbers of those in the line for which the merchant's deposit was asked and is to be asked again. */
export const renewable = (state: Open, merchant: string): readonly number[] =>
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

export const compensationOf = ({
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

export function post(state: Open, { type, data }: Change): Open {
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
