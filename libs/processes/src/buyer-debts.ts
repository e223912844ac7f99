import type { BuyerDebtCommand, BuyerDebtEvent, FundEvent, PayoutEvent } from '@recourse/compensation/events';
import type { Action, DataOf, Process } from '@recourse/eventing';
import { isZero } from '@recourse/money';

const debt = (name: string, id: string, command: BuyerDebtCommand, ...settledBy: string[]): Action => ({
  do: 'command',
  name,
  category: 'buyerdebt',
  id,
  command,
  settledBy,
});

const settle = ({ purpose, amount, isFraud }: DataOf<PayoutEvent, 'PayoutReturned'>): Action[] =>
  // What came back before the debt is opened is settled when it is.
  purpose.kind === 'refund' && isFraud
    ? [debt('settle-by-return', purpose.refundId, { type: 'SettleDebtByReturn', amount }, 'DebtUnknown')]
    : [];

/** What a buyer owes, from where it is found to where the money that came back pays it. */
export const buyerDebts: Process<FundEvent | BuyerDebtEvent | PayoutEvent> = {
  name: 'buyer-debts',
  version: 1,
  lane: ({ data }) => {
    if ('purpose' in data) return data.purpose.kind === 'refund' ? data.purpose.refundId : '';
    return 'refundId' in data ? data.refundId : '';
  },
  on: {
    BuyerFraudEstablished: ({ data: { platform, buyer, merchant, refundId, amount } }) => [
      debt('open', refundId, {
        type: 'OpenBuyerDebt',
        debtId: refundId,
        platform,
        buyer,
        merchant,
        refundId,
        kind: 'fraud',
        amount,
      }),
    ],
    BuyerDebtOpened: async ({ data: { kind, refundId } }, streams) => {
      if (kind !== 'fraud') return [];
      const events = await streams.read<PayoutEvent>(`payout-${refundId}`);
      return events.flatMap(({ type, data }) => (type === 'PayoutReturned' ? settle(data) : []));
    },
    PayoutReturned: ({ data }) => settle(data),
    // Paid by us and past us: he has it twice.
    RefundedOutside: ({ data: { platform, purpose, toBuyer } }) => {
      const { buyer, merchant, refundId } = purpose;
      const debtId = `${refundId}.outside`;
      const twice = { debtId, platform, buyer, merchant, refundId, kind: 'double-payment', amount: toBuyer } as const;
      return isZero(toBuyer) ? [] : [debt('open', debtId, { type: 'OpenBuyerDebt', ...twice })];
    },
  },
};
