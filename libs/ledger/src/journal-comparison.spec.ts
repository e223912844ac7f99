import type { Recorded } from '@recourse/eventing';
import { compareJournal, journalRowsOf, type JournalRow } from './journal-comparison.js';
import type { Violation } from './invariant.js';
import { deadKey, fen, positionOf, recorded } from './sample-history.js';
import type { DomainEvent } from './posting.js';

const log = recorded(deadKey);
const journal = log.flatMap(journalRowsOf);
const at = positionOf(deadKey, 'FundsReserved');
const first = journal.findIndex(({ position }) => position === at);

async function* stream<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}
const compare = async (rows: readonly JournalRow[], events: readonly Recorded<DomainEvent>[] = log) => {
  const found: Violation[] = [];
  for await (const violation of compareJournal(stream(rows), stream(events))) found.push(violation);
  return found;
};

it('a journal that is what the events post is accepted', async () => {
  expect(await compare(journal)).toEqual([]);
  expect(await compare([], [])).toEqual([]);
});

it('a changed amount is named with the row (I1)', async () => {
  expect(await compare(journal.with(first, { ...journal[first]!, amount: fen(9_499) }))).toEqual([
    {
      invariant: 'I1',
      subject: `journal line 0 of ${at}`,
      position: at,
      found: 'demo/fund:available → demo/refund:demo.o1.1.v1 94.99 CNY',
      expected: 'demo/fund:available → demo/refund:demo.o1.1.v1 95.00 CNY',
    },
  ]);
});

it('an asset that does not exist is named too (I1)', async () => {
  const [found] = await compare(journal.with(first, { ...journal[first]!, amount: { asset: 'SHELL', minor: 7n } }));
  expect(found?.found).toContain('7 minor units of SHELL');
});

it('a lost row, an invented row and a doubled row are each named once (I1)', async () => {
  const lost = await compare(journal.toSpliced(first + 1, 1));
  expect(lost).toMatchObject([{ subject: `journal line 1 of ${at}`, found: 'no row' }]);
  const invented = await compare(journal.toSpliced(first, 0, { ...journal[first]!, position: at - 1n }));
  expect(invented).toMatchObject([{ position: at - 1n, expected: 'no row' }]);
  const doubled = await compare(journal.toSpliced(first, 0, journal[first]!));
  expect(doubled).toMatchObject([{ position: at, expected: 'no row' }]);
  const more = await compare([...journal, { ...journal.at(-1)!, line: 1 }]);
  expect(more).toMatchObject([{ expected: 'no row' }]);
});

it('a journal that lost its end misses every row of it (I1)', async () => {
  expect(await compare(journal.slice(0, first))).toHaveLength(journal.length - first);
});

it('lets go of the stored rows when the caller stops early', async () => {
  let closed = false;
  async function* rows(): AsyncGenerator<JournalRow> {
    try {
      yield* journal.map((row) => ({ ...row, amount: fen(1) }));
    } finally {
      closed = true;
    }
  }
  for await (const violation of compareJournal(rows(), stream(log))) {
    expect(violation.invariant).toBe('I1');
    break;
  }
  expect(closed).toBe(true);
});
