import { setTimeout as delay } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';

/** A benchmark while it runs: what it opened is closed when it ends, fails or is interrupted, last opened first. */
export interface Lifetime {
  /** Aborted when the run is to end. */
  readonly signal: AbortSignal;
  /** Waits for a part; closes it, even one that is still being opened when the end comes. */
  opened<Part>(opening: Promise<Part>, close: (part: Part) => Promise<unknown>): Promise<Part>;
  /** Ends the run as failed. */
  fail(reason: string): void;
}

const closeTimeoutMs = 60_000;
/** When a part is lost, what was asked of it fails first; that it is lost says more. */
const lossKnownAfterMs = 200;
/** An interrupted run may finish what it waits for before its parts are closed. */
const yieldTimeoutMs = 1_000;
const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs a benchmark. A signal ends it and cleans up; a second one does not wait. @returns the exit code */
export async function runBench(bench: (lifetime: Lifetime) => Promise<void>): Promise<number> {
  // Whoever reads the tables may leave early; what was started is stopped all the same.
  process.stdout.on('error', () => undefined);
  const closers: (() => Promise<unknown>)[] = [];
  let stop: (code: number) => void = () => undefined;
  const stopped = new Promise<number>((resolve) => (stop = resolve));
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      process.once(signal, () => process.exit(130));
      stopping.abort(new Error('interrupted'));
      stop(130);
    });
  const lifetime: Lifetime = {
    signal: stopping.signal,
    opened: async (opening, close) => {
      closers.push(() => opening.then(close, () => undefined));
      const part = await opening;
      stopping.signal.throwIfAborted();
      return part;
    },
    fail: (reason) => {
      // A signal to the whole process group ends the parts too.
      if (!stopping.signal.aborted) complain(reason);
      stopping.abort(new Error(reason));
      stop(1);
    },
  };
  // The public client throws where nobody can catch it when an answer is late.
  process.on('uncaughtException', (error) => lifetime.fail(wordsOf(error)));
  const running = bench(lifetime).then(
    () => 0,
    async (error: unknown) => {
      if (!stopping.signal.aborted) await delay(lossKnownAfterMs);
      if (!stopping.signal.aborted) complain(wordsOf(error));
      return 1;
    },
  );
  const code = await Promise.race([running, stopped]);
  stopping.abort(new Error('the run is over'));
  await atMost(yieldTimeoutMs, running);
  for (const close of closers.splice(0).reverse())
    await atMost(closeTimeoutMs, close()).catch((error: unknown) => complain(wordsOf(error)));
  return code;
}

/** Waits no longer than that. */
async function atMost(timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const tooLate = delay(timeoutMs, undefined, { signal: late.signal }).catch(() => undefined);
  await Promise.race([promise, tooLate]).finally(() => late.abort());
}

/** @throws Error naming what did not happen in time, or the signal's reason once it is aborted */
export async function within<Result>(
  promise: Promise<Result>,
  { timeoutMs, what, signal }: { readonly timeoutMs: number; readonly what: string; readonly signal?: AbortSignal },
): Promise<Result> {
  // Whoever stops waiting for it does not want to hear of its end.
  promise.catch(() => undefined);
  signal?.throwIfAborted();
  const { promise: given, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what}: not done within ${timeoutMs} ms`)), timeoutMs);
  const abort = () => reject(signal?.reason instanceof Error ? signal.reason : new Error('interrupted'));
  signal?.addEventListener('abort', abort);
  try {
    return await Promise.race([promise, given]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Parser of an option. @throws InvalidArgumentError */
export const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(`a whole number from ${least} to ${most}`);
  return value;
};
