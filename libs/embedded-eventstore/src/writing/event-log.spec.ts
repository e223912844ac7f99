import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { maxPendingBytes } from '../limits.js';
import type { ProposedEvent } from '../storage/record.js';
import { Storage } from '../storage/storage.js';
import type { Expected } from './append-decision.js';
import { CommitSignal } from './commit-signal.js';
import { EventLog } from './event-log.js';

const any: Expected = { kind: 'any' };
const noStream: Expected = { kind: 'no_stream' };
const event = (bytes = 10): ProposedEvent => ({
  id: randomBytes(16),
  type: Buffer.from('Tested'),
  isJson: true,
  data: Buffer.alloc(bytes, 120),
  metadata: Buffer.alloc(0),
});

let directory: string;
let storage: Storage;
let signal: CommitSignal;
let events: EventLog;
const open = async () => {
  storage = await Storage.open(directory);
  signal = new CommitSignal();
  events = await EventLog.open(storage, signal, (line) => {
    throw new Error(line);
  });
};
const close = async () => {
  await events.close();
  await storage.close();
};
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'event-log-'));
  await open();
});
afterEach(async () => {
  await close();
  await rm(directory, { recursive: true, force: true });
});

/** Counts commits until the returned function is called. */
function commits(): () => number {
  let count = -1;
  let stop: () => void = () => undefined;
  const next = () => {
    count++;
    stop = signal.wait(undefined, next);
  };
  next();
  return () => {
    stop();
    return count;
  };
}

describe('the event log', () => {
  it('makes appends of one moment durable in one transaction', async () => {
    const counted = commits();
    await Promise.all(Array.from({ length: 500 }, (_, index) => events.append(`s-${index}`, [event()], noStream)));
    expect(counted()).toBe(1);
  });

  it('answers only when the event is in the committed log', async () => {
    const outcome = await events.append('s', [event()], noStream);
    expect(outcome).toEqual({ outcome: 'appended', revision: 0, position: storage.lastPosition });
    expect(storage.stream('s')?.lastRevision).toBe(0);
  });

  it('decides an append against those that are not durable yet', async () => {
    const first = event();
    const outcomes = await Promise.all([
      events.append('s', [first], noStream),
      events.append('s', [event()], noStream),
      events.append('s', [first], noStream),
      events.append('s', [event()], { kind: 'revision', revision: 0n }),
    ]);
    expect(outcomes).toMatchObject([
      { outcome: 'appended', revision: 0 },
      { outcome: 'wrong-expected-version', current: 0 },
      { outcome: 'appended', revision: 0 },
      { outcome: 'appended', revision: 1 },
    ]);
  });

  it('answers a repeated append no earlier than the first', async () => {
    const repeated = event();
    const answered: string[] = [];
    await Promise.all([
      events.append('s', [repeated], any).then(() => answered.push('first')),
      events.append('s', [repeated], any).then(() => answered.push('repeat')),
    ]);
    expect(answered).toEqual(['first', 'repeat']);
  });

  it('still knows after a restart what was appended with any', async () => {
    const repeated = event();
    const first = await events.append('s', [repeated], any);
    await close();
    await open();
    expect(await events.append('s', [repeated], any)).toEqual(first);
  });

  it('goes on after a restart with higher positions and the next revision', async () => {
    const before = await events.append('s', [event(), event()], noStream);
    await close();
    await open();
    const after = await events.append('s', [event()], { kind: 'revision', revision: 1n });
    expect(after).toMatchObject({ outcome: 'appended', revision: 2 });
    expect(
      after.outcome === 'appended' && before.outcome === 'appended' && Number(after.position) > Number(before.position),
    ).toBe(true);
  });

  it('begins with a system event', () => {
    const [first] = storage.logPage(0, false, 1);
    expect(first?.streamNameBytes.toString()).toBe('$embedded-eventstore');
  });

  it('asks for a pause while too much is not durable, and ends it', async () => {
    const appends = Array.from({ length: maxPendingBytes / 1_000_000 + 1 }, (_, index) =>
      events.append(`s-${index}`, [event(1_000_000)], noStream),
    );
    const room = events.room();
    expect(room).toBeInstanceOf(Promise);
    await Promise.all([room, ...appends]);
    expect(events.room()).toBeUndefined();
  });

  it('makes durable what it accepted before it closed, and refuses what comes after', async () => {
    const accepted = events.append('s', [event()], noStream);
    const closed = events.close();
    await expect(events.append('s', [event()], any)).rejects.toThrow('the node is stopping');
    await closed;
    await expect(accepted).resolves.toMatchObject({ outcome: 'appended' });
    expect(storage.stream('s')?.lastRevision).toBe(0);
  });

  it('gives a stream no number, and the files no entry, for being asked about', async () => {
    await events.append('s', [event()], { kind: 'revision', revision: 3n });
    expect(storage.stream('s')).toBeUndefined();
    await events.append('t', [event()], noStream);
    await close();
    await open();
    expect(storage.streamCount).toBe(2);
  });
});
