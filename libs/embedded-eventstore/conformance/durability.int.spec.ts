import { randomInt, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { startEventStoreNode } from '../src/index.js';
import { killNodeProcesses, startNodeProcess } from './node-process.js';
import { temporaryDirectory } from './target.js';
import { connect, eventsOf, type EventSketch, type SeenRead, type Wire } from './wire.js';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 20);
const writers = 8;
const mostEventsPerAppend = 5;

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(async () => {
  killNodeProcesses();
  await rm(directory, { recursive: true, force: true });
});

/** One writer's own book of its stream: what was acknowledged, and the append whose answer never came. */
class Writer {
  readonly acknowledged: { id: string; position: string | undefined }[] = [];
  unanswered: EventSketch[] = [];

  constructor(
    readonly stream: string,
    private readonly overBatchAppend: boolean,
  ) {}

  /** Appends until the node is gone; an append left over from the last round is repeated as it was. */
  async write(wire: Wire, acknowledge: () => void): Promise<void> {
    for (;;) {
      if (this.unanswered.length === 0) {
        const data = JSON.stringify({ after: this.acknowledged.length });
        this.unanswered = Array.from({ length: randomInt(1, mostEventsPerAppend + 1) }, () => ({ id: randomUUID(), data }));
      }
      const success = await this.append(wire, this.unanswered);
      if (!success) return;
      expect(success.revision).toBe(String(this.acknowledged.length + this.unanswered.length - 1));
      this.acknowledged.push(...this.unanswered.map(({ id }) => ({ id: id ?? '', position: undefined })));
      const last = this.acknowledged.at(-1);
      if (last && typeof success.position === 'object') last.position = success.position.commit;
      this.unanswered = [];
      acknowledge();
    }
  }

  /** Every acknowledged event is there, in order, once; of the unanswered append there is all or nothing. */
  verify(stored: readonly SeenRead[]): void {
    const ids = stored.map(({ event }) => (event === 'absent' ? '' : event.id));
    const known = this.acknowledged.map(({ id }) => id);
    const unknown = this.unanswered.map(({ id }) => id);
    expect(ids).toEqual(ids.length > known.length ? [...known, ...unknown] : known);
    for (const [index, { position }] of this.acknowledged.entries()) {
      if (position !== undefined) expect(stored[index]?.position).toEqual({ commit: position });
    }
  }

  private async append(wire: Wire, events: EventSketch[]) {
    const expected = this.acknowledged.length === 0 ? 'no_stream' : String(this.acknowledged.length - 1);
    if (!this.overBatchAppend) return (await wire.append(this.stream, events, expected)).success;
    const { responses } = await wire.batch([{ stream: this.stream, events, expected }]);
    return responses[0]?.success;
  }
}

async function verifyAll(wire: Wire, books: readonly Writer[]): Promise<void> {
  const log = eventsOf((await wire.read({ count: 1_000_000 })).messages);
  const positions = log.map(({ position }) => (typeof position === 'object' ? BigInt(position.commit) : -1n));
  expect(positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? position))).toBe(true);
  for (const book of books) {
    const stored = eventsOf((await wire.read({ stream: book.stream, count: 1_000_000 })).messages);
    book.verify(stored);
    const ofLog = log.filter(({ event }) => event !== 'absent' && event.at.startsWith(`${book.stream}@`));
    expect(ofLog).toEqual(stored);
  }
}

describe('what was acknowledged', () => {
  it(
    `survives ${rounds} kills under concurrent appends: all of it, in order, once, no append in half`,
    async () => {
      const books = Array.from({ length: writers }, (_, index) => new Writer(`crash-${index}`, index % 2 === 0));
      for (let round = 0; round < rounds; round++) {
        const node = await startNodeProcess(directory);
        const wire = connect(node.endpoint);
        await verifyAll(wire, books);
        let left = randomInt(1, 300);
        const acknowledge = () => {
          if (--left === 0) node.child.kill('SIGKILL');
        };
        await Promise.all(books.map((book) => book.write(wire, acknowledge)));
        expect(await node.exited).toBe('SIGKILL');
        wire.close();
      }
      const node = await startEventStoreNode({ directory });
      const wire = connect(`127.0.0.1:${node.port}`);
      await verifyAll(wire, books);
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
