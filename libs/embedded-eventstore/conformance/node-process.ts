import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A node as a process of its own, as `main.js` runs it; needs the library to be built. */
export interface NodeProcess {
  readonly pid: number;
  readonly endpoint: string;
  readonly connectionString: string;
  readonly child: ChildProcess;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

const main = join(import.meta.dirname, '../dist/main.js');
const startTimeoutMs = 20_000;
const running = new Set<ChildProcess>();

/** For after a test: one that failed leaves no process behind. */
export function killNodeProcesses(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** A start that is cut short: the process is killed so long after it was forked, ready or not. */
export async function killWhileStarting(directory: string, afterMs: number): Promise<void> {
  const child = fork(main, ['--dir', directory], { stdio: 'ignore', execArgv: [] });
  running.add(child);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  await exited;
  clearTimeout(timer);
  running.delete(child);
}

/** Rejects with what the process wrote to stderr if it ends before it is ready. */
export async function startNodeProcess(directory: string, ...more: string[]): Promise<NodeProcess> {
  if (!existsSync(main)) throw new Error(`${main} is missing: build the library first`);
  const child = fork(main, ['--dir', directory, ...more], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const errors: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const stderrRead = new Promise((resolve) => child.stderr?.once('end', resolve));
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), startTimeoutMs);
  const line = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('\n')) resolve(output);
    });
    void Promise.all([exited, stderrRead]).then(([code]) =>
      reject(new Error(`the node ended (${String(code)}): ${errors.join('')}`)),
    );
  }).finally(() => clearTimeout(timer));
  const { port, connectionString } = JSON.parse(line) as { port: number; connectionString: string };
  if (child.pid === undefined) throw new Error('the process has no id');
  return {
    pid: child.pid,
    endpoint: `127.0.0.1:${port}`,
    connectionString,
    child,
    exited,
    kill: async (signal) => {
      child.kill(signal);
      await exited;
    },
  };
}
