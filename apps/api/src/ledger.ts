import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor } from '@recourse/eventing';
import { accountKinds, findAccount, normalSide, trialBalanceSheets, type AccountKind } from '@recourse/ledger';
import { money, negate, toJson } from '@recourse/money';
import { Caller, Problem } from '@recourse/nest';
import {
  balancePage,
  booksPosition,
  type Cut,
  cutAt,
  type CutTime,
  type Database,
  type JournalLine,
  journalPage,
  type JournalPlace,
  kindBalances,
  statementPage,
} from '@recourse/postgres';
import { Limit, limitOf, OneOf, PositionOrMoment, positionOrMomentOf, Shape, Text } from './fields.js';
import { Reads } from './route.js';
import { databaseToken } from './tokens.js';

const usualRows = 100;
const maxRows = 1_000;
const maxAccountLength = 400;
const cutTimes = ['recorded', 'effective'] as const satisfies readonly CutTime[];

const Time = () =>
  OneOf(cutTimes, {
    description: 'which time of an event a moment is compared with; a line at exactly the moment counts. Default: recorded',
    optional: true,
  });
const At = () => PositionOrMoment({ description: 'a log position or a moment, both included; default: now', optional: true });
const From = () => PositionOrMoment({ description: 'lines later than this position or moment', optional: true });
const To = () => PositionOrMoment({ description: 'lines up to this position or moment, included', optional: true });
const AfterLine = () =>
  Shape(/^(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,5})$/, { description: '`next` of the page before', optional: true });

class AtQuery {
  @At()
  at?: string;

  @Time()
  time?: CutTime;
}

class BalancesQuery extends AtQuery {
  @OneOf(Object.keys(accountKinds), { optional: true })
  kind?: AccountKind;

  @OneOf(['true', 'false'], { description: 'accounts that are at zero, too', optional: true })
  zero?: 'true' | 'false';

  @Shape(/^[A-Z]{3,10}~.{1,400}$/s, { description: '`next` of the page before', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

class StatementQuery {
  @From()
  from?: string;

  @To()
  to?: string;

  @Time()
  time?: CutTime;

  @AfterLine()
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

class JournalQuery extends StatementQuery {
  @Text(maxAccountLength, {
    description: 'on either side, as the journal names it; the platform may be left out',
    example: 'merchant:starcard:deposit',
    optional: true,
  })
  account?: string;

  @Shape(/^[A-Z][A-Za-z]{1,63}$/, { description: 'type of the event', example: 'DepositDebited', optional: true })
  event?: string;
}

interface Span {
  readonly from?: Cut;
  readonly to: Cut;
}

@ApiTags('ledger')
@Controller('ledger')
export class LedgerResource {
  constructor(@Inject(databaseToken) private readonly database: Database) {}

  @Get('journal')
  @Reads('finance')
  @ApiOperation({
    summary: 'Every posting in the order of the log, of one account or event type, between two positions or moments',
  })
  async journal(@Query() query: JournalQuery, @Caller() { platform }: Actor) {
    const limit = limitOf(query.limit, usualRows, maxRows);
    const account = query.account === undefined ? undefined : accountOf(query.account, platform);
    const { span, booksAt } = await this.spanOf(query);
    const rows = await journalPage(this.database.db, {
      platform,
      ...(account === undefined ? {} : { account }),
      ...(query.event === undefined ? {} : { eventType: query.event }),
      ...span,
      ...afterOf(query.after),
      limit,
    });
    return {
      booksAt: booksAt.toString(),
      lines: rows.map((row) => ({
        ...placed(row),
        debit: row.debit,
        credit: row.credit,
        amount: toJson({ asset: row.asset, minor: row.amount }),
      })),
      ...nextOf(rows, limit),
    };
  }

  @Get('balances')
  @Reads('finance')
  @ApiOperation({
    summary: 'Every account that is not at zero, by name, at a position or moment; a page may be shorter than its limit',
  })
  async balances(@Query() query: BalancesQuery, @Caller() { platform }: Actor) {
    const limit = limitOf(query.limit, usualRows, maxRows);
    const { cut, booksAt } = await this.cutOf(query);
    const rows = await balancePage(
      this.database.db,
      {
        platform,
        ...(query.kind === undefined ? {} : { kind: query.kind }),
        ...afterAccountOf(query.after),
        limit,
      },
      cut,
    );
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      booksAt: booksAt.toString(),
      accounts: rows
        .filter(({ amount }) => amount !== 0n || query.zero === 'true')
        .map(({ account: name, asset: of, amount }) => {
          const balance = money(amount, of);
          const parts = findAccount(name);
          return {
            account: name,
            ...(parts === undefined ? {} : kindOf(parts.kind)),
            balance: toJson(normalSide(name) === 'credit' ? balance : negate(balance)),
          };
        }),
      ...(last === undefined ? {} : { next: `${last.asset}~${last.account}` }),
    };
  }

  @Get('trial-balance')
  @Reads('finance')
  @ApiOperation({
    summary: 'What the accounts of each kind stand at, in debit and in credit, at a position or moment; both sides are equal',
  })
  async trialBalance(@Query() query: AtQuery, @Caller() { platform }: Actor) {
    const { cut, booksAt } = await this.cutOf(query);
    const sheets = trialBalanceSheets(await kindBalances(this.database.db, platform, cut));
    return {
      booksAt: booksAt.toString(),
      assets: sheets.map(({ asset, rows, debit, credit }) => ({
        asset,
        kinds: rows.map((row) => ({
          ...kindOf(row.kind),
          accounts: Number(row.accounts),
          debit: toJson(row.debit),
          credit: toJson(row.credit),
        })),
        debit: toJson(debit),
        credit: toJson(credit),
      })),
    };
  }

  @Get('accounts/:account/statement')
  @Reads('finance')
  @ApiOperation({
    summary:
      'One account between two positions or moments: opening balance, every line with its counter account, closing balance',
  })
  async statement(@Param('account') name: string, @Query() query: StatementQuery, @Caller() { platform }: Actor) {
    const limit = limitOf(query.limit, usualRows, maxRows);
    const account = accountOf(name, platform);
    const { span, booksAt } = await this.spanOf(query);
    const page = await statementPage(this.database.db, account, { ...span, ...afterOf(query.after), limit });
    const parts = findAccount(account);
    if (page === undefined || parts === undefined) throw unknownAccount();
    return {
      booksAt: booksAt.toString(),
      account,
      ...kindOf(parts.kind),
      opening: page.opening.map(toJson),
      lines: page.lines.map((line) => ({
        ...placed(line),
        side: line.side,
        counter: line.counter,
        amount: toJson(line.amount),
        balance: toJson(line.balance),
      })),
      closing: page.closing.map(toJson),
      ...nextOf(page.lines, limit),
    };
  }

  private async cutOf({ at, time = 'recorded' }: AtQuery): Promise<{ cut: Cut; booksAt: bigint }> {
    const booksAt = await booksPosition(this.database.db);
    return { booksAt, cut: cutAt(at === undefined ? undefined : positionOrMomentOf(at), time, booksAt) };
  }

  private async spanOf({ from, to, time = 'recorded' }: StatementQuery): Promise<{ span: Span; booksAt: bigint }> {
    const [start, end] = [from, to].map((text) => (text === undefined ? undefined : positionOrMomentOf(text)));
    if (start !== undefined && end !== undefined && (typeof start !== typeof end || start > end))
      throw new Problem(400, 'span-invalid', 'from and to are two positions or two moments, the earlier one first');
    const booksAt = await booksPosition(this.database.db);
    const span = { ...(start === undefined ? {} : { from: cutAt(start, time, booksAt) }), to: cutAt(end, time, booksAt) };
    return { span, booksAt };
  }
}

const unknownAccount = () => new Problem(404, 'account-unknown', 'nothing was ever posted to such an account of yours');

/** With its platform, which is the caller's, named or not. */
function accountOf(text: string, platform: string): string {
  const name = text.startsWith(`${platform}/`) ? text : `${platform}/${text}`;
  if (findAccount(name) === undefined) throw unknownAccount();
  return name;
}

const kindOf = (kind: AccountKind) => {
  const { zh, en, normalSide: side } = accountKinds[kind];
  return { kind, name: { zh, en }, normalSide: side };
};

function afterAccountOf(text: string | undefined): { after?: { account: string; asset: string } } {
  const end = text?.indexOf('~') ?? -1;
  return text === undefined || end < 0 ? {} : { after: { asset: text.slice(0, end), account: text.slice(end + 1) } };
}

function afterOf(text: string | undefined): { after?: JournalPlace } {
  const [position, line] = text?.split('-') ?? [];
  return position === undefined || line === undefined ? {} : { after: { position: BigInt(position), line: Number(line) } };
}

function nextOf(rows: readonly JournalPlace[], limit: number): { next?: string } {
  const last = rows.length === limit ? rows.at(-1) : undefined;
  return last === undefined ? {} : { next: `${last.position}-${last.line}` };
}

const placed = (row: Omit<JournalLine, 'amount'>) => ({
  position: row.position.toString(),
  line: row.line,
  event: row.event_type,
  stream: row.stream,
  because: { order: row.order_id, dispute: row.case_id, refund: row.refund_id, reference: row.reference },
  recordedAt: row.recorded_at,
  effectiveAt: row.effective_at,
});
