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
 * position. Names every row that is missing, is not posted by any event, or says something else; keeps two rows.
 */
export class JournalComparison {
  readonly #stored: AsyncIterator<JournalRow>;
  #row: JournalRow | undefined;
  #isStarted = false;

  constructor(rows: AsyncIterable<JournalRow>) {
    this.#stored = rows[Symbol.asyncIterator]();
  }

  /** The next event of the log. */
  async take(event: Recorded<DomainEvent>): Promise<readonly Violation[]> {
    const found: Violation[] = [];
    for (const expected of journalRowsOf(event)) {
      if (!this.#isStarted) await this.#next();
      for (; this.#row !== undefined && order(this.#row, expected) < 0; await this.#next())
        found.push(differs(this.#row, show(this.#row), 'no row'));
      const row = this.#row;
      if (row === undefined || order(row, expected) > 0) {
        found.push(differs(expected, 'no row', show(expected)));
        continue;
      }
      if (show(row) !== show(expected)) found.push(differs(row, show(row), show(expected)));
      await this.#next();
    }
    return found;
  }

  /** Rows behind the last event, one by one, since there is no saying how many. */
  async *finish(): AsyncGenerator<Violation> {
    if (!this.#isStarted) await this.#next();
    for (; this.#row !== undefined; await this.#next()) yield differs(this.#row, show(this.#row), 'no row');
  }

  /** Reads no further. */
  async close(): Promise<void> {
    await this.#stored.return?.();
  }

  async #next(): Promise<void> {
    this.#isStarted = true;
    const { done, value } = await this.#stored.next();
    this.#row = done === true ? undefined : value;
  }
}

/** The comparison as a whole, where the log is read for it alone. */
export async function* compareJournal(
  rows: AsyncIterable<JournalRow>,
  events: AsyncIterable<Recorded<DomainEvent>>,
): AsyncGenerator<Violation> {
  const comparison = new JournalComparison(rows);
  try {
    for await (const event of events) yield* await comparison.take(event);
    yield* comparison.finish();
  } finally {
    await comparison.close();
  }
}

function order(one: JournalRow, other: JournalRow): number {
  return one.position === other.position ? one.line - other.line : one.position < other.position ? -1 : 1;
}

const differs = ({ position, line }: JournalRow, found: string, expected: string): Violation =>
  violation(position, `journal line ${line} of ${position}`, found, expected);
