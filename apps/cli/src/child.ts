import { fork, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  readonly name: string;
  /** Compiled entry file. */
  readonly file: string;
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Everything the child writes goes here. */
  readonly logFile: string;
  /** Called when the child ends without `stop()`. */
  readonly onLost: (reason: string) => void;
  readonly startTimeoutMs?: number;
}

/** A process of ours. It has an IPC channel to us and ends when that breaks, so that nothing is left behind however we end. */
export interface Child {
  /** What it said when it was ready. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly pid: number;
  stop(): Promise<void>;
}

const stopTimeoutMs = 25_000;
const maxLastLines = 8;

/** @throws Error with the child's last words when it does not become ready in time */
export async function startChild(options: ChildOptions): Promise<Child> {
  const child = fork(options.file, [...(options.arguments ?? [])], {
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A debugger or a loader of ours is not theirs.
    execArgv: [],
  });
  const log = createWriteStream(options.logFile, { flags: 'a', mode: 0o600 });
  const lines = tail(child, log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code ?? 'none'}` : `signal ${signal}`));
  });
  const facts = await readiness(child, lines, ended, options);
  let stopping = false;
  void ended.then((reason) => {
    log.end();
    if (!stopping) options.onLost(`${options.name} ended with ${reason}; its log is ${options.logFile}`);
  });
  return {
    facts,
    pid: child.pid ?? -1,
    stop: async () => {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

interface Lines {
  readonly last: string[];
  onLine: (line: string) => void;
}

function tail(child: ChildProcess, log: WriteStream): Lines {
  const lines: Lines = { last: [], onLine: () => undefined };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      log.write(`${line}\n`);
      lines.last.push(line);
      if (lines.last.length > maxLastLines) lines.last.shift();
      lines.onLine(line);
    });
  }
  return lines;
}

function readiness(
  child: ChildProcess,
  lines: Lines,
  ended: Promise<string>,
  { name, startTimeoutMs = 60_000 }: ChildOptions,
): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      lines.onLine = () => undefined;
      child.kill('SIGKILL');
      reject(new Error([`${name} did not start: ${why}`, ...lines.last].join('\n  ')));
    };
    const timer = setTimeout(() => fail(`not ready within ${startTimeoutMs} ms`), startTimeoutMs);
    void ended.then(fail);
    lines.onLine = (line) => {
      const facts = factsOf(line);
      if (facts === undefined) return;
      clearTimeout(timer);
      lines.onLine = () => undefined;
      resolve(facts);
    };
  });
}

/** Readiness is one JSON object with a port or `ready` in it; anything else is a log line. */
function factsOf(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed = JSON.parse(line) as Record<string, unknown>;
    return 'ready' in parsed || 'port' in parsed ? parsed : undefined;
  } catch {
    return undefined;
  }
}
