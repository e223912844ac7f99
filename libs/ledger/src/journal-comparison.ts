import type { Recorded } from '@recourse/eventing';
import { show } from './balanced-postings.js';
import { reporter, type Violation } from './invariant.js';
import { postingsOf, type DomainEvent, type Posting } from './posting.js';

/** A stored posting: `line` counts the postings of the event at `position`, from 0. */
export interface JournalRow extends Posting {
  readonly position: bigint;
  readonly line: number;
}

const violation = reporter('I1');

/** The rows that the journal must hold for an event, or for all events in turn. */
export const journalRowsOf = (event: Recorded<DomainEvent>): readonly JournalRow[] =>
  postingsOf(event).map((posting, line) => ({ position: event.position, line, ...posting }));

/**
 * I1: walks the stored journal and the log side by side, each in order of position (and line) and each to the same
 * position. Yields one violation per row that is missing, is not posted by any event, or says something else; keeps two rows.
 */
export async function* compareJournal(
  rows: AsyncIterable<JournalRow>,
  events: AsyncIterable<Recorded<DomainEvent>>,
): AsyncGenerator<Violation> {
  const stored = rows[Symbol.asyncIterator]();
  const next = async () => {
    const { done, value } = await stored.next();
    return done === true ? undefined : value;
  };
  try {
    let row = await next();
    for await (const event of events)
      for (const expected of journalRowsOf(event)) {
        for (; row !== undefined && order(row, expected) < 0; row = await next()) yield differs(row, show(row), 'no row');
        if (row === undefined || order(row, expected) > 0) {
          yield differs(expected, 'no row', show(expected));
          continue;
        }
        if (show(row) !== show(expected)) yield differs(row, show(row), show(expected));
        row = await next();
      }
    for (; row !== undefined; row = await next()) yield differs(row, show(row), 'no row');
  } finally {
    await stored.return?.();
  }
}

function order(one: JournalRow, other: JournalRow): number {
  return one.position === other.position ? one.line - other.line : one.position < other.position ? -1 : 1;
}

const differs = ({ position, line }: JournalRow, found: string, expected: string): Violation =>
  violation(position, `journal line ${line} of ${position}`, found, expected);
