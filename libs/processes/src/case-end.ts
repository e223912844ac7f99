import type { DisputeEvent } from '@recourse/disputes/events';
import type { StreamReader } from '@recourse/eventing';

/** Nothing of a case can be decided any more: every unit is resolved, or its last verdict is final. */
export async function isCaseOver(disputeId: string, streams: StreamReader): Promise<boolean> {
  const open = new Set<number>();
  const verdictOf = new Map<number, string>();
  for (const { type, data } of await streams.read<DisputeEvent>(`dispute-${disputeId}`)) {
    if (type === 'DisputeSubmitted') for (const { unitNo } of data.units) open.add(unitNo);
    if (type === 'ResolvedByReissue') for (const unitNo of data.units) open.delete(unitNo);
    if (type === 'VerdictReached') for (const { unitNo } of data.units) verdictOf.set(unitNo, data.verdictId);
    if (type === 'DisputeWithdrawn') return true;
    if (type !== 'VerdictBecameFinal') continue;
    for (const [unitNo, verdictId] of verdictOf) if (verdictId === data.verdictId) open.delete(unitNo);
  }
  return open.size === 0;
}
