import { type DisputeCommand, type DisputeEvent, type PolicyEvent } from '@recourse/disputes/events';
import { type Action, type EventOf, type Process, type StreamReader } from '@recourse/eventing';
import { type PolicyReference } from '@recourse/orders/events';

type FactChange = EventOf<
  DisputeEvent,
  | 'DisputeSubmitted'
  | 'VerificationRecorded'
  | 'ReissueMissed'
  | 'ReplacementRefused'
  | 'MerchantAnswered'
  | 'MerchantStayedSilent'
>;

async function policyOfCase(disputeId: string, streams: StreamReader): Promise<PolicyReference> {
  for (const { type, data } of await streams.read<DisputeEvent>(`dispute-${disputeId}`))
    if (type === 'DisputeSubmitted') return data.policy;
  throw new Error(`dispute ${disputeId} is judged before it was submitted`);
}

/** A fact of the case has changed: the frozen policy says what follows. */
async function applyPolicy({ data }: FactChange, streams: StreamReader): Promise<readonly Action[]> {
  const frozen = 'policy' in data ? data.policy : await policyOfCase(data.disputeId, streams);
  const published = await streams.read<PolicyEvent>(`policy-${frozen.id}`);
  const policy = published.find((event) => event.data.version === frozen.version && event.data.hash === frozen.hash);
  if (policy === undefined) throw new Error(`policy ${frozen.id} version ${frozen.version} is not in its stream`);
  const command: DisputeCommand = { type: 'ApplyPolicy', table: policy.data.table };
  return [
    { do: 'command', name: 'apply-policy', category: 'dispute', id: data.disputeId, command, settledBy: ['AlreadyDecided'] },
  ];
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
    VerificationRequested: ({ data }) => [{ do: 'wake', kind: 'verification', key: data.disputeId }],
  },
};
