import { money } from '@recourse/money';
import { asReport, type Report, type ReportForm, type Row } from './report.js';

async function* paged(...pages: Row[][]): AsyncGenerator<Row[]> {
  yield* pages;
}
const report = (...pages: Row[][]): Report => ({
  about: { report: 'sample', booksAt: '7' },
  columns: [
    { key: 'name', head: 'name 名称' },
    { key: 'amount', head: 'amount 金额' },
  ],
  pages: paged(...pages),
});
const written = async (form: ReportForm, ...pages: Row[][]): Promise<string> => {
  let text = '';
  for await (const chunk of asReport[form](report(...pages))) text += chunk;
  return text;
};

it('a table says what it is of, and has amounts to the right', async () => {
  expect(
    await written(
      'table',
      [
        { name: '押金', amount: money(1_234n) },
        { name: 'fees', amount: money(5n) },
      ],
      [],
    ),
  ).toBe(
    [
      'report sample, booksAt 7',
      'name 名称  amount 金额',
      '---------  -----------',
      '押金             12.34',
      'fees              0.05',
      '',
    ].join('\n'),
  );
});

it('CSV has amounts in major units, quotes what needs it, and lets no text become a formula', async () => {
  const rows = [
    { name: 'plain', amount: money(-1_234n) },
    { name: 'a "b", c', amount: money(7n, 'JPY') },
    { name: '=HYPERLINK("x")', amount: null },
    { name: '-1+1', amount: undefined },
  ];
  expect(await written('csv', rows)).toBe(
    ['name 名称,amount 金额', 'plain,-12.34', '"a ""b"", c",7', '"\'=HYPERLINK(""x"")",', '"\'-1+1",', ''].join('\r\n'),
  );
});

it('JSON is one document, however many pages, with amounts in minor units and positions as text', async () => {
  const text = await written('json', [{ name: 'one', amount: money(1n) }], [{ name: 2n, amount: null }]);
  expect(JSON.parse(text)).toEqual({
    report: 'sample',
    booksAt: '7',
    rows: [
      { name: 'one', amount: { asset: 'CNY', minor: '1' } },
      { name: '2', amount: null },
    ],
  });
  expect(JSON.parse(await written('json'))).toEqual({ report: 'sample', booksAt: '7', rows: [] });
});
