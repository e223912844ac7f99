import type { DepositEvent } from '@recourse/deposits/events';
import {
  type DataOf,
  type Decider,
  type Event,
  type EventOf,
  eventsOf,
  type Instant,
  reject,
  type StreamProcessor,
} from '@recourse/eventing';
import { add, compare, isZero, type Money, subtract, sum, zero } from '@recourse/money';
import type { OrderEvent, RefundParties } from '@recourse/orders/events';
import type { ContributionEvent } from './contribution.js';

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
  /** Not enough money: waits first in, first out, in the order of the approvals in the log. K6 */
  | Event<'ReservationQueued', Reservation>
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
    >;

export type FundInput =
  | EventOf<OrderEvent, 'RefundApproved'>
  | EventOf<ContributionEvent, 'ContributionApproved'>
  | EventOf<DepositEvent, 'DepositDebited' | 'PayableDebited'>;
export type FundCommand = { readonly type: 'TakeInput'; readonly input: FundInput };
export type FundRejection = 'AssetMismatch';

type Open = {
  readonly status: 'open';
  readonly available: Money;
  /** First in, first out; whoever approves refunds bounds it, since a refund that is due cannot be refused. */
  readonly queue: readonly Reservation[];
  /** Refunds reserved last. Inputs are told apart by position; this only catches an approval that stands twice in the log. */
  readonly reservedLast: readonly string[];
};
export type Fund = { readonly status: 'unopened' } | Open;

/** One input funds this many waiting refunds at most, so that an append stays below its 1 MiB; the next input goes on. */
export const maxDrained = 512;
export const maxReservedLast = 1024;

const firstPeriod = '0001';
const event = eventsOf<FundEvent>();

/** Stream `fund-{platform}.{asset}.{period}`, written by `fundProcessor` alone. */
export const fund: Decider<FundCommand, Fund, FundEvent, FundRejection> = {
  category: 'fund',
  initial: { status: 'unopened' },
  events: { FundPeriodOpened: 1, FundContributed: 1, FundsReserved: 1, ReservationQueued: 1, FundReimbursed: 1 },
  decide: ({ input, at }, state) => {
    if (!concernsFund(input)) return [];
    const { asset } = amountOf(input);
    if (state.status === 'unopened') {
      const { platform } = input.data;
      const opened = { platform, period: firstPeriod, available: zero(asset), openedAt: at };
      return [event('FundPeriodOpened', opened), ...taken(input, openedWith(opened))];
    }
    if (state.available.asset !== asset)
      return reject('AssetMismatch', `this fund is kept in ${state.available.asset}, not in ${asset}`);
    return taken(input, state);
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
  inputs: ['RefundApproved', 'ContributionApproved', 'DepositDebited', 'PayableDebited'],
  route: (input) => {
    if (!concernsFund(input)) return undefined;
    return {
      id: `${input.data.platform}.${amountOf(input).asset}.${firstPeriod}`,
      command: { type: 'TakeInput', input },
    };
  },
};

const concernsFund = (input: FundInput): boolean =>
  input.type !== 'RefundApproved' || !isZero(input.data.fromFund) || !isZero(input.data.fromFees);
const amountOf = ({ data }: FundInput): Money => ('amount' in data ? data.amount : data.total);
const openedWith = ({ available }: { readonly available: Money }): Open => ({
  status: 'open',
  available,
  queue: [],
  reservedLast: [],
});

type Change = Exclude<FundEvent, { type: 'FundPeriodOpened' }>;

/** The input's own event, then as many of the waiting as the money reaches. K6 */
function taken(input: FundInput, state: Open): readonly Change[] {
  const own = effectOf(input, state);
  return [...own, ...drained(own.reduce(post, state))];
}

function effectOf(input: FundInput, state: Open): readonly Change[] {
  switch (input.type) {
    case 'RefundApproved': {
      const wanted = reservationOf(input.data);
      if (state.reservedLast.includes(wanted.refundId) || state.queue.some((one) => one.refundId === wanted.refundId)) return [];
      const isFunded = state.queue.length === 0 && compare(state.available, wanted.fromFund) >= 0;
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
  }
}

/** Strictly in order: a large refund at the head is never overtaken by a small one behind it. */
function drained({ available, queue }: Open): readonly Change[] {
  const funded: Change[] = [];
  let left = available;
  for (const waiting of queue) {
    if (funded.length === maxDrained || compare(left, waiting.fromFund) < 0) break;
    left = subtract(left, waiting.fromFund);
    funded.push(event('FundsReserved', waiting));
  }
  return funded;
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
    case 'ReservationQueued':
      return { ...state, queue: [...state.queue, data] };
    case 'FundsReserved':
      return {
        ...state,
        available: subtract(state.available, data.fromFund),
        queue: state.queue[0]?.refundId === data.refundId ? state.queue.slice(1) : state.queue,
        reservedLast: [...state.reservedLast.slice(1 - maxReservedLast), data.refundId],
      };
  }
}
