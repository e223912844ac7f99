import type { Storage } from '../storage/storage.js';

/** What the log tells about itself; milliseconds are of whole commits, until they are on disk. */
export class LogFigures {
  /** Why nothing can be written any more; undefined while all is well. */
  failure: string | undefined;
  /** Of the commit under way. */
  pendingEvents = 0;
  pendingBytes = 0;
  eventsWritten = 0;
  bytesWritten = 0;
  commits = 0;
  lastCommitMs = 0;
  maxCommitMs = 0;
  private commitMs = 0;

  constructor(private readonly storage: Storage) {}

  get lastPosition(): number {
    return this.storage.lastPosition;
  }
  /** Events in the log that the index on disk does not have yet. */
  get unindexedEvents(): number {
    return this.storage.unindexedEvents;
  }
  get meanCommitMs(): number {
    return this.commits === 0 ? 0 : this.commitMs / this.commits;
  }

  begun(events: number, bytes: number): void {
    this.pendingEvents = events;
    this.pendingBytes = bytes;
  }

  committed(events: number, bytes: number, tookMs: number): void {
    this.pendingEvents = 0;
    this.pendingBytes = 0;
    this.eventsWritten += events;
    this.bytesWritten += bytes;
    this.commits++;
    this.commitMs += tookMs;
    this.lastCommitMs = tookMs;
    this.maxCommitMs = Math.max(this.maxCommitMs, tookMs);
  }
}
