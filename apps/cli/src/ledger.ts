import { epochMsOf, instantOf, isInstant, plusMs, type Instant } from '@recourse/eventing';
import { openEventStore } from '@recourse/eventstore';
import {
  accountKinds,
  findAccount,
  hledgerAccountDirective,
  hledgerHead,
  hledgerTransaction,
  trialBalanceSheets,
} from '@recourse/ledger';
import { money, negate, type Money } from '@recourse/money';
import { catalogue } from '@recourse/nest';
import {
  balancePage,
  booksPosition,
  connect,
  cutAt,
  journalPage,
  kindBalances,
  statementPage,
  type AccountBalance,
  type Cut,
  type CutTime,
  type Database,
  type JournalFilter,
  type JournalLine,
  type JournalPlace,
} from '@recourse/postgres';
import { print, writeWhole } from './output.js';
import { Progress } from './progress.js';
import { asReport, type Report, type ReportForm, type Row } from './report.js';
import { storesOf } from './verify-installation.js';

export const ledgerReports = ['balances', 'trial-balance', 'statement', 'journal'] as const;
export type LedgerReport = (typeof ledgerReports)[number];
export type LedgerForm = ReportForm | 'hledger';

export interface LedgerOptions {
  readonly dataDir: string;
  readonly platform?: string;
  readonly account?: string;
  readonly event?: string;
  readonly kind?: string;
  /** A log position, a moment or a day in Shanghai; lines later than this, and up to that. */
  readonly from?: string;
  readonly at?: string;
  readonly time: CutTime;
  readonly format: LedgerForm;
  readonly out?: string;
}
export interface LedgerSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly complain: (line: string) => void;
}

/** Rows in memory at a time, of whatever report. */
const pageRows = 1_000;
const dayMs = 86_400_000;
const shanghaiOffsetMs = 8 * 3_600_000;
/** A byte order mark, without which a spreadsheet takes the Chinese of a file for another encoding. */
const utf8Mark = '\ufeff';

/** A log position or a moment. A day means its end in Asia/Shanghai, or as a beginning the end of the day before. */
export function pointOf(text: string, as: 'end' | 'beginning'): bigint | Instant {
  if (/^(0|[1-9]\d{0,17})$/.test(text)) return BigInt(text);
  if (/^\d{4}-\d\d-\d\d$/.test(text) && isInstant(`${text}T00:00:00.000Z`)) {
    const midnight = instantOf(epochMsOf(`${text}T00:00:00.000Z`) - shanghaiOffsetMs);
    if (instantOf(epochMsOf(midnight) + shanghaiOffsetMs).startsWith(text))
      return plusMs(midnight, (as === 'end' ? dayMs : 0) - 1);
  }
  const withMs = text.replace(/:(\d\d)Z$/, ':$1.000Z');
  if (isInstant(withMs) && instantOf(epochMsOf(withMs)) === withMs) return withMs;
  throw new RangeError(`${text} is no log position (1234), moment (2026-03-31T08:00:00.000Z) or day in Shanghai (2026-03-31)`);
}

/** What makes no sense together. @throws RangeError */
function demandSense(report: LedgerReport, options: LedgerOptions): void {
  const { account, platform, event, kind, from, at, format } = options;
  const demand = (sense: boolean, message: string) => {
    if (!sense) throw new RangeError(message);
  };
  demand(report !== 'statement' || account !== undefined, 'a statement is of one account: --account');
  demand(account === undefined || ['statement', 'journal'].includes(report), `--account is for statement and journal`);
  demand(
    account === undefined || findAccount(account) !== undefined,
    `${account} is not the name of an account, like demo/fund:available`,
  );
  demand(event === undefined || report === 'journal', '--event is for the journal');
  demand(kind === undefined || report === 'balances', '--kind is for balances');
  demand(kind === undefined || Object.hasOwn(accountKinds, kind), `--kind is one of ${Object.keys(accountKinds).join(', ')}`);
  demand(from === undefined || ['statement', 'journal'].includes(report), '--from is for statement and journal');
  demand(report !== 'statement' || platform === undefined, 'the account names its platform');
  demand(format !== 'hledger' || report === 'journal', 'hledger is a form of the journal');
  demand(
    format !== 'hledger' || (account === undefined && event === undefined && from === undefined),
    'a part of the journal does not balance: --format hledger takes --at and --platform only',
  );
  const [start, end] = [from && pointOf(from, 'beginning'), at && pointOf(at, 'end')];
  demand(
    start === undefined || end === undefined || (typeof start === typeof end && start <= end),
    '--from and --at are two positions or two times, the earlier one first',
  );
}

/** `recourse ledger …`: beside a running installation, on one at rest, or on the stores that the environment names. @throws RangeError for options that make no sense, before anything is started */
export async function runLedger(
  report: LedgerReport,
  options: LedgerOptions,
  { environment, complain }: LedgerSurroundings,
): Promise<number> {
  demandSense(report, options);
  const stores = await storesOf(options.dataDir, environment);
  const database = connect(stores.databaseUrl, { applicationName: 'recourse-ledger', maxConnections: 2, statementTimeoutMs });
  const isQuiet = options.out === undefined && process.stdout.isTTY;
  const progress = isQuiet ? undefined : new Progress(`${report}:`);
  try {
    const booksAt = await booksPosition(database.db);
    await warnIfBehind(stores.eventStoreUrl, booksAt, complain);
    const { time } = options;
    const from = options.from === undefined ? undefined : cutAt(pointOf(options.from, 'beginning'), time, booksAt);
    const to = cutAt(options.at === undefined ? undefined : pointOf(options.at, 'end'), time, booksAt);
    const books: BooksAt = {
      database,
      booksAt,
      to,
      ...(from && { from }),
      show: (position) => progress?.show(Number(position), Number(to.position)),
    };
    const chunks = chunksOf(report, options, books);
    if (options.out === undefined) await print(chunks);
    else await writeWhole(options.out, options.format === 'csv' ? marked(chunks) : chunks);
    return 0;
  } finally {
    progress?.clear();
    await database.close();
    await stores.stop();
  }
}

/** For one statement over all balances. */
const statementTimeoutMs = 600_000;

interface BooksAt {
  readonly database: Database;
  readonly booksAt: bigint;
  readonly from?: Cut;
  readonly to: Cut;
  readonly show: (position: bigint) => void;
}

async function warnIfBehind(eventStoreUrl: string, booksAt: bigint, complain: (line: string) => void): Promise<void> {
  const eventStore = openEventStore({ connectionString: eventStoreUrl, catalogue, log: () => undefined });
  try {
    const head = await eventStore.lastPosition();
    if (head > booksAt)
      complain(`the books stand at position ${booksAt} of the log, which ends at ${head}: later events are not in them yet`);
  } finally {
    await eventStore.close();
  }
}

async function* marked(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  yield utf8Mark;
  yield* chunks;
}

function chunksOf(report: LedgerReport, options: LedgerOptions, books: BooksAt): AsyncIterable<string> {
  if (options.format === 'hledger') return hledgerJournal(options, books);
  const about = {
    report,
    ...(options.platform === undefined ? {} : { platform: options.platform }),
    ...(options.account === undefined ? {} : { account: options.account }),
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.at === undefined ? {} : { at: options.at }),
    ...((options.from ?? options.at) ? { time: options.time } : {}),
    booksAt: books.booksAt.toString(),
  };
  return asReport[options.format]({ about, ...reportOf[report](options, books) });
}

const column = (key: string, head: string) => ({ key, head });
const reportOf: Readonly<Record<LedgerReport, (options: LedgerOptions, books: BooksAt) => Omit<Report, 'about'>>> = {
  balances: (options, books) => ({
    columns: [
      column('account', 'account 科目'),
      column('zh', 'name (zh) 科目名称'),
      column('en', 'name (en)'),
      column('debit', 'debit 借方'),
      column('credit', 'credit 贷方'),
      column('asset', 'asset 币种'),
    ],
    pages: balanceRows(options, books),
  }),
  'trial-balance': (options, books) => ({
    columns: [
      column('platform', 'platform 平台'),
      column('kind', 'kind 类别'),
      column('zh', 'name (zh) 科目名称'),
      column('en', 'name (en)'),
      column('accounts', 'accounts 户数'),
      column('debit', 'debit 借方'),
      column('credit', 'credit 贷方'),
      column('asset', 'asset 币种'),
    ],
    pages: trialBalanceRows(options, books),
  }),
  statement: (options, books) => ({
    columns: [
      column('position', 'position 位置'),
      column('line', 'line 行'),
      column('recordedAt', 'recorded 记账时间'),
      column('effectiveAt', 'effective 生效时间'),
      column('event', 'event 事件'),
      column('counter', 'counter account 对方科目'),
      column('debit', 'debit 借方'),
      column('credit', 'credit 贷方'),
      column('balance', 'balance 余额'),
      ...sourceColumns,
    ],
    pages: statementRows(options, books),
  }),
  journal: (options, books) => ({
    columns: [
      column('position', 'position 位置'),
      column('line', 'line 行'),
      column('recordedAt', 'recorded 记账时间'),
      column('effectiveAt', 'effective 生效时间'),
      column('event', 'event 事件'),
      column('debit', 'debit account 借方科目'),
      column('credit', 'credit account 贷方科目'),
      column('amount', 'amount 金额'),
      ...sourceColumns,
    ],
    pages: journalRows(options, books),
  }),
};
const sourceColumns = [
  column('asset', 'asset 币种'),
  column('order', 'order 订单'),
  column('dispute', 'dispute 纠纷'),
  column('refund', 'refund 退款'),
  column('reference', 'reference 凭据'),
  column('stream', 'stream 事件流'),
];

async function* accountsOf(
  { platform, kind }: Partial<LedgerOptions>,
  { database, to }: BooksAt,
): AsyncGenerator<AccountBalance[]> {
  for (let after: AccountBalance | undefined; ;) {
    const filter = { limit: pageRows, ...(platform && { platform }), ...(kind && { kind }), ...(after && { after }) };
    const rows = await balancePage(database.db, filter, to);
    yield rows;
    after = rows.at(-1);
    if (rows.length < pageRows) return;
  }
}

/** A balance in the column of the side it stands on. */
const sides = (amount: Money): { debit: Money | null; credit: Money | null } =>
  amount.minor < 0n ? { debit: negate(amount), credit: null } : { debit: null, credit: amount };
const namesOf = (account: string) => {
  const parts = findAccount(account);
  return parts === undefined ? {} : { zh: accountKinds[parts.kind].zh, en: accountKinds[parts.kind].en };
};

async function* balanceRows(options: LedgerOptions, books: BooksAt): AsyncGenerator<Row[]> {
  for await (const rows of accountsOf(options, books))
    yield rows
      .filter(({ amount }) => amount !== 0n)
      .map(({ account, asset, amount }) => ({ account, ...namesOf(account), ...sides(money(amount, asset)), asset }));
}

async function* trialBalanceRows({ platform }: LedgerOptions, { database, to }: BooksAt): AsyncGenerator<Row[]> {
  for (const sheet of trialBalanceSheets(await kindBalances(database.db, platform, to))) {
    const { asset, debit, credit } = sheet;
    yield [
      ...sheet.rows.map((row) => ({
        platform: sheet.platform,
        kind: row.kind,
        zh: row.zh,
        en: row.en,
        accounts: row.accounts,
        debit: row.debit,
        credit: row.credit,
        asset,
      })),
      { platform: sheet.platform, kind: 'total', zh: '合计', en: 'Total', debit, credit, asset },
    ];
  }
}

async function* journalLines(
  filter: Pick<JournalFilter, 'platform' | 'account' | 'eventType'>,
  { database, from, to, show }: BooksAt,
): AsyncGenerator<JournalLine[]> {
  for (let after: JournalPlace | undefined; ;) {
    const rows = await journalPage(database.db, {
      ...filter,
      to,
      limit: pageRows,
      ...(from && { from }),
      ...(after && { after }),
    });
    yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    show(last.position);
    after = last;
  }
}

const sourceOf = (row: Omit<JournalLine, 'amount'>) => ({
  asset: row.asset,
  order: row.order_id,
  dispute: row.case_id,
  refund: row.refund_id,
  reference: row.reference,
  stream: row.stream,
});
const placeOf = (row: Omit<JournalLine, 'amount'>) => ({
  position: row.position,
  line: row.line,
  recordedAt: row.recorded_at,
  effectiveAt: row.effective_at,
  event: row.event_type,
});

async function* journalRows({ platform, account, event }: LedgerOptions, books: BooksAt): AsyncGenerator<Row[]> {
  const filter = { ...(platform && { platform }), ...(account && { account }), ...(event && { eventType: event }) };
  for await (const rows of journalLines(filter, books))
    yield rows.map((row) => ({
      ...placeOf(row),
      debit: row.debit,
      credit: row.credit,
      amount: money(row.amount, row.asset),
      ...sourceOf(row),
    }));
}

/** The opening balance, the lines with the balance after each, the closing balance. */
async function* statementRows({ account = '' }: LedgerOptions, { database, from, to, show }: BooksAt): AsyncGenerator<Row[]> {
  const standing = (event: string, balances: readonly Money[]): Row[] =>
    balances.map((balance) => ({ event, balance, asset: balance.asset }));
  for (let after: JournalPlace | undefined; ;) {
    const page = await statementPage(database.db, account, {
      to,
      limit: pageRows,
      ...(from && { from }),
      ...(after && { after }),
    });
    if (page === undefined) throw new Error(`nothing was ever posted to ${account}`);
    const last = page.lines.at(-1);
    const isEnd = last === undefined || page.lines.length < pageRows;
    yield [
      ...(after === undefined ? standing('opening balance 期初余额', page.opening) : []),
      ...page.lines.map((line) => ({
        ...placeOf(line),
        counter: line.counter,
        [line.side]: line.amount,
        balance: line.balance,
        ...sourceOf(line),
      })),
      ...(isEnd ? standing('closing balance 期末余额', page.closing) : []),
    ];
    if (isEnd) return;
    show(last.position);
    after = last;
  }
}

/** A transaction per event, each account declared: `hledger check --strict` accepts it, and its totals are ours. */
async function* hledgerJournal({ platform, at, time }: LedgerOptions, books: BooksAt): AsyncGenerator<string> {
  const scope = [
    platform === undefined ? 'every platform' : `platform ${platform}`,
    ...(at === undefined ? [] : [`${time} by ${at}`]),
  ];
  yield hledgerHead(`Recourse 账本: ${scope.join(', ')}; the books stand at position ${books.booksAt}`);
  const declared = new Set<string>();
  for await (const rows of accountsOf(platform === undefined ? {} : { platform }, books)) {
    // An account stands once for each of its assets, one behind the other.
    const names = [...new Set(rows.map(({ account }) => account))].filter((name) => !declared.has(name));
    declared.clear();
    for (const name of names.slice(-1)) declared.add(name);
    yield names.map(hledgerAccountDirective).join('');
  }
  yield '\n';
  let event: JournalLine[] = [];
  const written = () => {
    const [first] = event;
    return first === undefined ? '' : transactionOf(first, event);
  };
  for await (const rows of journalLines(platform === undefined ? {} : { platform }, books)) {
    const texts: string[] = [];
    for (const row of rows) {
      if (event[0]?.position !== row.position) {
        texts.push(written());
        event = [];
      }
      event.push(row);
    }
    yield texts.join('');
  }
  yield written();
}

const transactionOf = (first: JournalLine, lines: readonly JournalLine[]): string =>
  hledgerTransaction({
    position: first.position,
    eventType: first.event_type,
    stream: first.stream,
    recordedAt: first.recorded_at,
    effectiveAt: first.effective_at,
    ...(first.order_id === null ? {} : { orderId: first.order_id }),
    ...(first.case_id === null ? {} : { caseId: first.case_id }),
    ...(first.refund_id === null ? {} : { refundId: first.refund_id }),
    ...(first.reference === null ? {} : { reference: first.reference }),
    postings: lines.map(({ debit, credit, amount, asset }) => ({ debit, credit, amount: money(amount, asset) })),
  });
