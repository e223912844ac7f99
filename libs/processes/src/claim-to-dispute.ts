import type { Process } from '@recourse/eventing';
import type { ComplaintEvent, DisputeCommand, DisputeEvent } from '@recourse/disputes/events';
import type { OrderCommand, OrderEvent } from '@recourse/orders/events';
import { attest } from './incidents.js';

const dispute = (name: string, id: string, command: DisputeCommand, ...settledBy: string[]) =>
  ({ do: 'command', name, category: 'dispute', id, command, settledBy }) as const;
const order = (name: string, id: string, command: OrderCommand, ...settledBy: string[]) =>
  ({ do: 'command', name, category: 'order', id, command, settledBy }) as const;

/** A claim is an event of the order; its case is a stream of its own. What ends the case ends the claim, and who complains outside finds it. */
export const claimToDispute: Process<OrderEvent | DisputeEvent | ComplaintEvent> = {
  name: 'claim-to-dispute',
  version: 1,
  on: {
    ClaimOpened: ({ data }) => [
      dispute('open', data.claimId, {
        type: 'OpenDispute',
        draft: data.draft,
        disputeId: data.claimId,
        orderId: data.orderId,
        platform: data.platform,
        merchant: data.merchant,
        buyer: data.buyer,
        reason: data.reason,
        productKind: data.productKind,
        promise: data.promise,
        policy: data.policy,
        units: data.units,
        openedAt: data.openedAt,
        ...(data.evidence === undefined ? {} : { evidence: data.evidence }),
      }),
    ],
    // The buyer may withdraw the draft while the claim is being submitted by another channel: then its end ends the claim too.
    ClaimSubmitted: ({ data }) => [
      dispute('submit', data.claimId, { type: 'SubmitDispute', submittedAt: data.submittedAt }, 'DraftOver', 'NotADraft'),
    ],
    ReplacementDelivered: ({ data }) => [
      dispute(
        'report-replacement',
        data.claimId,
        { type: 'ReportReplacement', unitNo: data.unitNo, deliveredAt: data.deliveredAt },
        'AlreadyDecided',
      ),
    ],
    // One complaint may be about several cases of an order. K11
    ComplaintReceived: ({ data: { units, complaintId, channel, externalNumber, recordedBy, recordedAt } }) =>
      [...new Set(units.flatMap(({ disputeId }) => disputeId ?? []))].map((disputeId) =>
        dispute(`link-${disputeId}`, disputeId, {
          type: 'LinkComplaint',
          complaintId,
          channel,
          externalNumber,
          linkedBy: recordedBy,
          linkedAt: recordedAt,
        }),
      ),
    PlatformIncidentNoted: attest,
    PlatformDeliveryFailed: attest,
    DraftLapsed: ({ data }) => [
      order('close-claim', data.orderId, { type: 'CloseClaim', claimId: data.disputeId, outcome: 'lapsed' }, 'ClaimOver'),
    ],
    DisputeWithdrawn: ({ data }) => [
      order('close-claim', data.orderId, { type: 'CloseClaim', claimId: data.disputeId, outcome: 'withdrawn' }, 'ClaimOver'),
    ],
    ResolvedByReissue: ({ data }) => [
      order(
        'close-claim',
        data.orderId,
        { type: 'CloseClaim', claimId: data.disputeId, outcome: 'reissued', units: data.units },
        'ClaimOver',
      ),
    ],
    VerdictBecameFinal: ({ data }) =>
      data.refused.length === 0
        ? []
        : [
            order(
              'close-claim',
              data.orderId,
              { type: 'CloseClaim', claimId: data.disputeId, outcome: 'refused', units: data.refused },
              'ClaimOver',
            ),
          ],
  },
};
