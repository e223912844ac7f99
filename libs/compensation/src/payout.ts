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
import { equals, isPositive, type Money } from '@recourse/money';

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

interface Subject {
  readonly payoutId: string;
  readonly platform: string;
  readonly purpose: PayoutPurpose;
  readonly rail: string;
  readonly amount: Money;
}
interface Transfer {
  readonly transferNo: number;
  /** The rail's idempotency key: 32 hex, fixed for life. */
  readonly key: string;
}

export type PayoutEvent =
  | Event<'PayoutRequested', Subject & { readonly payee: string; readonly requestedAt: Instant }>
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
  | Event<'PayoutSucceeded', Subject & Transfer & { readonly railTransferId: string; readonly succeededAt: Instant }>;

export type RailWord =
  | { readonly state: 'Succeeded'; readonly railTransferId: string }
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
    }
  /** `key` is the one the rail adapter derives from payout id and transfer number. */
  | { readonly type: 'SubmitTransfer'; readonly transferNo: number; readonly key: string }
  | { readonly type: 'RecordRailWord'; readonly transferNo: number; readonly word: RailWord }
  | { readonly type: 'ChangeDestination'; readonly payee: string };

export type PayoutRejection =
  | 'PayoutUnknown'
  | 'PayoutDiffers'
  | 'AmountNotPositive'
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
  /** Of every transfer so far, by number from 1. All but a live or succeeded last one have failed. */
  readonly keys: readonly string[];
  /** Transfers that failed since the destination was last named. */
  readonly failures: number;
}
export type Payout =
  | { readonly status: 'unrequested' }
  | (Requested & { readonly status: 'ready' | 'unclaimed' })
  /** A transfer is at the rail or may be; `word` is the last one the rail gave, none right after the intent. */
  | (Requested & { readonly status: 'live'; readonly transfer: Transfer; readonly word: LiveWord | undefined })
  | (Requested & { readonly status: 'succeeded'; readonly transfer: Transfer; readonly railTransferId: string });

type LiveWord = Exclude<RailWord, { state: 'Succeeded' | 'Failed' }>;
type Decided = readonly PayoutEvent[] | Rejection<PayoutRejection>;

/** So many transfers may fail on one destination before a person must look at it. */
export const maxFailures = 5;

const event = eventsOf<PayoutEvent>();

/**
 * Stream `payout-{refund or settlement id}`. A transfer follows another only after the rail's definite word that the other
 * failed, so that two are never live and the buyer is paid once.
 */
export const payout: Decider<PayoutCommand, Payout, PayoutEvent, PayoutRejection> = {
  category: 'payout',
  initial: { status: 'unrequested' },
  events: {
    PayoutRequested: 1,
    TransferSubmitted: 1,
    TransferProcessing: 1,
    TransferOutcomeUnknown: 1,
    TransferBlocked: 1,
    TransferFailed: 1,
    PayoutUnclaimed: 1,
    PayoutDestinationChanged: 1,
    PayoutSucceeded: 1,
  },
  decide: (command, state) => {
    if (command.type === 'RequestPayout') return requestPayout(command, command.at, state);
    if (state.status === 'unrequested') return reject('PayoutUnknown', 'no payout with this id was requested');
    switch (command.type) {
      case 'SubmitTransfer':
        return submitTransfer(command, command.at, state);
      case 'RecordRailWord':
        return recordRailWord(command, command.at, state);
      case 'ChangeDestination': {
        if (state.status === 'succeeded') return reject('AlreadySucceeded', 'this payout is paid');
        if (state.status !== 'unclaimed')
          return reject('NotUnclaimed', 'the destination changes only when the present one cannot be paid');
        const { payoutId } = state.requested;
        return [event('PayoutDestinationChanged', { payoutId, payee: command.payee, changedAt: command.at })];
      }
    }
  },
  evolve: (state, happened) => {
    if (happened.type === 'PayoutRequested') {
      return { status: 'ready', requested: happened.data, payee: happened.data.payee, keys: [], failures: 0 };
    }
    if (state.status === 'unrequested') throw new Error(`${happened.type} stands before PayoutRequested`);
    return next(state, happened);
  },
};

type Known = Exclude<Payout, { status: 'unrequested' }>;

function requestPayout(command: CommandOf<PayoutCommand, 'RequestPayout'>, at: Instant, state: Payout): Decided {
  const { payoutId, platform, purpose, rail, payee, amount } = command;
  if (state.status !== 'unrequested') {
    const first = state.requested;
    const isSame =
      payoutId === first.payoutId &&
      platform === first.platform &&
      samePurpose(purpose, first.purpose) &&
      rail === first.rail &&
      payee === first.payee &&
      equals(amount, first.amount);
    return isSame ? [] : reject('PayoutDiffers', 'a payout with this id was requested with other content');
  }
  if (!isPositive(amount)) return reject('AmountNotPositive', 'a payout is one minor unit or more');
  return [event('PayoutRequested', { payoutId, platform, purpose, rail, amount, payee, requestedAt: at })];
}

function submitTransfer(
  { transferNo, key }: CommandOf<PayoutCommand, 'SubmitTransfer'>,
  submittedAt: Instant,
  state: Known,
): Decided {
  switch (state.status) {
    case 'succeeded':
      return reject('AlreadySucceeded', `transfer ${state.transfer.transferNo} paid this payout`);
    case 'live':
      if (transferNo !== state.transfer.transferNo)
        return reject('TransferLive', `transfer ${state.transfer.transferNo} is not over; only the rail's word ends it`);
      return key === state.transfer.key ? [] : reject('WrongKey', 'the key of a transfer is fixed for life');
    case 'unclaimed':
      return reject('Unclaimed', 'this destination cannot be paid; change it first');
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
  const railTransferId =
    state.status === 'succeeded' && state.transfer.transferNo === transferNo ? state.railTransferId : undefined;
  const contradicts =
    railTransferId === undefined
      ? word.state === 'Succeeded'
      : word.state === 'Failed' || (word.state === 'Succeeded' && word.railTransferId !== railTransferId);
  if (!contradicts) return [];
  const was = railTransferId === undefined ? 'failed' : `succeeded as ${railTransferId}`;
  return reject('RailContradictsItself', `the rail said that transfer ${transferNo} ${was}, and now says otherwise`);
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
    case 'Succeeded': {
      const { railTransferId } = word;
      return [event('PayoutSucceeded', { ...subjectOf(state), ...transfer, railTransferId, succeededAt: at })];
    }
    case 'Failed': {
      const { failure, code } = word;
      const failed = event('TransferFailed', { ...transfer, payoutId, failure, code });
      const needsPerson = failure === 'PayeeActionRequired' || state.failures + 1 >= maxFailures;
      return needsPerson ? [failed, event('PayoutUnclaimed', { payoutId, code })] : [failed];
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

const subjectOf = ({ requested: { payoutId, platform, purpose, rail, amount } }: Requested): Subject => ({
  payoutId,
  platform,
  purpose,
  rail,
  amount,
});

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

function next(state: Known, { type, data }: Exclude<PayoutEvent, { type: 'PayoutRequested' }>): Known {
  const { requested, payee, keys, failures } = state;
  const kept: Requested = { requested, payee, keys, failures };
  switch (type) {
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
  }
}

const transferOf = ({ transferNo, key }: Transfer): Transfer => ({ transferNo, key });
