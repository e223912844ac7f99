export interface BreakerOptions {
  /** Default 5; failures in a row until it opens. */
  readonly failures?: number;
  /** Default 10,000; how long it stays open at first. Doubles with each trial that fails. */
  readonly openMs?: number;
  /** Default 300,000. */
  readonly maxOpenMs?: number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

/** Nothing was tried. */
export class BreakerOpen extends Error {
  override readonly name = 'BreakerOpen';
  constructor(readonly retryAfterMs: number) {
    super('it failed so often that it is left alone for a while');
  }
}

/**
 * Spares a source that fails, and those who would wait for it. Closed: everything passes. Open: nothing does. When its time is
 * over, one trial passes: if it is good the breaker closes, else it opens again for longer.
 */
export class CircuitBreaker {
  private failed = 0;
  private openings = 0;
  private triesAgainAt: number | undefined;
  private trying = false;
  private readonly failures: number;
  private readonly openMs: number;
  private readonly maxOpenMs: number;
  private readonly now: () => number;

  constructor({ failures = 5, openMs = 10_000, maxOpenMs = 300_000, now = () => performance.now() }: BreakerOptions = {}) {
    this.failures = failures;
    this.openMs = openMs;
    this.maxOpenMs = maxOpenMs;
    this.now = now;
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.triesAgainAt === undefined) return 'closed';
    return this.now() < this.triesAgainAt ? 'open' : 'half-open';
  }

  /** @param isFailure of a result; work that throws was given up by its caller and counts as nothing @throws BreakerOpen */
  async run<T>(work: () => Promise<T>, isFailure: (result: T) => boolean): Promise<T> {
    const isTrial = this.state === 'half-open';
    if (this.state === 'open' || (isTrial && this.trying)) throw new BreakerOpen(this.waitMs());
    this.trying = isTrial;
    try {
      const result = await work();
      this.note(isFailure(result), isTrial);
      return result;
    } finally {
      if (isTrial) this.trying = false;
    }
  }

  private note(failed: boolean, isTrial: boolean): void {
    if (!failed) {
      // What was sent before it opened and comes back late says nothing of now.
      if (!isTrial && this.triesAgainAt !== undefined) return;
      this.failed = 0;
      this.openings = 0;
      this.triesAgainAt = undefined;
      return;
    }
    this.failed += 1;
    if (!isTrial && (this.triesAgainAt !== undefined || this.failed < this.failures)) return;
    this.triesAgainAt = this.now() + Math.min(this.maxOpenMs, this.openMs * 2 ** Math.min(this.openings, 30));
    this.openings += 1;
  }

  private waitMs(): number {
    return Math.max(0, (this.triesAgainAt ?? 0) - this.now());
  }
}
