import { Worker } from 'node:worker_threads';
import { filterPageTimeoutMs, patternThreadIdleMs, patternThreadMegabytes, patternThreadStartMs } from '../limits.js';
import { invalid, unavailable } from './refusal.js';

export interface PatternQuestion {
  pattern: string;
  subjects: readonly string[];
}
/** One boolean per subject, or why the pattern cannot be run. */
export type PatternAnswer = { matches: readonly boolean[] } | { failure: string };

/** The call a page is asked for. */
export interface PatternReader {
  readonly isClosed: boolean;
}

interface WaitingPage {
  question: PatternQuestion;
  reader: PatternReader;
  /** How often the thread ended by itself under it. */
  losses: number;
  resolve(matches: readonly boolean[]): void;
  reject(error: Error): void;
}

/** The built file also where this one is run from its source: a thread cannot load TypeScript. */
const builtWorker = new URL('../../dist/calls/pattern-worker.js', import.meta.url);
/** The first time the page may not be to blame. */
const lossesPerPage = 2;

/**
 * Runs the patterns that may backtrack in one thread of their own, page by page in the order of asking. A call asks for one
 * page at a time, so calls take turns and no more pages wait than calls are open. Only one page is given to the thread at
 * once: if that takes too long the thread is ended, and nobody else's page is lost with it.
 */
export class PatternThread {
  private readonly waiting: WaitingPage[] = [];
  private asked: WaitingPage | undefined;
  private worker: Worker | undefined;
  private isOnline = false;
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;
  private ended: Promise<unknown> = Promise.resolve();

  constructor(private readonly workerFile = builtWorker) {}

  /** Which subjects match. Rejects with a Refusal if the pattern takes too long or cannot be run, or the node stops. */
  test(pattern: string, subjects: readonly string[], reader: PatternReader): Promise<readonly boolean[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ question: { pattern, subjects }, reader, losses: 0, resolve, reject });
      if (this.isClosed) this.refuseAll();
      else this.askNext();
    });
  }

  /** Refuses what waits and what may still come; resolves when the thread is gone. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.endWorker();
    this.refuseAll();
    await this.ended;
  }

  private refuseAll(): void {
    const pages = this.asked ? [this.asked, ...this.waiting] : [...this.waiting];
    this.asked = undefined;
    this.waiting.length = 0;
    for (const page of pages) page.reject(unavailable('the node is stopping'));
  }

  private askNext(): void {
    if (this.asked) return;
    clearTimeout(this.timer);
    let page = this.waiting.shift();
    for (; page?.reader.isClosed === true; page = this.waiting.shift()) page.resolve([]);
    this.asked = page;
    if (!page) this.timer = setTimeout(() => this.endWorker(), patternThreadIdleMs).unref();
    else if (this.isOnline) this.ask(page);
    else this.start(page);
  }

  private start(page: WaitingPage): void {
    const options = { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: patternThreadMegabytes } };
    const worker = (this.worker = new Worker(this.workerFile, options));
    worker.unref();
    const failed = (cause: unknown) => {
      if (this.worker === worker) this.lose(cause);
    };
    worker.once('online', () => {
      if (this.worker !== worker) return;
      this.isOnline = true;
      // Only a thread that runs is timed: on a busy machine a start takes longer than a page may.
      this.ask(page);
    });
    worker.on('message', (answer: PatternAnswer) => {
      if (this.worker === worker) this.settle(answer);
    });
    worker.on('error', failed);
    worker.once('exit', (code) => failed(new Error(`the pattern thread ended with code ${code}`)));
    this.timer = setTimeout(() => failed(new Error('the pattern thread does not start')), patternThreadStartMs);
  }

  private ask(page: WaitingPage): void {
    clearTimeout(this.timer);
    this.worker?.postMessage(page.question);
    // After a stall of this thread the answer may be there already: it is looked at before the time is called over.
    this.timer = setTimeout(() => setImmediate(() => this.expire(page)), filterPageTimeoutMs);
  }

  private settle(answer: PatternAnswer): void {
    const page = this.asked;
    this.asked = undefined;
    if ('matches' in answer) page?.resolve(answer.matches);
    else page?.reject(invalid(answer.failure));
    this.askNext();
  }

  private expire(page: WaitingPage): void {
    if (this.asked !== page) return;
    this.endWorker();
    this.asked = undefined;
    page.reject(invalid(`the filter's pattern takes longer than ${filterPageTimeoutMs} ms for one page of events`));
    this.askNext();
  }

  private lose(cause: unknown): void {
    this.endWorker();
    const page = this.asked;
    if (!page) return;
    this.asked = undefined;
    if (++page.losses < lossesPerPage) this.waiting.unshift(page);
    else page.reject(cause instanceof Error ? cause : new Error('the pattern thread failed'));
    this.askNext();
  }

  private endWorker(): void {
    clearTimeout(this.timer);
    const { worker } = this;
    this.worker = undefined;
    this.isOnline = false;
    if (worker) this.ended = Promise.all([this.ended, worker.terminate()]);
  }
}
