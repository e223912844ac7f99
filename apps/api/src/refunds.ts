import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { Caller, Problem } from '@recourse/nest';
import { type Database, findRefund, listRefunds, refundStatuses } from '@recourse/postgres';
import { derivedIdShape, Id, Limit, limitOf, Moment, OneOf, Shape } from './fields.js';
import { isPartyOf, ownParty, Parties } from './parties.js';
import { paymentsView } from './payouts.js';
import { everyRole, Reads } from './route.js';
import { databaseToken } from './tokens.js';

const usualRows = 50;
const maxRows = 200;

class RefundQuery {
  @Id({ optional: true })
  merchant?: string;

  @Id({ optional: true })
  buyer?: string;

  @OneOf(refundStatuses, { optional: true })
  status?: string;

  @Shape(/^[a-z0-9][a-z0-9.-]{0,63}$/, { description: 'the rule of the policy that decided', optional: true })
  rule?: string;

  @OneOf(['escrow', 'fund', 'deposit'], { description: 'where money came from', optional: true })
  source?: 'escrow' | 'fund' | 'deposit';

  @Moment({ description: 'approved at this moment or later', optional: true })
  from?: string;

  @Moment({ description: 'approved before this moment', optional: true })
  to?: string;

  @Shape(derivedIdShape, { description: 'the last refund already seen', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

type RefundRow = Awaited<ReturnType<typeof listRefunds>>[number];

function viewOf(row: RefundRow) {
  const money = (minor: bigint) => toJson({ asset: row.asset, minor });
  return {
    refundId: row.refund_id,
    orderId: row.order_id,
    dispute: row.dispute_id,
    merchant: row.merchant,
    buyer: row.buyer,
    rail: row.rail,
    ground: row.ground,
    rule: row.rule,
    status: row.status,
    total: money(row.total),
    fromEscrow: money(row.from_escrow),
    fromFund: money(row.from_fund),
    fromDeposit: money(row.from_deposit),
    fromFees: money(row.from_fees),
    merchantShare: money(row.merchant_share),
    recovered: money(row.recovered),
    outstanding: money(row.outstanding),
    compensated: money(row.compensated),
    approvedAt: row.approved_at,
    paidAt: row.paid_at,
    railTransferId: row.rail_transfer_id,
  };
}

@ApiTags('refunds')
@Controller('refunds')
export class Refunds {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get()
  @Reads(...everyRole)
  @ApiOperation({ summary: 'Refunds in the order of their approval: why, from whose money, and what came back' })
  async list(@Query() query: RefundQuery, @Caller() caller: Actor) {
    const { merchant = ownParty(caller, 'merchant'), buyer = ownParty(caller, 'buyer'), ...filter } = query;
    const limit = limitOf(query.limit, usualRows, maxRows);
    const rows = await listRefunds(this.database.db, {
      ...filter,
      platform: caller.platform,
      ...(merchant === undefined ? {} : { merchant: this.parties.merchant(caller, merchant) }),
      ...(buyer === undefined ? {} : { buyer: this.parties.buyer(caller, buyer) }),
      limit,
    });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { refunds: rows.map(viewOf), ...(last === undefined ? {} : { next: last.refund_id }) };
  }

  @Get(':refundId')
  @Reads(...everyRole)
  @ApiOperation({ summary: 'One refund, line by line: unit, source, who is liable and what the merchant bears' })
  async read(@Param('refundId') refundId: string, @Caller() caller: Actor) {
    const found = derivedIdShape.test(refundId) ? await findRefund(this.database.db, refundId) : undefined;
    if (found === undefined || !isPartyOf(caller, found))
      throw new Problem(404, 'refund-unknown', 'there is no such refund for you');
    const money = (minor: bigint) => toJson({ asset: found.asset, minor });
    return {
      ...viewOf(found),
      payments: await paymentsView(this.database, refundId),
      lines: found.lines.map((line) => ({
        unit: line.unit_no,
        source: line.source,
        amount: money(line.amount),
        liable: line.liable,
        merchantShare: money(line.merchant_share),
      })),
    };
  }
}
