import type { FundEvent, PayoutEvent } from '@recourse/compensation/events';
import type { DepositCommand } from '@recourse/deposits/events';
import type { DisputeEvent } from '@recourse/disputes/events';
import type { Action, DataOf, EventOf, Process, StreamReader } from '@recourse/eventing';
import { isZero, subtract, sum } from '@recourse/money';
import type { OrderEvent } from '@recourse/orders/events';
import { isCaseOver } from './case-end.js';
import { isPaidOutside, onOverturned, onPaid } from './making-whole.js';

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

/** What one unit came to leaves the note as long as another is open, or under appeal. */
async function endNote(
  { data }: EventOf<DisputeEvent, 'VerdictBecameFinal' | 'DisputeWithdrawn' | 'ResolvedByReissue'>,
  streams: StreamReader,
): Promise<Action[]> {
  if (!(await isCaseOver(data.disputeId, streams))) return [];
  return [deposit('end-case-note', data, { type: 'EndCaseNote', caseId: data.disputeId })];
}

/** What was drawn for a payout that will not be paid is the merchant's again. */
async function returnDraw(
  { payoutId, platform, purpose }: DataOf<PayoutEvent, 'PayoutCancelled'>,
  streams: StreamReader,
): Promise<Action[]> {
  if (purpose.kind === 'refund') return [];
  const { kind, merchant } = purpose;
  const events = await streams.read<PayoutEvent>(`payout-${payoutId}`);
  const draws = events.flatMap(({ type, data }) => (type === 'PayoutRequested' ? [{ draw: { kind, amount: data.amount } }] : []));
  return [deposit('return-draw', { platform, merchant }, { type: 'ReturnDraw', payoutId, ...draws[0] })];
}

/**
 * Everything that reaches a merchant's account from elsewhere: proceeds, compensation, open cases, obligations and their
 * collection, what the rail paid him.
 */
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
              ...(data.releaseNo === undefined ? {} : { releaseNo: data.releaseNo }),
            }),
          ],
    DisputeSubmitted: ({ data }) => {
      const released = data.units.filter((unit) => unit.escrow === 'released');
      const exposure = sum(
        released.map(({ price, refunded }) => (refunded === undefined ? price : subtract(price, refunded))),
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
    // Before anybody was paid: opened earlier in this lane, and there is nothing of it to collect.
    ReservationRevoked: ({ data }) =>
      isZero(data.merchantShare)
        ? []
        : [deposit('revoke-obligation', data, { type: 'RevokeObligation', obligationId: data.refundId })],
    MerchantCompensated: ({ data: { refundId, orderId, amount, ...account } }) => [
      deposit('credit-compensation', account, { type: 'CreditCompensation', refundId, orderId, amount }),
    ],
    // The fund has no money for it: the merchant's own money may do, and if it has already, what he gave may be his again.
    ReservationHandedOver: ({ data }) => {
      const { platform, merchant, buyer, payee, rail, refundId, orderId, caseId, merchantShare: share, fromFees, total } = data;
      const parties = { platform, merchant, buyer, payee, rail };
      const ofCase = caseId === undefined ? {} : { caseId };
      return [
        deposit('fund-refund', data, { type: 'FundRefund', ...parties, refundId, orderId, ...ofCase, share, fromFees, total }),
      ];
    },
    HandOverRevoked: ({ data }) => [deposit('revoke-funding', data, { type: 'RevokeFunding', refundId: data.refundId })],
    // Pay first, then recourse: the buyer has the money, now the merchant owes it. A refund without an obligation leaves nothing to collect.
    PayoutSucceeded: async (event, streams) => {
      const { platform, purpose, payoutId } = event.data;
      const account = { platform, merchant: purpose.merchant };
      if (purpose.kind !== 'refund') return [deposit('confirm-draw', account, { type: 'ConfirmDraw', payoutId })];
      return [
        ...(await onPaid(event, streams)).map((command) => deposit('make-whole', account, command)),
        deposit('collect', account, { type: 'CollectObligation', obligationId: purpose.refundId }),
      ];
    },
    // In the lane of the account, since what he lost is what was taken from him, and that is known once his obligation is open.
    RefundOverturned: async (event, streams) =>
      (await onOverturned(event, streams)).map((command) => deposit('make-whole', event.data, command)),
    // Nothing was paid, or it came back: what was drawn for it is his again.
    // In our place it is as good as ours, once nothing of the refund is left to pay.
    RefundedOutside: async (event, streams) => {
      const { platform, purpose } = event.data;
      const account = { platform, merchant: purpose.merchant };
      if (!isPaidOutside(event)) return [];
      return [
        ...(await onPaid(event, streams)).map((command) => deposit('make-whole', account, command)),
        deposit('collect', account, { type: 'CollectObligation', obligationId: purpose.refundId }),
      ];
    },
    PayoutCancelled: ({ data }, streams) => returnDraw(data, streams),
  },
};
