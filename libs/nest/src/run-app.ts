import { Logger } from '@nestjs/common';
import type { Log } from '@recourse/eventstore';

export interface AppLife {
  readonly log: Log;
  /** Tells whoever started this process, by one JSON line on stdout, that it does its work now. */
  ready(facts: Readonly<Record<string, unknown>>): void;
  /** Ends the process with exit code 1: a supervisor starts it anew. */
  fail(error: Error): void;
}

const stopTimeoutMs = 20_000;

const describe = (details: Readonly<Record<string, unknown>> | undefined): string =>
  details === undefined
    ? ''
    : ` ${JSON.stringify(details, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))}`;

/**
 * The life of an app's process: starts it, ends it on SIGTERM, SIGINT or when the parent that forked it is gone,
 * and gives stopping a time-out. @param start opens everything and returns how to stop it
 */
export async function runApp(name: string, start: (life: AppLife) => Promise<() => Promise<void>>): Promise<void> {
  const logger = new Logger(name);
  let stop: (() => Promise<void>) | undefined;
  let ending = false;
  const end = (code: number): void => {
    if (ending) return;
    ending = true;
    const timer = setTimeout(() => {
      logger.error(`stopping took longer than ${stopTimeoutMs} ms`);
      process.exit(1);
    }, stopTimeoutMs);
    timer.unref();
    (stop?.() ?? Promise.resolve()).then(
      () => process.exit(code),
      (error: unknown) => {
        logger.error(`stopping failed: ${String(error)}`);
        process.exit(1);
      },
    );
  };
  const log: Log = (level, message, details) => {
    const line = `${message}${describe(details)}`;
    if (level === 'error') logger.error(line);
    else if (level === 'warn') logger.warn(line);
    else logger.log(line);
  };
  const fail = (error: Error): void => {
    logger.error(error.stack ?? error.message);
    end(1);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(0));
  process.on('disconnect', () => end(0));
  process.on('unhandledRejection', (reason) => fail(reason instanceof Error ? reason : new Error(String(reason))));
  try {
    stop = await start({ log, fail, ready: (facts) => process.stdout.write(`${JSON.stringify({ ready: true, ...facts })}\n`) });
  } catch (error) {
    fail(error instanceof Error ? error : new Error(String(error)));
  }
}
