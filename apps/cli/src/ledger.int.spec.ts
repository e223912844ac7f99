import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pointOf, runLedger, type LedgerOptions, type LedgerReport } from './ledger.js';
import { open, refund, saleOf, startSampleInstallation, type SampleInstallation } from './sample-installation.js';
import { runCli } from './test-installation.js';

let house: SampleInstallation;
let directory: string;

beforeAll(async () => {
  house = await startSampleInstallation();
  directory = await mkdtemp(join(tmpdir(), 'recourse ledger '));
  await open(house);
  await refund(house, saleOf(1, await house.vault.storePerson({ account: 'alice' })), 'alice');
  await house.project();
});
afterAll(async () => {
  await house.remove();
  await rm(directory, { recursive: true, force: true });
});

const complaints: string[] = [];
const run = async (report: LedgerReport, options: Partial<LedgerOptions> = {}): Promise<string> => {
  const out = join(directory, 'report');
  const surroundings = {
    environment: { DATABASE_URL: house.databaseUrl, EVENTSTORE_URL: house.eventStoreUrl },
    complain: (line: string) => complaints.push(line),
  };
  expect(await runLedger(report, { dataDir: directory, time: 'recorded', format: 'json', out, ...options }, surroundings)).toBe(
    0,
  );
  return readFile(out, 'utf8');
};
const rowsOf = async (report: LedgerReport, options: Partial<LedgerOptions> = {}): Promise<Record<string, unknown>[]> =>
  (JSON.parse(await run(report, options)) as { rows: Record<string, unknown>[] }).rows;
const cny = (minor: number) => ({ asset: 'CNY', minor: String(minor) });

it('balances stand in debit or credit, and add up to the trial balance', async () => {
  const balances = await rowsOf('balances');
  expect(balances).toContainEqual({
    account: 'demo/merchant:m1:deposit',
    zh: '商户保证金',
    en: 'Merchant deposit',
    debit: null,
    credit: cny(990_500),
    asset: 'CNY',
  });
  const sheet = await rowsOf('trial-balance', { platform: 'demo' });
  const total = sheet.find(({ kind }) => kind === 'total') as Record<'debit' | 'credit', { minor: string }>;
  for (const side of ['debit', 'credit'] as const) {
    const sum = balances.reduce((minor, row) => minor + BigInt((row[side] as { minor: string } | null)?.minor ?? 0), 0n);
    expect(total[side].minor).toBe(String(sum));
  }
  expect(total.debit).toEqual(total.credit);
  expect(await rowsOf('balances', { kind: 'deposit' })).toHaveLength(1);
  expect(await rowsOf('balances', { at: '0' })).toEqual([]);
});

it('a statement goes from the opening to the closing balance and names what each line is for', async () => {
  const rows = await rowsOf('statement', { account: 'demo/merchant:m1:held' });
  expect(
    rows.map(({ event, counter, debit, credit, balance, dispute, refund: of }) => [
      event,
      counter,
      debit ?? credit,
      balance,
      dispute ?? of,
    ]),
  ).toEqual([
    ['opening balance 期初余额', undefined, undefined, cny(0), undefined],
    ['DepositHeld', 'demo/merchant:m1:deposit', cny(10_000), cny(10_000), 'demo.o1.1'],
    ['HoldReleased', 'demo/merchant:m1:deposit', cny(500), cny(9_500), 'demo.o1.1'],
    ['DepositDebited', 'demo/merchant:m1:recourse', cny(9_500), cny(0), 'demo.o1.1.v1'],
    ['closing balance 期末余额', undefined, undefined, cny(0), undefined],
  ]);
  const position = String(rows[1]!['position']);
  const later = await rowsOf('statement', { account: 'demo/merchant:m1:held', from: position });
  expect(later[0]).toMatchObject({ balance: cny(10_000) });
  expect(later).toHaveLength(rows.length - 1);
});

it('the journal in CSV has headers in both languages, a byte order mark and amounts in yuan', async () => {
  const csv = await run('journal', { format: 'csv', event: 'DepositDebited' });
  const [head, line, end] = csv.split('\r\n');
  expect(head).toMatch(/^\ufeffposition 位置,line 行,recorded 记账时间,/);
  expect(line).toMatch(
    /,DepositDebited,demo\/merchant:m1:held,demo\/merchant:m1:recourse,95\.00,CNY,,,demo\.o1\.1\.v1,,deposit-demo\.m1\.0001$/,
  );
  expect(end).toBe('');
  expect((await stat(join(directory, 'report'))).mode & 0o777).toBe(0o600);
});

it('a report of an account that nothing was posted to fails, and leaves no half a file', async () => {
  const surroundings = {
    environment: { DATABASE_URL: house.databaseUrl, EVENTSTORE_URL: house.eventStoreUrl },
    complain: () => undefined,
  };
  const options = { dataDir: directory, time: 'recorded', format: 'csv', out: join(directory, 'nothing') } as const;
  await expect(runLedger('statement', { ...options, account: 'demo/escrow:none' }, surroundings)).rejects.toThrow(
    'nothing was ever posted to demo/escrow:none',
  );
  expect(await readdir(directory)).toEqual(['report']);
});

it('says when the books are behind the log', async () => {
  const { orderStream, sold } = saleOf(9);
  await house.append(orderStream, ...sold);
  const before = complaints.length;
  await run('trial-balance');
  expect(complaints.slice(before)).toEqual([
    expect.stringMatching(/^the books stand at position \d+ of the log, which ends at \d+/),
  ]);
  await house.project();
  await run('trial-balance');
  expect(complaints).toHaveLength(before + 1);
});

describe('a point of the books', () => {
  it('is a position, a moment, or a day in Shanghai: its last millisecond, or the last one before it', () => {
    expect(pointOf('1234', 'end')).toBe(1234n);
    expect(pointOf('2026-03-31T08:00:00.000Z', 'end')).toBe('2026-03-31T08:00:00.000Z');
    expect(pointOf('2026-03-31T08:00:00Z', 'end')).toBe('2026-03-31T08:00:00.000Z');
    expect(pointOf('2026-03-31', 'end')).toBe('2026-03-31T15:59:59.999Z');
    expect(pointOf('2026-03-01', 'beginning')).toBe('2026-02-28T15:59:59.999Z');
  });

  it.each(['yesterday', '-1', '01', '2026-02-30', '2026-02-30T00:00:00.000Z', '2026-03-31T08:00:00+08:00', ''])(
    'is not %j',
    (text) => {
      expect(() => pointOf(text, 'end')).toThrow(RangeError);
    },
  );
});

it.each([
  [['statement']],
  [['statement', '--account', 'cash']],
  [['balances', '--format', 'hledger']],
  [['balances', '--at', 'yesterday']],
  [['balances', '--kind', 'cash']],
  [['journal', '--format', 'xml']],
  [['journal', '--format', 'hledger', '--from', '3']],
  [['journal', '--from', '9', '--at', '3']],
  [['journal', '--from', '2026-03-01', '--at', '3']],
  [['nothing']],
])('%j makes no sense: exit code 2, and nothing is started', async (args) => {
  const cli = runCli('ledger', ...args, '--data-dir', directory);
  expect(await cli.ended).toEqual({ code: 2, signal: null });
  expect(cli.output()).not.toContain('there is no installation');
});
