/**
 * The process between an application and its embedded PostgreSQL. It runs in a session of its own, so a signal to the
 * application's process group does not reach it, and it stops PostgreSQL once its parent is gone, however that died.
 * Started by `startEmbeddedPostgres` from `dist`, or from source by Node itself, hence without relative imports and with
 * erasable types only.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, link, lstat, mkdir, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export interface KeeperPlan {
  /** Absolute; holds the lock and, in `cluster`, PostgreSQL's own files. */
  directory: string;
  /** Put in front of every PostgreSQL program: how it runs without being root and hears of the keeper's death. */
  launcher: readonly string[];
  /** Who must own the cluster's files, when that is not the user of this process. */
  owner: { uid: number; gid: number } | null;
  /** Program and arguments; `--pgdata` is added. */
  initdb: readonly string[];
  /** Program and arguments; `-D` and the port are added. */
  postgres: readonly string[];
  /** 0 takes a free one. */
  port: number;
  startTimeoutMs: number;
  /** For a fast shutdown; an immediate one follows. */
  stopTimeoutMs: number;
}
export type KeeperOrder = { type: 'start'; plan: KeeperPlan } | { type: 'stop' };
export type KeeperReport =
  | { type: 'log'; line: string }
  | { type: 'ready'; port: number }
  | { type: 'failed'; message: string }
  | { type: 'lost'; message: string };

/** A process, told from a later one with the same pid. */
interface Identity {
  pid: number;
  started: string;
}
interface Lock {
  keeper: Identity;
  /** The application; once it is gone the keeper is about to go, too. */
  parent: Identity;
  postmaster: number | null;
}

const pollMs = 20;
const portAttempts = 5;
const maxLinesInFlight = 1_000;
const maxTailLines = 30;
const immediateStopMs = 5_000;

let linesInFlight = 0;
const report = (message: KeeperReport) => {
  if (!process.connected) return;
  if (message.type === 'log' && linesInFlight >= maxLinesInFlight) return;
  linesInFlight += 1;
  process.send?.(message, () => (linesInFlight -= 1));
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** When the process began, in any unit; undefined when there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  if (!isAlive(pid)) return undefined;
  if (process.platform !== 'linux') return processStatus(pid, 'lstart=');
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => '');
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A dead process that nobody has reaped still has a pid.
  if (state === undefined || state === '' || state === 'Z') return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()}:${fields[18] ?? ''}`;
}

const identify = async (pid: number): Promise<Identity> => ({ pid, started: (await startOf(pid)) ?? '' });
const isRunning = async ({ pid, started }: Identity): Promise<boolean> => (await startOf(pid)) === started;

function processStatus(pid: number, field: string): string {
  try {
    return execFileSync('ps', ['-o', field, '-p', String(pid)], { encoding: 'utf8', timeout: 5_000 }).trim();
  } catch {
    return '';
  }
}

/** PostgreSQL works inside its cluster; where that cannot be seen, its command line names it. */
async function servesCluster(pid: number, cluster: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const cwd = await readlink(`/proc/${String(pid)}/cwd`).catch(() => '');
    return cwd === cluster || (await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '')).includes(cluster);
  }
  return processStatus(pid, 'command=').includes(cluster);
}

async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await delay(pollMs);
  }
  return true;
}

/** A power cut may leave half a lock; its writer is gone then. */
function readLock(text: string): Lock | undefined {
  try {
    return JSON.parse(text) as Lock;
  } catch {
    return undefined;
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

class Keeper {
  private readonly plan: KeeperPlan;
  private readonly cluster: string;
  private readonly lockFile: string;
  private readonly pidFile: string;
  private readonly tail: string[] = [];
  private postmaster: ChildProcess | undefined;
  private locked = false;
  private stopping = false;

  constructor(plan: KeeperPlan) {
    this.plan = plan;
    this.cluster = join(plan.directory, 'cluster');
    this.lockFile = join(plan.directory, 'keeper.lock');
    this.pidFile = join(this.cluster, 'postmaster.pid');
  }

  async start(): Promise<number> {
    const dangling = await this.takeLock();
    await this.endDangling(dangling);
    await this.initialise();
    await this.adoptFiles();
    for (let attempt = 1; ; attempt += 1) {
      const port = this.plan.port === 0 ? await freePort() : this.plan.port;
      const outcome = await this.serve(port);
      if (outcome === 'ready') return port;
      const taken = this.tail.some((line) => line.includes('could not bind'));
      if (taken && this.plan.port === 0 && attempt < portAttempts) continue;
      if (taken) throw new Error(`Port ${String(port)} on 127.0.0.1 is taken; choose another one or 0 for a free one.`);
      throw new Error(`PostgreSQL ${outcome}. It said:\n${this.tail.join('\n')}`);
    }
  }

  /** Fast, then immediate, then by force; ends when no process is left. */
  async stop(): Promise<void> {
    this.stopping = true;
    const child = this.postmaster;
    if (child !== undefined) {
      for (const [signal, timeoutMs] of [
        ['SIGINT', this.plan.stopTimeoutMs],
        ['SIGQUIT', immediateStopMs],
        ['SIGKILL', immediateStopMs],
      ] as const) {
        if (hasEnded(child)) break;
        child.kill(signal);
        await waitUntil(() => hasEnded(child), timeoutMs);
      }
    }
    if (this.locked) await rm(this.lockFile, { force: true });
  }

  private async takeLock(): Promise<Lock | undefined> {
    const draft = await this.draftLock(null);
    try {
      const stale = await this.breakStaleLock();
      try {
        // A link appears complete or not at all.
        await link(draft, this.lockFile);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw this.inUse('another process');
        throw error;
      }
      this.locked = true;
      return stale;
    } finally {
      await rm(draft, { force: true });
    }
  }

  private async breakStaleLock(): Promise<Lock | undefined> {
    const text = await readFile(this.lockFile, 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const lock = readLock(text);
    if (lock !== undefined) await this.awaitKeeper(lock);
    if (!existsSync(this.lockFile)) return undefined;
    const aside = `${this.lockFile}.stale.${String(process.pid)}`;
    await rename(this.lockFile, aside).catch(() => {
      throw this.inUse('another process');
    });
    const moved = await readFile(aside, 'utf8');
    if (moved !== text) {
      // Somebody broke the stale lock first and this one is theirs: give it back.
      await link(aside, this.lockFile).catch(() => undefined);
      await rm(aside, { force: true });
      throw this.inUse('another process');
    }
    await rm(aside, { force: true });
    return lock;
  }

  /** One whose application is gone is about to end; the restart of a killed application meets it often. */
  private async awaitKeeper({ keeper, parent }: Lock): Promise<void> {
    const ended = async () => !(await isRunning(keeper));
    if (await ended()) return;
    if (await isRunning(parent)) throw this.inUse(`the process ${String(parent.pid)}`);
    if (await waitUntil(ended, this.plan.stopTimeoutMs + 3 * immediateStopMs)) return;
    throw this.inUse(`the process ${String(keeper.pid)}, which should have ended with its parent`);
  }

  private inUse(by: string): Error {
    return new Error(`The PostgreSQL directory ${this.plan.directory} is in use by ${by}; stop it or choose another directory.`);
  }

  /** What a keeper that was killed left behind: a running postmaster is shut down, one that somebody else started is not touched. */
  private async endDangling(stale: Lock | undefined): Promise<void> {
    const text = await readFile(this.pidFile, 'utf8').catch(() => '');
    const pid = Number.parseInt(text, 10);
    if (!Number.isSafeInteger(pid) || pid <= 0 || !isAlive(pid)) return;
    if ((await startOf(pid)) === undefined || !(await servesCluster(pid, this.cluster))) {
      await this.disownPid(text);
      return;
    }
    if (stale?.postmaster !== pid)
      throw this.inUse(`a PostgreSQL server (process ${String(pid)}) that was started by other means`);
    report({ type: 'log', line: `stopping the PostgreSQL server ${String(pid)} that a killed process left behind` });
    for (const [signal, timeoutMs] of [
      ['SIGINT', this.plan.stopTimeoutMs],
      ['SIGQUIT', immediateStopMs],
      ['SIGKILL', immediateStopMs],
    ] as const) {
      if ((await startOf(pid)) === undefined) return;
      process.kill(pid, signal);
      if (await waitUntil(async () => (await startOf(pid)) === undefined, timeoutMs)) return;
    }
    throw this.inUse(`a PostgreSQL server (process ${String(pid)}) that does not stop`);
  }

  /**
   * The pid in the file belongs to another program now or to one that nobody reaps, which PostgreSQL would take for a server. Its own parent it never does,
   * and the rest of the file lets it look for left-over backends on the shared memory.
   */
  private async disownPid(text: string): Promise<void> {
    await writeFile(this.pidFile, text.replace(/^\d+/, String(process.pid)));
  }

  private async initialise(): Promise<void> {
    if (existsSync(this.cluster)) return;
    report({ type: 'log', line: 'creating the database cluster' });
    for (const name of await readdir(this.plan.directory)) {
      if (name.startsWith('cluster.')) await rm(join(this.plan.directory, name), { recursive: true, force: true });
    }
    const draft = join(this.plan.directory, `cluster.${String(process.pid)}`);
    await mkdir(draft, { mode: 0o700 });
    if (this.plan.owner !== null) await chown(draft, this.plan.owner.uid, this.plan.owner.gid);
    const initdb = this.launch([...this.plan.initdb, `--pgdata=${draft}`]);
    const timer = setTimeout(() => initdb.kill('SIGKILL'), this.plan.startTimeoutMs);
    const code = await new Promise<number | null>((resolve) => initdb.once('close', resolve));
    clearTimeout(timer);
    if (code !== 0) throw new Error(`PostgreSQL's initdb failed. It said:\n${this.tail.join('\n')}`);
    // The cluster exists whole or not at all.
    await rename(draft, this.cluster);
  }

  private async adoptFiles(): Promise<void> {
    const { owner } = this.plan;
    if (owner === null || (await lstat(this.cluster)).uid === owner.uid) return;
    for (const name of await readdir(this.cluster, { recursive: true }))
      await chown(join(this.cluster, name), owner.uid, owner.gid);
    await chown(this.cluster, owner.uid, owner.gid);
  }

  private async serve(port: number): Promise<string> {
    this.tail.length = 0;
    const child = this.launch([...this.plan.postgres, '-D', this.cluster, '-p', String(port)]);
    this.postmaster = child;
    let serving = false;
    const ended = new Promise<string>((resolve) => {
      child.once('close', (code, signal) => {
        const why = `ended with ${signal ?? `code ${String(code)}`}`;
        resolve(why);
        if (serving && !this.stopping) void this.lost(why);
      });
    });
    if (child.pid !== undefined) await this.recordPostmaster(child.pid);
    const settled = await waitUntil(async () => hasEnded(child) || (await this.isReady(child)), this.plan.startTimeoutMs);
    if (hasEnded(child)) return ended;
    serving = settled;
    return settled ? 'ready' : 'did not become ready in time';
  }

  private async recordPostmaster(postmaster: number): Promise<void> {
    await rename(await this.draftLock(postmaster), this.lockFile);
  }

  private async draftLock(postmaster: number | null): Promise<string> {
    const [keeper, parent] = await Promise.all([identify(process.pid), identify(process.ppid)]);
    const draft = `${this.lockFile}.${String(process.pid)}`;
    await writeFile(draft, JSON.stringify({ keeper, parent, postmaster } satisfies Lock), { mode: 0o600, flush: true });
    return draft;
  }

  /** PostgreSQL writes its state into the eighth line of its pid file. */
  private async isReady(child: ChildProcess): Promise<boolean> {
    const lines = (await readFile(this.pidFile, 'utf8').catch(() => '')).split('\n');
    return lines[0] === String(child.pid) && lines[7]?.trim() === 'ready';
  }

  private async lost(why: string): Promise<void> {
    report({ type: 'lost', message: `PostgreSQL ${why}. It said:\n${this.tail.join('\n')}` });
    await end(this, 1);
  }

  private launch(command: readonly string[]): ChildProcess {
    const [program = '', ...args] = [...this.plan.launcher, ...command];
    const env: NodeJS.ProcessEnv = { LC_ALL: 'C', TZ: 'UTC' };
    for (const name of ['PATH', 'SystemRoot', 'TEMP', 'TMPDIR']) {
      const value = process.env[name];
      if (value !== undefined) env[name] = value;
    }
    const child = spawn(program, args, { cwd: this.plan.directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.once('error', (error) => this.hear(error.message));
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => this.hear(line));
    return child;
  }

  private hear(line: string): void {
    this.tail.push(line);
    if (this.tail.length > maxTailLines) this.tail.shift();
    report({ type: 'log', line });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function end(keeper: Keeper | undefined, code: number): Promise<never> {
  await keeper?.stop().catch(() => undefined);
  process.exit(code);
}

let keeper: Keeper | undefined;
let starting: Promise<void> | undefined;

async function start(plan: KeeperPlan): Promise<void> {
  keeper = new Keeper(plan);
  try {
    report({ type: 'ready', port: await keeper.start() });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await keeper.stop().catch(() => undefined);
    // The exit code alone must not overtake the reason.
    process.send?.({ type: 'failed', message } satisfies KeeperReport, () => process.exit(1));
    if (!process.connected) process.exit(1);
  }
}

process.on('message', (order: KeeperOrder) => {
  if (order.type === 'start') starting ??= start(order.plan);
  else void end(keeper, 0);
});
process.on('disconnect', () => void end(keeper, 0));
process.on('SIGTERM', () => void end(keeper, 0));
process.on('SIGINT', () => void end(keeper, 0));
