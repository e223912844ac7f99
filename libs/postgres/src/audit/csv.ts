/** A cell: text of anybody, or a number that is ours and is written as it is. */
export type Cell = string | null | { readonly number: string };

/** Excel reads UTF-8 only behind this mark. */
export const byteOrderMark = '\uFEFF';

/** A spreadsheet takes what begins so for a formula, full-width forms included; an apostrophe before it makes it a text. */
const formula = /^[=+\-@\t\r\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}]/u;
const special = /[",\r\n]/;

export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return cell.number;
  const guarded = formula.test(cell);
  return guarded || special.test(cell) ? `"${guarded ? "'" : ''}${cell.replaceAll('"', '""')}"` : cell;
}

/** Rows under a bilingual head, as CSV and as a table of a terminal are made of. */
export interface Sheet {
  readonly head: readonly string[];
  readonly rows: Iterable<readonly Cell[]> | AsyncIterable<readonly Cell[]>;
}

/** Line by line, so that memory does not grow with the rows. */
export async function* csvOf({ head, rows }: Sheet): AsyncGenerator<string> {
  yield byteOrderMark + csvLine(head);
  for await (const row of rows) yield csvLine(row);
}
