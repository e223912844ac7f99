/**
 * `npm run bench:fund`: reservations per second on one hot fund, through the stream processor that runs in production, on an
 * event store node of its own and a real PostgreSQL; in the same run one append per reservation on the same store, and a
 * row-locking SQL transfer on the same PostgreSQL. A reservation counts when its own requester has its own answer, which it
 * gets when the store has answered that the append which holds it is on disk, as a requester of the SQL transfer gets his from
 * the commit; afterwards the fund's stream is read and must hold each once. The inputs are in the log before the clock starts,
 * and no more are let through to the processor than requesters wait; the rows with the inputs' appends have each requester
 * append his input first. Prints tables and writes bench-results/fund.json. Its data is on the disk of `.recourse/bench`, since a
 * temporary directory may be in memory, and is removed afterwards.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '@recourse/postgres';
import { Command } from 'commander';
import { reportLines } from './fund-report.js';
import { measureFund } from './fund-rounds.js';
import { openRowLock } from './fund-rowlock.js';
import { openFundSubject } from './fund-subject.js';
import { runBench, whole, type Lifetime } from './lifetime.js';
import { writeReport } from './report.js';
import { nodeFile, startNode } from './servers.js';
import { Progress } from '../progress.js';

interface Options {
  readonly quick: boolean;
  readonly rounds: number;
  readonly dir: string;
}

async function bench({ quick: isQuick, rounds, dir }: Options, lifetime: Lifetime): Promise<void> {
  const { opened, signal, fail } = lifetime;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const directory = await opened(mkdtemp(join(dir, 'fund-')), (path) =>
    rm(path, { recursive: true, force: true, maxRetries: 3 }),
  );
  const progress = new Progress('benchmark');
  progress.show(0, 1, 'starting the stores');
  const postgres = await opened(startEmbeddedPostgres({ directory: join(directory, 'postgres'), onLost: fail }), (running) =>
    running.stop(),
  );
  const logDirectory = join(directory, 'log');
  await mkdir(logDirectory);
  const node = await startNode(
    { lifetime, logDirectory },
    { name: 'fund', file: nodeFile(), directory: join(directory, 'node') },
  );
  const databaseUrl = postgres.connectionString;
  const rowLock = await opened(openRowLock(databaseUrl), (one) => one.close());
  const eventStoreUrl = String(node.facts['connectionString']);
  const subject = await opened(openFundSubject({ eventStoreUrl, databaseUrl, signal }), (one) => one.close());
  const report = await measureFund({
    subject,
    rowLock,
    rounds,
    isQuick,
    onStep: (done, of, what) => {
      signal.throwIfAborted();
      progress.show(done, of, what);
    },
  });
  progress.clear();
  for (const line of reportLines(report)) process.stdout.write(`${line}\n`);
  process.stdout.write(`\nwritten to ${await writeReport(report)}\n`);
}

const program = new Command('bench:fund')
  .description('reservations per second on one hot fund, beside one append per reservation and a row-locking SQL transfer')
  .showHelpAfterError()

  .option('--quick', 'a third of the reservations in each round', false)
  .option('--rounds <count>', 'rounds that count, 3 to 9', whole(3, 9), 3)
  .option('--dir <path>', 'where the data of the run is', fileURLToPath(new URL('../../../../.recourse/bench', import.meta.url)))
  .exitOverride((end) => process.exit(end.exitCode === 0 ? 0 : 2));
await program.parseAsync();
process.exit(await runBench((lifetime) => bench(program.opts<Options>(), lifetime)));
