/**
 * `npm run bench:eligibility`: what the buyers of 1,000 units could get, in one call of the API of an embedded installation; in
 * the same run unit by unit over the same API, and by folding the order's stream and the case's for each unit, which is what
 * there would be without the read model. All three must say the same. Prints tables and writes bench-results/eligibility.json.
 * Its data is on the disk of `.recourse/`, since a temporary directory may be in memory.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { measureEligibility, type EligibilityReport } from './eligibility-rounds.js';
import { FoldingBaseline } from './eligibility-subject.js';
import { runBench, whole, type Lifetime } from './lifetime.js';
import { BenchMarket, benchPlatform } from './market.js';
import { casesTable, ratioTable, writeReport } from './report.js';
import { BenchSubject } from './subject.js';
import { Client } from '../client.js';
import { defaultPolicy } from '../demo.js';
import { startInstallation } from '../installation.js';
import { Progress } from '../progress.js';

interface Options {
  readonly rounds: number;
  readonly orders: number;
}
const unitsOfQuery = 1_000;
/** One of so many orders has a claim on one of its units. */
const claimEvery = 4;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function bench({ rounds, orders }: Options, { opened, fail }: Lifetime): Promise<void> {
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
  const subject = await opened(Promise.resolve(new BenchSubject(installation)), (one) => one.close());
  const baseline = await opened(Promise.resolve(new FoldingBaseline(installation.eventStoreUrl)), (one) => one.close());
  const client = new Client(installation, benchPlatform);
  const market = await BenchMarket.open(client, await defaultPolicy());
  let sold = 0;
  const orderNos = await market.sales(orders, unitsOfQuery / orders, () => progress.show((sold += 1), orders, 'selling'));
  const past = new Date().toISOString();
  await market.claimOf(orderNos.filter((_, i) => i % claimEvery === 0));
  await subject.settled();
  const units = orderNos.flatMap((orderNo) =>
    Array.from({ length: unitsOfQuery / orders }, (_, i) => ({ orderNo, unit: i + 1 })),
  );
  const report = await measureEligibility({
    ...{ client, units, baseline, past, rounds },
    onStep: (done, of, what) => progress.show(done, of, what),
  });
  progress.clear();
  const file = await writeReport(report);
  print(report);
  say(`\nwritten to ${file}`);
}

function print({ cases, ratio, bytes }: EligibilityReport): void {
  for (const line of [...casesTable(cases), '', ...ratioTable(ratio)]) say(line);
  say(`\nbytes of the one answer: ${bytes.inOneCall}; of ${unitsOfQuery} single answers: ${bytes.oneByOne}`);
}

const program = new Command('bench:eligibility')
  .description('what the buyers of 1,000 units could get, in one call, one by one, and by folding streams')
  .showHelpAfterError()
  .option('--rounds <count>', 'rounds that count, 3 to 9', whole(3, 9), 3)
  .option('--orders <count>', 'orders that the 1,000 units are of: 10 to 1,000, a divisor of 1,000', whole(10, 1_000), 200);
await program.parseAsync();
const options = program.opts<Options>();
if (unitsOfQuery % options.orders !== 0) program.error('1,000 units are spread evenly: name a divisor of 1,000');
process.exit(await runBench((lifetime) => bench(options, lifetime)));
