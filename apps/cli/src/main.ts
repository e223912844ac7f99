import { resolve } from 'node:path';
import type { PackView } from '@recourse/case-pack';
import type { Log } from '@recourse/eventstore';
import { Command, InvalidArgumentError, Option, type CommanderError } from 'commander';
import type { AuditOptions, AuditReportName } from './audit.js';
import {
  eventStoreStatus,
  maintainEventStore,
  restoreEventStore,
  serveEventStore,
  stopCompaction,
  verifyEventStore,
  type ServeOptions,
} from './eventstore.js';
import { demoPlatform, demoStart } from './demo-day.js';
import type { Language } from './explain.js';
import type { Installation } from './installation.js';
import type { LedgerForm, LedgerOptions, LedgerReport } from './ledger.js';
import { findRunning } from './running.js';
import type { Stores } from './verify-installation.js';

const port = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('a port is 0 to 65535; 0 takes a free one');
  return value;
};
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const signalled = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });

interface Up {
  readonly dataDir: string;
  readonly port: number;
  readonly virtualClock?: boolean;
  readonly platform: string;
}

/** Runs an installation around `work`, and ends with its exit code; a second signal does not wait. */
async function withInstallation(
  options: Up & { readonly clockStart?: string },
  work: (installation: Installation, ended: Promise<void>) => Promise<number>,
): Promise<void> {
  let isInterrupted = false;
  const ended = signalled().then(() => {
    isInterrupted = true;
  });
  let failed: (reason: string) => void = () => undefined;
  const failure = new Promise<number>((resolve) => {
    failed = (reason) => {
      complain(reason);
      resolve(1);
    };
  });
  // Commands that need no installation do not wait until its parts are loaded.
  const { startInstallation } = await import('./installation.js');
  const starting = startInstallation({
    dataDir: options.dataDir,
    apiPort: options.port,
    virtualClock: options.virtualClock ?? false,
    ...(options.clockStart === undefined ? {} : { clockStart: options.clockStart }),
    platform: options.platform,
    say: complain,
    onFailed: failed,
    environment: process.env,
  });
  let code: number;
  try {
    const installation = await starting;
    code = await Promise.race([work(installation, ended), failure, ended.then(() => 0)]).catch((error: unknown) => {
      complain(error instanceof Error ? error.message : String(error));
      return 1;
    });
    process.once('SIGINT', () => process.exit(130));
    await installation.stop();
  } catch (error) {
    // A terminal's Ctrl-C reaches the children as well: that they did not start is no news then.
    if (!isInterrupted) complain(error instanceof Error ? error.message : String(error));
    code = isInterrupted ? 130 : 1;
  }
  process.exit(code);
}

const program = new Command('recourse')
  .description('A refund and compensation ledger for card-key marketplaces')
  .showHelpAfterError()
  // 1 is an answer of some commands; a command line that says nothing is 2, as with everything that could not be carried out.
  .exitOverride((error: CommanderError) => process.exit(error.exitCode === 0 ? 0 : 2));
const dataDir = ['--data-dir <directory>', 'where the embedded parts keep their data', '.recourse'] as const;
const apiPort = ['--port <port>', 'of the API, on 127.0.0.1; 0 takes a free one', port] as const;
const platform = ['--platform <id>', 'whose development API key is made at the first start', demoPlatform] as const;

program
  .command('up')
  .description('run a clean server; every part that has no URL in the environment is the embedded one')
  .option(...dataDir)
  .option(...apiPort, 3210)
  .option(...platform)
  .option('--virtual-clock', 'time moves only by the clock route (sandbox rails only)')
  .action((options: Up) =>
    withInstallation(options, async (installation, ended) => {
      say(
        JSON.stringify({ ready: true, api: installation.apiUrl, docs: `${installation.apiUrl}/docs`, pids: installation.pids }),
      );
      await ended;
      return 0;
    }),
  );

program
  .command('demo')
  .description('play a day of a marketplace on a virtual clock and tell each case')
  .option('--data-dir <directory>', 'where the embedded parts keep their data', '.recourse/demo')
  .option(...apiPort, 0)
  .option('--once', 'stop after the day; the last line is one JSON object with the totals')
  .action((options: { dataDir: string; port: number; once?: boolean }) =>
    withInstallation(
      { ...options, platform: demoPlatform, virtualClock: true, clockStart: demoStart },
      async (installation, ended) => {
        const { runDemo } = await import('./demo.js');
        const code = await runDemo(installation, say);
        if (options.once === true) return code;
        complain(`the API stays up at ${installation.apiUrl} (documentation at ${installation.apiUrl}/docs) until Ctrl-C`);
        await ended;
        return code;
      },
    ),
  );

program
  .command('verifier-simulator')
  .description('play card issuer, carrier and membership service on this machine, over their signed protocol, and fail when told')
  .option('--port <port>', 'on 127.0.0.1; 0 takes a free one', port, 3299)
  .option(
    '--keys <file>',
    'the keys that it shares with an installation; made when there are none',
    '.recourse/verifier-keys.json',
  )
  .action((options: { port: number; keys: string }) =>
    carryOut(async () => {
      const { runVerifierSimulator } = await import('./verifier-simulator.js');
      return runVerifierSimulator({ port: options.port, keyFile: resolve(options.keys) }, { say, ended: signalled() });
    }),
  );

program
  .command('verify')
  .description('re-derive the books from the log and name every row that does not agree')
  .option(...dataDir)
  .option('--json', 'print the report as JSON')
  .action(async (options: { dataDir: string; json?: boolean }) => {
    const { runVerify } = await import('./verify-installation.js');
    process.exit(
      await runVerify({ dataDir: options.dataDir, json: options.json === true, environment: process.env, say, complain }),
    );
  });

program
  .command('statement')
  .description("a merchant's account: opening balance, every movement with its case and rule, closing balance")
  .argument('<merchant>')
  .option(...dataDir)
  .option('--platform <id>', 'whose merchant', demoPlatform)
  .option('--from <place>', 'movements at or behind this position, or that count from this moment or later')
  .option('--to <place>', 'movements before this position, or that count from before this moment')
  .option('--as-of <place>', 'as it was known at this position or moment')
  .action((merchant: string, options: { dataDir: string; platform: string; from?: string; to?: string; asOf?: string }) =>
    withStores(options.dataDir, async ({ databaseUrl }) => {
      const { boundOf, statementTable } = await import('./statement.js');
      const { platform: of, from, to, asOf } = options;
      const lines = await statementTable(databaseUrl, {
        platform: of,
        merchant,
        ...(from === undefined ? {} : { from: boundOf(from) }),
        ...(to === undefined ? {} : { to: boundOf(to) }),
        ...(asOf === undefined ? {} : { asOf: boundOf(asOf) }),
      });
      for (const line of lines) say(line);
      return 0;
    }),
  );

program
  .command('reconcile')
  .description("compare a rail's bill of a day with the books and book what differs; 1 while something of it is open")
  .requiredOption('--rail <rail>', 'whose bill')
  .requiredOption('--day <day>', 'of Asia/Shanghai, and over: 2026-03-01')
  .option(...dataDir)
  .option('--platform <id>', 'whose books', demoPlatform)
  .option('--json', 'print the result as JSON')
  .action((options: { dataDir: string; rail: string; day: string; platform: string; json?: boolean }) =>
    withStores(options.dataDir, async (stores) => {
      const { runReconcile } = await import('./reconcile.js');
      return runReconcile(stores, { ...options, json: options.json === true, environment: process.env, say });
    }),
  );

const voice = { say, complain };
/** Ends the process with the command's exit code; 2 if it could not be carried out. */
const carryOut = async (work: () => Promise<number>): Promise<void> => {
  const code = await work().catch((error: unknown) => {
    complain(error instanceof Error ? error.message : String(error));
    return 2;
  });
  process.exit(code);
};
interface OfNode {
  readonly url: string;
  readonly dataDir?: string;
}
const nodeUrl = ['--url <url>', 'of a running node', 'http://127.0.0.1:2113'] as const;
const nodeOf = ['--data-dir <directory>', 'of a running installation, in place of --url'] as const;
const urlOf = async ({ url, dataDir: directory }: OfNode): Promise<string> => {
  if (directory === undefined) return url;
  const running = await findRunning(resolve(directory));
  if (!running) throw new Error(`no installation runs on ${directory}`);
  return running.eventStoreUrl;
};

const eventstore = program
  .command('eventstore')
  .description('run the embedded event store alone, or look after its files')
  .option('--dir <directory>', "the store's files", '.recourse/eventstore')
  .option('--port <port>', '0 takes a free one', port, 2113)
  .option('--host <address>', 'a loopback address, unless --allow-remote is given', '127.0.0.1')
  .option('--allow-remote', 'listen on any address, without TLS and users')
  .option('--backup-dir <directory>', 'where backups of the running node go; without it there are none')
  .option('--rebuild-index', 'make the index anew from the events, then run')
  .option('--verify', 'run nothing: read all events and compare the index with them')
  .option('--json', 'print the result of --verify as JSON')
  .action((options: ServeOptions & { verify?: boolean; json?: boolean }) =>
    carryOut(() =>
      options.verify === true
        ? verifyEventStore(options.dir, options.json === true, voice)
        : serveEventStore(options, signalled(), voice),
    ),
  );
eventstore
  .command('compact')
  .description('remove truncated and deleted events of a running node from its disk')
  .option(...nodeUrl)
  .option(...nodeOf)
  .option('--stop', 'end the compaction that runs; what it did stays')
  .action((options: OfNode & { stop?: boolean }) =>
    carryOut(async () =>
      options.stop === true
        ? stopCompaction(await urlOf(options), voice)
        : maintainEventStore(await urlOf(options), { path: '/admin/compaction', body: {} }, signalled(), voice),
    ),
  );
eventstore
  .command('backup')
  .description("copy a running node's events into a folder below its --backup-dir")
  .requiredOption('--name <folder>', 'of the new backup')
  .option(...nodeUrl)
  .option(...nodeOf)
  .action((options: OfNode & { name: string }) =>
    carryOut(async () =>
      maintainEventStore(await urlOf(options), { path: '/admin/backups', body: { name: options.name } }, signalled(), voice),
    ),
  );
eventstore
  .command('restore')
  .description('make a new directory from a backup')
  .requiredOption('--from <directory>', 'a finished backup')
  .requiredOption('--to <directory>', 'new or empty')
  .action((options: { from: string; to: string }) => carryOut(() => restoreEventStore(options.from, options.to, voice)));
eventstore
  .command('status')
  .description('what a running node has done and is doing')
  .option(...nodeUrl)
  .option(...nodeOf)
  .action((options: OfNode) => carryOut(async () => eventStoreStatus(await urlOf(options), voice)));

const audit = program
  .command('audit')
  .description('what finance asks of the refund history; 1 when it is not what the journal says');
for (const [name, description] of [
  ['refunds', 'totals of refunds by any two groupings, beside the sums of the journal'],
  ['reliability', 'rule transparency, evidence completeness and channel availability'],
  ['parties', 'conduct of users, management by the platform, performance of merchants'],
  ['speed', 'how long it took from claim to verdict and to payment'],
] as const satisfies readonly (readonly [AuditReportName, string])[]) {
  const report = audit
    .command(name)
    .description(description)
    .option(...dataDir)
    .option('--platform <id>', 'whose history', demoPlatform)
    .option('--from <period>', 'first day, month or year, of Asia/Shanghai: 2026-03-01, 2026-03 or 2026')
    .option('--to <period>', 'last day, month or year, included')
    .option('--merchant <id>', 'of this merchant only')
    .addOption(new Option('--format <format>', 'what is written').choices(['table', 'csv', 'json']).default('table'))
    .option('--out <file>', 'where it is written, in place of the terminal');
  if (name === 'refunds')
    report
      .addOption(new Option('--basis <moment>', 'which moment counts').choices(['approval', 'payment']).default('approval'))
      .option('--by <groupings>', 'one or two, with a comma between: month,merchant')
      .option('--rule <rule>', '- for refunds without a verdict')
      .option('--ground <ground>')
      .option('--rail <rail>')
      .option('--source <source>', 'escrow, fund, deposit, fees or surplus')
      .option('--bearer <bearer>', 'merchant or platform')
      .option('--liable <party>')
      .option('--each', 'the refunds themselves in place of their totals');
  report.action((options: AuditOptions) =>
    carryOut(async () => {
      const { runAudit } = await import('./audit.js');
      return runAudit(name, options, process.env, voice);
    }),
  );
}

const ledger = program
  .command('ledger')
  .description('the books as of any log position or time: beside a running installation, or of one at rest');
const forms = (...names: LedgerForm[]) => new Option('--format <form>', 'of the rows').choices(names).default('table');
const ledgerReport = (report: LedgerReport, description: string, ...names: LedgerForm[]): Command =>
  ledger
    .command(report)
    .description(description)
    .option(...dataDir)
    .option('--at <point>', 'a log position, a moment in UTC, or a day in Shanghai: up to then; default is now')
    .addOption(
      new Option('--time <time>', 'of an event that --from and --at mean').choices(['recorded', 'effective']).default('recorded'),
    )
    .addOption(forms('table', 'csv', 'json', ...names))
    .option('--out <file>', 'write there instead; the file appears when it is whole')
    .action((options: LedgerOptions) =>
      carryOut(async () => {
        const { runLedger } = await import('./ledger.js');
        return runLedger(report, { ...options, dataDir: resolve(options.dataDir) }, { environment: process.env, complain });
      }),
    );
const onlyPlatform = ['--platform <id>', 'only this one; default is all'] as const;
const fromPoint = ['--from <point>', 'later than this position or moment, or from this day on'] as const;
ledgerReport('balances', 'every account that is not at zero')
  .option(...onlyPlatform)
  .option('--kind <kind>', 'of account, such as deposit');
ledgerReport('trial-balance', 'debits and credits of every kind of account').option(...onlyPlatform);
ledgerReport('statement', 'one account: opening balance, every line, closing balance')
  .requiredOption('--account <name>', 'such as demo/merchant:starcard:deposit')
  .option(...fromPoint);
ledgerReport('journal', 'every posting in the order of the log', 'hledger')
  .option(...onlyPlatform)
  .option('--account <name>', 'only lines of this account')
  .option('--event <type>', 'only lines of these events, such as DepositDebited')
  .option(...fromPoint);

const explain = program.command('explain').description('tell how something came about, from the events themselves');
explain
  .command('refund')
  .description('the whole chain of a refund, from the order to the recovery, and what is still open')
  .argument('<id>', 'such as demo.G001.1.v1')
  .option(...dataDir)
  .addOption(new Option('--lang <language>', 'of the story').choices(['zh', 'en', 'both']).default('both'))
  .option('--json', 'print the story as JSON')
  .action((refundId: string, options: { dataDir: string; lang: Language; json?: boolean }) =>
    carryOut(async () => {
      const { runExplain } = await import('./explain.js');
      const { lang, json = false } = options;
      return runExplain({ dataDir: resolve(options.dataDir), refundId, lang, json }, { environment: process.env, say });
    }),
  );

explain
  .command('dispute')
  .description('what a case was decided on: the facts and the events they come from, the rules that were tried, the verdict')
  .argument('<id>', 'such as demo.G001.1')
  .option(...dataDir)
  .addOption(new Option('--lang <language>', 'of the explanation').choices(['zh', 'en', 'both']).default('both'))
  .option('--json', 'print the explanation as JSON')
  .action((disputeId: string, options: { dataDir: string; lang: Language; json?: boolean }) =>
    carryOut(async () => {
      const { runExplainDispute } = await import('./explain-dispute.js');
      const { lang, json = false } = options;
      return runExplainDispute({ dataDir: resolve(options.dataDir), disputeId, lang, json }, { environment: process.env, say });
    }),
  );

const casePack = program.command('case-pack').description('a case as one ZIP that anybody can check offline');
casePack
  .command('export', { isDefault: true })
  .description('write it: a page, timeline with hash chain, evidence, verdicts, policy, hashes; that it was taken is recorded')
  .argument('<dispute>', 'such as demo.G001.1')
  .requiredOption('--out <file>', 'which must not be there yet')
  .addOption(new Option('--view <view>', 'for whose eyes').choices(['platform', 'buyer', 'merchant']).default('platform'))
  .option(...dataDir)
  .action((disputeId: string, options: { out: string; view: PackView; dataDir: string }) =>
    carryOut(async () => {
      const { runCasePack } = await import('./case-pack.js');
      const { out, view } = options;
      return runCasePack({ dataDir: resolve(options.dataDir), disputeId, view, out: resolve(out) }, process.env, { say });
    }),
  );
casePack
  .command('verify')
  .description(
    'check a pack from itself alone: every byte, the chain, the frozen policy, every verdict decided again; 1 when it fails',
  )
  .argument('<file>', 'as it was exported')
  .option('--json', 'print the report as JSON')
  .action((file: string, options: { json?: boolean }) =>
    carryOut(async () => {
      const { runCasePackVerify } = await import('./case-pack.js');
      return runCasePackVerify(file, options.json === true, { say });
    }),
  );

const policy = program.command('policy').description('look at refund policies before they are published; files are JSON');
policy
  .command('lint')
  .description('prove a table over the whole fact space and name its hidden barriers; 1 when it may not be published')
  .argument('<file>', 'a decision table, as it is sent to POST /policies')
  .addOption(new Option('--lang <language>', 'of the findings').choices(['zh', 'en', 'both']).default('both'))
  .option('--json', 'print the findings as JSON')
  .action((file: string, options: { lang: Language; json?: boolean }) =>
    carryOut(async () => {
      const { runPolicyLint } = await import('./policy.js');
      return runPolicyLint(file, options.lang, { json: options.json === true, say });
    }),
  );
policy
  .command('diff')
  .description('which facts come to another outcome under a new table, what they come to, and whom it favours')
  .argument('<old>', 'the table that is in force')
  .argument('<new>', 'the table that is to follow')
  .option('--json', 'print the differences as JSON')
  .action((before: string, after: string, options: { json?: boolean }) =>
    carryOut(async () => {
      const { runPolicyDiff } = await import('./policy.js');
      return runPolicyDiff(before, after, { json: options.json === true, say });
    }),
  );

const parked = program.command('parked').description('events that a reader could not handle, and those that wait behind them');
const withStores = async (
  dataDirectory: string,
  work: (stores: Stores & { queueUrl: string }) => Promise<number>,
): Promise<void> => {
  let code = 2;
  try {
    const { storesOf } = await import('./verify-installation.js');
    const stores = await storesOf(resolve(dataDirectory), process.env);
    code = await work({ ...stores, queueUrl: process.env['REDIS_URL'] ?? stores.databaseUrl }).finally(() => stores.stop());
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  }
  process.exit(code);
};

parked
  .command('list')
  .option(...dataDir)
  .action((options: { dataDir: string }) =>
    withStores(options.dataDir, async (stores) => {
      const { parkedTable } = await import('./parked.js');
      for (const line of await parkedTable(stores)) say(line);
      return 0;
    }),
  );

parked
  .command('replay')
  .description('handle the parked events of one lane at last, in their order')
  .requiredOption('--reader <reader>', 'as the list shows it')
  .requiredOption('--lane <lane>', 'as the list shows it')
  .requiredOption('--reason <text>', 'what was done about it; goes to the log')
  .option(...dataDir)
  .action((options: { dataDir: string; reader: string; lane: string; reason: string }) =>
    withStores(options.dataDir, async (stores) => {
      const log: Log = (level, message) => complain(`${level}: ${message}`);
      const { replayParked } = await import('./parked.js');
      const { replayed, failed } = await replayParked(
        stores,
        { reader: options.reader, lane: options.lane, reason: options.reason },
        log,
      );
      say(`${replayed} event(s) replayed${failed === undefined ? '' : `; event ${failed.eventId} still fails: ${failed.error}`}`);
      return failed === undefined ? 0 : 1;
    }),
  );

await program.parseAsync();
