import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plusDays } from '@recourse/eventing';
import { defaultPolicy } from './demo.js';
import { makeDataDir, removeDataDir, runCli, startTestInstallation, type TestInstallation } from './test-installation.js';
import { openMarket, supervisor, type Market } from './test-market.js';

interface Table {
  readonly version: number;
  readonly rules: readonly { readonly id: string; readonly then: object }[];
}
interface Money {
  readonly asset: string;
  readonly minor: string;
}
type Parts = Record<'buyer' | 'merchant' | 'platform', Money>;
interface Report {
  readonly changes: readonly { readonly disputeId: string }[];
  readonly report: {
    readonly units: number;
    readonly money: readonly (Record<'old' | 'new' | 'change', Parts> & { readonly open: Money })[];
    readonly byMerchant: readonly { readonly merchant: string; readonly money: readonly { readonly change: Parts }[] }[];
  };
}

let dataDir: string;
let house: TestInstallation;
let market: Market;
let table: Table;
beforeAll(async () => {
  dataDir = await makeDataDir();
  house = await startTestInstallation(dataDir);
  market = await openMarket(house);
  table = (await defaultPolicy()) as Table;
  for (const merchant of ['m1', 'm2']) await market.agree(merchant);
  await market.contribute('fund-1', 100_000);
  const claimed = async (orderNo: string, merchant: string, outcome: string, reason = 'key-invalid') => {
    await market.buy(orderNo, { merchant });
    await market.deliverKeys(orderNo, [1], outcome);
    await market.reveal(orderNo);
    await market.claim(orderNo, { reason });
  };
  await claimed('S1', 'm1', 'UNUSED');
  await claimed('S2', 'm1', 'INVALID');
  await claimed('S3', 'm1', 'UNUSED', 'dislike');
  await claimed('S4', 'm2', 'UNUSED');
  await house.settle();
}, 120_000);
afterAll(async () => {
  await house.stop();
  await removeDataDir(dataDir);
});

/** The policy's next version with rules that do something else, as a file. */
async function candidate(name: string, then: Readonly<Record<string, object>>): Promise<string> {
  const file = join(dataDir, `${name}.json`);
  const rules = table.rules.map((rule) => ({ ...rule, then: then[rule.id] ?? rule.then }));
  await writeFile(file, JSON.stringify({ ...table, version: 2, rules }));
  return file;
}
const refund = (bearer: string) => ({ do: 'decide', liable: 'NONE', remedy: 'FULL_REFUND', bearer });
const generous = () => candidate('generous', { 'unused-and-valid': refund('merchant'), 'dead-unit': refund('platform') });

async function simulate(file: string, ...options: string[]) {
  const run = runCli('policy', 'simulate', file, '--data-dir', dataDir, ...options);
  const { code } = await run.ended;
  return { code, text: run.output(), lines: run.output().split('\n') };
}
async function simulated(file: string, ...options: string[]) {
  const { code, lines } = await simulate(file, ...options, '--json');
  // Progress is told beside it.
  const document = lines
    .slice(lines.findIndex((line) => line.startsWith('{"candidate"')))
    .filter((line) => !line.startsWith('walking'));
  return { code, ...(JSON.parse(document.join('\n')) as Report) };
}
const fen = ({ buyer, merchant, platform }: Parts) => [buyer, merchant, platform].map(({ minor }) => Number(minor));

it('names every verdict that changes and the money, in total, by rule and by merchant', async () => {
  const { code, changes, report } = await simulated(await generous());
  expect(code).toBe(1);
  expect(changes.map(({ disputeId }) => disputeId).toSorted()).toEqual(['demo.S1.1', 'demo.S2.1', 'demo.S4.1']);
  expect(changes.find(({ disputeId }) => disputeId === 'demo.S2.1')).toMatchObject({
    verdictId: 'demo.S2.1.v1',
    unitNo: 1,
    merchant: 'm1',
    old: { rule: 'dead-unit', remedy: 'FULL_REFUND', bearer: 'merchant', money: { buyer: { asset: 'CNY', minor: '5000' } } },
    new: { rule: 'dead-unit', remedy: 'FULL_REFUND', bearer: 'platform', money: { platform: { minor: '5000' } } },
  });
  expect(report).toMatchObject({ verdicts: 4, changedVerdicts: 3, units: 4, changed: 3, toPerson: 0, asked: 0, open: 0 });
  const [money] = report.money;
  expect([fen(money!.old), fen(money!.new), fen(money!.change)]).toEqual([
    [5_000, 5_000, 0],
    [15_000, 10_000, 5_000],
    [10_000, 5_000, 5_000],
  ]);
  expect(report).toMatchObject({
    byRule: [
      { old: 'unused-and-valid', new: 'unused-and-valid', units: 2, changed: 2 },
      { old: 'dead-unit', new: 'dead-unit', units: 1, changed: 1 },
      { old: 'dislike', new: 'dislike', units: 1, changed: 0 },
    ],
  });
  const byMerchant = report.byMerchant.map(({ merchant, money: [one] }) => [merchant, ...fen(one!.change)]);
  expect(byMerchant).toEqual([
    ['m1', 5_000, 0, 5_000],
    ['m2', 5_000, 5_000, 0],
  ]);
});

it('says what nobody can know: what a person would say', async () => {
  const { report } = await simulated(await candidate('review', { 'dead-unit': { do: 'review' } }));
  expect(report).toMatchObject({ changed: 1, toPerson: 1 });
  expect([fen(report.money[0]!.change), report.money[0]!.open.minor]).toEqual([[0, 0, 0], '5000']);
});

it('looks at one merchant, one platform, or what ended since a day', async () => {
  const file = await generous();
  expect((await simulated(file, '--merchant', 'm2')).report).toMatchObject({ units: 1, changed: 1 });
  expect((await simulated(file, '--platform', 'nobody')).report).toMatchObject({ units: 0, changed: 0, money: [] });
  const today = (await house.now()).slice(0, 10);
  expect((await simulated(file, '--since', today.slice(0, 4))).report.units).toBe(4);
  expect(await simulated(file, '--since', plusDays(`${today}T00:00:00.000Z`, 2).slice(0, 10))).toMatchObject({
    code: 0,
    report: { units: 0 },
  });
});

it('is told in words and tables of both languages', async () => {
  const { code, text } = await simulate(await generous());
  expect(code).toBe(1);
  for (const expected of [
    'Changed 有变化',
    'demo.S1.1.v1 unit 1  demo/m1  key-invalid',
    'unused-and-valid: NONE (liable NONE)',
    '→ unused-and-valid: FULL_REFUND 50.00 CNY, borne by merchant (liable NONE)',
    '4 verdicts up to position',
    'buyers get 买家所得',
    '+100.00',
    'By merchant 按商家',
  ])
    expect(text).toContain(expected);
  expect(text).not.toContain('demo.S3.1.v1 unit');
});

it('leaves books that hold, with every event of a policy’s life in the log', async () => {
  const reason = { zh: '修正规则', en: 'mends a rule' };
  const versionOf = (version: number) => ({ ...table, version, title: { zh: '本店规则', en: `rules ${version}` } });
  const ofMerchant = (version: number) => ({ merchant: 'm1', table: versionOf(version) });
  await house.post(supervisor, '/policies', ofMerchant(1));
  await house.post(supervisor, '/policies/1/withdrawal', { merchant: 'm1', reason });
  const propose = (version: number) => house.post(supervisor, '/policies/short-notice', { ...ofMerchant(version), reason });
  const { hash: first } = await propose(2);
  await house.post(supervisor, '/policies/short-notice/withdrawal', { merchant: 'm1', hash: first });
  const { hash } = await propose(2);
  await house.post('operator:wang', '/policies/short-notice/approval', { merchant: 'm1', hash });
  await market.buy('S5', { consent: { id: 'demo.m1', version: 2, hash } });
  await market.deliverKeys('S5', [1], 'INVALID');
  await market.claim('S5');
  await house.post(supervisor, '/policies/retirement', { merchant: 'm1', reason });
  await house.settle();
  const { body } = await house.send('shop', '/orders', market.orderBody('S6'));
  expect(body['detail']).toBe('the buyer must accept version 2 of the refund policy demo.m1 before paying');
  expect(await house.read(supervisor, '/orders/S5')).toMatchObject({ policy: { id: 'demo.m1', version: 2, hash } });
  expect(await market.verify()).toMatchObject({ code: 0, holds: true, violations: [] });
  const own = await simulated(await candidate('same-again', {}), '--merchant', 'm1');
  expect(own).toMatchObject({ code: 0, report: { verdicts: 4, changed: 0 } });
});

it('ends with 0 when nothing changes and with 2 when it could not be carried out', async () => {
  expect((await simulate(await candidate('same', {}))).code).toBe(0);
  const barrier = await simulate(await candidate('barrier', { 'not-delivered': { ...refund('none'), remedy: 'NONE' } }));
  expect(barrier.code).toBe(2);
  expect(barrier.text).toContain('rule not-delivered refuses a unit that was never delivered');
  expect((await simulate(join(dataDir, 'none.json'))).text).toContain('none.json does not exist');
  expect((await simulate(await generous(), '--since', 'yesterday')).code).toBe(2);
});
