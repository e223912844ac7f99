import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'lmdb';
import { startEventStoreNode } from '../src/index.js';
import { temporaryDirectory } from './target.js';
import { connect, eventsOf, type Wire } from './wire.js';

/** What goes wrong with files: a clear message, an exit code, and nothing worse than before. */

const main = join(import.meta.dirname, '../dist/main.js');
let root: string;
let directory: string;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  root = await temporaryDirectory();
  directory = join(root, 'store');
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});

interface Ended {
  code: number | null;
  stderr: string;
}

/** The node as a user starts it, through a shell where limits have to be set first. */
function run(options: { before?: string } = {}): { ready: Promise<number>; ended: Promise<Ended> } {
  const command = `${options.before ?? ''} exec "$0" "$@"`;
  const child = spawn('sh', ['-c', command, process.execPath, main, '--dir', directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let stdout = '';
  let stderr = '';
  const ready = new Promise<number>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.includes('\n')) resolve((JSON.parse(stdout) as { port: number }).port);
    });
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      children.delete(child);
      resolve({ code, stderr });
    });
  });
  return { ready, ended };
}

const append = (wire: Wire, stream: string, dataBytes = 100) =>
  wire.append(stream, [{ id: randomUUID(), data: 'x'.repeat(dataBytes) }]);

/** A store with some events, stopped. */
async function someEvents(count = 20): Promise<void> {
  const node = await startEventStoreNode({ directory });
  const wire = connect(`127.0.0.1:${node.port}`);
  for (let index = 0; index < count; index++) await append(wire, 's');
  wire.close();
  await node.stop();
}

async function eventCount(): Promise<number> {
  const node = await startEventStoreNode({ directory });
  const wire = connect(`127.0.0.1:${node.port}`);
  const count = eventsOf((await wire.read({ stream: 's', count: 100_000 })).messages).length;
  wire.close();
  await node.stop();
  return count;
}

const chunks = () =>
  readdirSync(join(directory, 'log'))
    .toSorted()
    .map((name) => join(directory, 'log', name));

function change(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
}

async function writeMeta(key: string, value: unknown): Promise<void> {
  const index = open({ path: join(directory, 'index'), noSubdir: false, encoding: 'binary', maxDbs: 8 });
  await index.openDB({ name: 'meta', encoding: 'json' }).put(key, value);
  await index.close();
}

describe('a directory', () => {
  it('is free again when a lock names a living process that is another one by now', async () => {
    await someEvents(1);
    await writeMeta('owner', { pid: process.ppid, started: 'another-boot:1' });
    expect(await eventCount()).toBe(1);
  });

  it('that another process uses is refused by name, and that one goes on', async () => {
    const node = await startEventStoreNode({ directory });
    expect(await run().ended).toEqual({ code: 1, stderr: `${directory} is in use by process ${process.pid}\n` });
    const wire = connect(`127.0.0.1:${node.port}`);
    expect((await append(wire, 's')).success).toBeDefined();
    wire.close();
    await node.stop();
  });

  it('with an index of a newer version is refused and left as it is', async () => {
    await someEvents(3);
    await writeMeta('format', 3);
    expect(await run().ended).toEqual({
      code: 1,
      stderr: `${join(directory, 'index')} has file format 3; this version reads format 2\n`,
    });
    await writeMeta('format', 2);
    expect(await eventCount()).toBe(3);
  });

  it('with a log of a newer version is refused and left as it is', async () => {
    await someEvents(3);
    const [file = ''] = chunks();
    const bytes = readFileSync(file);
    bytes.writeUInt32LE(3, 8);
    writeFileSync(file, bytes);
    expect(await run().ended).toEqual({ code: 1, stderr: `${file} has format 3; this version reads format 2\n` });
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('that may not be written is refused', async () => {
    await someEvents(3);
    const before = chunks().map((file) => readFileSync(file));
    const [log, index] = [join(directory, 'log'), join(directory, 'index')];
    const files = [...chunks(), ...readdirSync(index).map((name) => join(index, name))];
    for (const path of [root, directory, log, index]) chmodSync(path, 0o555);
    for (const file of files) chmodSync(file, 0o444);
    // To root every file may be written: as nobody it is another matter.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    const refusal = await startEventStoreNode({ directory }).catch((error: unknown) => String(error));
    if (isRoot) process.seteuid?.(0);
    for (const path of [root, directory, log, index]) chmodSync(path, 0o755);
    expect(refusal).toMatch(/denied|EACCES/);
    expect(chunks().map((file) => readFileSync(file))).toEqual(before);
  });
});

describe('a disk that is full', () => {
  it('ends the node with a reason; all it acknowledged is there afterwards, and it goes on when there is room', async () => {
    mkdirSync(directory);
    // A limit on the size of files stands for the disk: LMDB's sparse file needs less than the log will.
    const { ready, ended } = run({ before: "trap '' XFSZ; ulimit -f 4096;" });
    const wire = connect(`127.0.0.1:${await ready}`);
    let acknowledged = 0;
    for (;;) {
      const { success, error } = await append(wire, 's', 200_000);
      if (success) acknowledged++;
      else {
        expect(error?.code).toBe('UNAVAILABLE');
        break;
      }
    }
    const { code, stderr } = await ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/a commit failed, no more events are accepted: EFBIG/);
    wire.close();
    expect(acknowledged).toBeGreaterThan(5);
    // The append that failed may be there: nobody was told that it is not.
    expect([acknowledged, acknowledged + 1]).toContain(await eventCount());
    await someEvents(1);
    expect(await eventCount()).toBeGreaterThan(acknowledged);
  });
});

describe('damage', () => {
  it('to the end of the log that was known to be on disk is told by file and byte, and nothing is cut', async () => {
    await someEvents();
    const [file = ''] = chunks();
    change(file, readFileSync(file).length - 40);
    const before = readFileSync(file);
    expect(await run().ended).toEqual({
      code: 1,
      stderr: expect.stringMatching(/0000000000000016\.chunk is damaged at byte \d+: it was known to be on disk/) as string,
    });
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('in the midst of the log is told by file and byte', async () => {
    await someEvents();
    const [file = ''] = chunks();
    change(file, 1_500);
    expect(await run().ended).toEqual({
      code: 1,
      stderr: expect.stringMatching(/0000000000000016\.chunk is damaged at byte \d+/) as string,
    });
  });

  it.each([
    ['overwritten', (file: string) => writeFileSync(file, Buffer.alloc(readFileSync(file).length, 7))],
    ['overwritten behind its beginning', (file: string) => writeFileSync(file, readFileSync(file).fill(7, 8_192))],
    ['filled with zeros behind its beginning', (file: string) => writeFileSync(file, readFileSync(file).fill(0, 8_192))],
    ['cut in half', (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 8_192))],
  ])('to the index (%s) is not served: the node says so, and makes a new one when it is asked to', async (_, harm) => {
    await someEvents();
    harm(join(directory, 'index', 'data.mdb'));
    expect(await run().ended).toEqual({
      code: 1,
      stderr: expect.stringMatching(/index.* is damaged.* can be made anew from the log/) as string,
    });
    const node = await startEventStoreNode({ directory, rebuildIndex: true });
    await node.stop();
    expect(await eventCount()).toBe(20);
  });

  it('that appears while the node runs ends the read with DATA_LOSS; other streams and appends are served', async () => {
    const log: string[] = [];
    const node = await startEventStoreNode({ directory, log: (line) => log.push(line) });
    const wire = connect(`127.0.0.1:${node.port}`);
    await append(wire, 's');
    await append(wire, 't');
    const [file = ''] = chunks();
    const at = readFileSync(file).indexOf('xxxxx');
    change(file, at);
    expect((await wire.read({ stream: 's' })).error?.code).toBe('DATA_LOSS');
    expect((await wire.read({ count: 100 })).error?.code).toBe('DATA_LOSS');
    expect(eventsOf((await wire.read({ stream: 't' })).messages)).toHaveLength(1);
    expect((await append(wire, 't')).success).toBeDefined();
    expect(log).toEqual(Array.from({ length: 2 }, () => expect.stringMatching(/0000000000000016\.chunk is damaged at byte \d+/)));
    wire.close();
    change(file, at);
    await node.stop();
  });
});
