import { createHash } from 'node:crypto';
import type { JobType } from 'bullmq';
import { openBackend, readyStates, type QueueBackend, type WakeUpJobRecord } from './queue-backend.js';

export interface QueueOptions {
  /** `postgres://…` or `redis://…` (`rediss://…` for TLS); the database decides who shares the queue. */
  url: string;
  /** Letters, digits, `-` and `_`. */
  name: string;
  /** Default 5; how often a handler is tried before its wake-up is dropped. */
  attempts?: number;
  /** Default 1,000; doubles with every attempt. */
  backoffMs?: number;
  /** Default 100,000; beyond it `wake` is refused. The count is taken once a second, so it may be passed by what arrives meanwhile. */
  maxWakeUps?: number;
  /** Told of broken connections, of handlers that failed, and, with `dropped`, of wake-ups that were given up. */
  onError: (error: Error, wakeUp?: { kind: string; key: string; dropped: boolean }) => void;
}

export interface WorkOptions {
  /** Default 8; handlers at once in this process. */
  concurrency?: number;
  /** Default 60,000; after it the signal is aborted and the attempt has failed, whatever the handler still does. */
  handlerTimeoutMs?: number;
}

/** Looks at the truth and does what is due; doing it twice must change nothing. */
export type Handler = (key: string, signal: AbortSignal) => Promise<void>;

/**
 * Reminders to look at something, never the something itself: any of them may be lost, doubled or late. A sweep elsewhere
 * re-creates those that matter, so finished and failed ones leave no trace.
 */
export interface WakeUps {
  /**
   * One that waits already is not added again; one whose handler runs at this moment is followed by another run. Delayed ones are
   * told apart by the second in which they are due, and by that from an immediate one.
   * @throws QueueFull when too many wait
   */
  wake(kind: string, key: string, options?: { delayMs?: number }): Promise<void>;
  /** Starts to handle; once per queue object. A kind without a handler fails like a handler that throws. */
  work(handlers: Readonly<Record<string, Handler>>, options?: WorkOptions): Promise<void>;
  /** Waiting, being handled, or delayed and due. Never 0 while any of these exists; one between two of them may count twice. */
  runnable(): Promise<number>;
  /** Removes every wake-up of this queue, even those being handled; their handlers run to their end without it. */
  empty(): Promise<void>;
  /** Nobody takes up anything until `resume`, in any process and over restarts; running handlers go on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Takes up nothing more, waits for running handlers, 30 s at most before their signals are aborted, and disconnects. */
  close(): Promise<void>;
}

export class QueueFull extends Error {
  override readonly name = 'QueueFull';

  constructor(queue: string, maxWakeUps: number) {
    super(`The queue ${queue} holds ${String(maxWakeUps)} wake-ups already; a sweep will bring this one back.`);
  }
}

const operationTimeoutMs = 10_000;
const closeTimeoutMs = 30_000;
const countEveryMs = 1_000;
const maxKeyCharacters = 500;

/** @throws Error when the address is of another kind, or its database cannot be reached or prepared */
export async function openQueue(options: QueueOptions): Promise<WakeUps> {
  if (!/^[\w-]{1,64}$/.test(options.name)) throw new Error(`Not a queue name: ${options.name}. Use letters, digits, - and _.`);
  return new BullWakeUps(options, await openBackend(options.url, options.name, options.onError));
}

class BullWakeUps implements WakeUps {
  private counted = 0;
  private countedAt = -Infinity;
  private working = false;
  private closed: Promise<void> | undefined;
  private readonly closing = new AbortController();

  constructor(
    private readonly options: QueueOptions,
    private readonly backend: QueueBackend,
  ) {}

  async wake(kind: string, key: string, { delayMs = 0 }: { delayMs?: number } = {}): Promise<void> {
    if (!/^[\w-]{1,64}$/.test(kind)) throw new Error(`Not a kind of wake-up: ${kind}. Use letters, digits, - and _.`);
    if (key === '' || key.length > maxKeyCharacters) throw new Error(`A key has 1 to ${String(maxKeyCharacters)} characters.`);
    if (!Number.isFinite(delayMs) || delayMs < 0) throw new Error(`Not a delay in milliseconds: ${String(delayMs)}.`);
    await this.refuseOverflow();
    await this.operation(
      'Adding a wake-up',
      this.backend.queue.add(
        kind,
        { key },
        {
          delay: Math.ceil(delayMs),
          attempts: this.options.attempts ?? 5,
          backoff: { type: 'exponential', delay: this.options.backoffMs ?? 1_000 },
          removeOnComplete: true,
          removeOnFail: true,
          // Not the job's own id: that would swallow what arrives while its handler runs and has looked already.
          deduplication: { id: identity(kind, key, delayMs), keepLastIfActive: true },
        },
      ),
    );
    this.counted += 1;
  }

  async work(
    handlers: Readonly<Record<string, Handler>>,
    { concurrency = 8, handlerTimeoutMs = 60_000 }: WorkOptions = {},
  ): Promise<void> {
    if (this.working) throw new Error(`The queue ${this.options.name} is being worked on already.`);
    this.working = true;
    const worker = this.backend.work((job) => this.handle(job, handlers, handlerTimeoutMs), concurrency);
    worker.on('error', (error) => this.options.onError(error));
    worker.on('failed', (job, error) => {
      if (job === undefined) this.options.onError(error);
      else this.options.onError(error, { kind: job.name, key: job.data.key, dropped: job.finishedOn !== undefined });
    });
    await this.operation('Starting to work', worker.waitUntilReady());
  }

  async runnable(): Promise<number> {
    // First the delayed ones: what becomes due between the two questions counts twice rather than not at all.
    const due = await this.operation('Counting wake-ups', this.backend.queue.getDelayedCount(Date.now() + 1));
    return due + (await this.count(readyStates));
  }

  async empty(): Promise<void> {
    const { queue } = this.backend;
    // Obliterating pauses.
    const wasPaused = await this.operation('Emptying the queue', queue.isPaused());
    await this.operation('Emptying the queue', queue.obliterate({ force: true }));
    await (wasPaused ? this.pause() : this.resume());
    this.countedAt = -Infinity;
  }

  async pause(): Promise<void> {
    await this.operation('Pausing the queue', this.backend.queue.pause());
  }

  async resume(): Promise<void> {
    await this.operation('Resuming the queue', this.backend.queue.resume());
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    const timer = setTimeout(() => this.closing.abort(new Error('The queue is being closed.')), closeTimeoutMs);
    try {
      await within(closeTimeoutMs + operationTimeoutMs, 'Closing the queue', this.backend.close());
    } finally {
      clearTimeout(timer);
    }
  }

  private async handle(job: WakeUpJobRecord, handlers: Readonly<Record<string, Handler>>, timeoutMs: number): Promise<void> {
    const handler = Object.hasOwn(handlers, job.name) ? handlers[job.name] : undefined;
    if (handler === undefined) throw new Error(`Nobody handles wake-ups of the kind ${job.name}.`);
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new Error(`The handler of ${job.name} took longer than ${String(timeoutMs)} ms.`)),
      timeoutMs,
    );
    const signal = AbortSignal.any([late.signal, this.closing.signal]);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    try {
      await Promise.race([handler(job.data.key, signal), aborted]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async refuseOverflow(): Promise<void> {
    const { maxWakeUps = 100_000 } = this.options;
    if (performance.now() - this.countedAt > countEveryMs) {
      this.countedAt = performance.now();
      this.counted = await this.count([...readyStates, 'delayed']);
    }
    if (this.counted >= maxWakeUps) throw new QueueFull(this.options.name, maxWakeUps);
  }

  private async count(states: readonly JobType[]): Promise<number> {
    const counts = await this.operation('Counting wake-ups', this.backend.queue.getJobCounts(...states));
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  private operation<T>(what: string, work: Promise<T>): Promise<T> {
    return within(operationTimeoutMs, `${what} (${this.options.name})`, work);
  }
}

function identity(kind: string, key: string, delayMs: number): string {
  const hash = createHash('sha256').update(key).digest('hex').slice(0, 32);
  const due = delayMs === 0 ? 'now' : String(Math.floor((Date.now() + delayMs) / 1_000));
  return `${kind}.${hash}.${due}`;
}

async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${String(timeoutMs)} ms.`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
