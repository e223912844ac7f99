import { type DataOf, eventsOf, type Instant, shanghaiDay } from '@recourse/eventing';
import { compare, zero } from '@recourse/money';
import type { Entry, FundEvent } from './fund.js';
import { toHandOver } from './fund-hand-over.js';
import { type Change, later, type Open, priceOf, reservationAt } from './fund-state.js';

const event = eventsOf<FundEvent>();

/** Nobody in the line is before it, and the money is there. */
export const isPaidAtOnce = ({ head, next, available }: Open, entry: Entry): boolean =>
  head === next && compare(available, priceOf(entry)) >= 0;
export const paid = ({ kind, wanted }: Entry): readonly Change[] =>
  kind === 'reservation' ? [event('FundsReserved', wanted)] : [event('MerchantCompensated', wanted)];

const isFreeing = ({ freeing }: Open): boolean => freeing.done < freeing.numbers.length;
function fundable({ isPaused, waiting, head, available }: Open): Entry | undefined {
  const first = isPaused ? undefined : waiting.get(head);
  return first && compare(available, priceOf(first)) >= 0 ? first : undefined;
}
const isBelowMark = ({ available, lowWaterMark }: Open): boolean =>
  lowWaterMark !== undefined && compare(available, lowWaterMark) < 0;
export const hasMore = (state: Open): boolean =>
  isFreeing(state) || fundable(state) !== undefined || toHandOver(state) !== undefined || isBelowMark(state) !== state.isLow;

/**
 * What follows without a further input, by urgency: who is free again takes his place, then money goes out, then deposits are
 * asked for what there is no money for, then its level is told.
 */
export function onwardFrom(state: Open, at: Instant): readonly Change[] {
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

export function freed(
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

/** The day a reservation counts on, while there is a daily limit. */
export const counted = (state: Open, at: Instant): { readonly countedOn?: string } =>
  state.dailyPerMerchant === undefined ? {} : { countedOn: later(state.day, shanghaiDay(at)) };
