import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import { isPositive, type Money } from '@recourse/money';
import type { PayoutCommand, PayoutEvent } from './payout.js';
import { answered } from './payout-cancellation.js';
import {
  type Change,
  type Decided,
  event,
  type Known,
  type LiveWord,
  type Payout,
  placeOf,
  subjectOf,
  type Transfer,
} from './payout-state.js';

/** What a rail says of a transfer. */
export type RailWord =
  /** `fee` is more than nothing, or left out. */
  | { readonly state: 'Succeeded'; readonly railTransferId: string; readonly fee?: Money }
  /** It had succeeded and came back. */
  | { readonly state: 'Reversed'; readonly railTransferId: string; readonly code: string; readonly fee?: Money }
  | { readonly state: 'Failed'; readonly failure: 'PayeeActionRequired' | 'RequestWrong' | 'Closed'; readonly code: string }
  | { readonly state: 'Processing' }
  | { readonly state: 'FundingBlocked' | 'ChannelHalted'; readonly code: string }
  | { readonly state: 'Unknown'; readonly cause: string };

/** So many transfers may fail on one destination, or come back from it, before a person must look at it. */
export const maxFailures = 5;

export function recordRailWord(
  { transferNo, word }: CommandOf<PayoutCommand, 'RecordRailWord'>,
  at: Instant,
  state: Known,
): Decided {
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

/** An outcome stays unknown whatever the next attempt to learn it died of. */
function sameWord(one: RailWord, other: LiveWord): boolean {
  if (one.state !== other.state) return false;
  return 'code' in one && 'code' in other ? one.code === other.code : true;
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
