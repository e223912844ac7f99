import type { Storage } from '../storage/storage.js';
import { oneRequest, type GrpcCall } from '../transport/grpc-call.js';
import { Outlet } from '../transport/outlet.js';
import type { CommitSignal } from '../writing/commit-signal.js';
import type { NodeCounters } from './node-counters.js';
import type { PatternThread } from './pattern-thread.js';
import { readRequest, type ReadRequest } from './read-request.js';
import { readAll, readStream } from './reads.js';
import { subscribeToAll, subscribeToStream } from './subscriptions.js';

export interface ReadServices {
  storage: Storage;
  signal: CommitSignal;
  patterns: PatternThread;
  stopping: AbortSignal;
  counters: NodeCounters;
}

/** Reads and catch-up subscriptions, which are one method of the protocol. */
export class ReadCalls {
  private readonly active = new Set<Promise<void>>();

  constructor(private readonly services: ReadServices) {}

  readonly read = oneRequest((bytes, call) => {
    const request = readRequest(bytes);
    const outlet = new Outlet(call, this.services.stopping);
    const ended = this.perform(request, outlet, call);
    this.active.add(ended);
    void ended.finally(() => this.active.delete(ended));
    return { cancelled: outlet.rouse, drained: outlet.drained, stopping: outlet.rouse };
  });

  /** Resolves when no read is in progress: the files may be closed. */
  async finished(): Promise<void> {
    await Promise.all(this.active);
  }

  private async perform(request: ReadRequest, outlet: Outlet, call: GrpcCall): Promise<void> {
    const { counters } = this.services;
    const subscriptions = request.kind === 'subscribe-to-all' || request.kind === 'subscribe-to-stream' ? 1 : 0;
    counters.subscriptions += subscriptions;
    try {
      await this.answer(request, outlet);
      call.end();
    } catch (error) {
      call.fail(error);
    } finally {
      counters.subscriptions -= subscriptions;
    }
  }

  private answer(request: ReadRequest, outlet: Outlet): Promise<void> {
    const { storage, signal, patterns } = this.services;
    switch (request.kind) {
      case 'read-stream':
        return readStream(storage, request, outlet);
      case 'read-all':
        return readAll(storage, patterns, request, outlet);
      case 'subscribe-to-stream':
        return subscribeToStream(storage, signal, request, outlet);
      case 'subscribe-to-all':
        return subscribeToAll(storage, signal, patterns, request, outlet);
    }
  }
}
