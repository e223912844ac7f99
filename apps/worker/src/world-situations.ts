import type { DomainEvent } from '@recourse/ledger';
import type { EventOf, Recorded } from '@recourse/eventing';

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
  'a refusal refunded on appeal',
  'a merchant freed on appeal',
  'an appeal that the clock decided',
  'both parties before one reviewer',
] as const;
export type Situation = (typeof situations)[number];

type Looks = {
  readonly [Type in DomainEvent['type']]?: (event: Recorded<EventOf<DomainEvent, Type>>) => Situation | false;
};

/** What a log went through, told from its events alone. */
export function situationsIn(log: readonly Recorded<DomainEvent>[]): ReadonlySet<Situation> {
  const released = new Set<string>();
  const underWay = new Set<string>();
  const owing = new Map<string, Set<string>>();
  const recovered = new Set<string>();
  const reserved = new Set<string>();
  const reinstated = new Map<string, string>();
  const noted = <T>(where: Set<T>, what: T): false => {
    where.add(what);
    return false;
  };
  const over = ({ merchant, refundId }: { readonly merchant: string; readonly refundId: string }): false => {
    owing.get(merchant)?.delete(refundId);
    return false;
  };
  const arrived = ({ merchant }: { readonly merchant: string }): false => {
    underWay.delete(merchant);
    return false;
  };
  const look: Looks = {
    EscrowReleased: ({ data }) => noted(released, data.orderId),
    RefundFundedFromEscrow: ({ data }) => released.has(data.orderId) && 'escrow partly released',
    RefundApproved: ({ data }) => data.fromEscrow.minor > 0n && data.fromFund.minor > 0n && 'mixed sources',
    WithdrawalDrawn: ({ data }) => noted(underWay, data.merchant),
    DrawPaid: ({ data }) => arrived(data),
    DrawReturned: ({ data }) => arrived(data),
    DepositToppedUp: ({ data }) => underWay.has(data.merchant) && 'a top-up against a withdrawal in flight',
    FundsReserved: ({ data }) => noted(reserved, data.refundId),
    ObligationOpened: ({ data: { merchant, refundId } }) => {
      const debts = owing.get(merchant) ?? new Set();
      owing.set(merchant, debts);
      return noted(debts, refundId);
    },
    DepositDebited: ({ data }) => noted(recovered, data.refundId) || (data.outstanding.minor === 0n && over(data)),
    PayableDebited: ({ data }) => noted(recovered, data.refundId) || (data.outstanding.minor === 0n && over(data)),
    RecourseWrittenOff: ({ data }) => over(data),
    ObligationRevoked: ({ data }) => over(data),
    RefundRevoked: ({ data }) => reserved.has(data.refundId) && 'overturned before recovery',
    DepositFundingRevoked: () => 'overturned after the deposit paid it',
    ReservationWithdrawn: () => 'overturned while it waits for the fund',
    RecourseReinstated: ({ data, metadata }) => {
      reinstated.set(data.refundId, metadata.commandId);
      return false;
    },
    RecourseForgiven: ({ data, metadata }) => {
      over(data);
      if (reinstated.get(data.refundId) === metadata.commandId) return 'overturned after write-off';
      return recovered.has(data.refundId) && 'overturned during recovery';
    },
    CompensationClaimed: ({ data }) => recovered.has(data.refundId) && 'overturned after recovery',
    TransferFailed: () => 'a payout that failed',
    PayoutReversed: ({ data: { purpose } }) =>
      purpose.kind === 'refund' && recovered.has(purpose.refundId) && 'a payout reversed after recovery',
    ClosingRequested: ({ data }) => (owing.get(data.merchant)?.size ?? 0) > 0 && 'a merchant closing with open obligations',
    RefundReturned: () => 'money back that nobody is owed',
    BuyerFraudEstablished: () => 'a buyer who deceived',
    VerdictReached: ({ data }) => data.decidedBy === 'appeal' && 'a refusal refunded on appeal',
    VerdictOverturned: ({ data }) => data.appealId !== undefined && 'a merchant freed on appeal',
    AppealRuled: ({ data }) => {
      if (data.decidedBy === 'overdue') return 'an appeal that the clock decided';
      return data.appeals.length > 1 && 'both parties before one reviewer';
    },
  };
  const seen = log.flatMap((event) => {
    // The key is the event's own type, so the function found is made for this event.
    const found = (look[event.type] as ((event: Recorded<DomainEvent>) => Situation | false) | undefined)?.(event);
    return found === undefined || found === false ? [] : [found];
  });
  return new Set(seen);
}
