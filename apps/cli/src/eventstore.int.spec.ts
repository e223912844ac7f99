import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { makeDataDir, removeDataDir, runCli, type CliProcess } from './test-installation.js';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const commandTimeoutMs = 30_000;

/** A command that ends by itself, and what it wrote where; -1 stands for one that had to be killed. */
function command(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, 'eventstore', ...args],
      { timeout: commandTimeoutMs, killSignal: 'SIGKILL' },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

interface RunningNode {
  readonly cli: CliProcess;
  readonly facts: Readonly<Record<string, unknown>>;
  /** For the commands that speak to a running node. */
  readonly url: string;
  readonly client: EventStoreDBClient;
}

const started: CliProcess[] = [];
const clients: EventStoreDBClient[] = [];
let root: string;

function run(...args: readonly string[]): CliProcess {
  const cli = runCli('eventstore', ...args);
  started.push(cli);
  return cli;
}

async function startNode(directory: string, ...args: readonly string[]): Promise<RunningNode> {
  const cli = run('--dir', directory, '--port', '0', ...args);
  const facts = await cli.ready();
  const client = EventStoreDBClient.connectionString(String(facts['connectionString']));
  clients.push(client);
  return { cli, facts, url: `http://127.0.0.1:${String(facts['port'])}`, client };
}

/** @returns their ids */
async function append(client: EventStoreDBClient, stream: string, count: number): Promise<string[]> {
  const events = Array.from({ length: count }, (_, number) => jsonEvent({ type: 'Tested', data: { number } }));
  await client.appendToStream(stream, events);
  return events.map(({ id }) => id);
}

async function idsOf(client: EventStoreDBClient, stream: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event } of client.readStream(stream)) ids.push(event?.id ?? 'none');
  return ids;
}

/** Every event of the log, with its position. */
async function placesOf(client: EventStoreDBClient): Promise<string[]> {
  const places: string[] = [];
  for await (const { event } of client.readAll()) places.push(`${event?.id ?? 'none'} at ${String(event?.position.commit)}`);
  return places;
}

const allIsWell = (events: number): RegExp => new RegExp(`^events: ${events}, streams: \\d+, bytes: \\d+, problems: 0\n$`);

beforeAll(async () => {
  root = await makeDataDir();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.dispose()));
  for (const cli of started) cli.kill('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
  await removeDataDir(root);
});

describe('the event store alone, as it runs', () => {
  let directory: string;
  let backups: string;
  let node: RunningNode;

  beforeAll(async () => {
    directory = join(root, 'running');
    backups = join(root, 'backups');
    node = await startNode(directory, '--backup-dir', backups);
  });

  it('says in one line of JSON that it is ready, and where', () => {
    const { facts, cli } = node;
    const port = expect.any(Number) as number;
    expect(facts).toEqual({
      ready: true,
      port,
      connectionString: `esdb://127.0.0.1:${String(facts['port'])}?tls=false`,
      pid: cli.pid,
    });
    expect(JSON.parse(cli.output())).toEqual(facts);
  });

  it('is written and read by the public client', async () => {
    const ids = await append(node.client, 'order-1', 3);
    expect(await idsOf(node.client, 'order-1')).toEqual(ids);
  });

  it('has its directory to itself: a second start and a check are refused and name the process', async () => {
    const refusals = await Promise.all([command('--dir', directory, '--port', '0'), command('--dir', directory, '--verify')]);
    const stderr = `${directory} is in use by process ${node.cli.pid}\n`;
    for (const refusal of refusals) expect(refusal).toEqual({ code: 2, stdout: '', stderr });
  });

  it('tells what it has done and what it is doing as JSON', async () => {
    const { code, stdout } = await command('status', '--url', node.url);
    expect(code).toBe(0);
    const lastPosition = expect.any(Number) as number;
    expect(JSON.parse(stdout)).toMatchObject({ stats: { log: { failure: null, lastPosition } }, maintenance: {} });
  });

  it('has no compaction to stop when none runs', async () => {
    expect(await command('compact', '--stop', '--url', node.url)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'no compaction is running\n',
    });
  });

  it('is compacted while it runs, and says how many events are gone', async () => {
    const ids = await append(node.client, 'limited', 10);
    await node.client.setStreamMetadata('limited', { maxCount: 2 });
    const before = await placesOf(node.client);
    const { code, stdout } = await command('compact', '--url', node.url);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'compaction', outcome: 'done', result: { eventsRemoved: 8 } });
    expect(await idsOf(node.client, 'limited')).toEqual(ids.slice(-2));
    const removed = new Set(ids.slice(0, 8));
    expect(await placesOf(node.client)).toEqual(before.filter((place) => !removed.has(place.split(' ')[0]!)));
  });

  it('is backed up while it runs; what is restored checks out and shows the same events at the same positions; SIGINT ends it with 0', async () => {
    await append(node.client, 'order-2', 5);
    const before = await placesOf(node.client);
    const backedUp = await command('backup', '--name', 'b1', '--url', node.url);
    expect(backedUp.code).toBe(0);
    expect(JSON.parse(backedUp.stdout)).toMatchObject({ kind: 'backup', outcome: 'done' });
    await append(node.client, 'order-2', 5);

    const restore = ['restore', '--from', join(backups, 'b1'), '--to'];
    const to = join(root, 'restored');
    const taken = join(root, 'taken');
    await mkdir(taken);
    await writeFile(join(taken, 'letter.txt'), 'mine');
    const [restored, refused] = await Promise.all([command(...restore, to), command(...restore, taken)]);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    const newest = before.at(-1)!.split(' ').at(-1)!;
    expect(restored.stdout).toMatch(new RegExp(`^restored \\d+ files of .* into .*; the newest event is at ${newest}\n$`));
    // Over files that are there nothing is restored.
    expect(refused).toEqual({ code: 2, stdout: '', stderr: `${taken} is not empty\n` });
    expect(await readdir(taken)).toEqual(['letter.txt']);

    const { code, stdout } = await command('--verify', '--dir', to);
    expect(code).toBe(0);
    expect(stdout).toMatch(allIsWell(before.length));
    const second = await startNode(to);
    expect(await placesOf(second.client)).toEqual(before);
    second.cli.kill('SIGINT');
    expect(await second.cli.ended).toEqual({ code: 0, signal: null });
  });
});

describe('the event store alone, from its start to its files at rest', () => {
  let directory: string;
  let node: RunningNode;
  let events: number;

  beforeAll(async () => {
    directory = join(root, 'at rest');
    node = await startNode(directory);
  });

  it('takes no backup when it was started without a directory for them', async () => {
    expect(await command('backup', '--name', 'b1', '--url', node.url)).toEqual({
      code: 2,
      stdout: '',
      stderr: 'the node was started without a directory for backups\n',
    });
  });

  it('ends with 0 on SIGTERM though a client is connected, and is checked and found in order', async () => {
    // Two chunks: what is there when a compaction begins is sealed.
    await append(node.client, 'order-1', 20);
    expect((await command('compact', '--url', node.url)).code).toBe(0);
    await append(node.client, 'order-1', 20);
    events = (await placesOf(node.client)).length;
    node.cli.kill('SIGTERM');
    expect(await node.cli.ended).toEqual({ code: 0, signal: null });
    const [told, reported] = [
      await command('--verify', '--dir', directory),
      await command('--verify', '--json', '--dir', directory),
    ];
    expect(told.code).toBe(0);
    expect(told.stdout).toMatch(allIsWell(events));
    expect(reported.code).toBe(0);
    const counted = expect.any(Number) as number;
    expect(JSON.parse(reported.stdout)).toEqual({ events, streams: counted, bytes: counted, problems: [], problemCount: 0 });
  });

  it.each([
    ['the newest chunk', 1, 2],
    ['an older chunk', 0, 1],
  ])('is found damaged by one wrong byte in %s, which is named', async (_, index, code) => {
    const damaged = join(root, `damaged ${index}`);
    await cp(directory, damaged, { recursive: true });
    const chunks = (await readdir(join(damaged, 'log'))).toSorted();
    expect(chunks).toHaveLength(2);
    const file = join(damaged, 'log', chunks[index]!);
    const bytes = await readFile(file);
    bytes[bytes.length >>> 1]! ^= 1;
    await writeFile(file, bytes);
    const found = await command('--verify', '--dir', damaged);
    expect(found.code).toBe(code);
    expect(found.stderr).toContain(`${file} is damaged at byte `);
    expect(found.stdout).not.toContain('problems: 0');
    expect(await readFile(file)).toEqual(bytes);
  });
});

describe('a command that cannot be carried out ends with 2 and says why', () => {
  it('where the address is one that others reach, and that is not allowed', async () => {
    const directory = join(root, 'remote');
    const refused = await command('--dir', directory, '--port', '0', '--host', '0.0.0.0');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^0\.0\.0\.0 is not a loopback address; .*\n$/);
    expect(existsSync(directory)).toBe(false);
  });

  it('where there is no store to check', async () => {
    const nowhere = join(root, 'nowhere');
    const stderr = `${nowhere} holds no event store\n`;
    expect(await command('--verify', '--dir', nowhere)).toEqual({ code: 2, stdout: '', stderr });
    expect(existsSync(nowhere)).toBe(false);
  });

  it('where no event store answers', async () => {
    // Nothing listens on port 1.
    const { code, stdout, stderr } = await command('status', '--url', 'http://127.0.0.1:1');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^no event store answers at http:\/\/127\.0\.0\.1:1: .*\n$/);
  });
});
