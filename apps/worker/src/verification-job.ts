import type { DisputeEvent, VerificationResult } from '@recourse/disputes';
import { RecordVerification } from './commands.js';
import { jobContext, JobRefused, send, type JobTools } from './jobs.js';

/** Asks the verifier about the units of a case that still wait for its word, and records all answers at once. */
export async function runVerification(tools: JobTools, disputeId: string): Promise<void> {
  const events = await tools.eventStore.readStream<DisputeEvent>(`dispute-${disputeId}`, { limit: 5_000 });
  const known = new Set(
    events.flatMap((event) => (event.type === 'VerificationRecorded' ? event.data.results.map((result) => result.unitNo) : [])),
  );
  const results: VerificationResult[] = [];
  for (const event of events) {
    if (event.type !== 'VerificationRequested') continue;
    for (const { unitNo, deliveryReference } of event.data.units) {
      if (known.has(unitNo)) continue;
      known.add(unitNo);
      const { outcome, source, resultHash } = await tools.verifier.verify({
        productKind: event.data.productKind,
        unitNo,
        deliveryReference,
      });
      results.push({ unitNo, outcome, source, resultHash, queriedAt: await tools.clock.now() });
    }
  }
  if (results.length === 0) return;
  try {
    await send(
      tools,
      new RecordVerification(disputeId, { type: 'RecordVerification', results }, await jobContext(tools, 'verification')),
    );
  } catch (error) {
    // Another run was faster, or the case ended meanwhile.
    if (!(error instanceof JobRefused && ['VerificationUnexpected', 'AlreadyDecided'].includes(error.code))) throw error;
  }
}
