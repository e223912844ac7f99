/**
 * `npm run bench:refunds`: full refunds per second from the verdict until the read models show all that came of it, on an
 * embedded installation of its own; in the same run a row-locking SQL ledger on the same PostgreSQL, and the bare appends of
 * the same refunds on an event store of the same make; and where the time goes. Prints tables and writes
 * bench-results/refunds.json. Its data is on the disk of `.recourse/`, since a temporary directory may be in memory.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { startAppendFloor } from './appends.js';
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
type Closers = (() => Promise<unknown>)[];

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Opens all parts and measures; what was opened, or is being opened when the signal comes, is left to `closers`, last first. */
async function bench(options: Options, closers: Closers, signal: AbortSignal, onFailed: (reason: string) => void): Promise<void> {
  const opened = async <Part>(opening: Promise<Part>, close: (part: Part) => Promise<unknown>): Promise<Part> => {
    closers.push(() => opening.then(close, () => undefined));
    const part = await opening;
    signal.throwIfAborted();
    return part;
  };
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
      onFailed,
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

/** A signal ends the run and cleans up; a second one does not wait. @returns the exit code */
async function main(options: Options): Promise<number> {
  // Whoever reads the tables may leave early; what was started is stopped all the same.
  process.stdout.on('error', () => undefined);
  const closers: Closers = [];
  let stop: (code: number) => void = () => undefined;
  const stopped = new Promise<number>((resolve) => (stop = resolve));
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      process.once(signal, () => process.exit(130));
      stop(130);
    });
  const running = bench(options, closers, stopping.signal, (reason) => {
    // A signal to the whole process group ends the parts too.
    if (!stopping.signal.aborted) complain(reason);
    stop(1);
  }).then(
    () => 0,
    (error: unknown) => {
      if (!stopping.signal.aborted) complain(error instanceof Error ? error.message : String(error));
      return 1;
    },
  );
  const code = await Promise.race([running, stopped]);
  stopping.abort();
  for (const close of closers.splice(0).reverse())
    await close().catch((error: unknown) => complain(error instanceof Error ? error.message : String(error)));
  return code;
}

const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new InvalidArgumentError(`a whole number from ${least} to ${most}`);
  return value;
};

const program = new Command('bench:refunds')
  .description('full refunds per second, beside a row-locking SQL ledger and the bare appends')
  .showHelpAfterError()
  .option('--rounds <count>', 'rounds that count, 3 to 9', whole(3, 9), 3)
  .option('--refunds <count>', 'refunds of each kind in a round, 4 to 300', whole(4, 300), 64);
await program.parseAsync();
process.exit(await main(program.opts<Options>()));
