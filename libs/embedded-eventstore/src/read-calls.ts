import type { ServerWritableStream } from '@grpc/grpc-js';
import type { CommitSignal } from './commit-signal.js';
import { Outlet } from './outlet.js';
import type { PatternThread } from './pattern-thread.js';
import { readRequest } from './read-request.js';
import { readAll, readStream } from './reads.js';
import { failureOf } from './refusal.js';
import type { Storage } from './storage.js';
import { subscribeToAll, subscribeToStream } from './subscriptions.js';

export interface ReadServices {
  storage: Storage;
  signal: CommitSignal;
  patterns: PatternThread;
  stopping: AbortSignal;
  log: (line: string) => void;
}

/** Reads and catch-up subscriptions, which are one method of the protocol. */
export class ReadCalls {
  private readonly active = new Set<Promise<void>>();

  constructor(private readonly services: ReadServices) {}

  readonly read = (call: ServerWritableStream<Buffer, Buffer>): void => {
    const ended = this.perform(call).then(
      () => void call.end(),
      (error: unknown) => {
        if (!call.cancelled) call.emit('error', failureOf(error, this.services.log));
      },
    );
    this.active.add(ended);
    void ended.finally(() => this.active.delete(ended));
  };

  /** Resolves when no read is in progress: the files may be closed. */
  async finished(): Promise<void> {
    await Promise.all(this.active);
  }

  private async perform(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
    const { storage, signal, patterns, stopping } = this.services;
    const request = readRequest(call.request);
    const outlet = new Outlet(call, stopping);
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
