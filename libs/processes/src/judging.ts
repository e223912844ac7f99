import type { DisputeCommand, DisputeEvent, PolicyEvent } from '@recourse/disputes/events';
import type { Action, EventOf, Process, Recorded, StreamReader } from '@recourse/eventing';
import type { OrderEvent } from '@recourse/orders/events';

type FactChange = EventOf<
  DisputeEvent,
  | 'DisputeSubmitted'
  | 'VerificationRecorded'
  | 'ReissueMissed'
  | 'ReplacementRefused'
  | 'MerchantAnswered'
  | 'MerchantStayedSilent'
  | 'EvidencePhaseEnded'
  | 'PersonRequested'
  | 'IncidentAttested'
>;

type Submitted = Recorded<EventOf<DisputeEvent, 'DisputeSubmitted'>>['data'];

async function submittedCase(disputeId: string, streams: StreamReader): Promise<Submitted> {
  for (const { type, data } of await streams.read<DisputeEvent>(`dispute-${disputeId}`))
    if (type === 'DisputeSubmitted') return data;
  throw new Error(`dispute ${disputeId} is judged before it was submitted`);
}

/** A draft may know of an incident before it is judged on it. */
async function isSubmitted(disputeId: string, streams: StreamReader): Promise<boolean> {
  return (await streams.read<DisputeEvent>(`dispute-${disputeId}`)).some(({ type }) => type === 'DisputeSubmitted');
}

const toDispute = (name: string, id: string, command: DisputeCommand): Action => ({
  do: 'command',
  name,
  category: 'dispute',
  id,
  command,
  settledBy: ['AlreadyDecided'],
});

/** A key that was reissued in time counts, though the timer was quicker than its report. */
async function replacementsOf({ disputeId, orderId }: Submitted, streams: StreamReader): Promise<Action[]> {
  const events = await streams.read<OrderEvent>(`order-${orderId}`);
  return events.flatMap(({ type, data }) =>
    type === 'ReplacementDelivered' && data.claimId === disputeId
      ? [
          toDispute(`report-replacement-${data.unitNo}`, disputeId, {
            type: 'ReportReplacement',
            unitNo: data.unitNo,
            deliveredAt: data.deliveredAt,
          }),
        ]
      : [],
  );
}

/** A fact of the case has changed: the frozen policy says what follows. */
async function applyPolicy({ type, data }: FactChange, streams: StreamReader): Promise<readonly Action[]> {
  const file = type === 'DisputeSubmitted' ? data : await submittedCase(data.disputeId, streams);
  const published = await streams.read<PolicyEvent>(`policy-${file.policy.id}`);
  const policy = published.find((event) => event.data.version === file.policy.version && event.data.hash === file.policy.hash);
  if (policy === undefined) throw new Error(`policy ${file.policy.id} version ${file.policy.version} is not in its stream`);
  const reports = type === 'ReissueMissed' ? await replacementsOf(file, streams) : [];
  return [...reports, toDispute('apply-policy', data.disputeId, { type: 'ApplyPolicy', table: policy.data.table })];
}

/** Moves a case on whenever a fact of it changes, and asks the verifier when the policy wants its word. */
export const judging: Process<DisputeEvent> = {
  name: 'judging',
  version: 1,
  on: {
    DisputeSubmitted: applyPolicy,
    VerificationRecorded: applyPolicy,
    ReissueMissed: applyPolicy,
    ReplacementRefused: applyPolicy,
    MerchantAnswered: applyPolicy,
    MerchantStayedSilent: applyPolicy,
    EvidencePhaseEnded: applyPolicy,
    PersonRequested: applyPolicy,
    IncidentAttested: async (event, streams) =>
      (await isSubmitted(event.data.disputeId, streams)) ? applyPolicy(event, streams) : [],
    VerificationRequested: ({ data }) => [{ do: 'wake', kind: 'verification', key: data.disputeId }],
  },
};
