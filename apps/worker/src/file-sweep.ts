import type { DisputeEvent } from '@recourse/disputes';
import type { EventStore } from '@recourse/eventstore';
import { sideOf, type Uploads } from '@recourse/files';

/** Looked at by one sweep; the next goes on with the rest. */
const maxUploads = 100;

/** Removes uploads that became no evidence: the dispute's own events say which did. */
export function sweepFiles(uploads: Uploads, eventStore: EventStore): Promise<number> {
  const isAttached = async (scope: string, sha256: string): Promise<boolean> => {
    const { disputeId, by } = sideOf(scope);
    const events = await eventStore.readStream<DisputeEvent>(`dispute-${disputeId}`, { limit: 5_000 });
    return events.some(({ type, data }) => type === 'EvidenceSubmitted' && data.by === by && data.file?.sha256 === sha256);
  };
  return uploads.sweepOrphans({ limit: maxUploads, isAttached });
}
