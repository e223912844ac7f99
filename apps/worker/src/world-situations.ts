import type { DomainEvent } from '@recourse/ledger';
import type { Recorded } from '@recourse/eventing';

/** What random worlds must have been through, or they prove little. */
export const situations = [
  'escrow partly released',
  'mixed sources',
  'a top-up against a withdrawal in flight',
  'overturned before recovery',
  'overturned during recovery',
  'overturned after recovery',
  'overturned after write-off',
  'overturned while it waits for the fund',
  'overturned after the deposit paid it',
  'a payout that failed',
  'a payout reversed after recovery',
  'a merchant closing with open obligations',
  'money back that nobody is owed',
  'a buyer who deceived',
] as const;
export type Situation = (typeof situations)[number];

/** What a log went through, told from its events alone. */
export function situationsIn(log: readonly Recorded<DomainEvent>[]): ReadonlySet<Situation> {
  const seen = new Set<Situation>();
  const released = new Set<string>();
  const underWay = new Map<string, number>();
  const owing = new Map<string, Set<string>>();
  const recovered = new Set<string>();
  const reserved = new Set<string>();
  const ofDeposit = new Set<string>();
  const reinstated = new Map<string, string>();
  const owed = (merchant: string) => owing.get(merchant) ?? new Set();
  for (const { type, data, metadata } of log)
    switch (type) {
      case 'EscrowReleased':
        released.add(data.orderId);
        break;
      case 'RefundFundedFromEscrow':
        if (released.has(data.orderId)) seen.add('escrow partly released');
        break;
      case 'RefundApproved':
        if (data.fromEscrow.minor > 0n && data.fromFund.minor > 0n) seen.add('mixed sources');
        break;
      case 'WithdrawalDrawn':
        underWay.set(data.merchant, (underWay.get(data.merchant) ?? 0) + 1);
        break;
      case 'DrawPaid':
      case 'DrawReturned':
        underWay.set(data.merchant, 0);
        break;
      case 'DepositToppedUp':
        if ((underWay.get(data.merchant) ?? 0) > 0) seen.add('a top-up against a withdrawal in flight');
        break;
      case 'FundsReserved':
        reserved.add(data.refundId);
        break;
      case 'RefundFundedFromDeposit':
        ofDeposit.add(data.refundId);
        break;
      case 'ObligationOpened':
        owing.set(data.merchant, new Set([...owed(data.merchant), data.refundId]));
        break;
      case 'DepositDebited':
      case 'PayableDebited':
        recovered.add(data.refundId);
        if (data.outstanding.minor === 0n) owing.get(data.merchant)?.delete(data.refundId);
        break;
      case 'RecourseWrittenOff':
      case 'ObligationRevoked':
        owing.get(data.merchant)?.delete(data.refundId);
        break;
      case 'RefundRevoked':
        if (reserved.has(data.refundId)) seen.add('overturned before recovery');
        if (ofDeposit.has(data.refundId)) seen.add('overturned after the deposit paid it');
        break;
      case 'ReservationWithdrawn':
        seen.add('overturned while it waits for the fund');
        break;
      case 'RecourseReinstated':
        reinstated.set(data.refundId, metadata.commandId);
        break;
      case 'RecourseForgiven':
        owing.get(data.merchant)?.delete(data.refundId);
        if (reinstated.get(data.refundId) === metadata.commandId) seen.add('overturned after write-off');
        else if (recovered.has(data.refundId)) seen.add('overturned during recovery');
        break;
      case 'CompensationClaimed':
        if (recovered.has(data.refundId)) seen.add('overturned after recovery');
        break;
      case 'TransferFailed':
        seen.add('a payout that failed');
        break;
      case 'PayoutReversed':
        if (data.purpose.kind === 'refund' && recovered.has(data.purpose.refundId)) seen.add('a payout reversed after recovery');
        break;
      case 'ClosingRequested':
        if (owed(data.merchant).size > 0) seen.add('a merchant closing with open obligations');
        break;
      case 'RefundReturned':
        seen.add('money back that nobody is owed');
        break;
      case 'BuyerFraudEstablished':
        seen.add('a buyer who deceived');
        break;
      default:
    }
  return seen;
}
