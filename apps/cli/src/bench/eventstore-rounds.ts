import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { appendFor } from './appending.js';
import { measureFsync } from './disk.js';
import type { Measurements, RoundsOf } from './eventstore-report.js';
import { fill, isFilled, nodeDirectory, noteFilled, toLarge, type StoreSize } from './large-store.js';
import type { Lifetime } from './lifetime.js';
import { memoryOf, type Memory } from './memory.js';
import { catchUp, readAll } from './reading.js';
import type { Round } from './report.js';
import { largeRowKeys, rows, type AnyRowKey, type Extent, type LargeRowKey, type Row } from './rows.js';
import { ceilings, close, openConnection, openServer, seed, startCeiling, startNode, type Server } from './servers.js';
import { rarelyMatching } from './workload.js';
import type { Child } from '../child.js';

export interface EventStoreBench extends StoreSize {
  readonly lifetime: Lifetime;
  /** Of this run; on the disk that is measured. */
  readonly directory: string;
  /** Where the large store is kept; undefined: in `directory`. */
  readonly storeDirectory: string | undefined;
  readonly nodeFile: string;
  /** A running server to measure in place of a node of ours. */
  readonly against: string | undefined;
  readonly keys: readonly AnyRowKey[];
  readonly rounds: number;
  /** Of each append row in a round. */
  readonly forMs: number;
  readonly readEvents: number;
  /** Round 0's share of a round's work. */
  readonly warmUp: number;
  readonly onStep: (done: number, of: number, what: string) => void;
}

const fsyncMs = 250;
/** So that what a server still does behind its last answer is not charged to the next one. */
const restMs = 40;
const mostScannedEvents = 500_000;
const fillSteps = 20;

/** Servers take turns in every round and the first one changes; round 0 warms all of them up and does not count. */
export async function measureEventStore(bench: EventStoreBench): Promise<Measurements> {
  const run = new Run(bench);
  const isLarge = largeRowKeys.some((key) => bench.keys.includes(key));
  if (isLarge && bench.against === undefined) await run.checkStore();
  await run.measureRows();
  if (isLarge && bench.against === undefined) await run.measureLarge();
  return run.measured();
}

class Run {
  private readonly measurements: Omit<Measurements, 'memory'>;
  readonly #memory: Record<string, Memory> = {};
  readonly #rows: readonly Row[];
  readonly #steps: number;
  readonly #files: { readonly lifetime: Lifetime; readonly logDirectory: string };
  #step = 0;

  constructor(private readonly bench: EventStoreBench) {
    const { keys, rounds, events, streams, lifetime, directory } = bench;
    this.#rows = rows.filter(({ key }) => keys.includes(key));
    this.#files = { lifetime, logDirectory: join(directory, 'log') };
    this.#steps =
      (rounds + 1) * (this.#rows.length * 3 + 4) + (largeRowKeys.some((key) => keys.includes(key)) ? fillSteps + rounds + 2 : 0);
    this.measurements = {
      size: { events, streams },
      rows: new Map(this.#rows.map(({ key }) => [key, { server: [], 'grpc-js': [], http2: [] }])),
      fsync: [],
      opens: [],
      scans: [],
      large: [],
      empty: [],
      fullReads: [],
    };
  }

  measured(): Measurements {
    return { ...this.measurements, memory: this.#memory };
  }

  /** Before anything is measured, whether the store that is to be used can be. */
  async checkStore(): Promise<void> {
    if (this.bench.storeDirectory !== undefined) await isFilled(this.bench.storeDirectory, this.bench);
  }

  async measureRows(): Promise<void> {
    if (this.#rows.length === 0) return;
    const { bench } = this;
    const { lifetime, readEvents, against } = bench;
    this.step('starting the servers');
    await mkdir(this.#files.logDirectory, { recursive: true });
    const node = against === undefined ? await this.node('rows', join(bench.directory, 'rows')) : undefined;
    const server = await (node ? openServer(lifetime, 'server', node) : openConnection(lifetime, 'server', against ?? ''));
    const servers = [server];
    for (const name of ceilings) servers.push(await startCeiling(this.#files, name, readEvents));
    await this.remember('idle', node);
    await this.measureKind('append', servers);
    await this.remember('after the append rows', node);
    if (this.#rows.some(({ kind }) => kind === 'read')) {
      await seed(server, readEvents, lifetime.signal);
      await this.measureKind('read', servers);
      await this.remember('after the read rows', node);
    }
    for (const one of servers) await close(one);
    await node?.stop();
  }

  private async measureKind(kind: Row['kind'], servers: readonly Server[]): Promise<void> {
    const { bench, measurements } = this;
    const ofKind = this.#rows.filter((row) => row.kind === kind);
    if (ofKind.length === 0) return;
    for (let round = 0; round <= bench.rounds; round += 1) {
      if (kind === 'append') {
        this.step(`round ${round}: fsync`);
        const result = measureFsync(bench.directory, fsyncMs);
        if (round > 0) measurements.fsync.push(result);
      }
      for (const [index, row] of ofKind.entries())
        for (const server of turned(servers, round + index)) {
          this.step(`round ${round}: ${row.title}, ${server.name}`);
          const result = await this.rested(() => row.measure(server, this.extent(round)));
          if (round > 0) (measurements.rows.get(row.key) as RoundsOf)[server.name].push(result);
        }
    }
  }

  async measureLarge(): Promise<void> {
    const { bench, measurements } = this;
    const { lifetime, rounds } = bench;
    await mkdir(this.#files.logDirectory, { recursive: true });
    const directory = bench.storeDirectory ?? join(bench.directory, 'large');
    await this.fill(directory);
    let node: Child | undefined;
    for (let opened = 0; opened < (this.isWanted('open') ? rounds : 1); opened += 1) {
      await node?.stop();
      this.step('opening the large store');
      const startedAt = performance.now();
      node = await this.node('large', nodeDirectory(directory));
      const tookMs = performance.now() - startedAt;
      if (this.isWanted('open')) measurements.opens.push({ perSecond: 1_000 / tookMs, latenciesMs: [tookMs] });
    }
    if (node === undefined) return;
    await this.remember('large store, opened', node);
    const server = await openServer(lifetime, 'server', node);
    if (this.isWanted('full-read')) {
      this.step('reading the large store');
      measurements.fullReads.push(await readAll(server, bench.events, lifetime.signal));
      await this.remember('large store, read', node);
    }
    if (this.isWanted('catch-up-rare')) await this.scan(server);
    if (this.isWanted('append-large')) await this.appendLarge(server);
    await this.remember('large store, at the end', node);
    await close(server);
    await node.stop();
  }

  private async fill(directory: string): Promise<void> {
    const { bench } = this;
    if (await isFilled(directory, bench)) {
      this.#step += fillSteps;
      return;
    }
    const node = await this.node('large', nodeDirectory(directory));
    const server = await openServer(bench.lifetime, 'server', node);
    const begunAt = this.#step;
    await fill(
      server.client,
      bench,
      (events) => {
        this.#step = begunAt + Math.floor((fillSteps * events) / bench.events);
        bench.onStep(this.#step, this.#steps, `filling the large store: ${events} of ${bench.events} events`);
      },
      bench.lifetime.signal,
    );
    this.#step = begunAt + fillSteps;
    await this.remember('large store, filled', node);
    await close(server);
    await node.stop();
    await noteFilled(directory, bench);
  }

  /** Per second counts events looked at: the last match is the last event of its hundred. */
  private async scan(server: Server): Promise<void> {
    const { bench, measurements } = this;
    const count = Math.floor(Math.min(bench.events, mostScannedEvents) * rarelyMatching.share);
    for (let round = 0; round <= bench.rounds; round += 1) {
      this.step(`round ${round}: catch up, filtered, 1 % matching`);
      const { perSecond, latenciesMs } = await this.rested(() =>
        catchUp(server, { count, prefix: rarelyMatching.prefix }, bench.lifetime.signal),
      );
      if (round > 0) measurements.scans.push({ perSecond: perSecond / rarelyMatching.share, latenciesMs });
    }
  }

  /** The same appends on both, to streams that the large store has and the empty one has not. */
  private async appendLarge(large: Server): Promise<void> {
    const { bench, measurements } = this;
    const { lifetime } = bench;
    const node = await this.node('empty', join(bench.directory, 'empty'));
    const empty = await openServer(lifetime, 'server', node);
    const next = toLarge(bench);
    const all = [
      { client: large.client, into: measurements.large, of: 'large' },
      { client: empty.client, into: measurements.empty, of: 'empty' },
    ];
    for (let round = 0; round <= bench.rounds; round += 1)
      for (const { client, into, of } of turned(all, round)) {
        this.step(`round ${round}: append, 64 waiting, ${of} store`);
        const { forMs } = this.extent(round);
        const result = await this.rested(() => appendFor(client, { waiting: 64, forMs, next }, lifetime.signal));
        if (round > 0) into.push(result);
      }
    await close(empty);
    await node.stop();
  }

  private extent(round: number): Extent {
    const { forMs, readEvents, warmUp, lifetime } = this.bench;
    const share = round === 0 ? warmUp : 1;
    return { forMs: forMs * share, readEvents: readEvents * share, signal: lifetime.signal };
  }

  private async rested(measure: () => Promise<Round>): Promise<Round> {
    await delay(restMs, undefined, { signal: this.bench.lifetime.signal });
    return measure();
  }

  private node(name: string, directory: string): Promise<Child> {
    return startNode(this.#files, { name, file: this.bench.nodeFile, directory });
  }

  private async remember(what: string, node: Child | undefined): Promise<void> {
    const memory = node && (await memoryOf(node.pid));
    if (memory !== undefined) this.#memory[what] = memory;
  }

  private isWanted(key: LargeRowKey): boolean {
    return this.bench.keys.includes(key);
  }

  private step(what: string): void {
    this.bench.onStep(Math.min((this.#step += 1), this.#steps), this.#steps, what);
  }
}

export function turned<Item>(items: readonly Item[], by: number): Item[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
