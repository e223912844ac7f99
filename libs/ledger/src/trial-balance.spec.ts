import { trialBalanceSheets, type KindSum } from './trial-balance.js';

const of = (kind: string, debits: number, credits: number, rest: Partial<KindSum> = {}): KindSum => ({
  platform: 'demo',
  kind,
  asset: 'CNY',
  accounts: 1n,
  debits: BigInt(debits),
  credits: BigInt(credits),
  ...rest,
});

it('names every kind in the order of the chart and adds up each side', () => {
  const [sheet, ...more] = trialBalanceSheets([of('gateway', 900, 0), of('escrow', 0, 600), of('advanced', 100, 400)]);
  expect(more).toEqual([]);
  expect(sheet).toMatchObject({
    platform: 'demo',
    debit: { asset: 'CNY', minor: 1_000n },
    credit: { asset: 'CNY', minor: 1_000n },
    rows: [
      { kind: 'escrow', zh: '订单托管款', en: 'Escrow of an order', debit: { minor: 0n }, credit: { minor: 600n } },
      { kind: 'gateway', normalSide: 'debit', debit: { minor: 900n }, credit: { minor: 0n } },
      { kind: 'advanced', debit: { minor: 100n }, credit: { minor: 400n } },
    ],
  });
});

it('keeps platforms and assets apart', () => {
  const sheets = trialBalanceSheets([
    of('fees', 0, 1),
    of('fees', 0, 2, { asset: 'JPY' }),
    of('fees', 0, 3, { platform: 'other' }),
  ]);
  expect(sheets.map(({ platform, credit }) => [platform, credit.asset, credit.minor])).toEqual([
    ['demo', 'CNY', 1n],
    ['demo', 'JPY', 2n],
    ['other', 'CNY', 3n],
  ]);
});

it('refuses a kind of account that it does not know', () => {
  expect(() => trialBalanceSheets([of('crypto', 0, 1)])).toThrow('"crypto" is not the name of an account');
});
