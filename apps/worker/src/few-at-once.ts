const maxWaiting = 10_000;

/**
 * Lets so many jobs of a kind run at once, since those that wait for somebody else's server must leave places for the rest. A job that
 * finds no room ends at once and is woken when there is; one that is forgotten the sweep brings back.
 */
export class FewAtOnce {
  private running = 0;
  private readonly waiting = new Set<string>();

  constructor(
    private readonly limit: number,
    private readonly wake: (key: string) => Promise<void>,
  ) {}

  async run(key: string, work: () => Promise<void>): Promise<void> {
    if (this.running >= this.limit) {
      if (this.waiting.size < maxWaiting) this.waiting.add(key);
      return;
    }
    this.running += 1;
    try {
      await work();
    } finally {
      this.running -= 1;
      const [next] = this.waiting;
      if (next !== undefined) {
        this.waiting.delete(next);
        await this.wake(next);
      }
    }
  }
}
