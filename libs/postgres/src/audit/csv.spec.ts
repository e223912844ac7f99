import { byteOrderMark, csvOf, type Cell } from './csv.js';

const written = async (...rows: Cell[][]) => {
  let text = '';
  for await (const line of csvOf({ head: ['甲 a', 'b'], rows })) text += line;
  return text;
};

it('begins with the mark by which Excel knows UTF-8, and a head in two languages', async () => {
  expect(await written()).toBe(`${byteOrderMark}甲 a,b\r\n`);
});

it('quotes commas, quotes and line breaks, and leaves nothing for null', async () => {
  const [, ...lines] = (await written(['a,b', 'say "no"'], ['two\nlines', null])).split('\r\n');
  expect(lines).toEqual(['"a,b","say ""no"""', '"two\nlines",', '']);
});

it.each(['=1+1', '+1', '-1', '@sum', '\tx', '\rx', '＝1', '＋1', '－1', '＠x'])('%j is a text and no formula', async (text) => {
  expect((await written([text, 'x'])).split('\r\n')[1]).toBe(`"'${text}",x`.split('\r\n')[0]);
});

it('writes a number of ours as it is, also below zero', async () => {
  expect((await written([{ number: '-0.05' }, { number: '90071992547409.93' }])).split('\r\n')[1]).toBe(
    '-0.05,90071992547409.93',
  );
});
