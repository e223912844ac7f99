/** Wakes those who wait for new events: of one stream, or of any. A wait is used once. */
export class CommitSignal {
  private readonly anyStream = new Set<() => void>();
  private readonly byStream = new Map<string, Set<() => void>>();

  /** Calls `wake` after the next commit that touches the stream (undefined: any commit); returns how to stop waiting. */
  wait(stream: string | undefined, wake: () => void): () => void {
    if (stream === undefined) {
      this.anyStream.add(wake);
      return () => this.anyStream.delete(wake);
    }
    const waiting = this.byStream.get(stream) ?? new Set();
    this.byStream.set(stream, waiting.add(wake));
    return () => {
      waiting.delete(wake);
      if (waiting.size === 0 && this.byStream.get(stream) === waiting) this.byStream.delete(stream);
    };
  }

  committed(streams: Iterable<string>): void {
    const woken = [...this.anyStream];
    this.anyStream.clear();
    for (const stream of streams) {
      woken.push(...(this.byStream.get(stream) ?? []));
      this.byStream.delete(stream);
    }
    for (const wake of woken) wake();
  }
}
