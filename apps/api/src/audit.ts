import { Controller, Get, Inject, Param, Query, Req, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { type Actor, plusMs } from '@recourse/eventing';
import { assets } from '@recourse/money';
import { Caller, Problem } from '@recourse/nest';
import {
  AuditTooLarge,
  countRefunds,
  csvOf,
  type Database,
  eventAt,
  eventsOfRefund,
  everyRefundOfTotal,
  type FigureReportName,
  figureReport,
  type FigureScope,
  findRefund,
  noRule,
  parseGroupings,
  type Period,
  periodBetween,
  PeriodError,
  periodShape,
  plain,
  publishedPolicies,
  refundBearers,
  type RefundBearer,
  type RefundGrouping,
  refundGroupingNames,
  refundNotes,
  refundReport,
  type RefundReport,
  type RefundSelection,
  refundsOfTotal,
  refundSources,
  refundStatuses,
  type RefundSource,
  type Sheet,
  sheetOfChecks,
  sheetOfFigures,
  sheetOfRefunds,
  sheetOfSpeed,
  sheetOfTotals,
  speedReport,
  type WrittenPeriod,
} from '@recourse/postgres';
import type { Request } from 'express';
import { Readable } from 'node:stream';
import { Edge } from './edge.js';
import { derivedIdShape, Id, Limit, limitOf, OneOf, Shape } from './fields.js';
import { isPartyOf } from './parties.js';
import { Reads } from './route.js';
import { databaseToken } from './tokens.js';

const usualRows = 50;
const maxRows = 200;
/** An export of more is refused before its first line. */
const maxExported = 100_000n;

const liabilities = ['PLATFORM', 'MERCHANT', 'BUYER', 'SHARED', 'NONE', 'UNPROVEN'] as const;
const grounds = [
  'verdict',
  'cancelled-before-delivery',
  'not-delivered-in-time',
  'surplus-late',
  'surplus-duplicate',
  'surplus-cancelled',
  'surplus-too-much',
  'surplus-too-little',
] as const;

class PeriodQuery {
  @Shape(periodShape, { description: 'first day, month or year, of Asia/Shanghai', example: '2026-03-01', optional: true })
  from?: string;

  @Shape(periodShape, { description: 'last day, month or year, included', example: '2026-03', optional: true })
  to?: string;

  @Id({ optional: true })
  merchant?: string;

  @OneOf(['json', 'csv'], { description: 'Accept: text/csv asks for the same', optional: true })
  format?: 'json' | 'csv';
}

class RefundFilterQuery extends PeriodQuery {
  @OneOf(['approval', 'payment'], { description: 'which moment of a refund the period is about; approval', optional: true })
  basis?: 'approval' | 'payment';

  @Shape(periodShape, { description: 'only this day, month or year of the period: the key of a group', optional: true })
  within?: string;

  @Id({ optional: true })
  buyer?: string;

  @Shape(/^(-|[a-z0-9][a-z0-9.-]{0,63})$/, {
    description: `the rule of the policy that decided; ${noRule} for refunds without a verdict`,
    optional: true,
  })
  rule?: string;

  @OneOf(Object.keys(assets), { optional: true })
  asset?: string;

  @OneOf(grounds, { optional: true })
  ground?: string;

  @Id({ optional: true })
  rail?: string;

  @OneOf(refundStatuses, { optional: true })
  status?: string;

  @OneOf(refundSources, { description: 'whose money went out', optional: true })
  source?: RefundSource;

  @OneOf(refundBearers, { description: 'who finally pays, as approved', optional: true })
  bearer?: RefundBearer;

  @OneOf(liabilities, { optional: true })
  liable?: string;
}

class TotalsQuery extends RefundFilterQuery {
  @Shape(/^[a-z]+(,[a-z]+)?$/, {
    description: `one or two of ${refundGroupingNames.join(', ')}, with a comma between`,
    example: 'month,merchant',
    optional: true,
  })
  by?: string;

  @OneOf(['groups', 'checks'], { description: 'which part of the report a CSV holds; groups', optional: true })
  sheet?: 'groups' | 'checks';
}

class EachQuery extends RefundFilterQuery {
  @Shape(derivedIdShape, { description: 'the last refund already seen', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

class EventsQuery {
  @Shape(/^(0|[1-9][0-9]{0,17})$/, { description: 'the position of the last event already seen', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

@ApiTags('audit')
@Controller('audit')
export class AuditResource {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get('refunds')
  @Reads('finance')
  @ApiProduces('application/json', 'text/csv')
  @ApiOperation({ summary: 'Totals of the refund history by any two groupings, beside the sums of the journal' })
  async totals(@Query() query: TotalsQuery, @Caller() caller: Actor, @Req() request: Request) {
    const selection = selectionOf(caller, query);
    const by = groupingsOf(query.by);
    const report = await refundReport(this.database.db, selection, by).catch((error: unknown) => {
      throw error instanceof AuditTooLarge ? new Problem(422, 'audit-too-large', error.message) : error;
    });
    if (wantsCsv(query, request))
      return query.sheet === 'checks' ? csv('refund-checks', sheetOfChecks(report)) : csv('refund-totals', sheetOfTotals(report));
    return plain({
      basis: selection.basis,
      from: selection.from ?? null,
      before: selection.before ?? null,
      by,
      groups: report.groups.map((group) => groupOf(query, report, group)),
      totals: report.totals.map((total) => groupOf(query, { by: [] }, total)),
      checks: report.checks,
      agrees: report.agrees,
      notes: refundNotes,
      position: report.position,
    });
  }

  @Get('refunds/each')
  @Reads('finance')
  @ApiProduces('application/json', 'text/csv')
  @ApiOperation({ summary: 'The refunds a total is made of; as CSV all of them' })
  async each(@Query() query: EachQuery, @Caller() caller: Actor, @Req() request: Request) {
    const { db } = this.database;
    const selection = selectionOf(caller, query);
    if (wantsCsv(query, request)) {
      if ((await countRefunds(db, selection)) > maxExported)
        throw new Problem(422, 'export-too-large', `an export holds ${maxExported} refunds at most; narrow the period`);
      return csv('refunds', sheetOfRefunds(everyRefundOfTotal(db, selection)));
    }
    const limit = limitOf(query.limit, usualRows, maxRows);
    const refunds = await refundsOfTotal(db, selection, { limit, ...(query.after === undefined ? {} : { after: query.after }) });
    const last = refunds.length === limit ? refunds.at(-1) : undefined;
    return plain({ refunds, ...(last === undefined ? {} : { next: last.refundId }) });
  }

  @Get('refunds/:refundId')
  @Reads('finance')
  @ApiOperation({ summary: 'The events of one refund: what each did to its parts, and its lines in the journal' })
  async refund(@Param('refundId') refundId: string, @Query() query: EventsQuery, @Caller() caller: Actor) {
    const found = derivedIdShape.test(refundId) ? await findRefund(this.database.db, refundId) : undefined;
    if (found === undefined || !isPartyOf(caller, found))
      throw new Problem(404, 'refund-unknown', 'there is no such refund for you');
    const limit = limitOf(query.limit, usualRows, maxRows);
    const events = await eventsOfRefund(this.database.db, { refundId, asset: found.asset }, BigInt(query.after ?? 0), limit);
    const last = events.length === limit ? events.at(-1) : undefined;
    return plain({
      refundId,
      orderId: found.order_id,
      dispute: found.dispute_id,
      events,
      ...(last === undefined ? {} : { next: last.position }),
    });
  }

  @Get('events/:position')
  @Reads('finance')
  @ApiOperation({ summary: 'An event or a line of the journal by its position, and the refund it is about' })
  async event(@Param('position') text: string, @Caller() { platform }: Actor) {
    const position = /^[1-9][0-9]{0,17}$/.test(text) ? BigInt(text) : 0n;
    const found = await eventAt(this.database.db, platform, position);
    if (found === undefined)
      throw new Problem(404, 'event-unknown', 'no event at this position moved your money or is about a refund of yours');
    return plain({ ...found, refund: found.refundId === null ? null : `/audit/refunds/${found.refundId}` });
  }

  @Get('reliability')
  @Reads('finance')
  @ApiProduces('application/json', 'text/csv')
  @ApiOperation({ summary: 'Rule transparency, evidence completeness and channel availability, each with its formula' })
  reliability(@Query() query: PeriodQuery, @Caller() caller: Actor, @Req() request: Request) {
    return this.figures('reliability', query, caller, request);
  }

  @Get('parties')
  @Reads('finance')
  @ApiProduces('application/json', 'text/csv')
  @ApiOperation({ summary: 'Conduct of users, management by the platform and performance of merchants, each with its formula' })
  parties(@Query() query: PeriodQuery, @Caller() caller: Actor, @Req() request: Request) {
    return this.figures('parties', query, caller, request);
  }

  @Get('speed')
  @Reads('finance')
  @ApiProduces('application/json', 'text/csv')
  @ApiOperation({ summary: 'How long it took from claim to verdict and to payment, in exact milliseconds' })
  async speed(@Query() query: PeriodQuery, @Caller() caller: Actor, @Req() request: Request) {
    const scope = await this.scopeOf(caller, query);
    const report = await speedReport(this.database.db, scope);
    return wantsCsv(query, request) ? csv('speed', sheetOfSpeed(report)) : plain({ ...periodOfScope(scope), ...report });
  }

  private async figures(name: FigureReportName, query: PeriodQuery, caller: Actor, request: Request) {
    const scope = await this.scopeOf(caller, query);
    const report = await figureReport(this.database.db, name, scope);
    return wantsCsv(query, request) ? csv(name, sheetOfFigures(report)) : plain({ ...periodOfScope(scope), ...report });
  }

  private async scopeOf({ platform }: Actor, { merchant, ...query }: PeriodQuery): Promise<FigureScope> {
    const { from = '1970-01-01T00:00:00.000Z', before = plusMs(await this.edge.now(), 1) } = periodOf(query);
    const policies = await publishedPolicies(this.database.db, platform);
    return { platform, from, before, ...(merchant === undefined ? {} : { merchant }), policies };
  }
}

const periodOfScope = ({ from, before }: FigureScope) => ({ from, before });

const wantsCsv = ({ format }: PeriodQuery, request: Request): boolean =>
  (format ?? (request.accepts(['application/json', 'text/csv']) === 'text/csv' ? 'csv' : 'json')) === 'csv';

/** Sent line by line; when it breaks off, the connection does too, so that nobody takes a part for the whole. */
const csv = (name: string, sheet: Sheet): StreamableFile =>
  new StreamableFile(Readable.from(csvOf(sheet)), {
    type: 'text/csv; charset=utf-8',
    disposition: `attachment; filename="${name}.csv"`,
  });

function periodOf(written: WrittenPeriod): Partial<Period> {
  try {
    return periodBetween(written);
  } catch (error) {
    throw error instanceof PeriodError ? new Problem(400, error.code, error.message) : error;
  }
}

function selectionOf({ platform }: Actor, query: RefundFilterQuery): RefundSelection {
  const { basis = 'approval', asset, merchant, buyer, rule, ground, rail, status, source, bearer, liable } = query;
  const wanted = { asset, merchant, buyer, rule, ground, rail, status, source, bearer, liable };
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  return { platform, basis, ...periodOf(query), ...(given as Omit<RefundSelection, 'platform' | 'basis'>) };
}

function groupingsOf(text: string | undefined): readonly RefundGrouping[] {
  const known = text === undefined ? [] : parseGroupings(text);
  if (known !== undefined) return known;
  throw new Problem(400, 'grouping-unknown', `group by one or two different of ${refundGroupingNames.join(', ')}`);
}

type Group = RefundReport['groups'][number];

/** The group with the address of its refunds. */
function groupOf(query: TotalsQuery, { by }: Pick<RefundReport, 'by'>, { key, ...group }: Group) {
  const kept = Object.entries(query).filter(
    ([name, value]) => value !== undefined && !['asset', 'by', 'format', 'sheet'].includes(name),
  );
  const each = new URLSearchParams([...(kept as [string, string][]), ['asset', group.asset]]);
  by.forEach((grouping, index) => {
    const value = key[index] ?? noRule;
    if (grouping !== 'day' && grouping !== 'month' && grouping !== 'year') each.set(grouping, value);
    else if (value.length > (each.get('within') ?? '').length) each.set('within', value);
  });
  const named = Object.fromEntries(by.map((grouping, index) => [grouping, key[index] ?? null]));
  return { key: named, ...group, each: `/audit/refunds/each?${each}` };
}
