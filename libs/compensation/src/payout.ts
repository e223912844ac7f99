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
import { add, compare, equals, isPositive, min, type Money, sameAsset, subtract, zero } from '@recourse/money';

/** What is paid: a refund out of refund:{id}, or a settlement or withdrawal out of outgoing:{id}. */
export type PayoutPurpose =
  | {
      readonly kind: 'refund';
      readonly refundId: string;
      readonly orderId: string;
      readonly buyer: string;
      readonly merchant: string;
    }
  | { readonly kind: 'settlement' | 'withdrawal'; readonly merchant: string };
type RefundPurpose = Extract<PayoutPurpose, { kind: 'refund' }>;

interface Place {
  readonly payoutId: string;
  readonly platform: string;
}
interface Purposed extends Place {
  readonly purpose: PayoutPurpose;
}
interface Subject extends Purposed {
  readonly rail: string;
  readonly amount: Money;
}
interface Transfer {
  readonly transferNo: number;
  /** The rail's idempotency key: 32 hex, fixed for life. */
  readonly key: string;
}

export type PayoutEvent =
  | Event<
      'PayoutRequested',
      Subject & {
        readonly payee: string;
        readonly requestedAt: Instant;
        /** Whoever asked for it; absent for what the house pays by itself, such as a refund. */
        readonly requestedBy?: string;
        /** In force when it was requested: an amount above it waits for two people. Absent: no limit. */
        readonly approvalLimit?: Money;
      }
    >
  /** The first of two people agrees to what nobody in particular asked for. */
  | Event<'PayoutApprovalProposed', Place & { readonly amount: Money; readonly proposedBy: string; readonly proposedAt: Instant }>
  /** Two people stand behind it: whoever asked for it or agreed first, and another. */
  | Event<
      'PayoutApproved',
      Place & {
        readonly amount: Money;
        readonly approvalLimit: Money;
        readonly firstBy: string;
        readonly approvedBy: string;
        readonly approvedAt: Instant;
      }
    >
  /** Sent back with a reason: it stays owed, waits, and needs its approvals anew. */
  | Event<'PayoutHeld', Place & { readonly reason: string; readonly heldBy: string; readonly heldAt: Instant }>
  /** The intent, stored before the rail is called. */
  | Event<'TransferSubmitted', Subject & Transfer & { readonly payee: string; readonly submittedAt: Instant }>
  | Event<'TransferProcessing', Transfer & { readonly payoutId: string }>
  | Event<'TransferOutcomeUnknown', Transfer & { readonly payoutId: string; readonly cause: string }>
  | Event<
      'TransferBlocked',
      Transfer & { readonly payoutId: string; readonly why: 'FundingBlocked' | 'ChannelHalted'; readonly code: string }
    >
  /** The rail's definite word that this transfer will never pay. */
  | Event<
      'TransferFailed',
      Transfer & {
        readonly payoutId: string;
        readonly failure: 'PayeeActionRequired' | 'RequestWrong' | 'Closed';
        readonly code: string;
      }
    >
  /** Still owed; a new destination reopens it. */
  | Event<'PayoutUnclaimed', { readonly payoutId: string; readonly code: string }>
  | Event<'PayoutDestinationChanged', { readonly payoutId: string; readonly payee: string; readonly changedAt: Instant }>
  | Event<'PayoutSucceeded', Subject & Transfer & { readonly railTransferId: string; readonly succeededAt: Instant }>
  /** What the rail takes for a transfer, out of our account there and not out of what is paid. */
  | Event<'GatewayFeeCharged', Place & Transfer & { readonly rail: string; readonly amount: Money; readonly chargedAt: Instant }>
  /** A transfer that succeeded came back: the money is in refund:{id} or outgoing:{id} again. */
  | Event<
      'PayoutReversed',
      Subject & Transfer & { readonly railTransferId: string; readonly code: string; readonly reversedAt: Instant }
    >
  /** No transfer follows any more. May stand before PayoutRequested. Answered once no transfer is live. */
  | Event<
      'PayoutCancelRequested',
      Purposed & {
        readonly reason: string;
        /** The payee deceived: should he be paid and it come back, it pays what he owes. */
        readonly isFraud?: true;
        readonly requestedBy: string;
        readonly requestedAt: Instant;
      }
    >
  /** Nothing was paid, nor will be: whoever funded it takes the money back. */
  | Event<'PayoutCancelled', Purposed & { readonly cancelledAt: Instant }>
  /** The answer when a transfer has paid. Should it come back, the money goes out no more. */
  | Event<'PayoutCancelRefused', Purposed & { readonly railTransferId: string; readonly refusedAt: Instant }>
  /**
   * A refund that was paid, asked to be cancelled, and is back: the money lies in refund:{id} and goes out no more. Once per
   * payout. What comes back of a merchant's own money is cancelled after all, and his again.
   */
  | Event<
      'PayoutReturned',
      Subject & {
        /** It came back from a buyer who deceived, after he was known to have it: it pays what he owes. */
        readonly isFraud?: true;
        readonly returnedAt: Instant;
      }
    >
  /**
   * Somebody refunded the buyer past us. What was not paid yet counts as paid by it, out of refund:{id}; what was paid already he
   * has twice and owes.
   */
  | Event<
      'RefundedOutside',
      Place & {
        readonly purpose: RefundPurpose;
        /** The one it was made on. */
        readonly rail: string;
        readonly fromRefund: Money;
        readonly toBuyer: Money;
        /** What refund:{id} has still to pay afterwards; nothing more is sent when it is nothing. */
        readonly stillDue: Money;
        /** The line of the rail's bill that shows it. */
        readonly differenceId: string;
        readonly recordedAt: Instant;
      }
    >
  /** The answer when a difference cannot be this refund, or not now. */
  | Event<
      'OutsideRefundRefused',
      Purposed & { readonly differenceId: string; readonly why: OutsideRefusal; readonly refusedAt: Instant }
    >;

/** Why money that left the gateway past us cannot be taken for this payout's. */
export type OutsideRefusal = 'NotARefund' | 'AssetMismatch' | 'TransferLive' | 'PayoutIsCancelled';

export type RailWord =
  /** `fee` is more than nothing, or left out. */
  | { readonly state: 'Succeeded'; readonly railTransferId: string; readonly fee?: Money }
  /** It had succeeded and came back. */
  | { readonly state: 'Reversed'; readonly railTransferId: string; readonly code: string; readonly fee?: Money }
  | { readonly state: 'Failed'; readonly failure: 'PayeeActionRequired' | 'RequestWrong' | 'Closed'; readonly code: string }
  | { readonly state: 'Processing' }
  | { readonly state: 'FundingBlocked' | 'ChannelHalted'; readonly code: string }
  | { readonly state: 'Unknown'; readonly cause: string };

export type PayoutCommand =
  | {
      readonly type: 'RequestPayout';
      readonly payoutId: string;
      readonly platform: string;
      readonly purpose: PayoutPurpose;
      readonly rail: string;
      readonly payee: string;
      readonly amount: Money;
      /** A person's subject; left out for what the house pays by itself. */
      readonly requestedBy?: string;
      /** In the amount's asset; left out: no limit. */
      readonly approvalLimit?: Money;
    }
  | { readonly type: 'ApprovePayout'; readonly subject: string }
  | { readonly type: 'HoldPayout'; readonly subject: string; readonly reason: string }
  /** Also before it is requested. */
  | {
      readonly type: 'CancelPayout';
      readonly payoutId: string;
      readonly platform: string;
      readonly purpose: PayoutPurpose;
      readonly subject: string;
      readonly reason: string;
      readonly isFraud?: true;
    }
  /** `key` is the one the rail adapter derives from payout id and transfer number. */
  | { readonly type: 'SubmitTransfer'; readonly transferNo: number; readonly key: string }
  | { readonly type: 'RecordRailWord'; readonly transferNo: number; readonly word: RailWord }
  | { readonly type: 'ChangeDestination'; readonly payee: string }
  /** Answered by RefundedOutside or OutsideRefundRefused. */
  | {
      readonly type: 'RecordRefundedOutside';
      readonly differenceId: string;
      readonly rail: string;
      readonly amount: Money;
    };

export type PayoutRejection =
  | 'PayoutUnknown'
  | 'PayoutDiffers'
  | 'AmountNotPositive'
  | 'AssetMismatch'
  | 'AwaitingApproval'
  | 'NotAwaitingApproval'
  | 'SameSubject'
  | 'PayoutIsCancelled'
  | 'TransferLive'
  | 'NotNextTransfer'
  | 'WrongKey'
  | 'Unclaimed'
  | 'TransferUnknown'
  | 'AlreadySucceeded'
  | 'RailContradictsItself'
  | 'NotUnclaimed';

interface Requested {
  readonly requested: DataOf<PayoutEvent, 'PayoutRequested'>;
  /** Where the next transfer goes: as requested, or as changed since. */
  readonly payee: string;
  /** Of every transfer so far, by number from 1. All but a live or succeeded last one have failed or came back. */
  readonly keys: readonly string[];
  /** Transfers that failed or came back since the destination was last named. */
  readonly failures: number;
  /** What the rail called the transfers that came back, by number. */
  readonly reversed: ReadonlyMap<number, string>;
  /** Transfers the rail has taken its fee for. */
  readonly charged: readonly number[];
  readonly cancellation: 'none' | 'asked' | 'refused';
  /** Said with the cancellation. */
  readonly isFraud: boolean;
  readonly outside: Outside;
}
/** What the buyer had past us: in our payment's place, and beside it. */
interface Outside {
  readonly differences: readonly string[];
  readonly fromRefund: Money;
  readonly toBuyer: Money;
}
export type Payout =
  | { readonly status: 'unrequested' }
  /** Cancelled before it was requested. */
  | ({ readonly status: 'barred' } & Purposed)
  /** Above its limit: `firstBy` is the first of the two people, `held` what one of them had against it. */
  | (Requested & {
      readonly status: 'waiting';
      readonly firstBy: string | undefined;
      readonly held: { readonly by: string; readonly reason: string } | undefined;
    })
  | (Requested & { readonly status: 'ready' | 'unclaimed' })
  /** A transfer is at the rail or may be; `word` is the last one the rail gave, none right after the intent. */
  | (Requested & { readonly status: 'live'; readonly transfer: Transfer; readonly word: LiveWord | undefined })
  | (Requested & { readonly status: 'succeeded'; readonly transfer: Transfer; readonly railTransferId: string })
  /** Refunded past us in full, where no transfer of ours pays. */
  | (Requested & { readonly status: 'outside' })
  /** Cancelled: never paid. Returned: paid, came back, and is no longer owed. Neither is ever paid again. */
  | (Requested & { readonly status: 'cancelled' | 'returned' });

type LiveWord = Exclude<RailWord, { state: 'Succeeded' | 'Failed' | 'Reversed' }>;
type Decided = readonly PayoutEvent[] | Rejection<PayoutRejection>;

/** So many transfers may fail on one destination, or come back from it, before a person must look at it. */
export const maxFailures = 5;

const event = eventsOf<PayoutEvent>();
type Change = Exclude<PayoutEvent, { type: 'PayoutRequested' }>;

const differs = reject('PayoutDiffers', 'a payout with this id was requested with other content');
const notWaiting = reject('NotAwaitingApproval', 'this payout does not wait for anybody to approve it');

/**
 * Stream `payout-{refund or settlement id}`. A transfer follows another only after the rail's definite word that the other
 * failed or came back, so that two are never live and the payee is paid once.
 */
export const payout: Decider<PayoutCommand, Payout, PayoutEvent, PayoutRejection> = {
  category: 'payout',
  initial: { status: 'unrequested' },
  events: {
    PayoutRequested: 1,
    PayoutApprovalProposed: 1,
    PayoutApproved: 1,
    PayoutHeld: 1,
    TransferSubmitted: 1,
    TransferProcessing: 1,
    TransferOutcomeUnknown: 1,
    TransferBlocked: 1,
    TransferFailed: 1,
    PayoutUnclaimed: 1,
    PayoutDestinationChanged: 1,
    PayoutSucceeded: 1,
    GatewayFeeCharged: 1,
    PayoutReversed: 1,
    PayoutCancelRequested: 1,
    PayoutCancelled: 1,
    PayoutCancelRefused: 1,
    PayoutReturned: 1,
    RefundedOutside: 1,
    OutsideRefundRefused: 1,
  },
  decide: (command, state) => {
    if (command.type === 'RequestPayout') return requestPayout(command, command.at, state);
    if (command.type === 'CancelPayout') return cancelPayout(command, command.at, state);
    if (command.type === 'RecordRefundedOutside') return recordRefundedOutside(command, command.at, state);
    if (state.status === 'unrequested' || state.status === 'barred')
      return reject('PayoutUnknown', 'no payout with this id was requested');
    switch (command.type) {
      case 'ApprovePayout':
        return approvePayout(command.subject, command.at, state);
      case 'HoldPayout':
        return holdPayout(command, command.at, state);
      case 'SubmitTransfer':
        return submitTransfer(command, command.at, state);
      case 'RecordRailWord':
        return recordRailWord(command, command.at, state);
      case 'ChangeDestination': {
        if (state.status === 'succeeded' || state.status === 'outside') return reject('AlreadySucceeded', 'this payout is paid');
        if (state.status !== 'unclaimed')
          return reject('NotUnclaimed', 'the destination changes only when the present one cannot be paid');
        const { payoutId } = state.requested;
        return [event('PayoutDestinationChanged', { payoutId, payee: command.payee, changedAt: command.at })];
      }
    }
  },
  evolve: (state, happened) => {
    if (happened.type === 'PayoutRequested') return requestedState(happened.data);
    if (state.status === 'unrequested' || state.status === 'barred') return beforeRequest(happened);
    return next(state, happened);
  },
};

type Known = Exclude<Payout, { status: 'unrequested' | 'barred' }>;

/** Exactly the limit needs nobody. */
const isAbove = (amount: Money, limit: Money | undefined): boolean => limit !== undefined && compare(amount, limit) > 0;

function requestedState(requested: DataOf<PayoutEvent, 'PayoutRequested'>): Payout {
  const { payee, amount, approvalLimit, requestedBy } = requested;
  const begun: Requested = {
    requested,
    payee,
    keys: [],
    failures: 0,
    reversed: new Map(),
    charged: [],
    cancellation: 'none',
    isFraud: false,
    outside: { differences: [], fromRefund: zero(amount.asset), toBuyer: zero(amount.asset) },
  };
  return isAbove(amount, approvalLimit)
    ? { ...begun, status: 'waiting', firstBy: requestedBy, held: undefined }
    : { ...begun, status: 'ready' };
}

function beforeRequest({ type, data }: PayoutEvent): Payout {
  if (type !== 'PayoutCancelRequested' && type !== 'PayoutCancelled' && type !== 'OutsideRefundRefused')
    throw new Error(`${type} stands before PayoutRequested`);
  return { status: 'barred', payoutId: data.payoutId, platform: data.platform, purpose: data.purpose };
}

function requestPayout(command: CommandOf<PayoutCommand, 'RequestPayout'>, at: Instant, state: Payout): Decided {
  const { payoutId, platform, purpose, rail, payee, amount, requestedBy, approvalLimit } = command;
  if (state.status === 'barred') return isSamePurpose(command, state) ? [] : differs;
  if (state.status !== 'unrequested') {
    const first = state.requested;
    const isSame = isSamePurpose(command, first) && rail === first.rail && payee === first.payee && equals(amount, first.amount);
    return isSame ? [] : differs;
  }
  if (!isPositive(amount)) return reject('AmountNotPositive', 'a payout is one minor unit or more');
  if (approvalLimit !== undefined && !sameAsset(amount, approvalLimit))
    return reject('AssetMismatch', `a payout in ${amount.asset} has no limit in ${approvalLimit.asset}`);
  return [
    event('PayoutRequested', {
      payoutId,
      platform,
      purpose,
      rail,
      amount,
      payee,
      requestedAt: at,
      ...(requestedBy === undefined ? {} : { requestedBy }),
      ...(approvalLimit === undefined ? {} : { approvalLimit }),
    }),
  ];
}

/** Whoever asked for a payout is the first of the two; what the house pays by itself needs two who agree. */
function approvePayout(subject: string, at: Instant, state: Known): Decided {
  const { amount, approvalLimit } = state.requested;
  if (state.status !== 'waiting' || approvalLimit === undefined) return notWaiting;
  const what = { ...placeOf(state.requested), amount };
  const { firstBy } = state;
  if (firstBy === undefined) return [event('PayoutApprovalProposed', { ...what, proposedBy: subject, proposedAt: at })];
  if (subject === firstBy)
    return reject('SameSubject', 'whoever asked for a payout, or agreed to it first, cannot approve it; another person must');
  return [event('PayoutApproved', { ...what, approvalLimit, firstBy, approvedBy: subject, approvedAt: at })];
}

function holdPayout({ subject, reason }: CommandOf<PayoutCommand, 'HoldPayout'>, at: Instant, state: Known): Decided {
  if (state.status !== 'waiting') return notWaiting;
  if (state.held?.by === subject && state.held.reason === reason) return [];
  return [event('PayoutHeld', { ...placeOf(state.requested), reason, heldBy: subject, heldAt: at })];
}

function cancelPayout(command: CommandOf<PayoutCommand, 'CancelPayout'>, at: Instant, state: Payout): Decided {
  const { reason, subject, isFraud } = command;
  const what = purposedOf(command);
  const fraud = isFraud === undefined ? {} : { isFraud };
  const asked = event('PayoutCancelRequested', { ...what, reason, ...fraud, requestedBy: subject, requestedAt: at });
  if (state.status === 'unrequested') return [asked, event('PayoutCancelled', { ...what, cancelledAt: at })];
  if (!isSamePurpose(command, state.status === 'barred' ? state : state.requested)) return differs;
  if (state.status === 'barred' || state.cancellation !== 'none') return [];
  return answered([asked], at, state);
}

/** The events and, when they leave no transfer live, the answer to a cancellation that was asked for. */
function answered(events: readonly Change[], at: Instant, state: Known): readonly Change[] {
  const after = events.reduce(next, state);
  if (after.cancellation === 'none' || after.status === 'live') return events;
  const what = purposedOf(after.requested);
  const railTransferId = paidAs(after);
  if (railTransferId === undefined) return [...events, event('PayoutCancelled', { ...what, cancelledAt: at })];
  if (after.cancellation === 'refused') {
    const isBack = events.some(({ type }) => type === 'PayoutReversed');
    return isBack ? [...events, returned(after.isFraud ? { isFraud: true } : {}, at, after)] : events;
  }
  const refused = event('PayoutCancelRefused', { ...what, railTransferId, refusedAt: at });
  // It was back before anybody knew that he deceived: it pays no debt of his.
  return after.status === 'succeeded' || after.status === 'outside'
    ? [...events, refused]
    : [...events, refused, returned({}, at, after)];
}

const returned = (fraud: { readonly isFraud?: true }, at: Instant, state: Known) =>
  event('PayoutReturned', { ...subjectOf(state), ...fraud, returnedAt: at });

/**
 * A refund that ever arrived has started recourse, even if it came back, and in part even if it was paid past us; a merchant's
 * own money only counts while it is out.
 */
function paidAs(state: Known): string | undefined {
  if (state.status === 'succeeded') return state.railTransferId;
  if (isPositive(state.outside.fromRefund)) return state.outside.differences.at(-1);
  return state.requested.purpose.kind === 'refund' ? [...state.reversed.values()].at(-1) : undefined;
}

/** Why money that left the gateway past us cannot be taken for this payout's, as it stands now. */
export function outsideRefusal(amount: Money, state: Payout): OutsideRefusal | undefined {
  if (state.status === 'unrequested' || state.status === 'barred') return 'PayoutIsCancelled';
  if (state.requested.purpose.kind !== 'refund') return 'NotARefund';
  if (!sameAsset(amount, state.requested.amount)) return 'AssetMismatch';
  if (state.status === 'live') return 'TransferLive';
  return state.status === 'cancelled' || state.status === 'returned' ? 'PayoutIsCancelled' : undefined;
}

/** What is not paid yet is paid by it; what is, the buyer has twice. A payout that may be on its way is neither. */
function recordRefundedOutside(
  { differenceId, rail, amount }: CommandOf<PayoutCommand, 'RecordRefundedOutside'>,
  at: Instant,
  state: Payout,
): Decided {
  if (state.status === 'unrequested') return reject('PayoutUnknown', 'no payout with this id was requested');
  if (!isPositive(amount)) return reject('AmountNotPositive', 'a refund is one minor unit or more');
  const refused = (why: OutsideRefusal): Decided => {
    const what = purposedOf(state.status === 'barred' ? state : state.requested);
    return [event('OutsideRefundRefused', { ...what, differenceId, why, refusedAt: at })];
  };
  if (state.status === 'barred') return refused('PayoutIsCancelled');
  if (state.outside.differences.includes(differenceId)) return [];
  const { purpose } = state.requested;
  const why = outsideRefusal(amount, state);
  if (why !== undefined || purpose.kind !== 'refund') return refused(why ?? 'NotARefund');
  const isPaid = state.status === 'succeeded' || state.status === 'outside';
  const fromRefund = isPaid ? zero(amount.asset) : min(amount, dueOf(state));
  const toBuyer = subtract(amount, fromRefund);
  const stillDue = isPaid ? zero(amount.asset) : subtract(dueOf(state), fromRefund);
  const what = { ...placeOf(state.requested), purpose, rail };
  return [event('RefundedOutside', { ...what, fromRefund, toBuyer, stillDue, differenceId, recordedAt: at })];
}

function submitTransfer(
  { transferNo, key }: CommandOf<PayoutCommand, 'SubmitTransfer'>,
  submittedAt: Instant,
  state: Known,
): Decided {
  switch (state.status) {
    case 'succeeded':
      return reject('AlreadySucceeded', `transfer ${state.transfer.transferNo} paid this payout`);
    case 'outside':
      return reject('AlreadySucceeded', 'this refund was paid past us; nothing is sent any more');
    case 'live':
      if (transferNo !== state.transfer.transferNo)
        return reject('TransferLive', `transfer ${state.transfer.transferNo} is not over; only the rail's word ends it`);
      return key === state.transfer.key ? [] : reject('WrongKey', 'the key of a transfer is fixed for life');
    case 'unclaimed':
      return reject('Unclaimed', 'this destination cannot be paid; change it first');
    case 'waiting':
      return reject('AwaitingApproval', 'this payout is above its limit and waits for two people');
    case 'cancelled':
    case 'returned':
      return reject('PayoutIsCancelled', 'this payout was cancelled; nothing is sent any more');
    case 'ready': {
      const nextNo = state.keys.length + 1;
      if (transferNo !== nextNo) return reject('NotNextTransfer', `the next transfer is ${nextNo}`);
      if (state.keys.includes(key)) return reject('WrongKey', 'this key belongs to an earlier transfer');
      const transfer = { ...subjectOf(state), transferNo, key, payee: state.payee };
      return [event('TransferSubmitted', { ...transfer, submittedAt })];
    }
  }
}

function recordRailWord({ transferNo, word }: CommandOf<PayoutCommand, 'RecordRailWord'>, at: Instant, state: Known): Decided {
  const key = state.keys[transferNo - 1];
  if (key === undefined) return reject('TransferUnknown', `transfer ${transferNo} was never submitted`);
  if (state.status === 'live' && state.transfer.transferNo === transferNo)
    return liveTransferSays(word, { transferNo, key }, at, state);

  // The transfer is over. Late or vague words say nothing new; the opposite of what ended it is for people to look at.
  const stands = state.status === 'succeeded' && state.transfer.transferNo === transferNo;
  const railTransferId = stands ? state.railTransferId : state.reversed.get(transferNo);
  const saysPaid = word.state === 'Succeeded' || word.state === 'Reversed';
  const contradicts =
    railTransferId === undefined ? saysPaid : word.state === 'Failed' || (saysPaid && word.railTransferId !== railTransferId);
  if (contradicts) {
    const was = railTransferId === undefined ? 'failed' : `succeeded as ${railTransferId}`;
    return reject('RailContradictsItself', `the rail said that transfer ${transferNo} ${was}, and now says otherwise`);
  }
  if (!saysPaid) return [];
  // Some rails tell their fee only when they are asked again.
  const fee = charged(word, { transferNo, key }, at, state);
  const back = word.state === 'Reversed' && stands ? reversed(word, { transferNo, key }, at, state) : [];
  return answered([...fee, ...back], at, state);
}

function liveTransferSays(
  word: RailWord,
  transfer: Transfer,
  at: Instant,
  state: Extract<Payout, { status: 'live' }>,
): readonly PayoutEvent[] {
  const { payoutId } = state.requested;
  if (state.word && sameWord(word, state.word)) return [];
  switch (word.state) {
    case 'Succeeded':
    case 'Reversed': {
      const back = word.state === 'Reversed' ? reversed(word, transfer, at, state) : [];
      return answered([succeeded(word, transfer, at, state), ...charged(word, transfer, at, state), ...back], at, state);
    }
    case 'Failed': {
      const { failure, code } = word;
      const failed = event('TransferFailed', { ...transfer, payoutId, failure, code });
      return answered([failed, ...unclaimed(failure === 'PayeeActionRequired', code, state)], at, state);
    }
    case 'Processing':
      return [event('TransferProcessing', { ...transfer, payoutId })];
    case 'FundingBlocked':
    case 'ChannelHalted':
      return [event('TransferBlocked', { ...transfer, payoutId, why: word.state, code: word.code })];
    case 'Unknown':
      return [event('TransferOutcomeUnknown', { ...transfer, payoutId, cause: word.cause })];
  }
}

const succeeded = ({ railTransferId }: { readonly railTransferId: string }, transfer: Transfer, at: Instant, state: Known) =>
  event('PayoutSucceeded', { ...subjectOf(state), ...transfer, railTransferId, succeededAt: at });

function charged({ fee }: { readonly fee?: Money }, transfer: Transfer, at: Instant, state: Known): readonly Change[] {
  if (fee === undefined || !isPositive(fee) || state.charged.includes(transfer.transferNo)) return [];
  const { rail } = state.requested;
  return [event('GatewayFeeCharged', { ...placeOf(state.requested), ...transfer, rail, amount: fee, chargedAt: at })];
}

function reversed(
  { railTransferId, code }: Extract<RailWord, { state: 'Reversed' }>,
  transfer: Transfer,
  at: Instant,
  state: Known,
): readonly Change[] {
  const back = event('PayoutReversed', { ...subjectOf(state), ...transfer, railTransferId, code, reversedAt: at });
  // Who has it from elsewhere already is not sent it a second time by itself.
  const hasTwice = isPositive(state.outside.toBuyer);
  return [back, ...unclaimed(hasTwice, hasTwice ? 'REFUNDED_OUTSIDE' : code, state)];
}

/** What ends a transfer unpaid and, when a person must look at the destination, that too. */
function unclaimed(needsPerson: boolean, code: string, state: Known): readonly Change[] {
  if (state.cancellation !== 'none' || !(needsPerson || state.failures + 1 >= maxFailures)) return [];
  return [event('PayoutUnclaimed', { payoutId: state.requested.payoutId, code })];
}

const placeOf = ({ payoutId, platform }: Place): Place => ({ payoutId, platform });
const purposedOf = ({ payoutId, platform, purpose }: Purposed): Purposed => ({ payoutId, platform, purpose });
const subjectOf = (state: Requested): Subject => {
  const { payoutId, platform, purpose, rail } = state.requested;
  return { payoutId, platform, purpose, rail, amount: dueOf(state) };
};

/** What a transfer of this payout pays: all of it, but for what somebody paid past us in its place. */
export const dueOf = ({ requested, outside }: Requested): Money => subtract(requested.amount, outside.fromRefund);

const isSamePurpose = (one: Purposed, other: Purposed): boolean =>
  one.payoutId === other.payoutId && one.platform === other.platform && samePurpose(one.purpose, other.purpose);

function samePurpose(one: PayoutPurpose, other: PayoutPurpose): boolean {
  if (one.merchant !== other.merchant) return false;
  if (one.kind !== 'refund' || other.kind !== 'refund') return one.kind === other.kind;
  return one.refundId === other.refundId && one.orderId === other.orderId && one.buyer === other.buyer;
}

/** An outcome stays unknown whatever the next attempt to learn it died of. */
function sameWord(one: RailWord, other: LiveWord): boolean {
  if (one.state !== other.state) return false;
  return 'code' in one && 'code' in other ? one.code === other.code : true;
}

function next(state: Known, { type, data }: Change): Known {
  const { requested, payee, keys, failures, reversed: back, charged: fees, cancellation, isFraud, outside } = state;
  const kept: Requested = { requested, payee, keys, failures, reversed: back, charged: fees, cancellation, isFraud, outside };
  switch (type) {
    case 'PayoutApprovalProposed':
      return { ...kept, status: 'waiting', firstBy: data.proposedBy, held: undefined };
    case 'PayoutHeld':
      return { ...kept, status: 'waiting', firstBy: requested.requestedBy, held: { by: data.heldBy, reason: data.reason } };
    case 'PayoutApproved':
      return { ...kept, status: 'ready' };
    case 'TransferSubmitted': {
      const { transferNo, key } = data;
      return { ...kept, status: 'live', keys: [...keys, key], transfer: { transferNo, key }, word: undefined };
    }
    case 'TransferProcessing':
      return { ...kept, status: 'live', transfer: transferOf(data), word: { state: 'Processing' } };
    case 'TransferOutcomeUnknown':
      return { ...kept, status: 'live', transfer: transferOf(data), word: { state: 'Unknown', cause: data.cause } };
    case 'TransferBlocked':
      return { ...kept, status: 'live', transfer: transferOf(data), word: { state: data.why, code: data.code } };
    case 'TransferFailed':
      return { ...kept, status: 'ready', failures: failures + 1 };
    case 'PayoutUnclaimed':
      return { ...kept, status: 'unclaimed' };
    case 'PayoutDestinationChanged':
      return { ...kept, status: 'ready', payee: data.payee, failures: 0 };
    case 'PayoutSucceeded':
      return { ...kept, status: 'succeeded', transfer: transferOf(data), railTransferId: data.railTransferId };
    case 'GatewayFeeCharged':
      return { ...state, charged: [...fees, data.transferNo] };
    case 'PayoutReversed': {
      const gone = { ...kept, failures: failures + 1, reversed: new Map(back).set(data.transferNo, data.railTransferId) };
      return { ...gone, status: cancellation === 'refused' ? 'returned' : 'ready' };
    }
    case 'PayoutCancelRequested':
      return { ...state, cancellation: 'asked', isFraud: data.isFraud === true };
    case 'PayoutCancelled':
      return { ...kept, status: 'cancelled' };
    case 'PayoutCancelRefused':
      return state.status === 'succeeded' || state.status === 'outside'
        ? { ...state, cancellation: 'refused' }
        : { ...kept, status: 'returned', cancellation: 'refused' };
    case 'PayoutReturned':
      return { ...kept, status: 'returned' };
    case 'RefundedOutside': {
      const differences = [...outside.differences, data.differenceId];
      const fromRefund = add(outside.fromRefund, data.fromRefund);
      const known = { ...state, outside: { differences, fromRefund, toBuyer: add(outside.toBuyer, data.toBuyer) } };
      return isPositive(dueOf(known)) ? known : { ...kept, outside: known.outside, status: 'outside' };
    }
    case 'OutsideRefundRefused':
      return state;
  }
}

const transferOf = ({ transferNo, key }: Transfer): Transfer => ({ transferNo, key });
