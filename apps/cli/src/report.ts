import { format, toJson, type Money } from '@recourse/money';
import { csvLine } from '@recourse/postgres';
import { table } from './tables.js';

/** A value as people read it: text, a number, an amount in major units, or nothing. */
export type Cell = string | bigint | number | Money | null | undefined;

export interface Column {
  /** Its name in JSON. */
  readonly key: string;
  /** In English and Chinese, for tables and CSV. */
  readonly head: string;
}
export type Row = Readonly<Record<string, Cell>>;

/** Rows come page by page, so that no more than a page of them is in memory, however long the report is. */
export interface Report {
  readonly columns: readonly Column[];
  readonly pages: AsyncIterable<readonly Row[]>;
  /** What the rows are of; the beginning of the JSON document, and the first line of a table. */
  readonly about: Readonly<Record<string, string>>;
}
export type ReportForm = 'table' | 'csv' | 'json';

export const asReport: Readonly<Record<ReportForm, (report: Report) => AsyncGenerator<string>>> = {
  table: asTables,
  csv: asCsv,
  json: asJson,
};

const isMoney = (cell: Cell): cell is Money => typeof cell === 'object' && cell !== null;
const shown = (cell: Cell): string => (isMoney(cell) ? format(cell) : (cell ?? '').toString());

/** One table a page, each as wide as its own rows. */
async function* asTables({ columns, pages, about }: Report): AsyncGenerator<string> {
  yield `${Object.entries(about)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')}\n`;
  const heads = columns.map(({ head }) => head);
  for await (const rows of pages) {
    if (rows.length === 0) continue;
    const right = columns.flatMap(({ key }, index) =>
      rows.some((row) => typeof row[key] === 'object' && row[key] !== null) ? [index] : [],
    );
    const cells = rows.map((row) => columns.map(({ key }) => shown(row[key])));
    yield `${table(heads, cells, right).join('\n')}\n`;
  }
}

/** RFC 4180; amounts in major units. */
async function* asCsv({ columns, pages }: Report): AsyncGenerator<string> {
  yield csvLine(columns.map(({ head }) => head));
  for await (const rows of pages)
    yield rows
      .map((row) => csvLine(columns.map(({ key }) => (isMoney(row[key]) ? { number: shown(row[key]) } : shown(row[key])))))
      .join('');
}

async function* asJson({ pages, about }: Report): AsyncGenerator<string> {
  yield `${JSON.stringify(about).slice(0, -1)}${Object.keys(about).length === 0 ? '' : ','}"rows":[`;
  let separator = '\n';
  for await (const rows of pages)
    for (const row of rows) {
      yield `${separator}${JSON.stringify(row, (_, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : isAmount(value) ? toJson(value) : value,
      )}`;
      separator = ',\n';
    }
  yield '\n]}\n';
}
const isAmount = (value: unknown): value is Money =>
  typeof value === 'object' && value !== null && 'minor' in value && typeof value.minor === 'bigint';
