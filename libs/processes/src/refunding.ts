import type { FundEvent, PayoutCommand, PayoutEvent } from '@recourse/compensation/events';
import type { DepositEvent } from '@recourse/deposits/events';
import type { DisputeEvent, UnitVerdict } from '@recourse/disputes/events';
import type { Action, Actor, CommandOf, EventOf, Process, Recorded, StreamReader } from '@recourse/eventing';
import type { OrderCommand, OrderEvent, RefundParties } from '@recourse/orders/events';
import { isPositive, type Money, subtract, zero } from '@recourse/money';

/** What both ways of funding say of a refund whose last line is funded. */
interface FundedRefund extends RefundParties {
  readonly refundId: string;
  readonly orderId: string;
  readonly total: Money;
}

const requestPayout = (
  payoutId: string,
  wanted: Omit<CommandOf<PayoutCommand, 'RequestPayout'>, 'type' | 'payoutId'>,
): Action => {
  const command: PayoutCommand = { type: 'RequestPayout', payoutId, ...wanted };
  return { do: 'command', name: 'request-payout', category: 'payout', id: payoutId, command };
};
const payRefund = ({ refundId, orderId, platform, buyer, merchant, rail, payee, total }: FundedRefund): Action =>
  requestPayout(refundId, {
    platform,
    purpose: { kind: 'refund', refundId, orderId, buyer, merchant },
    rail,
    payee,
    amount: total,
  });

/** A ruling on an appeal knows of the key that the merchant sent although he was not asked to; one that comes later shuts it out. */
async function replacedBefore(
  { data, position }: Recorded<EventOf<DisputeEvent, 'VerdictReached'>>,
  streams: StreamReader,
): Promise<ReadonlySet<number>> {
  if (data.appealOf === undefined) return new Set();
  const events = await streams.read<OrderEvent>(`order-${data.orderId}`);
  return new Set(
    events.flatMap((event) =>
      event.type === 'ReplacementDelivered' && event.data.claimId === data.disputeId && event.position < position
        ? [event.data.unitNo]
        : [],
    ),
  );
}

type Bearer = 'merchant' | 'platform';
/** What each bears of a unit's refund; who bears nothing of it is not named. K1 */
function partsOf({ refund, bearer, merchantPart }: UnitVerdict): readonly { readonly amount: Money; readonly bearer: Bearer }[] {
  if (bearer === 'none') return [];
  if (bearer !== 'shared') return [{ amount: refund, bearer }];
  const ofMerchant = merchantPart ?? zero(refund.asset);
  return [
    { amount: ofMerchant, bearer: 'merchant' as const },
    { amount: subtract(refund, ofMerchant), bearer: 'platform' as const },
  ].filter(({ amount }) => isPositive(amount));
}

/** Whoever asks for money is the first of the two people behind a large payout; the house by itself is nobody. */
const askedBy = ({ role, subject }: Actor): { readonly requestedBy?: string } =>
  role === 'system' ? {} : { requestedBy: subject };

/** From verdict to transfer: the order approves, escrow or fund fund it, one payout pays it when every line is funded. */
export const refunding: Process<DisputeEvent | OrderEvent | FundEvent | DepositEvent | PayoutEvent> = {
  name: 'refunding',
  version: 1,
  on: {
    VerdictReached: async (event, streams) => {
      const { data } = event;
      const replaced = await replacedBefore(event, streams);
      const units = data.units.flatMap((unit) =>
        partsOf(unit).map((part) => ({
          unitNo: unit.unitNo,
          ...part,
          liable: unit.liable,
          replacementFailed: unit.facts.reissue === 'failed' || replaced.has(unit.unitNo),
        })),
      );
      const command: OrderCommand = {
        type: 'ApproveRefund',
        refundId: data.verdictId,
        disputeId: data.disputeId,
        verdictId: data.verdictId,
        rule: data.rule,
        units,
      };
      return units.length === 0
        ? []
        : [
            {
              do: 'command',
              name: 'approve-refund',
              category: 'order',
              id: data.orderId,
              command,
            },
          ];
    },
    RefundFundedFromEscrow: ({ data }) => (data.complete ? [payRefund(data)] : []),
    // A surplus waits for nobody: it came with its money.
    SurplusCaptured: ({ data: { amount, ...surplus } }) => [payRefund({ ...surplus, total: amount })],
    // The escrow lines of a refund are funded in the append that approves it, so the fund's are always the last.
    FundsReserved: ({ data }) => [payRefund(data)],
    RefundFundedFromDeposit: ({ data }) => [payRefund(data)],
    SettlementDrawn: ({ data: { payoutId, platform, merchant, rail, payee, amount }, metadata }) => [
      requestPayout(payoutId, {
        platform,
        purpose: { kind: 'settlement', merchant },
        rail,
        payee,
        amount,
        ...askedBy(metadata.actor),
      }),
    ],
    // Mostly drawn by a timer, which is nobody: a large one then needs two people.
    WithdrawalDrawn: ({ data: { payoutId, platform, merchant, rail, payee, amount }, metadata }) => [
      requestPayout(payoutId, {
        platform,
        purpose: { kind: 'withdrawal', merchant },
        rail,
        payee,
        amount,
        ...askedBy(metadata.actor),
      }),
    ],
    PayoutRequested: ({ data }) => [{ do: 'wake', kind: 'payout', key: data.payoutId }],
    PayoutApproved: ({ data }) => [{ do: 'wake', kind: 'payout', key: data.payoutId }],
    PayoutDestinationChanged: ({ data }) => [{ do: 'wake', kind: 'payout', key: data.payoutId }],
    PayoutReversed: ({ data }) => [{ do: 'wake', kind: 'payout', key: data.payoutId }],
  },
};
