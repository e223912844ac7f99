import { randomInt, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { startEventStoreNode } from '../src/index.js';
import { Appender, Undertaker, type CrashWriter } from './crash-writers.js';
import { killNodeProcesses, killWhileStarting, startNodeProcess } from './node-process.js';
import { temporaryDirectory } from './target.js';
import { connect, eventsOf, type Position, type SeenRead, type Wire } from './wire.js';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 20);
const mostAcknowledgedPerRound = 200;
/** A node is killed while it starts, too: within this time after it was forked. */
const startKillMs = 250;

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(async () => {
  killNodeProcesses();
  await rm(directory, { recursive: true, force: true });
});

/** `$all` as it is known from all rounds so far. */
class KnownLog {
  private readonly seen: SeenRead[] = [];

  /** What is new; what was there before must be as it was, wherever one looks. */
  async readOn(wire: Wire): Promise<SeenRead[]> {
    const overlap = this.seen.length === 0 ? 0 : randomInt(1, Math.min(this.seen.length, 500) + 1);
    const fresh = await this.readFrom(wire, this.seen.length - overlap);
    const start = randomInt(this.seen.length);
    const { messages } = await wire.read({ from: this.positionAt(start), count: 200 });
    expect(eventsOf(messages).map(brief)).toEqual(this.seen.slice(start, start + 200).map(brief));
    return fresh;
  }

  /** All of it once more. */
  readAgain(wire: Wire): Promise<SeenRead[]> {
    return this.readFrom(wire, 0);
  }

  private async readFrom(wire: Wire, start: number): Promise<SeenRead[]> {
    const from = start === 0 ? 'start' : this.positionAt(start);
    const read = eventsOf((await wire.read({ from, count: 10_000_000 })).messages);
    const known = this.seen.length - start;
    expect(read.slice(0, known).map(brief)).toEqual(this.seen.slice(start).map(brief));
    const positions = read.map(({ position }) => (typeof position === 'object' ? BigInt(position.commit) : -1n));
    expect(positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? position))).toBe(true);
    const fresh = read.slice(known);
    this.seen.push(...fresh);
    return fresh;
  }

  private positionAt(index: number): Position {
    const position = this.seen[index]?.position;
    if (typeof position !== 'object') throw new Error(`no event ${index} is known`);
    return { commit: position.commit, prepare: position.commit };
  }
}

const brief = ({ event, position }: SeenRead) =>
  event === 'absent' || typeof position !== 'object' ? event : `${event.at} ${String(event.id)} ${position.commit}`;

describe('what was acknowledged', () => {
  it(
    `survives ${rounds} kills under concurrent appends, deletes and metadata: all of it, in order, once, in its place, nothing in half`,
    async () => {
      const writers: CrashWriter[] = [
        ...Array.from({ length: 6 }, (_, index) => new Appender(`append-${index}`, index % 2 === 0 ? 'Append' : 'BatchAppend')),
        ...Array.from({ length: 3 }, (_, index) => new Undertaker(`life-${index}`)),
      ];
      const log = new KnownLog();
      for (let round = 0; round < rounds; round++) {
        if (randomInt(4) === 0) await killWhileStarting(directory, randomInt(startKillMs));
        const node = await startNodeProcess(directory);
        const wire = connect(node.endpoint);
        const fresh = await log.readOn(wire);
        for (const writer of writers) writer.verify(fresh);
        await Promise.all(writers.map((writer) => writer.retry(wire)));
        let left = randomInt(1, mostAcknowledgedPerRound);
        const acknowledge = () => {
          if (--left === 0) node.child.kill('SIGKILL');
        };
        await Promise.all(writers.map((writer) => writer.work(wire, acknowledge)));
        expect(await node.exited).toBe('SIGKILL');
        wire.close();
      }
      const node = await startEventStoreNode({ directory });
      const wire = connect(`127.0.0.1:${node.port}`);
      const fresh = await log.readAgain(wire);
      for (const writer of writers) {
        writer.verify(fresh);
        await writer.retry(wire);
      }
      wire.close();
      await node.stop();
    },
    60_000 + rounds * 10_000,
  );

  it('is the same after a graceful stop: events, positions, revisions', async () => {
    const before = await startEventStoreNode({ directory });
    const wireBefore = connect(`127.0.0.1:${before.port}`);
    for (let index = 0; index < 20; index++)
      await wireBefore.append(`s-${index % 3}`, [{ id: randomUUID() }, { id: randomUUID() }]);
    await wireBefore.softDelete('s-1');
    await wireBefore.tombstone('s-2');
    const sketch = { full: true, count: 1_000 };
    const written = await wireBefore.read(sketch);
    wireBefore.close();
    await before.stop();

    const after = await startEventStoreNode({ directory });
    const wire = connect(`127.0.0.1:${after.port}`);
    expect(await wire.read(sketch)).toEqual(written);
    expect((await wire.read({ stream: 's-1' })).messages).toEqual([{ streamNotFound: 's-1' }]);
    expect((await wire.read({ stream: 's-2' })).error?.trailers).toMatchObject({ exception: 'stream-deleted' });
    expect((await wire.append('s-0', [{ id: randomUUID() }], '13')).success?.revision).toBe('14');
    wire.close();
    await after.stop();
  });

  it('includes every append that was accepted when the node was asked to stop', async () => {
    const node = await startNodeProcess(directory);
    const wire = connect(node.endpoint);
    const appends = Array.from({ length: 200 }, async (_, index) => {
      const stream = `s-${index}`;
      return (await wire.append(stream, [{ id: randomUUID() }], 'no_stream')).success ? stream : undefined;
    });
    await Promise.race(appends);
    node.child.kill('SIGTERM');
    const acknowledged = (await Promise.all(appends)).filter((stream) => stream !== undefined);
    expect(await node.exited).toBe(0);
    wire.close();

    const again = await startEventStoreNode({ directory });
    const reader = connect(`127.0.0.1:${again.port}`);
    for (const stream of acknowledged) expect(eventsOf((await reader.read({ stream })).messages)).toHaveLength(1);
    reader.close();
    await again.stop();
  });
});
