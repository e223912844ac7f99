import { type CommandOf, type Instant, reject } from '@recourse/eventing';
import type { PayoutCommand } from './payout.js';
import { type Decided, event, type Known, subjectOf } from './payout-state.js';

export function submitTransfer(
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
