import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor } from '@recourse/eventing';
import { Caller, Problem } from '@recourse/nest';
import { caseStatuses, caseTurns, type CaseTurn, type Database, listCases } from '@recourse/postgres';
import { derivedIdShape, Id, Limit, limitOf, OneOf, Shape } from './fields.js';
import { ownParty, Parties } from './parties.js';
import { everyRole, Reads } from './route.js';
import { databaseToken } from './tokens.js';

const usualRows = 50;
const maxRows = 200;

class CaseQuery {
  @Id({ optional: true })
  merchant?: string;

  @Id({ optional: true })
  buyer?: string;

  @OneOf(caseStatuses, { description: 'open if nothing is said; not together with turn', optional: true })
  status?: string;

  @OneOf(caseTurns, { description: 'whose word a unit waits for', optional: true })
  turn?: CaseTurn;

  @Shape(derivedIdShape, { description: 'the last dispute already seen', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

@ApiTags('disputes')
@Controller('disputes')
export class CaseList {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get()
  @Reads(...everyRole)
  @ApiOperation({ summary: 'Disputes, the most urgent first: what waits for whom, and until when' }) // S18
  async list(@Query() query: CaseQuery, @Caller() caller: Actor) {
    const { merchant = ownParty(caller, 'merchant'), buyer = ownParty(caller, 'buyer'), ...filter } = query;
    if (query.turn !== undefined && query.status !== undefined)
      throw new Problem(400, 'turn-or-status', 'name a turn or a status; what waits for somebody is open or a draft');
    const limit = limitOf(query.limit, usualRows, maxRows);
    const rows = await listCases(this.database.db, {
      ...filter,
      platform: caller.platform,
      ...(merchant === undefined ? {} : { merchant: this.parties.merchant(caller, merchant) }),
      ...(buyer === undefined ? {} : { buyer: this.parties.buyer(caller, buyer) }),
      limit,
    });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      disputes: rows.map((row) => ({
        disputeId: row.dispute_id,
        orderId: row.order_id,
        merchant: row.merchant,
        buyer: row.buyer,
        reason: row.reason,
        status: row.status,
        openedAt: row.opened_at,
        submittedAt: row.submitted_at,
        until: row.due_at,
        units: row.units,
      })),
      ...(last === undefined ? {} : { next: last.dispute_id }),
    };
  }
}
