/**
 * `npm run bench:refunds`: full refunds per second from the verdict until the read models show all that came of it, on an
 * embedded installation of its own; in the same run a row-locking SQL ledger on the same PostgreSQL, and the bare appends of
 * the same refunds on an event store of the same make; and where the time goes. Prints tables and writes
 * bench-results/refunds.json. Its data is on the disk of `.recourse/`, since a temporary directory may be in memory.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { startAppendFloor } from './appends.js';
import { runBench, whole, type Lifetime } from './lifetime.js';
import { BenchMarket, benchPlatform } from './market.js';
import { casesTable, ratioTable, writeReport } from './report.js';
import { measureRefunds, type RefundReport, type RoundOptions } from './rounds.js';
import { openSqlLedger } from './sql.js';
import { BenchSubject } from './subject.js';
import { Client } from '../client.js';
import { defaultPolicy } from '../demo.js';
import { startInstallation } from '../installation.js';
import { Progress } from '../progress.js';
import { table } from '../tables.js';

type Options = Pick<RoundOptions, 'rounds' | 'refunds'>;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Opens all parts and measures. */
async function bench(options: Options, { opened, fail }: Lifetime): Promise<void> {
  const home = fileURLToPath(new URL('../../../../.recourse', import.meta.url));
  await mkdir(home, { recursive: true, mode: 0o700 });
  const directory = await opened(mkdtemp(join(home, 'bench-')), (path) => rm(path, { recursive: true, force: true }));
  const progress = new Progress('benchmark');
  progress.show(0, 1, 'starting an installation');
  const installation = await opened(
    startInstallation({
      dataDir: directory,
      apiPort: 0,
      virtualClock: false,
      platform: benchPlatform,
      say: () => undefined,
      onFailed: fail,
      // No part of another installation is measured or written to.
      environment: {},
    }),
    (running) => running.stop(),
  );
  const floor = await opened(startAppendFloor(join(directory, 'floor'), join(directory, 'log', 'floor.log')), (running) =>
    running.stop(),
  );
  const sql = await opened(openSqlLedger(installation.databaseUrl), (ledger) => ledger.close());
  const subject = await opened(Promise.resolve(new BenchSubject(installation)), (one) => one.close());
  const market = await BenchMarket.open(new Client(installation, benchPlatform), await defaultPolicy());
  const report = await measureRefunds(
    { market, subject, sql, floor },
    { ...options, onStep: (done, of, what) => progress.show(done, of, what) },
  );
  progress.clear();
  const file = await writeReport(report);
  print(report);
  say(`\nwritten to ${file}`);
}

function print({ cases, ratio, stages, perRefund }: RefundReport): void {
  for (const line of [...casesTable(cases), '', ...ratioTable(ratio)]) say(line);
  for (const [name, of] of Object.entries(stages)) {
    const { events, appends } = perRefund[name] ?? { events: 0, appends: 0 };
    say(`\n${name}: ${events} events in ${appends} appends; where the time goes`);
    const rows = of.map(({ stage, medianMs, share }) => [stage, String(medianMs), `${(100 * share).toFixed(1)} %`]);
    for (const line of table(['until', 'median ms', 'share'], rows, [1, 2])) say(line);
  }
}

const program = new Command('bench:refunds')
  .description('full refunds per second, beside a row-locking SQL ledger and the bare appends')
  .showHelpAfterError()
  .option('--rounds <count>', 'rounds that count, 3 to 9', whole(3, 9), 3)
  .option('--refunds <count>', 'refunds of each kind in a round, 4 to 300', whole(4, 300), 64);
await program.parseAsync();
process.exit(await runBench((lifetime) => bench(program.opts<Options>(), lifetime)));
