import { isInstant } from '@recourse/eventing';
import { format } from '@recourse/money';
import { connect, findAccount, readStatement, type Bound, type Standing, type StatementLine } from '@recourse/postgres';
import { table } from './tables.js';

export interface StatementRequest {
  readonly platform: string;
  readonly merchant: string;
  readonly from?: Bound;
  readonly to?: Bound;
  readonly asOf?: Bound;
}

/** A position of the log, or a moment in UTC. @throws RangeError */
export function boundOf(text: string): Bound {
  if (/^(0|[1-9][0-9]{0,17})$/.test(text)) return { position: BigInt(text) };
  if (isInstant(text)) return { moment: text };
  throw new RangeError(`${text} is neither a position of the log nor a moment like 2026-03-01T08:00:00.000Z`);
}

const pageLines = 1_000;

/** A merchant's account with every movement, as a table. @throws Error for a merchant without an account, RangeError for a mixed range */
export async function statementTable(databaseUrl: string, request: StatementRequest): Promise<string[]> {
  const { platform, merchant, from, to } = request;
  if (from !== undefined && to !== undefined && 'moment' in from !== 'moment' in to)
    throw new RangeError('--from and --to are two positions or two moments');
  const database = connect(databaseUrl, { applicationName: 'recourse-statement', maxConnections: 1 });
  try {
    const account = await findAccount(database.db, platform, merchant);
    if (account === undefined) throw new Error(`no deposit was agreed with ${merchant} at ${platform}`);
    const row = (name: readonly string[], standing: Standing) => [
      ...name,
      ...[standing.available, standing.held, standing.owed, standing.payable].map((minor) =>
        format({ asset: account.asset, minor }),
      ),
    ];
    const rows: string[][] = [];
    for (let last: StatementLine | undefined; ;) {
      const page = await readStatement(database.db, {
        ...request,
        limit: pageLines,
        ...(last === undefined ? {} : { after: last.position }),
      });
      if (last === undefined) rows.push(row(['', '', 'opening balance 期初余额', '', ''], page.opening));
      for (const line of page.lines)
        rows.push(
          row(
            [String(line.position), line.at, line.kind, line.case_id ?? line.refund_id ?? line.order_id ?? '', line.rule ?? ''],
            line.balance,
          ),
        );
      last = page.lines.at(-1);
      if (page.lines.length === pageLines) continue;
      rows.push(row(['', '', 'closing balance 期末余额', '', ''], page.closing));
      break;
    }
    const head = [
      'position',
      'counts from',
      'movement',
      'for',
      'rule',
      'available 可用',
      'held 冻结',
      'owed 未偿',
      'payable 应付货款',
    ];
    return table(head, rows, [0, 5, 6, 7, 8]);
  } finally {
    await database.close();
  }
}
