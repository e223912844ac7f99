import { format } from '@recourse/money';
import { balances, findFund, listAccounts, type Database } from '@recourse/postgres';

const amount = (minor: bigint, asset: string): string => format({ asset, minor });

/** Columns as wide as their widest cell; numbers to the right. Chinese characters are two columns wide in a terminal. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const width = (text: string) => [...text].reduce((sum, character) => sum + (/[\u2e80-\uffef]/.test(character) ? 2 : 1), 0);
  const widths = head.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ''))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const gap = ' '.repeat((widths[column] ?? 0) - width(cell));
        return right.includes(column) ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((size) => '-'.repeat(size)).join('  '), ...rows.map(line)];
}

export async function bookTables({ db }: Database, platform: string): Promise<string[]> {
  const funds = await findFund(db, platform);
  const accounts = await listAccounts(db, platform);
  const books = await balances(db, platform);
  const open = books.filter((row) => row.amount !== 0n);
  const totals = new Map<string, bigint>();
  for (const row of books) totals.set(row.asset, (totals.get(row.asset) ?? 0n) + row.amount);
  return [
    '',
    'Compensation fund 赔付基金',
    ...table(
      ['asset', 'contributed 注资', 'reserved 预留', 'reimbursed 追回', 'available 可用', 'advanced 垫付', 'queued 排队'],
      funds.map((row) => [
        row.asset,
        ...[row.contributed, row.reserved, row.reimbursed, row.available, row.advanced, row.queued].map((minor) =>
          amount(minor, row.asset),
        ),
      ]),
      [1, 2, 3, 4, 5, 6],
    ),
    '',
    'Merchant accounts 商家账户',
    ...table(
      ['merchant', 'deposit 保证金', 'held 冻结', 'payable 应付货款', 'owed 未偿', 'open cases 在办'],
      accounts.map((row) => [
        row.merchant,
        ...[row.deposit, row.held, row.payable, row.owed].map((minor) => amount(minor, row.asset)),
        String(row.open_cases),
      ]),
      [1, 2, 3, 4, 5],
    ),
    '',
    'Trial balance 试算平衡表 (credits − debits; accounts at zero are left out)',
    ...table(
      ['account', 'asset', 'balance'],
      [
        ...open.map((row) => [row.account, row.asset, amount(row.amount, row.asset)]),
        ...[...totals].map(([asset, sum]) => ['sum', asset, amount(sum, asset)]),
      ],
      [2],
    ),
  ];
}

/** All balances of a platform added up, every asset: zero in books that balance. */
export async function trialBalance({ db }: Database, platform: string): Promise<bigint> {
  return (await balances(db, platform)).reduce((sum, row) => sum + row.amount, 0n);
}
