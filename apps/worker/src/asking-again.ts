const firstPauseMs = 2_000;
const longestPauseMs = 5 * 60_000;
/** Whoever asks for more patience is asked again all the same. */
const longestRequestMs = 3_600_000;
/** Of a pause; it is that much longer at most, so that many who wait do not come back together. */
const jitter = 0.25;
const maxRemembered = 10_000;

export interface AskingAgainParts {
  readonly wake: (key: string, delayMs: number) => Promise<void>;
  /** Milliseconds that only grow; the machine's, since who is asked lives in the world outside. */
  readonly now?: () => number;
  /** 0 up to 1. */
  readonly random?: () => number;
}

/**
 * Who had no answer is asked about again, with pauses that double up to five minutes. A wake-up from elsewhere, such as the sweep's,
 * does not shorten a pause, so that one question never becomes several in a row. Kept in memory only: after a restart everything is
 * asked about at once.
 */
export class AskingAgain {
  private readonly waiting = new Map<string, { readonly tries: number; readonly notBefore: number }>();

  constructor(private readonly parts: AskingAgainParts) {}

  isDue(key: string): boolean {
    return (this.waiting.get(key)?.notBefore ?? 0) <= this.now();
  }

  /** How often there was no answer yet. */
  triesOf(key: string): number {
    return this.waiting.get(key)?.tries ?? 0;
  }

  /** @param atLeastMs to ask sooner is of no use; an hour of it counts */
  async later(key: string, atLeastMs: number): Promise<void> {
    const tries = this.triesOf(key) + 1;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(tries - 1, 30));
    const delayMs = Math.ceil(
      Math.max(pauseMs, Math.min(longestRequestMs, atLeastMs)) * (1 + jitter * (this.parts.random ?? Math.random)()),
    );
    this.forget(key);
    this.waiting.set(key, { tries, notBefore: this.now() + delayMs });
    const [oldest] = this.waiting.keys();
    if (oldest !== undefined && this.waiting.size > maxRemembered) this.forget(oldest);
    // Timers of two processes do not agree to the millisecond.
    await this.parts.wake(key, delayMs + 50);
  }

  forget(key: string): void {
    this.waiting.delete(key);
  }

  private now(): number {
    return (this.parts.now ?? (() => performance.now()))();
  }
}
