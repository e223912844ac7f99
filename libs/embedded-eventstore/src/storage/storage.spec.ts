import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { indexAfterEvents, maxUnindexedEvents } from '../limits.js';
import { verify } from '../maintenance/verification.js';
import { CommitSignal } from '../writing/commit-signal.js';
import { EventLog } from '../writing/event-log.js';
import { IndexThread } from './index-thread.js';
import { EventRecord, type ProposedEvent } from './record.js';
import { Storage } from './storage.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'storage-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const event = (): ProposedEvent => ({
  id: randomBytes(16),
  type: Buffer.from('Tested'),
  isJson: true,
  data: Buffer.alloc(40, 120),
  metadata: Buffer.alloc(0),
});

describe('the storage', () => {
  it('answers the same before, while and after the index takes events over, and after a restart', async () => {
    const streams = 50;
    const appends = 12;
    const pack = Math.ceil((2.5 * indexAfterEvents) / streams / appends);
    let storage = await Storage.open(directory);
    const events = await EventLog.open(storage, new CommitSignal(), () => undefined);
    let wasBehind = false;
    const check = (total: number) => {
      for (let stream = 0; stream < streams; stream += 7) {
        const state = storage.stream(`s-${stream}`);
        expect(state?.lastRevision).toBe(total - 1);
        const forwards = storage.streamPage(state!.number, 0, total - 1, 10_000).map(({ revision }) => revision);
        expect(forwards).toEqual(Array.from({ length: total }, (_, revision) => revision));
        const backwards = storage.streamPage(state!.number, total - 1, 0, 10_000).map(({ revision }) => revision);
        expect(backwards).toEqual(forwards.toReversed());
        const middle = Math.floor(total / 2);
        expect(storage.recordOf(state!.number, middle)?.revision).toBe(middle);
        expect(storage.streamPage(state!.number, middle, total - 1, 3)).toHaveLength(3);
      }
      expect(storage.stream('nobody')).toBeUndefined();
    };
    for (let round = 1; round <= appends; round++) {
      await Promise.all(
        Array.from({ length: streams }, (_, stream) =>
          events.append(`s-${stream}`, Array.from({ length: pack }, event), { kind: 'any' }),
        ),
      );
      wasBehind ||= storage.indexed > 0 && storage.indexed < storage.end;
      check(round * pack);
    }
    expect(wasBehind).toBe(true);
    await storage.indexAll();
    expect(storage.indexed).toBe(storage.end);
    check(appends * pack);
    await events.close();
    await storage.close();
    storage = await Storage.open(directory);
    expect(storage.indexed).toBe(storage.end);
    check(appends * pack);
    expect((await verify(storage, storage.index)).problems).toEqual([]);
    await storage.close();
  });
});

it('a log that is far ahead of its index asks for a pause until the index has it', async () => {
  const storage = await Storage.open(directory);
  const streamName = Buffer.from('s');
  const records: EventRecord[] = [];
  let position = storage.end;
  for (let revision = 0; revision < maxUnindexedEvents; revision++) {
    const place = { position, groupPosition: storage.end, createdMs: 1, streamNumber: 0, streamName, revision };
    const record = EventRecord.encode(event(), place);
    record.endAppend();
    record.seal();
    records.push(record);
    position = record.end;
  }
  expect(storage.room()).toBeUndefined();
  await storage.write({ records, states: [] });
  const room = storage.room();
  expect(room).toBeInstanceOf(Promise);
  await room;
  expect(storage.room()).toBeUndefined();
  expect([storage.unindexedEvents, storage.indexed]).toEqual([0, position]);
  await storage.close();
});

describe('the index thread', () => {
  it('that cannot open the index fails every task with the reason', async () => {
    const indexDirectory = join(directory, 'a-file');
    writeFileSync(indexDirectory, '');
    const thread = new IndexThread({ indexDirectory, logDirectory: directory });
    await expect(thread.perform({ kind: 'index', to: 100 })).rejects.toThrow('EEXIST');
    await expect(thread.perform({ kind: 'remove', streams: [] })).rejects.toThrow('EEXIST');
    await thread.stop();
  });
});
