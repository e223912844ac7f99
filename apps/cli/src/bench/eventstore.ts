/**
 * `npm run bench:eventstore`: the event store node as a process of its own, through the public client in this one, and in the
 * same run what bounds it: two servers that speak the protocol and store nothing, one fsync of the same disk, one round trip.
 * Prints tables and writes bench-results/eventstore.json. Its data is on the disk of `.recourse/bench`, since a temporary
 * directory may be in memory, and is removed afterwards.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { measureEventStore } from './eventstore-rounds.js';
import { reportLines, reportOf } from './eventstore-report.js';
import { runBench, whole, type Lifetime } from './lifetime.js';
import { writeReport } from './report.js';
import { allRowKeys, largeRowKeys, type AnyRowKey } from './rows.js';
import { nodeFile } from './servers.js';
import { Progress } from '../progress.js';

interface Options {
  readonly quick: boolean;
  readonly rounds: number;
  readonly rows?: readonly AnyRowKey[];
  readonly events?: number;
  readonly streams?: number;
  readonly dir: string;
  readonly store?: string;
  readonly against?: string;
  readonly node?: string;
}

const readEvents = 20_000;
const extents = {
  full: { forMs: 1_000, warmUp: 1, events: 1_000_000, streams: 200_000 },
  quick: { forMs: 280, warmUp: 0.5, events: 100_000, streams: 20_000 },
} as const;

async function bench(options: Options, lifetime: Lifetime): Promise<void> {
  const { quick: isQuick, rounds, against } = options;
  const extent = extents[isQuick ? 'quick' : 'full'];
  const events = options.events ?? extent.events;
  const streams = options.streams ?? Math.min(extent.streams, events);
  if (streams > events) throw new Error(`${streams} streams need as many events, and --events says ${events}`);
  const keys = keysOf(options);
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const directory = await lifetime.opened(mkdtemp(join(options.dir, 'eventstore-')), (path) =>
    rm(path, { recursive: true, force: true, maxRetries: 3 }),
  );
  const progress = new Progress('benchmark');
  const measured = await measureEventStore({
    lifetime,
    directory,
    storeDirectory: options.store === undefined ? undefined : resolve(options.store),
    nodeFile: options.node === undefined ? nodeFile() : resolve(options.node),
    against,
    keys,
    rounds,
    forMs: extent.forMs,
    warmUp: extent.warmUp,
    readEvents,
    events,
    streams,
    onStep: (done, of, what) => progress.show(done, of, what),
  });
  progress.clear();
  const report = reportOf(measured, { subject: against === undefined ? 'node' : 'server', isQuick, rounds, readEvents });
  for (const line of reportLines(report)) process.stdout.write(`${line}\n`);
  process.stdout.write(`\nwritten to ${await writeReport(report)}\n`);
}

/** Of a server that is not ours only the rows that need no store of a certain size and no process of ours. */
function keysOf({ rows: wanted, against }: Options): readonly AnyRowKey[] {
  const isOffered = (key: AnyRowKey) => against === undefined || !largeRowKeys.some((large) => large === key);
  if (wanted === undefined) return allRowKeys.filter(isOffered);
  const refused = wanted.filter((key) => !isOffered(key));
  if (refused.length > 0) throw new Error(`not with --against: ${refused.join(', ')}`);
  return wanted;
}

function rowKeys(text: string): AnyRowKey[] {
  return text.split(',').map((name) => {
    const key = allRowKeys.find((known) => known === name.trim());
    if (key === undefined) throw new InvalidArgumentError(`"${name}" is no row; there are ${allRowKeys.join(', ')}`);
    return key;
  });
}

const program = new Command('bench:eventstore')
  .description('the event store node through the public client, beside servers that store nothing')
  .showHelpAfterError()
  .option('--quick', 'a minute at most: short rounds and 100 000 events in place of 1 000 000', false)
  .option('--rounds <count>', 'rounds that count, 3 to 9', whole(3, 9), 3)
  .option('--rows <names>', `only these, separated by commas: ${allRowKeys.join(', ')}`, rowKeys)
  .option('--events <count>', 'of the large store, 10000 to 10000000', whole(10_000, 10_000_000))
  .option('--streams <count>', 'of the large store, 100 to 1000000', whole(100, 1_000_000))
  .option('--dir <path>', 'where the data of the run is', fileURLToPath(new URL('../../../../.recourse/bench', import.meta.url)))
  .option('--store <path>', 'keep the large store there and use it again')
  .option('--against <url>', 'a running server in place of the node, esdb://HOST:PORT?tls=false')
  .option('--node <file>', 'another compiled main.js of the node');
await program.parseAsync();
process.exit(await runBench((lifetime) => bench(program.opts<Options>(), lifetime)));
