import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { plusMs } from '@recourse/eventing';
import {
  connect,
  csvOf,
  everyRefundOfTotal,
  existingVirtualClock,
  figureReport,
  machineClock,
  parseGroupings,
  periodBetween,
  plain,
  publishedPolicies,
  refundBearers,
  refundGroupingNames,
  refundNotes,
  refundReport,
  refundSources,
  sheetOfChecks,
  sheetOfFigures,
  sheetOfRefunds,
  sheetOfSpeed,
  sheetOfTotals,
  speedReport,
  type Cell,
  type Database,
  type FigureScope,
  type RefundGrouping,
  type RefundSelection,
  type Sheet,
} from '@recourse/postgres';
import { table } from './tables.js';
import { storesOf } from './verify-installation.js';

export type AuditReportName = 'refunds' | 'reliability' | 'parties' | 'speed';
export interface AuditOptions {
  readonly dataDir: string;
  readonly platform: string;
  readonly from?: string;
  readonly to?: string;
  readonly merchant?: string;
  readonly format: 'table' | 'csv' | 'json';
  readonly out?: string;
  readonly basis?: 'approval' | 'payment';
  readonly by?: string;
  readonly rule?: string;
  readonly ground?: string;
  readonly rail?: string;
  readonly source?: string;
  readonly bearer?: string;
  readonly liable?: string;
  readonly each?: boolean;
}
interface Voice {
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
}
/** An answer in every form it may be asked for. */
interface Answer {
  readonly sheet: Sheet;
  readonly json: () => object | AsyncIterable<object>;
  /** What a table says below its rows. */
  readonly more?: readonly string[];
  readonly agrees: boolean;
}

const statementTimeoutMs = 600_000;
/** A table is as wide as its widest row, so it has to be held whole. */
const maxTableRows = 1_000;

/**
 * `recourse audit`, on the stores of an installation that runs or is at rest.
 * @returns 0, or 1 when totals are not those of the journal
 * @throws Error that says what cannot be asked, before anything is opened or written
 */
export async function runAudit(
  name: AuditReportName,
  options: AuditOptions,
  environment: Readonly<Record<string, string | undefined>>,
  { say, complain }: Voice,
): Promise<number> {
  const selection = selectionOf(options);
  const by = groupingsOf(options.by);
  const stores = await storesOf(resolve(options.dataDir), environment);
  const database = connect(stores.databaseUrl, { applicationName: 'recourse-audit', maxConnections: 2, statementTimeoutMs });
  try {
    const answer =
      name === 'refunds'
        ? await refunds(database, selection, by, options.each === true)
        : await figures(name, database, await scopeOf(database, selection));
    await write(answer, options, say);
    if (!answer.agrees) complain('the totals are not those of the journal: recourse verify names the rows');
    return answer.agrees ? 0 : 1;
  } finally {
    await database.close();
    await stores.stop();
  }
}

function oneOf<T extends string>(name: string, value: string | undefined, known: readonly T[]): T | undefined {
  const found = known.find((one) => one === value);
  if (value !== undefined && found === undefined) throw new Error(`--${name} is one of ${known.join(', ')}`);
  return found;
}

function groupingsOf(text: string | undefined): readonly RefundGrouping[] {
  const by = text === undefined ? [] : parseGroupings(text);
  if (by === undefined) throw new Error(`--by is one or two different of ${refundGroupingNames.join(', ')}`);
  return by;
}

/** @throws Error, PeriodError */
function selectionOf(options: AuditOptions): RefundSelection {
  const { platform, basis = 'approval', merchant, rule, ground, rail, liable } = options;
  const source = oneOf('source', options.source, refundSources);
  const bearer = oneOf('bearer', options.bearer, refundBearers);
  const given = Object.entries({ merchant, rule, ground, rail, liable, source, bearer }).filter(
    ([, value]) => value !== undefined,
  );
  return { platform, basis, ...periodBetween(options), ...(Object.fromEntries(given) as Partial<RefundSelection>) };
}

async function refunds(
  { db }: Database,
  selection: RefundSelection,
  by: readonly RefundGrouping[],
  each: boolean,
): Promise<Answer> {
  if (each)
    return {
      sheet: sheetOfRefunds(everyRefundOfTotal(db, selection)),
      json: () => everyRefundOfTotal(db, selection),
      agrees: true,
    };
  const report = await refundReport(db, selection, by);
  const total = sheetOfTotals({ by: [], groups: report.totals });
  return {
    sheet: sheetOfTotals(report),
    json: () => ({ ...report, notes: refundNotes }),
    more: [
      ...(by.length === 0 ? [] : ['', 'Total 合计', ...(await tableOf(total))]),
      '',
      `Beside the journal 与日记账核对: ${report.agrees ? 'equal 相符' : 'DIFFERENT 不符'}`,
      ...(await tableOf(sheetOfChecks(report))),
    ],
    agrees: report.agrees,
  };
}

async function figures(name: Exclude<AuditReportName, 'refunds'>, { db }: Database, scope: FigureScope): Promise<Answer> {
  const { from, before } = scope;
  if (name === 'speed') {
    const report = await speedReport(db, scope);
    return { sheet: sheetOfSpeed(report), json: () => ({ from, before, ...report }), agrees: true };
  }
  const report = await figureReport(db, name, scope);
  return { sheet: sheetOfFigures(report), json: () => ({ from, before, ...report }), agrees: true };
}

async function scopeOf(
  { db }: Database,
  { platform, from = '1970-01-01T00:00:00.000Z', before, merchant }: RefundSelection,
): Promise<FigureScope> {
  const now = await ((await existingVirtualClock(db)) ?? machineClock).now();
  return {
    platform,
    from,
    before: before ?? plusMs(now, 1),
    ...(merchant === undefined ? {} : { merchant }),
    policies: await publishedPolicies(db, platform),
  };
}

async function write(answer: Answer, { format, out }: AuditOptions, say: (line: string) => void): Promise<void> {
  const text = textOf(answer, format);
  if (out === undefined) {
    for await (const part of text) say(part.replace(/\r?\n$/, ''));
    return;
  }
  await pipeline(Readable.from(text), createWriteStream(resolve(out), { flags: 'wx' }));
}

/** Line by line. */
async function* textOf({ sheet, json, more = [] }: Answer, format: AuditOptions['format']): AsyncGenerator<string> {
  if (format === 'csv') {
    yield* csvOf(sheet);
    return;
  }
  if (format === 'table') {
    for (const line of [...(await tableOf(sheet)), ...more]) yield `${line}\n`;
    return;
  }
  const value = json();
  if (!(Symbol.asyncIterator in value)) yield `${JSON.stringify(plain(value), null, 2)}\n`;
  else for await (const item of value) yield `${JSON.stringify(plain(item))}\n`;
}

const textOfCell = (cell: Cell): string => (cell === null ? '' : typeof cell === 'string' ? cell : cell.number);

/** Formulas are sentences: they stand in the CSV and the JSON. */
const tooWide = /公式|formula|事件|未列原因/;

async function tableOf({ head, rows }: Sheet): Promise<string[]> {
  const columns = head.flatMap((title, column) => (tooWide.test(title) ? [] : [column]));
  const numbers = new Set<number>();
  const lines: string[][] = [];
  let cut = false;
  for await (const row of rows) {
    cut = lines.length === maxTableRows;
    if (cut) break;
    columns.forEach((column, place) => typeof row[column] === 'object' && row[column] !== null && numbers.add(place));
    lines.push(columns.map((column) => textOfCell(row[column] ?? null)));
  }
  const titles = columns.map((column) => head[column] ?? '');
  return [...table(titles, lines, [...numbers]), ...(cut ? [`the first ${maxTableRows}; --format csv writes all`] : [])];
}
