import type { LogFigures } from './node-counters.js';
import type { Storage, StorageBatch } from './storage.js';

/** Counts what a storage writes, from outside. */
export class LogMeter implements LogFigures {
  failure: string | undefined;
  pendingEvents = 0;
  pendingBytes = 0;
  eventsWritten = 0;
  bytesWritten = 0;
  commits = 0;
  lastCommitMs = 0;
  maxCommitMs = 0;
  private commitMs = 0;

  constructor(private readonly storage: Storage) {
    const write = storage.write.bind(storage);
    storage.write = (batch) => this.measured(batch, write);
  }

  get lastPosition(): number {
    return this.storage.lastPosition;
  }

  get meanCommitMs(): number {
    return this.commits === 0 ? 0 : this.commitMs / this.commits;
  }

  private async measured(batch: StorageBatch, write: (batch: StorageBatch) => Promise<void>): Promise<void> {
    const events = batch.records.length;
    const bytes = batch.records.reduce((sum, record) => sum + record.bytes.length, 0);
    const startedAt = performance.now();
    this.pendingEvents += events;
    this.pendingBytes += bytes;
    try {
      await write(batch);
    } catch (error) {
      this.failure = 'a commit failed; the node must be restarted';
      throw error;
    } finally {
      this.pendingEvents -= events;
      this.pendingBytes -= bytes;
    }
    this.eventsWritten += events;
    this.bytesWritten += bytes;
    this.commits++;
    this.lastCommitMs = performance.now() - startedAt;
    this.maxCommitMs = Math.max(this.maxCommitMs, this.lastCommitMs);
    this.commitMs += this.lastCommitMs;
  }
}
