import {
  type CommandOf,
  type DataOf,
  type Decider,
  type Event,
  eventsOf,
  type Instant,
  reject,
  type Rejection,
} from '@recourse/eventing';
import { add, compare, isPositive, isZero, min, type Money, sameAsset, subtract, zero } from '@recourse/money';

/** What a buyer owes the platform: a refund he got by deceit, or a second payment of one that he was paid already. */
export interface OwedByBuyer {
  /** `{refundId}`, or `{refundId}.outside` for a double payment. */
  readonly debtId: string;
  readonly platform: string;
  readonly buyer: string;
  readonly merchant: string;
  readonly refundId: string;
  readonly kind: 'fraud' | 'double-payment';
}
interface WriteOff extends OwedByBuyer {
  /** What is outstanding at that moment. */
  readonly amount: Money;
  readonly reason: string;
  readonly proposedBy: string;
}

export type BuyerDebtEvent =
  /** Again when more of the same refund turns out to be owed; `outstanding` is what he owes from then on. */
  | Event<'BuyerDebtOpened', OwedByBuyer & { readonly amount: Money; readonly outstanding: Money; readonly openedAt: Instant }>
  /** The rail confirmed transaction, amount and receiver. */
  | Event<
      'BuyerDebtRepaid',
      OwedByBuyer & {
        readonly amount: Money;
        readonly outstanding: Money;
        readonly rail: string;
        readonly transaction: string;
        readonly repaidAt: Instant;
      }
    >
  /** The refund itself came back: it pays what is outstanding, which may be nothing, and the rest of it is owed to nobody. */
  | Event<
      'BuyerDebtReturned',
      OwedByBuyer & {
        readonly amount: Money;
        readonly rest: Money;
        readonly outstanding: Money;
        readonly returnedAt: Instant;
      }
    >
  | Event<'DebtWriteOffProposed', WriteOff & { readonly proposedAt: Instant }>
  /** Nothing is outstanding any more. Two people. */
  | Event<'DebtWriteOffApproved', WriteOff & { readonly approvedBy: string; readonly approvedAt: Instant }>;

export type BuyerDebtCommand =
  | (OwedByBuyer & { readonly type: 'OpenBuyerDebt'; readonly amount: Money })
  /** A transaction counts once. */
  | { readonly type: 'RepayBuyerDebt'; readonly amount: Money; readonly rail: string; readonly transaction: string }
  /** `amount` is all that came back. */
  | { readonly type: 'SettleDebtByReturn'; readonly amount: Money }
  | { readonly type: 'ProposeDebtWriteOff'; readonly reason: string; readonly subject: string }
  | { readonly type: 'ApproveDebtWriteOff'; readonly subject: string };
export type BuyerDebtRejection =
  | 'DebtUnknown'
  | 'DebtDiffers'
  | 'AmountNotPositive'
  | 'AssetMismatch'
  | 'MoreThanOwed'
  | 'NothingOwed'
  | 'AlreadyProposed'
  | 'NotProposed'
  | 'SameSubject';

interface Known {
  readonly status: 'known';
  readonly owed: OwedByBuyer;
  readonly outstanding: Money;
  /** Those that repaid it, as `{rail}/{transaction}`; each is one minor unit or more of the debt, which bounds them. */
  readonly transactions: readonly string[];
  readonly isReturned: boolean;
  readonly proposal: DataOf<BuyerDebtEvent, 'DebtWriteOffProposed'> | undefined;
}
export type BuyerDebt = { readonly status: 'none' } | Known;
type Decided = readonly BuyerDebtEvent[] | Rejection<BuyerDebtRejection>;

const event = eventsOf<BuyerDebtEvent>();

/**
 * Stream `buyerdebt-{debtId}`: the one place where repayments, write-offs and the refund coming back meet, so that no more than
 * what is owed is ever taken off. The fund books what is said here.
 */
export const buyerDebt: Decider<BuyerDebtCommand, BuyerDebt, BuyerDebtEvent, BuyerDebtRejection> = {
  category: 'buyerdebt',
  initial: { status: 'none' },
  events: {
    BuyerDebtOpened: 1,
    BuyerDebtRepaid: 1,
    BuyerDebtReturned: 1,
    DebtWriteOffProposed: 1,
    DebtWriteOffApproved: 1,
  },
  decide: (command, state) => {
    const { at } = command;
    if (command.type === 'OpenBuyerDebt') return open(command, at, state);
    if (state.status === 'none') return reject('DebtUnknown', 'no buyer owes anything under this id');
    switch (command.type) {
      case 'RepayBuyerDebt':
        return repay(command, at, state);
      case 'SettleDebtByReturn':
        return settle(command.amount, at, state);
      case 'ProposeDebtWriteOff': {
        const { owed, outstanding: amount, proposal } = state;
        const { reason, subject: proposedBy } = command;
        if (isZero(amount)) return nothingOwed;
        if (proposal?.proposedBy === proposedBy && proposal.reason === reason) return [];
        if (proposal)
          return reject(
            'AlreadyProposed',
            `${proposal.proposedBy} has proposed to write this off; another person can approve it`,
          );
        return [event('DebtWriteOffProposed', { ...owed, amount, reason, proposedBy, proposedAt: at })];
      }
      case 'ApproveDebtWriteOff': {
        const { owed, outstanding: amount, proposal } = state;
        if (isZero(amount)) return nothingOwed;
        if (!proposal) return reject('NotProposed', 'nobody has proposed to write this off; propose it first');
        const { reason, proposedBy } = proposal;
        if (proposedBy === command.subject)
          return reject('SameSubject', 'whoever proposed a write-off cannot approve it; another person must');
        const approved = { ...owed, amount, reason, proposedBy, approvedBy: command.subject, approvedAt: at };
        return [event('DebtWriteOffApproved', approved)];
      }
    }
  },
  evolve: (state, { type, data }) => {
    if (type === 'BuyerDebtOpened') {
      const before = state.status === 'known' ? state : { transactions: [], isReturned: false };
      return { ...before, status: 'known', owed: owedOf(data), outstanding: data.outstanding, proposal: undefined };
    }
    if (state.status === 'none') throw new Error(`${type} stands before BuyerDebtOpened`);
    switch (type) {
      case 'BuyerDebtRepaid':
        return { ...left(state, data.outstanding), transactions: [...state.transactions, placeOf(data)] };
      case 'BuyerDebtReturned':
        return { ...left(state, data.outstanding), isReturned: true };
      case 'DebtWriteOffProposed':
        return { ...state, proposal: data };
      case 'DebtWriteOffApproved':
        return left(state, zero(state.outstanding.asset));
    }
  },
};

const nothingOwed = reject('NothingOwed', 'nothing is outstanding any more');

function open(command: CommandOf<BuyerDebtCommand, 'OpenBuyerDebt'>, at: Instant, state: BuyerDebt): Decided {
  const { amount } = command;
  const owed = owedOf(command);
  if (!isPositive(amount)) return reject('AmountNotPositive', 'a debt is one minor unit or more');
  if (state.status === 'none') return [event('BuyerDebtOpened', { ...owed, amount, outstanding: amount, openedAt: at })];
  if (names.some((name) => owed[name] !== state.owed[name]))
    return reject('DebtDiffers', 'a debt with this id is of another buyer or another refund');
  return (
    otherAsset(amount, state) ?? [
      event('BuyerDebtOpened', { ...owed, amount, outstanding: add(state.outstanding, amount), openedAt: at }),
    ]
  );
}

function repay(command: CommandOf<BuyerDebtCommand, 'RepayBuyerDebt'>, at: Instant, state: Known): Decided {
  const { amount, rail, transaction } = command;
  const { owed, outstanding, transactions } = state;
  if (transactions.includes(placeOf(command))) return [];
  if (!isPositive(amount)) return reject('AmountNotPositive', 'a repayment is one minor unit or more');
  const other = otherAsset(amount, state);
  if (other) return other;
  if (isZero(outstanding)) return nothingOwed;
  if (compare(amount, outstanding) > 0)
    return reject('MoreThanOwed', 'this is more than is outstanding; nothing of it was taken, send it back or ask for less');
  const paid = { ...owed, amount, outstanding: subtract(outstanding, amount), rail, transaction, repaidAt: at };
  return [event('BuyerDebtRepaid', paid)];
}

/** What he repaid before, and what was given up, is not owed out of what comes back either: nothing that is back goes out again. */
function settle(came: Money, at: Instant, state: Known): Decided {
  const { owed, outstanding, isReturned } = state;
  if (isReturned) return [];
  if (owed.kind !== 'fraud') return reject('DebtDiffers', 'a refund that came back pays for fraud only');
  if (!isPositive(came)) return reject('AmountNotPositive', 'what came back is one minor unit or more');
  const other = otherAsset(came, state);
  if (other) return other;
  const amount = min(came, outstanding);
  const rest = subtract(came, amount);
  return [event('BuyerDebtReturned', { ...owed, amount, rest, outstanding: subtract(outstanding, amount), returnedAt: at })];
}

const names = ['debtId', 'platform', 'buyer', 'merchant', 'refundId', 'kind'] as const;
const owedOf = ({ debtId, platform, buyer, merchant, refundId, kind }: OwedByBuyer): OwedByBuyer => ({
  debtId,
  platform,
  buyer,
  merchant,
  refundId,
  kind,
});
const placeOf = ({ rail, transaction }: { readonly rail: string; readonly transaction: string }): string =>
  `${rail}/${transaction}`;
const otherAsset = (amount: Money, { outstanding }: Known): Rejection<BuyerDebtRejection> | undefined =>
  sameAsset(amount, outstanding)
    ? undefined
    : reject('AssetMismatch', `this debt is in ${outstanding.asset}, not in ${amount.asset}`);
/** A proposal ends with the debt. */
const left = (state: Known, outstanding: Money): Known => ({
  ...state,
  outstanding,
  proposal: isZero(outstanding) ? undefined : state.proposal,
});
