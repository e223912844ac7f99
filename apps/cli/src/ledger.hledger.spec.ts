import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hledgerAccount } from '@recourse/ledger';
import { format, money } from '@recourse/money';
import { balancePage, cutAt } from '@recourse/postgres';
import fc from 'fast-check';
import { runLedger, type LedgerOptions } from './ledger.js';
import { event, open, queue, refund, saleOf, startSampleInstallation, type SampleInstallation } from './sample-installation.js';

let house: SampleInstallation;
let directory: string;

beforeAll(async () => {
  house = await startSampleInstallation();
  directory = await mkdtemp(join(tmpdir(), 'recourse hledger '));
  const payee = await house.vault.storePerson({ account: 'alice' });
  await open(house);
  await refund(house, saleOf(1, payee), 'alice');
  await queue(house, saleOf(2, payee));
  await oddMoney();
  await house.project();
});
afterAll(async () => {
  await house.remove();
  await rm(directory, { recursive: true, force: true });
});

/** Assets of every scale on rails of any name, a few hundred times. */
async function oddMoney(): Promise<void> {
  const assets = ['CNY', 'USD', 'JPY', 'KWD'] as const;
  const rails = ['sandbox', 'bank of: china;(支行)/1', '  two  spaces', '(1) "quoted"', '=sum', '50% 折扣', 'tab\there', "it's"];
  const [amounts = []] = fc.sample(fc.array(fc.bigInt({ min: 1n, max: 10n ** 15n }), { minLength: 400, maxLength: 400 }), {
    numRuns: 1,
    seed: 7,
  });
  for (const asset of assets) {
    const opened = { platform: 'odd', period: '0001', available: money(0n, asset), openedAt: '2026-03-01T00:00:00.000Z' };
    await house.append(
      `fund-odd.${asset}.0001`,
      event('FundPeriodOpened', opened),
      ...amounts.slice(assets.indexOf(asset) * 100, (assets.indexOf(asset) + 1) * 100).map((minor, index) =>
        event('FundContributed', {
          platform: 'odd',
          contributionId: `odd.c${asset}${index}`,
          amount: money(minor, asset),
          rail: rails[index % rails.length] ?? '',
        }),
      ),
    );
  }
}

const exported = async (options: Partial<LedgerOptions> = {}): Promise<string> => {
  const file = join(directory, `${Object.values(options).join('-')}.journal`);
  const environment = { DATABASE_URL: house.databaseUrl, EVENTSTORE_URL: house.eventStoreUrl };
  const complaints: string[] = [];
  const code = await runLedger(
    'journal',
    { dataDir: directory, time: 'recorded', format: 'hledger', out: file, ...options },
    { environment, complain: (line) => complaints.push(line) },
  );
  expect([code, complaints]).toEqual([0, []]);
  return file;
};
const hledger = async (file: string, ...args: string[]): Promise<string> => {
  const env = { ...process.env, LANG: 'C.UTF-8' };
  return (await promisify(execFile)('hledger', ['-f', file, ...args], { env, timeout: 60_000, maxBuffer: 2 ** 26 })).stdout;
};
/** Every account's total as hledger adds it up, without those at zero. */
const totalsOf = async (file: string): Promise<Record<string, string>> => {
  const csv = await hledger(file, 'balance', '--flat', '--no-total', '--layout=bare', '--output-format', 'csv');
  const rows = csv.trimEnd().split('\n').slice(1);
  const fields = rows.map((row) =>
    [...row.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map(([, field = '']) => field.replaceAll('""', '"')),
  );
  return Object.fromEntries(
    fields
      .filter(([, , amount = '']) => /[1-9]/.test(amount))
      .map(([account, asset, amount]) => [`${account} ${asset}`, amount ?? '']),
  );
};
const ours = async (at: bigint, platform?: string): Promise<Record<string, string>> => {
  const rows = await balancePage(house.database.db, { limit: 10_000, ...(platform && { platform }) }, cutAt(at, 'recorded', at));
  return Object.fromEntries(
    rows
      .filter(({ amount }) => amount !== 0n)
      .map(({ account, asset, amount }) => [`${hledgerAccount(account)} ${asset}`, format(money(-amount, asset))]),
  );
};

it('hledger accepts the journal with every account and commodity declared, and every total is ours', async () => {
  const file = await exported();
  await hledger(file, 'check', '--strict');
  const totals = await totalsOf(file);
  expect(Object.keys(totals).length).toBeGreaterThan(35);
  expect(totals).toEqual(await ours(await house.eventStore.lastPosition()));
});

it('of one platform, and up to a position in the middle of the log', async () => {
  const last = await house.eventStore.lastPosition();
  const file = await exported({ platform: 'demo', at: String(last / 8n) });
  await hledger(file, 'check', '--strict');
  expect(await totalsOf(file)).toEqual(await ours(last / 8n, 'demo'));
  expect(Object.keys(await totalsOf(file)).length).toBeGreaterThan(3);
});

it('books that were changed do not agree with it any more', async () => {
  const file = await exported();
  await house.append(
    'fund-odd.CNY.0002',
    event('FundContributed', { platform: 'odd', contributionId: 'odd.late', amount: money(1n), rail: 'sandbox' }),
  );
  await house.project();
  expect(await totalsOf(file)).not.toEqual(await ours(await house.eventStore.lastPosition()));
});
