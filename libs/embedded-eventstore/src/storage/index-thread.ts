import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { IndexAnswer, IndexTask, IndexWorkerData } from './index-worker.js';

interface Waiting {
  progress: (indexed: number) => void;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** The index worker as seen from the node's thread; it is started with the first task. Tasks are done in order. */
export class IndexThread {
  private worker: Worker | undefined;
  private failure: Error | undefined;
  private readonly waiting: Waiting[] = [];

  constructor(private readonly data: IndexWorkerData) {}

  perform(task: IndexTask, progress: (indexed: number) => void = () => undefined): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      this.waiting.push({ progress, resolve, reject });
      worker.postMessage(task);
    });
  }

  /** Resolves when all tasks are done and the thread has ended. */
  async stop(): Promise<void> {
    const { worker } = this;
    if (!worker || this.failure) return;
    const ended = once(worker, 'exit');
    await this.perform({ kind: 'stop' });
    await ended;
  }

  private start(): Worker {
    // Tests run the sources, which a thread cannot load; both places find the built worker here.
    const worker = new Worker(new URL('../../dist/storage/index-worker.js', import.meta.url), { workerData: this.data });
    worker.on('message', (answer: IndexAnswer) => this.take(answer));
    worker.on('error', (error: Error) => this.fail(error));
    worker.on('exit', () => this.fail(new Error('the index thread has ended')));
    return worker;
  }

  private take(answer: IndexAnswer): void {
    if (answer.kind === 'progress') return this.waiting[0]?.progress(answer.indexed);
    const task = this.waiting.shift();
    if (answer.kind === 'done') task?.resolve();
    else task?.reject(new Error(answer.message));
  }

  private fail(error: Error): void {
    // The exit that follows an error says less.
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
