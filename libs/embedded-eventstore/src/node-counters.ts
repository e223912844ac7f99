/** What the node counts while it serves. */
export class NodeCounters {
  appendsAccepted = 0;
  appendsAnswered = 0;
  /** Accepted or not: those that were answered with an error or a conflict. */
  appendsRefused = 0;
  subscriptions = 0;
}

/** What the log tells about itself; milliseconds are of whole commits, until they are on disk. */
export interface LogFigures {
  /** Why nothing can be written any more; undefined while all is well. */
  readonly failure: string | undefined;
  readonly lastPosition: number;
  readonly pendingEvents: number;
  readonly pendingBytes: number;
  readonly eventsWritten: number;
  readonly bytesWritten: number;
  readonly commits: number;
  readonly lastCommitMs: number;
  readonly meanCommitMs: number;
  readonly maxCommitMs: number;
}
