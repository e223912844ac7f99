import {
  type CommandOf,
  type DataOf,
  epochMsOf,
  type Instant,
  isAfter,
  lastMomentOf,
  plusDays,
  reject,
  shanghaiDay,
} from '@recourse/eventing';
import { isPositive, isZero, type Money, subtract } from '@recourse/money';
import { accountOf, amountFault, type Change, closedFault, type Decided, event, isDone, openFault, type Open } from './books.js';
import type { DepositCommand, DepositEvent } from './deposit.js';

/** Proceeds leave by themselves at the end of a day, or of a Sunday, in Shanghai, once they make the minimum. */
export interface SettlementSchedule {
  readonly every: 'day' | 'week';
  /** Less waits for the next time. */
  readonly minimum: Money;
}

const daysOfWeek = 7;
const dayMs = 86_400_000;
/** The first day of 1970, counted from Sunday. */
const thursday = 4;

/** The first moment at or after `at` up to which proceeds are settled together. */
export function nextSettlement(every: SettlementSchedule['every'], at: Instant): Instant {
  const end = lastMomentOf(shanghaiDay(at));
  if (every === 'day') return end;
  const weekday = (epochMsOf(`${shanghaiDay(at)}T00:00:00.000Z`) / dayMs + thursday) % daysOfWeek;
  return plusDays(end, (daysOfWeek - weekday) % daysOfWeek);
}

/** Somebody asks for it: all that is payable, or a part of it. */
export function drawSettlement(
  { payoutId, amount: wanted }: CommandOf<DepositCommand, 'DrawSettlement'>,
  at: Instant,
  state: Open,
): Decided {
  if (isDone(state, 'payout', payoutId)) return [];
  // What came in after he left is still his, and leaves by a settlement as it would by closing again.
  const closed = isZero(state.payable) ? closedFault(state) : undefined;
  const fault = closed ?? (wanted && amountFault(wanted, state)) ?? openFault(state);
  if (fault) return fault;
  if (isZero(state.payable)) return reject('NothingPayable', 'there are no proceeds to settle yet');
  const amount = wanted ?? state.payable;
  if (isPositive(subtract(amount, state.payable)))
    return reject('MoreThanPayable', `${amount.minor} is asked for and ${state.payable.minor} is payable, in minor units`);
  const { payee, rail } = state.terms;
  return [event('SettlementDrawn', { ...accountOf(state), payoutId, amount, payee, rail, drawnAt: at })];
}

/** Proceeds are here and nothing says yet when they leave. */
export function scheduled(books: Open, at: Instant): readonly Change[] {
  const schedule = books.terms.settlement;
  if (!schedule || books.settlementDue !== undefined || books.isClosed || isZero(books.payable)) return [];
  return [event('SettlementScheduled', { ...accountOf(books), due: nextSettlement(schedule.every, at), scheduledAt: at })];
}

/** What the end of a day brings: everything that is payable leaves, or it is said why not. */
export function settling(state: Open, at: Instant): readonly Change[] {
  const { settlementDue: due, payable, terms } = state;
  if (due === undefined || !isAfter(at, due)) return [];
  const account = accountOf(state);
  const because = obstacle(state);
  if (because) return [event('SettlementSkipped', { ...account, due, because, skippedAt: at })];
  const payoutId = `${state.platform}.${state.merchant}.a${shanghaiDay(due).replaceAll('-', '')}`;
  const { payee, rail } = terms;
  return [event('SettlementDrawn', { ...account, payoutId, amount: payable, payee, rail, due, drawnAt: at })];
}

function obstacle(state: Open): DataOf<DepositEvent, 'SettlementSkipped'>['because'] | undefined {
  const { settlement } = state.terms;
  if (!settlement) return 'not-agreed';
  if (isZero(state.payable)) return 'nothing-payable';
  if (isPositive(subtract(settlement.minimum, state.payable))) return 'below-minimum';
  if (state.leaving?.amount === 'everything') return 'leaving';
  return openFault(state) ? 'open-case' : undefined;
}
