import { randomInt } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreBackup, startEventStoreNode, verifyFiles, type EventStoreNode } from '../src/index.js';
import { killNodeProcesses, startNodeProcess } from './node-process.js';
import { temporaryDirectory } from './target.js';
import { connect, eventsOf, placesOf, type Wire } from './wire.js';
import { idsIn, idsOf, mustStore, newEvent, newEvents } from './writing.js';

/** Compaction and backup as whoever runs a node sees them: over HTTP, beside readers and writers. */

let root: string;
let directory: string;
beforeEach(async () => {
  root = await temporaryDirectory();
  directory = join(root, 'store');
});
afterEach(async () => {
  killNodeProcesses();
  await rm(root, { recursive: true, force: true });
});

const limit = (limits: object) => newEvent({ type: '$metadata', data: JSON.stringify(limits) });
const timeoutMs = 30_000;

async function ask(endpoint: string, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) {
  const response = await fetch(`http://${endpoint}${path}`, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

interface Last {
  kind: string;
  outcome: string;
  result: { eventsRemoved: number };
}

/** Begins a task and waits for its end. */
async function carriedOut(endpoint: string, path: string, body: object = {}): Promise<Last> {
  expect(await ask(endpoint, 'POST', path, body)).toMatchObject({ status: 202 });
  for (;;) {
    const { json } = await ask(endpoint, 'GET', '/admin/maintenance');
    if (!json['running']) return json['last'] as Last;
  }
}

describe('a running node', () => {
  let node: EventStoreNode;
  let wire: Wire;
  let endpoint: string;
  const log: string[] = [];
  beforeEach(async () => {
    log.length = 0;
    node = await startEventStoreNode({ directory, backupDirectory: join(root, 'backups'), log: (line) => log.push(line) });
    endpoint = `127.0.0.1:${node.port}`;
    wire = connect(endpoint);
  });
  afterEach(async () => {
    wire.close();
    await node.stop();
    expect(log).toEqual([]);
  });

  it('removes what is truncated and deleted; every read of a stream answers as before, at the same positions', async () => {
    for (let index = 0; index < 10; index++)
      for (const stream of ['limited', 'truncated', 'deleted', 'ended', 'kept']) await mustStore(wire, stream, newEvents(5));
    await mustStore(wire, '$$limited', [limit({ $maxCount: 3 })]);
    await mustStore(wire, '$$truncated', [limit({ $tb: 48 })]);
    await wire.softDelete('deleted');
    await wire.tombstone('ended');
    const streams = ['limited', 'truncated', 'deleted', 'ended', 'kept', '$$limited', '$$deleted'];
    const reads = () =>
      Promise.all(
        streams.flatMap((stream) => [
          wire.read({ stream, full: true, count: 100 }),
          wire.read({ stream, full: true, count: 100, direction: 'backwards', from: 'end' }),
        ]),
      );
    const before = await reads();
    const all = placesOf((await wire.read({ count: 1_000 })).messages);

    const { result } = await carriedOut(endpoint, '/admin/compaction');

    expect(await reads()).toEqual(before);
    const left = placesOf((await wire.read({ count: 1_000 })).messages);
    expect(all.length - left.length).toBe(result.eventsRemoved);
    // 47 of the limited, 48 of the truncated, 49 of the deleted one, whose last event keeps its number, and 50 of the ended.
    expect(result.eventsRemoved).toBe(47 + 48 + 49 + 50);
    expect((await mustStore(wire, 'deleted', newEvents(1))).revision).toBe(50);
    const backwards = placesOf((await wire.read({ count: 1_000, direction: 'backwards', from: 'end' })).messages);
    expect(backwards.slice(-left.length)).toEqual(left.toReversed());
  });

  it('lets a reader or subscriber go on from a position whose event was removed', async () => {
    const gone = newEvents(20);
    const { at } = await mustStore(wire, 'gone', gone.slice(0, 10));
    await mustStore(wire, 'gone', gone.slice(10));
    const kept = newEvents(3);
    await mustStore(wire, 'kept', kept);
    await wire.tombstone('gone');
    await carriedOut(endpoint, '/admin/compaction');
    const read = await wire.read({ from: at, count: 100 });
    expect(placesOf(read.messages).slice(0, 3)).toEqual(['kept@0', 'kept@1', 'kept@2']);
    const subscription = wire.subscribe({ from: at });
    expect(await subscription.until((seen) => seen.includes('caughtUp'))).toBe(true);
    expect(placesOf(subscription.seen).slice(0, 3)).toEqual(['kept@0', 'kept@1', 'kept@2']);
    subscription.close();
    const backwards = await wire.read({ from: at, direction: 'backwards', count: 100 });
    expect(placesOf(backwards.messages).every((place) => !place.startsWith('gone'))).toBe(true);
  });

  it('compacts beside writers and subscribers, who miss nothing', async () => {
    for (let index = 0; index < 20; index++) await mustStore(wire, 'gone', newEvents(50));
    await mustStore(wire, '$$gone', [limit({ $maxCount: 1 })]);
    const subscription = wire.subscribe({ stream: 'live' });
    let isOver = false;
    const compacting = carriedOut(endpoint, '/admin/compaction').finally(() => (isOver = true));
    const written: string[] = [];
    for (let index = 0; index < 20 || !isOver; index++) {
      const events = newEvents(2);
      await mustStore(wire, 'live', events);
      written.push(...(idsOf(events) as string[]));
    }
    expect(await compacting).toMatchObject({ outcome: 'done', result: { eventsRemoved: 999 } });
    expect(await subscription.until((seen) => eventsOf(seen).length === written.length)).toBe(true);
    expect(idsIn(subscription.seen)).toEqual(written);
    expect(idsIn((await wire.read({ stream: 'live', count: 10_000 })).messages)).toEqual(written);
    subscription.close();
  });

  it('is backed up beside writers; the restored directory has what was acknowledged before, and a node of its own', async () => {
    const before = newEvents(50);
    await mustStore(wire, 's', before);
    const backingUp = carriedOut(endpoint, '/admin/backups', { name: 'monday' });
    await mustStore(wire, 's', newEvents(50));
    expect(await backingUp).toMatchObject({ kind: 'backup', outcome: 'done' });
    const restored = join(root, 'restored');
    await restoreBackup(join(root, 'backups', 'monday'), restored);
    expect((await verifyFiles(restored)).problems).toEqual([]);
    const second = await startEventStoreNode({ directory: restored });
    const reader = connect(`127.0.0.1:${second.port}`);
    const read = await reader.read({ stream: 's', full: true, count: 1_000 });
    const original = await wire.read({ stream: 's', full: true, count: 1_000 });
    expect(idsIn(read.messages).slice(0, 50)).toEqual(idsOf(before));
    expect(eventsOf(read.messages)).toEqual(eventsOf(original.messages).slice(0, eventsOf(read.messages).length));
    reader.close();
    await second.stop();
  });

  it.each([
    ['a name that is a path', { name: '../elsewhere' }, 400],
    ['no name', {}, 400],
    ['a hidden name', { name: '.x' }, 400],
  ])('refuses a backup with %s', async (_, body, status) => {
    expect((await ask(endpoint, 'POST', '/admin/backups', body)).status).toBe(status);
    expect(existsSync(join(root, 'backups'))).toBe(false);
    expect(existsSync(join(root, 'elsewhere'))).toBe(false);
  });

  it('says that there is nothing to stop, and takes no order a web page could send', async () => {
    expect((await ask(endpoint, 'DELETE', '/admin/compaction', {})).status).toBe(404);
    const forged = await fetch(`http://${endpoint}/admin/compaction`, { method: 'POST', body: '{}' });
    expect(forged.status).toBe(415);
    expect((await ask(endpoint, 'GET', '/admin/maintenance')).json).toEqual({});
  });
});

it('a node without a directory for backups says so', async () => {
  const node = await startEventStoreNode({ directory });
  const answer = await ask(`127.0.0.1:${node.port}`, 'POST', '/admin/backups', { name: 'monday' });
  expect(answer).toMatchObject({ status: 409, json: { detail: 'the node was started without a directory for backups' } });
  await node.stop();
});

it(
  'a kill at any moment of a compaction loses no event that a stream shows, and the next start finds all in order',
  async () => {
    const rounds = Number(process.env['CRASH_ROUNDS'] ?? 20) / 2;
    const shown: string[] = [];
    let removed = 0;
    for (let round = 0; round < rounds; round++) {
      const node = await startNodeProcess(directory);
      const wire = connect(node.endpoint);
      const ids = async () => idsIn((await wire.read({ stream: 'kept', count: 100_000 })).messages);
      expect(await ids()).toEqual(shown);
      expect(placesOf((await wire.read({ stream: 'gone', count: 100 })).messages)).toHaveLength(Math.min(round, 1));
      for (let index = 0; index < 5; index++) {
        await mustStore(wire, 'gone', newEvents(100, { data: 'x'.repeat(300) }));
        const kept = newEvents(3);
        await mustStore(wire, 'kept', kept);
        shown.push(...(idsOf(kept) as string[]));
      }
      if (round === 0) await mustStore(wire, '$$gone', [limit({ $maxCount: 1 })]);
      if (round % 3 === 2) removed += (await carriedOut(node.endpoint, '/admin/compaction')).result.eventsRemoved;
      await ask(node.endpoint, 'POST', '/admin/compaction', {});
      const kill = setTimeout(() => node.child.kill('SIGKILL'), randomInt(0, 25));
      await node.exited;
      clearTimeout(kill);
      wire.close();
      const { problems } = await verifyFiles(directory);
      expect(problems).toEqual([]);
    }
    expect(removed).toBeGreaterThan(0);
    expect(readdirSync(join(directory, 'log')).every((name) => name.endsWith('.chunk'))).toBe(true);
  },
  60_000 + Number(process.env['CRASH_ROUNDS'] ?? 20) * 5_000,
);
