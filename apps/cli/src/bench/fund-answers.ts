/** Where each requester hears of its own answer, and of no other. */
export class Answers {
  readonly #waiting = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  #failure: Error | undefined;

  /** @throws Error once the run has failed */
  of(refundId: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#waiting.set(refundId, { resolve, reject });
    });
  }

  /** Its reservation is durable. One that nobody waits for fails the run: it was made twice, or for nobody. */
  give(refundId: string): void {
    const requester = this.#waiting.get(refundId);
    this.#waiting.delete(refundId);
    if (requester) requester.resolve();
    else this.fail(new Error(`${refundId} was reserved and nobody waited for it`));
  }

  fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

export interface Requests {
  /** Requesters that wait at a time; each asks again when it has its answer. */
  readonly waiting: number;
  /** What is asked for, in this order. */
  readonly refundIds: readonly string[];
  /** Asks, and settles when the requester has its answer. */
  readonly ask: (refundId: string, no: number) => Promise<void>;
}

/** Per second counts answers; a latency is from the asking to the answer. */
export async function answered({ waiting, refundIds, ask }: Requests) {
  const latenciesMs: number[] = [];
  const remaining = refundIds.entries();
  const startedAt = performance.now();
  const requester = async () => {
    for (const [no, refundId] of remaining) {
      const begunAt = performance.now();
      await ask(refundId, no);
      latenciesMs.push(performance.now() - begunAt);
    }
  };
  await Promise.all(Array.from({ length: waiting }, requester));
  return { perSecond: (latenciesMs.length * 1_000) / (performance.now() - startedAt), latenciesMs };
}
