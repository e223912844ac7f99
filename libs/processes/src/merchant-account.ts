import type { FundEvent, PayoutEvent } from '@recourse/compensation/events';
import type { DepositCommand } from '@recourse/deposits/events';
import type { DisputeEvent } from '@recourse/disputes/events';
import type { Action, EventOf, Process } from '@recourse/eventing';
import { isZero, sum } from '@recourse/money';
import type { OrderEvent } from '@recourse/orders/events';

/** The account, whichever of its periods is open. */
export const depositId = (platform: string, merchant: string): string => `${platform}.${merchant}`;

interface Account {
  readonly platform: string;
  readonly merchant: string;
}
const deposit = (name: string, account: Account, command: DepositCommand): Action => ({
  do: 'command',
  name,
  category: 'deposit',
  id: depositId(account.platform, account.merchant),
  command,
});

const endNote = ({ data }: EventOf<DisputeEvent, 'VerdictBecameFinal' | 'DisputeWithdrawn' | 'ResolvedByReissue'>): Action[] => [
  deposit('end-case-note', data, { type: 'EndCaseNote', caseId: data.disputeId }),
];

/** Everything that reaches a merchant's account from elsewhere: proceeds, open cases, obligations and their collection, what the rail paid him. */
export const merchantAccount: Process<OrderEvent | DisputeEvent | FundEvent | PayoutEvent> = {
  name: 'merchant-account',
  version: 1,
  // One account is one lane: an obligation is opened before it is collected and a case is noted before its note ends,
  // though the events stand in different streams; and nobody contends for the account's stream.
  lane: ({ data }) => {
    const account = 'purpose' in data ? { platform: data.platform, merchant: data.purpose.merchant } : data;
    return 'platform' in account && 'merchant' in account ? depositId(account.platform, account.merchant) : '';
  },
  on: {
    EscrowReleased: ({ data }) =>
      isZero(data.net)
        ? []
        : [
            deposit('credit-payable', data, {
              type: 'CreditPayable',
              orderId: data.orderId,
              unitNo: data.unitNo,
              amount: data.net,
            }),
          ],
    DisputeSubmitted: ({ data }) => {
      const released = data.units.filter((unit) => unit.escrow === 'released');
      const exposure = sum(
        released.map((unit) => unit.price),
        data.units[0]?.price.asset,
      );
      return [deposit('note-case', data, { type: 'NoteCase', caseId: data.disputeId, orderId: data.orderId, exposure })];
    },
    VerdictBecameFinal: endNote,
    DisputeWithdrawn: endNote,
    ResolvedByReissue: endNote,
    FundsReserved: ({ data }) => {
      if (isZero(data.merchantShare)) return [];
      const ofCase = data.caseId === undefined ? {} : { caseId: data.caseId };
      return [
        deposit('open-obligation', data, {
          type: 'OpenObligation',
          obligationId: data.refundId,
          refundId: data.refundId,
          orderId: data.orderId,
          amount: data.merchantShare,
          ...ofCase,
        }),
      ];
    },
    // Pay first, then recourse: the buyer has the money, now the merchant owes it. A refund without an obligation leaves nothing to collect.
    PayoutSucceeded: ({ data }) =>
      data.purpose.kind === 'refund'
        ? [
            deposit(
              'collect',
              { platform: data.platform, merchant: data.purpose.merchant },
              { type: 'CollectObligation', obligationId: data.purpose.refundId },
            ),
          ]
        : [
            deposit(
              'confirm-draw',
              { platform: data.platform, merchant: data.purpose.merchant },
              { type: 'ConfirmDraw', payoutId: data.payoutId },
            ),
          ],
    // In our place it is as good as ours, once nothing of the refund is left to pay.
    RefundedOutside: ({ data: { platform, purpose, fromRefund, stillDue } }) =>
      isZero(fromRefund) || !isZero(stillDue)
        ? []
        : [
            deposit(
              'collect',
              { platform, merchant: purpose.merchant },
              { type: 'CollectObligation', obligationId: purpose.refundId },
            ),
          ],
    // Nothing was paid: what was drawn for it is his again.
    PayoutCancelled: ({ data: { payoutId, platform, purpose } }) =>
      purpose.kind === 'refund'
        ? []
        : [deposit('return-draw', { platform, merchant: purpose.merchant }, { type: 'ReturnDraw', payoutId })],
  },
};
