import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEventStoreNode } from '@recourse/embedded-eventstore';
import type { Instant, Recorded } from '@recourse/eventing';
import { openEventStore, type EventStore } from '@recourse/eventstore';
import { signToken } from '@recourse/identity';
import { type DomainEvent, normalSide } from '@recourse/ledger';
import { catalogue } from '@recourse/nest';
import { connect, startEmbeddedPostgres, type Database } from '@recourse/postgres';
import { openSandboxRail, type BookEntry } from '@recourse/rails';
import { Client, type Answer } from './client.js';
import { demoPlatform } from './demo-day.js';
import { advance } from './player.js';
import { findRunning } from './running.js';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The command line as its users run it: the built program, in a process group of its own, on embedded parts only. */
export interface CliProcess {
  /** Also of its group, which its children share. */
  readonly pid: number;
  /** What it wrote so far. */
  output(): string;
  /** To this process alone; harmless when it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** The JSON line by which it says that it is ready. @throws Error with its output when it ends before */
  ready(): Promise<Readonly<Record<string, unknown>>>;
  readonly ended: Promise<Ending>;
}

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const embeddedOnly = {
  DATABASE_URL: undefined,
  EVENTSTORE_URL: undefined,
  REDIS_URL: undefined,
  RECOURSE_CLOCK_START: undefined,
  VERIFIER_CARD_URL: undefined,
  VERIFIER_CARRIER_URL: undefined,
  VERIFIER_MEMBERSHIP_URL: undefined,
};

export const runCli = (...args: readonly string[]): CliProcess => runCliIn({}, ...args);

/** With variables of its own. */
export function runCliIn(environment: Readonly<Record<string, string>>, ...args: readonly string[]): CliProcess {
  const child = spawn(process.execPath, [program, ...args], {
    detached: true,
    env: { ...process.env, ...embeddedOnly, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${process.execPath} could not be started`);
  const leaveNothing = () => signalGroup(pid, 'SIGKILL');
  process.once('exit', leaveNothing);
  const written: string[] = [];
  const facts = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      written.push(line);
      if (line.startsWith('{"ready":true')) facts.resolve(JSON.parse(line) as Record<string, unknown>);
    });
  const output = () => written.join('\n');
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => {
    process.off('exit', leaveNothing);
    facts.reject(new Error(`recourse ${args.join(' ')} ended before it was ready:\n${output()}`));
    return { code, signal } as Ending;
  });
  // Who does not wait for readiness is not told of its absence.
  facts.promise.catch(() => undefined);
  return { pid, output, ended, kill: (signal) => void child.kill(signal), ready: () => facts.promise };
}

/** To a process and everything in its group, as a terminal does; harmless when they are gone. */
export const signalGroup = (pid: number, name: NodeJS.Signals): void => signal(-pid, name);

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly command: string;
}

/** Living processes that work on a data directory: those whose command line names it, and the group of the command that started them. */
export async function processesOf(dataDir: string, group: number): Promise<ProcessEntry[]> {
  const all = process.platform === 'linux' ? await processesOfLinux() : await processesByPs();
  return all.filter((one) => one.pid !== process.pid && (one.group === group || one.command.includes(dataDir)));
}

async function processesOfLinux(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(
    pids.map(async (pid) => {
      const [command, stat] = await Promise.all([
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
        readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
      ]);
      // Behind the name in parentheses: state, parent, group. One that is dead and only not reaped yet has no command line.
      const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
      return { pid: Number(pid), group, command: command.replaceAll('\0', ' ') };
    }),
  );
  return entries.filter(({ command }) => command !== '');
}

async function processesByPs(): Promise<ProcessEntry[]> {
  const ps = spawn('ps', ['-A', '-ww', '-o', 'pid=,pgid=,stat=,args='], { stdio: ['ignore', 'pipe', 'ignore'] });
  const entries: ProcessEntry[] = [];
  for await (const line of createInterface({ input: ps.stdout })) {
    const [, pid, group, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (command !== undefined && state?.startsWith('Z') === false)
      entries.push({ pid: Number(pid), group: Number(group), command });
  }
  return entries;
}

const pollMs = 20;

/** Asks until the answer is there. @throws Error that says what did not happen within `timeoutMs` */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  for (const giveUpAt = performance.now() + timeoutMs; ; await delay(pollMs)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > giveUpAt) throw new Error(`not within ${timeoutMs} ms: ${what}`);
  }
}

/** The folder's name has a space, as folders of users do. */
export const makeDataDir = (): Promise<string> => mkdtemp(join(tmpdir(), 'recourse test-'));
export const removeDataDir = (dataDir: string): Promise<void> =>
  rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });

export type Transfer = Extract<BookEntry, { kind: 'Transfer' }>;

/** What lies in the stores, read past the API. */
export interface Insight {
  readonly database: Database;
  readonly eventStore: EventStore;
  events(): Promise<readonly Recorded<DomainEvent>[]>;
  /** The sandbox rail's own book: what it has taken on or paid. */
  transfers(): Promise<readonly Transfer[]>;
  /** These connections; safe to call again. */
  close(): Promise<void>;
}

function openInsight(databaseUrl: string, eventStoreUrl: string): Insight {
  const ignore = () => undefined;
  const database = connect(databaseUrl, { applicationName: 'recourse-test', maxConnections: 2, onError: ignore });
  const eventStore = openEventStore({ connectionString: eventStoreUrl, catalogue, log: ignore });
  let closed: Promise<void> | undefined;
  const rail = openSandboxRail({ db: database.db, now: () => Promise.reject(new Error('nothing is paid here')) });
  return {
    database,
    eventStore,
    events: () => all(eventStore.readAll<DomainEvent>()),
    transfers: async () => (await all(rail.book())).filter((entry) => entry.kind === 'Transfer'),
    close: () => (closed ??= Promise.all([eventStore.close(), database.close()]).then(ignore)),
  };
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** Looks into the stores of an installation that does not run. */
export async function atRest<T>(dataDir: string, look: (insight: Insight) => Promise<T>): Promise<T> {
  const node = await startEventStoreNode({ directory: join(dataDir, 'eventstore') });
  try {
    const postgres = await startEmbeddedPostgres({ directory: join(dataDir, 'postgres') });
    try {
      const insight = openInsight(postgres.connectionString, node.connectionString);
      try {
        return await look(insight);
      } finally {
        await insight.close();
      }
    } finally {
      await postgres.stop();
    }
  } finally {
    await node.stop();
  }
}

/** A running installation on the virtual clock, and its people. */
export interface TestInstallation extends Insight {
  readonly cli: CliProcess;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly apiUrl: string;
  readonly pids: Readonly<Record<'api' | 'worker', number>>;
  readonly client: Client;
  now(): Promise<Instant>;
  /** Lets time pass, and everything happen that is due; by default what is due already. */
  settle(to?: Instant): Promise<void>;
  /** What the API shows of everything there is, to a role that may see it. */
  read(as: string, path: string): Promise<Answer['body']>;
  /** A request of its own, whatever the answer is. */
  send(as: string, path: string, body?: unknown): Promise<Answer>;
  /** @throws Error with the answer when it is refused */
  post(as: string, path: string, body?: unknown): Promise<Answer['body']>;
  /** Every account of the demo platform as the ledger has it, credits minus debits in fen, such as `merchant:m1:deposit`. */
  balances(): Promise<ReadonlyMap<string, number>>;
  /** Everything of it ends as a power cut would end it, PostgreSQL too. */
  cutPower(): Promise<void>;
  /** As an operator stops it. @returns how the command ended */
  stop(): Promise<Ending>;
}

const tokenTtlS = 3_600;

/** @throws Error with what the command said when it does not start */
export async function startTestInstallation(
  dataDir: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestInstallation> {
  const cli = runCliIn(environment, 'up', '--virtual-clock', '--data-dir', dataDir, '--port', '0');
  const { pids } = (await cli.ready()) as { pids: TestInstallation['pids'] };
  const running = await findRunning(dataDir);
  if (running === undefined) throw new Error(`nothing runs in ${dataDir}`);
  const { apiUrl, databaseUrl, eventStoreUrl } = running;
  const keys = join(dataDir, 'keys');
  const client = new Client(
    {
      apiUrl,
      apiKey: (await readFile(join(keys, `api-key-${demoPlatform}`), 'utf8')).trim(),
      token: (claims) => signToken(join(keys, 'signing-key.json'), claims, tokenTtlS),
    },
    demoPlatform,
  );
  const insight = openInsight(databaseUrl, eventStoreUrl);
  const read: TestInstallation['read'] = async (as, path) => {
    const { status, body } = await client.get(as, path, String(await insight.eventStore.lastPosition()));
    if (status !== 200) throw new Error(`${as} GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const now = async () => String((await client.get('operator:clock', '/clock')).body['now']);
  const send: TestInstallation['send'] = (as, path, body = {}) => client.post(as, path, body, randomUUID());
  const post: TestInstallation['post'] = async (as, path, body) => {
    const answer = await send(as, path, body);
    if (answer.status >= 300) throw new Error(`${as} POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    ...insight,
    cli,
    dataDir,
    databaseUrl,
    apiUrl,
    pids,
    client,
    now,
    settle: async (to) => advance(client, to ?? (await now())),
    read,
    send,
    post,
    balances: () => balancesOf((path) => read('finance:chen', path)),
    cutPower: async () => {
      const doomed = await processesOf(dataDir, cli.pid);
      signalGroup(cli.pid, 'SIGKILL');
      for (const { pid } of doomed) signal(pid, 'SIGKILL');
      await insight.close();
      await allEnded(dataDir, cli);
    },
    stop: async () => {
      await insight.close();
      cli.kill('SIGTERM');
      return cli.ended;
    },
  };
}

async function balancesOf(read: (path: string) => Promise<Answer['body']>): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (let after = ''; ;) {
    const page = (await read(`/ledger/balances?zero=true&limit=1000${after}`)) as {
      accounts: { account: string; balance: { minor: string } }[];
      next?: string;
    };
    for (const { account, balance } of page.accounts) {
      const fen = Number(balance.minor);
      // Taken from zero, since the negative of zero is another zero to a test.
      found.set(account.replace(`${demoPlatform}/`, ''), normalSide(account) === 'credit' ? fen : 0 - fen);
    }
    if (page.next === undefined) return found;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}

/** By how much accounts moved from one reading of `balances` to a later one; those that did not are left out. */
export const movesBetween = (before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries(
    [...after].map(([name, fen]) => [name, fen - (before.get(name) ?? 0)] as const).filter(([, fen]) => fen !== 0),
  );

/** The name of a refusal, `409 deposit-too-low` say. */
export const problemOf = ({ status, body }: Answer): string =>
  `${status} ${String(body['type']).replace('urn:recourse:problem:', '')}`;

/** @throws Error that names what is left */
export async function allEnded(dataDir: string, { pid, ended }: CliProcess, timeoutMs = 30_000): Promise<void> {
  await ended;
  let left: readonly ProcessEntry[] = [];
  const none = async () => {
    left = await processesOf(dataDir, pid);
    return left.length === 0 ? true : undefined;
  };
  await eventually('every process ends', none, timeoutMs).catch((error: unknown) => {
    throw new Error(`left behind: ${JSON.stringify(left)}`, { cause: error });
  });
}
