import { randomBytes } from 'node:crypto';
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { firstVisible, isEnded } from '../calls/stream-view.js';
import type { ProposedEvent } from '../storage/record.js';
import { Storage } from '../storage/storage.js';
import { isSoftDeleted } from '../storage/stream-state.js';
import type { Expected } from '../writing/append-decision.js';
import { CommitSignal } from '../writing/commit-signal.js';
import { EventLog } from '../writing/event-log.js';
import { backUp, manifestName, restoreBackup } from './backup.js';
import { compact, type CompactionReport } from './compaction.js';
import { verify } from './verification.js';

const any: Expected = { kind: 'any' };
const chunkBytes = 4_000;
const event = (bytes = 100): ProposedEvent => ({
  id: randomBytes(16),
  type: Buffer.from('Tested'),
  isJson: true,
  data: Buffer.alloc(bytes, 120),
  metadata: Buffer.alloc(0),
});
const metadata = (value: object): ProposedEvent => ({
  ...event(),
  type: Buffer.from('$metadata'),
  data: Buffer.from(JSON.stringify(value)),
});

let root: string;
let directory: string;
let storage: Storage;
let events: EventLog;
const never = new AbortController().signal;
const open = async (options: { rebuildIndex?: boolean } = {}) => {
  storage = await Storage.open(directory, { chunkBytes, ...options });
  events = await EventLog.open(storage, new CommitSignal(), (line) => {
    throw new Error(line);
  });
};
const close = async () => {
  await events.close();
  await storage.close();
};
const reopen = async (options: { rebuildIndex?: boolean } = {}) => {
  await close();
  await open(options);
};
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'maintenance-'));
  directory = join(root, 'store');
  await open();
});
afterEach(async () => {
  await close();
  await rm(root, { recursive: true, force: true });
});

/** What a reader of the stream gets. */
function shown(name: string): { id: string; revision: number; position: number }[] | string {
  if (isEnded(storage, name)) return 'deleted';
  const state = storage.stream(name);
  if (!state || state.lastRevision < 0 || isSoftDeleted(state)) return 'not found';
  const first = firstVisible(storage, state);
  const page = first > state.lastRevision ? [] : storage.streamPage(state.number, first, state.lastRevision, 10_000);
  return page.map((record) => ({ id: record.id.toString('hex'), revision: record.revision, position: record.position }));
}
function wholeLog(): string[] {
  const found: string[] = [];
  for (let from = 0; ;) {
    const page = storage.logPage(from, false, 100);
    const last = page.at(-1);
    if (!last) return found;
    found.push(...page.map((record) => `${record.position} ${record.streamNameBytes.toString()} ${record.revision}`));
    from = last.position + 1;
  }
}
const compacted = (signal = never): Promise<CompactionReport> => compact(storage, signal, () => undefined, chunkBytes);
const verified = () => verify(storage, storage.index);
const append = async (stream: string, count: number) => {
  for (let index = 0; index < count; index++) await events.append(stream, [event()], any);
};

describe('compaction', () => {
  it('removes what no stream shows, keeps everything else at its position, through restarts and a new index', async () => {
    const stream = fc.constantFrom('a', 'b', 'c', 'd');
    const operation = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('append' as const), stream, count: fc.integer({ min: 1, max: 12 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('limit' as const), stream, maxCount: fc.integer({ min: 1, max: 5 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), stream, before: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('unlimit' as const), stream }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), stream }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('tombstone' as const), stream }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), rebuildIndex: fc.boolean() }) },
    );
    type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
    const names = ['a', 'b', 'c', 'd'].flatMap((name) => [name, `$$${name}`]);
    const perform = async (op: Operation): Promise<unknown> => {
      switch (op.kind) {
        case 'append':
          return events.append(
            op.stream,
            Array.from({ length: op.count }, () => event()),
            any,
          );
        case 'limit':
          return events.append(`$$${op.stream}`, [metadata({ $maxCount: op.maxCount })], any);
        case 'truncate':
          return events.append(`$$${op.stream}`, [metadata({ $tb: op.before })], any);
        case 'unlimit':
          return events.append(`$$${op.stream}`, [metadata({})], any);
        case 'delete':
          return events.softDelete(op.stream, any);
        case 'tombstone':
          return events.tombstone(op.stream, any);
        case 'restart':
          return reopen({ rebuildIndex: op.rebuildIndex });
        case 'compact': {
          const [streams, log] = [names.map(shown), wholeLog()];
          const report = await compacted();
          expect(report.isComplete).toBe(true);
          expect(names.map(shown)).toEqual(streams);
          const left = wholeLog();
          expect(left).toEqual(log.filter((entry) => left.includes(entry)));
          expect(left).toHaveLength(log.length - report.eventsRemoved);
          return expect((await verified()).problems).toEqual([]);
        }
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
        await close();
        await rm(directory, { recursive: true });
        await open();
        for (const op of [...operations, { kind: 'compact' as const }]) await perform(op);
        const before = names.map(shown);
        await reopen();
        expect(names.map(shown)).toEqual(before);
        await reopen({ rebuildIndex: true });
        expect(names.map(shown)).toEqual(before);
        expect((await verified()).problems).toEqual([]);
      }),
      { numRuns: Number(process.env['MODEL_RUNS'] ?? 25) },
    );
  }, 120_000);

  it('gives the space back, and joins small chunks', async () => {
    await append('kept', 3);
    await append('gone', 200);
    await events.append('$$gone', [metadata({ $maxCount: 1 })], any);
    const report = await compacted();
    expect(report).toMatchObject({ isComplete: true, eventsRemoved: 199 });
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore / 10);
    expect(readdirSync(join(directory, 'log'))).toHaveLength(2);
    expect(
      wholeLog()
        .slice(1, 4)
        .map((entry) => entry.replace(/^\d+ /, '')),
    ).toEqual(['kept 0', 'kept 1', 'kept 2']);
  });

  it('keeps what a stream needs to go on: its numbering, its deletion, its tombstone', async () => {
    for (const name of ['limited', 'deleted', 'ended']) await append(name, 50);
    await events.append('$$limited', [metadata({ $tb: 50 })], any);
    await events.softDelete('deleted', any);
    await events.tombstone('ended', any);
    await compacted();
    await reopen({ rebuildIndex: true });
    expect(['limited', 'deleted', 'ended'].map(shown)).toEqual([[], 'not found', 'deleted']);
    expect(await events.append('limited', [event()], { kind: 'revision', revision: 49n })).toMatchObject({ revision: 50 });
    expect(await events.append('deleted', [event()], any)).toMatchObject({ revision: 50 });
    expect(shown('deleted')).toMatchObject([{ revision: 50 }]);
    expect(await events.append('ended', [event()], any)).toMatchObject({ outcome: 'stream-deleted' });
    expect((await verified()).problems).toEqual([]);
  });

  it('does not bring back by wider limits what it removed', async () => {
    await append('s', 40);
    await events.append('$$s', [metadata({ $maxCount: 2 })], any);
    await compacted();
    await events.append('$$s', [metadata({})], any);
    expect(shown('s')).toMatchObject([{ revision: 38 }, { revision: 39 }]);
    expect((await verified()).problems).toEqual([]);
  });

  it('goes by age too', async () => {
    await append('s', 40);
    await events.append('$$s', [metadata({ $maxAge: 1 })], any);
    const { now } = Date;
    Date.now = () => now() + 2_000;
    try {
      expect(await compacted()).toMatchObject({ eventsRemoved: 39 });
      expect(shown('s')).toEqual([]);
      await append('s', 1);
      expect(shown('s')).toMatchObject([{ revision: 40 }]);
    } finally {
      Date.now = now;
    }
  });

  it('runs beside appends', async () => {
    await append('gone', 100);
    await events.append('$$gone', [metadata({ $maxCount: 1 })], any);
    const running = compacted();
    let isOver = false;
    void running.then(() => (isOver = true));
    let during = 0;
    while (!isOver) {
      await append('live', 1);
      during++;
    }
    expect(await running).toMatchObject({ isComplete: true, eventsRemoved: 99 });
    expect(during).toBeGreaterThan(1);
    expect(shown('live')).toHaveLength(during);
    expect((await verified()).problems).toEqual([]);
  });

  it('can be stopped, and goes on another time', async () => {
    await append('gone', 200);
    await events.append('$$gone', [metadata({ $maxCount: 1 })], any);
    const stopping = new AbortController();
    const seen: number[] = [];
    const stopped = await compact(
      storage,
      stopping.signal,
      ({ chunksDone }) => {
        seen.push(chunksDone);
        stopping.abort();
      },
      1,
    );
    expect(stopped.isComplete).toBe(false);
    expect(seen).toHaveLength(1);
    expect(stopped.eventsRemoved).toBeGreaterThan(0);
    expect(stopped.eventsRemoved).toBeLessThan(199);
    expect(readdirSync(join(directory, 'log')).filter((name) => name.endsWith('unfinished'))).toEqual([]);
    expect((await verified()).problems).toEqual([]);
    const rest = await compacted();
    expect(rest.eventsRemoved + stopped.eventsRemoved).toBe(199);
  });

  it('leaves the log whole when it is cut short at any file operation', async () => {
    await append('gone', 60);
    await append('kept', 20);
    await events.append('$$gone', [metadata({ $maxCount: 1 })], any);
    await close();
    const before = join(root, 'before');
    cpSync(directory, before, { recursive: true });
    await open();
    const [gone, kept] = [shown('gone'), shown('kept')];
    await compacted();
    await close();
    const merged = readdirSync(join(directory, 'log')).toSorted()[0]!;
    const old = readdirSync(join(before, 'log')).toSorted();
    // After the rename, before any of the joined chunks was deleted; and after some of them were.
    for (let deleted = 0; deleted < old.length - 1; deleted++) {
      rmSync(directory, { recursive: true });
      cpSync(before, directory, { recursive: true });
      await open();
      await compacted();
      await close();
      for (const name of old.slice(1 + deleted)) {
        if (!readdirSync(join(directory, 'log')).includes(name)) cpSync(join(before, 'log', name), join(directory, 'log', name));
      }
      writeFileSync(join(directory, 'log', `${merged}.unfinished`), 'half a chunk');
      await open();
      expect([shown('gone'), shown('kept')]).toEqual([gone, kept]);
      expect((await verified()).problems).toEqual([]);
      await close();
    }
    await open();
  });
});

describe('a backup', () => {
  it('is the log as it was, restores elsewhere and goes on with the same positions', async () => {
    await append('s', 60);
    const [log, end] = [wholeLog(), storage.end];
    const backup = join(root, 'backup');
    const running = backUp(storage, backup, never);
    await append('later', 30);
    const manifest = await running;
    expect(manifest.lastPosition).toBe(Number(log.at(-1)?.split(' ')[0]));
    await close();
    directory = join(root, 'restored');
    expect(await restoreBackup(backup, directory)).toEqual(manifest);
    await open();
    expect(wholeLog()).toEqual(log);
    expect(storage.end).toBe(end);
    expect((await verified()).problems).toEqual([]);
    expect(await events.append('s', [event()], { kind: 'revision', revision: 59n })).toMatchObject({ position: end });
  });

  it('of a compacted log is one too', async () => {
    await append('gone', 100);
    await events.append('$$gone', [metadata({ $maxCount: 1 })], any);
    await compacted();
    const [log, backup] = [wholeLog(), join(root, 'backup')];
    await backUp(storage, backup, never);
    await close();
    directory = join(root, 'restored');
    await restoreBackup(backup, directory);
    await open();
    expect(wholeLog()).toEqual(log);
    expect((await verified()).problems).toEqual([]);
  });

  it('is refused where something is already, and so is its restoring', async () => {
    const backup = join(root, 'backup');
    await backUp(storage, backup, never);
    await expect(backUp(storage, backup, never)).rejects.toThrow(`${backup} is not empty`);
    await expect(restoreBackup(backup, directory)).rejects.toThrow(`${directory} is not empty`);
  });

  it('that is unfinished or was changed is not restored', async () => {
    await append('s', 60);
    const [unfinished, changed] = [join(root, 'unfinished'), join(root, 'changed')];
    for (const backup of [unfinished, changed]) await backUp(storage, backup, never);
    rmSync(join(unfinished, manifestName));
    appendFileSync(join(changed, readdirSync(changed).toSorted()[0]!), 'x');
    const target = join(root, 'target');
    await expect(restoreBackup(unfinished, target)).rejects.toThrow(`${unfinished} holds no finished backup`);
    await expect(restoreBackup(changed, target)).rejects.toThrow('is not the file that was backed up');
    expect(readdirSync(root)).not.toContain('target');
  });
});

describe('verification', () => {
  it('finds nothing wrong with a healthy store and says what it read', async () => {
    await append('s', 60);
    await events.append('$$s', [metadata({ $maxCount: 3 })], any);
    await storage.seal();
    expect(await verified()).toMatchObject({ events: 62, streams: 3, problems: [], problemCount: 0 });
  });

  it('names what the index has wrong, and a new index is right', async () => {
    await append('s', 5);
    await append('t', 5);
    await storage.seal();
    const [s, t] = [storage.stream('s')!, storage.stream('t')!];
    await storage.removeFromIndex([{ streamNumber: s.number, last: 4 }]);
    const position = storage.recordOf(t.number, 4)!.position;
    storage.index.put({ streamNumber: t.number, revision: 9, position }, { ...t, lastRevision: 9 });
    const { problems } = await verified();
    expect(problems).toEqual([
      ...Array.from(
        { length: 5 },
        (_, revision) => expect.stringMatching(`^the index lacks event ${revision} of stream s at position .*chunk$`) as string,
      ),
      expect.stringMatching(/^the index says .*"name":"t".*"lastRevision":9.*, the events .*"lastRevision":4/),
      `the index names position ${position} for event 9 of stream t, which is not there`,
    ]);
    await reopen({ rebuildIndex: true });
    expect((await verified()).problems).toEqual([]);
  });

  it('names a damaged place in the log', async () => {
    await append('s', 100);
    await storage.indexAll();
    const file = storage.files.all[1]!.file;
    const bytes = readFileSync(file);
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const { problems } = await verified();
    expect(problems[0]).toBe(`${file} is damaged at byte 64; what follows in that file was not checked`);
    await close();
    rmSync(directory, { recursive: true });
    await open();
  });
});
