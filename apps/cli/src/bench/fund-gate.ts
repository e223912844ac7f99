import type { Batch } from '@recourse/eventstore';

/** Stands before whoever handles the inputs of the log and lets as many through as were released. */
export class Gate {
  #open = 0;
  #wake: () => void = () => undefined;
  #failure: Error | undefined;

  release(inputs: number): void {
    this.#open += inputs;
    this.#wake();
  }

  /** Nothing more goes through. */
  end(reason: Error): void {
    this.#failure ??= reason;
    this.#wake();
  }

  /** Hands on what is released now, at once; the rest as it is released. */
  before(handle: (batch: Batch) => Promise<void>): (batch: Batch) => Promise<void> {
    return async ({ events, upTo }) => {
      let next = 0;
      while (next < events.length) {
        while (this.#open === 0 && this.#failure === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
        if (this.#failure) throw this.#failure;
        const through = events.slice(next, next + this.#open);
        next += through.length;
        this.#open -= through.length;
        const last = next === events.length ? upTo : through.at(-1)?.position;
        await handle({ events: through, upTo: last ?? upTo });
      }
      if (events.length === 0) await handle({ events, upTo });
    };
  }
}
