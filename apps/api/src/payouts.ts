import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { PayoutCommand } from '@recourse/compensation/events';
import type { Actor } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { type Database, findPayout, listPayouts, type PayoutRow } from '@recourse/postgres';
import { derivedIdShape, Limit, limitOf, Text } from './fields.js';
import { isPartyOf, Parties } from './parties.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken } from './tokens.js';

class ChangeDestination extends commandOf<PayoutCommand, 'ChangeDestination'>('payout', 'ChangeDestination') {}

export const payoutCommands = [ChangeDestination] as const;

const usualRows = 50;
const maxRows = 200;

class DestinationBody {
  @Text(128, { description: "the buyer's other account at the rail; kept in the vault", example: 'alice@example.org' })
  payeeAccount!: string;
}

class PayoutQuery {
  @Limit(maxRows)
  limit?: string;
}

const viewOf = (row: PayoutRow) => ({
  payoutId: row.payout_id,
  purpose: row.purpose,
  merchant: row.merchant,
  buyer: row.buyer,
  rail: row.rail,
  amount: toJson({ asset: row.asset, minor: row.amount }),
  status: row.status,
  detail: row.detail,
  transferNo: row.transfer_no,
  railTransferId: row.rail_transfer_id,
  requestedAt: row.requested_at,
  succeededAt: row.succeeded_at,
});

@ApiTags('payouts')
@Controller('payouts')
export class Payouts {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get()
  @Reads('shop', 'buyer', 'merchant', 'finance', 'operator')
  @ApiOperation({ summary: 'Payouts, newest first: of the platform, or those that concern the caller' })
  async list(@Query() query: PayoutQuery, @Caller() caller: Actor) {
    const { platform, role, party } = caller;
    const mine = role === 'buyer' || role === 'merchant' ? { [role]: party } : {};
    const rows = await listPayouts(this.database.db, { platform, ...mine, limit: limitOf(query.limit, usualRows, maxRows) });
    return { payouts: rows.map(viewOf) };
  }

  @Get(':payoutId')
  @Reads('shop', 'buyer', 'merchant', 'arbitrator', 'finance', 'operator')
  @ApiOperation({ summary: 'Where a payout stands' })
  async read(@Param('payoutId') payoutId: string, @Caller() caller: Actor) {
    const row = derivedIdShape.test(payoutId) ? await findPayout(this.database.db, payoutId) : undefined;
    if (row === undefined || !isPartyOf(caller, row)) throw new Problem(404, 'payout-unknown', 'there is no such payout for you');
    return viewOf(row);
  }

  @Post(':payoutId/destination')
  @Writes(200, 'buyer')
  @ApiOperation({ summary: 'Name another account for a refund that could not be paid' })
  changeDestination(@Param('payoutId') payoutId: string, @Body() body: DestinationBody, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.payout(run.caller, payoutId);
      await run.send(ChangeDestination, payoutId, {
        type: 'ChangeDestination',
        payee: await run.keep({ account: body.payeeAccount }),
      });
      return { payoutId };
    });
  }
}
