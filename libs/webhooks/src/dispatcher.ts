import type { Log } from '@recourse/eventstore';
import { endpointsToServe, serveEndpoint, type DeliveryTools } from './delivery.js';

export interface DispatcherOptions extends DeliveryTools {
  readonly log: Log;
  /** Default 1,000. */
  readonly everyMs?: number;
  /** Default 8; endpoints at once. */
  readonly concurrency?: number;
}

/**
 * Looks for what is to be told and sends it. It has no place in the queue of jobs: receivers are strangers, and one that is slow
 * holds up neither a payout nor the clock.
 */
export function startDispatcher(options: DispatcherOptions): { stop(): Promise<void> } {
  const { log, everyMs = 1_000, concurrency = 8 } = options;
  const stopping = new AbortController();
  const serving = new Map<string, Promise<void>>();
  const failed = (error: unknown): void => {
    if (!stopping.signal.aborted) log('warn', 'messages could not be sent and are looked at again', { error: String(error) });
  };
  const look = async (): Promise<void> => {
    // As many as are being served may come first in the list again.
    const endpoints = await endpointsToServe(options, 2 * concurrency);
    for (const endpoint of endpoints) {
      if (stopping.signal.aborted || serving.size >= concurrency) return;
      if (serving.has(endpoint)) continue;
      const served = serveEndpoint(options, endpoint, stopping.signal)
        .catch(failed)
        .finally(() => serving.delete(endpoint));
      serving.set(endpoint, served);
    }
  };
  let looking: Promise<void> | undefined;
  const lookNow = (): void => {
    looking ??= look()
      .catch(failed)
      .finally(() => (looking = undefined));
  };
  lookNow();
  const timer = setInterval(lookNow, everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort(new Error('the dispatcher is being stopped'));
      await looking;
      await Promise.all(serving.values());
    },
  };
}
