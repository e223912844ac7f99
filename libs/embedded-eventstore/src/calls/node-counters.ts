/** What the node counts while it serves. */
export class NodeCounters {
  appendsAccepted = 0;
  appendsAnswered = 0;
  /** Accepted or not: those that were answered with an error or a conflict. */
  appendsRefused = 0;
  subscriptions = 0;
}
