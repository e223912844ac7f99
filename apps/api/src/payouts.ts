import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { PayoutCommand } from '@recourse/compensation/events';
import type { Actor } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { Caller, commandOf, Problem } from '@recourse/nest';
import {
  type Database,
  findPayout,
  listPayouts,
  type PaymentRow,
  paymentsOf,
  type PayoutRow,
  payoutStatuses,
  type PayoutStatus,
} from '@recourse/postgres';
import { derivedIdShape, Limit, limitOf, OneOf, Text } from './fields.js';
import { isPartyOf, Parties } from './parties.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken } from './tokens.js';

class ApprovePayout extends commandOf<PayoutCommand, 'ApprovePayout'>('payout', 'ApprovePayout') {}
class HoldPayout extends commandOf<PayoutCommand, 'HoldPayout'>('payout', 'HoldPayout') {}
class CancelPayout extends commandOf<PayoutCommand, 'CancelPayout'>('payout', 'CancelPayout') {}
class ChangeDestination extends commandOf<PayoutCommand, 'ChangeDestination'>('payout', 'ChangeDestination') {}

export const payoutCommands = [ApprovePayout, HoldPayout, CancelPayout, ChangeDestination] as const;

const usualRows = 50;
const maxRows = 200;

class DestinationBody {
  @Text(128, { description: "the buyer's other account at the rail; kept in the vault", example: 'alice@example.org' })
  payeeAccount!: string;
}

class PayoutReasonBody {
  @Text(500, {
    description: 'for whoever reads the books later; no names, no account numbers',
    example: '金额与订单不符，请复核',
  })
  reason!: string;
}

class PayoutQuery {
  @OneOf(payoutStatuses, { description: 'awaiting-approval: above its limit, two people must agree', optional: true })
  status?: PayoutStatus;

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

/** Who stands behind a payout above its limit; for the people who decide on it. */
const approvalOf = (row: PayoutRow, { role }: Actor) =>
  row.approval_limit === null || (role !== 'finance' && role !== 'operator')
    ? {}
    : {
        approval: {
          limit: toJson({ asset: row.asset, minor: row.approval_limit }),
          firstBy: row.first_by,
          approvedBy: row.approved_by,
        },
      };

const paymentView = (row: PaymentRow) => ({
  transferNo: row.transfer_no,
  railTransferId: row.rail_transfer_id,
  paidAt: row.paid_at,
  ...(row.reversed_at === null ? {} : { reversedAt: row.reversed_at, reversalCode: row.reversal_code }),
});
/** What was paid, and came back, as a payee may see it. */
export const paymentsView = async (database: Database, payoutId: string) =>
  (await paymentsOf(database.db, payoutId)).map(paymentView);

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
    const status = query.status === undefined ? {} : { status: query.status };
    const limit = limitOf(query.limit, usualRows, maxRows);
    const rows = await listPayouts(this.database.db, { platform, ...mine, ...status, limit });
    return { payouts: rows.map((row) => ({ ...viewOf(row), ...approvalOf(row, caller) })) };
  }

  @Get(':payoutId')
  @Reads('shop', 'buyer', 'merchant', 'arbitrator', 'finance', 'operator')
  @ApiOperation({ summary: 'Where a payout stands' })
  async read(@Param('payoutId') payoutId: string, @Caller() caller: Actor) {
    const row = derivedIdShape.test(payoutId) ? await findPayout(this.database.db, payoutId) : undefined;
    if (row === undefined || !isPartyOf(caller, row)) throw new Problem(404, 'payout-unknown', 'there is no such payout for you');
    return { ...viewOf(row), ...approvalOf(row, caller), payments: await paymentsView(this.database, payoutId) };
  }

  @Post(':payoutId/approval')
  @Writes(200, 'finance')
  @ApiOperation({ summary: 'Approve a payout above its limit: another than who asked, and two for what nobody asked for' })
  approve(@Param('payoutId') payoutId: string, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.payout(run.caller, payoutId);
      const { events } = await run.send(ApprovePayout, payoutId, { type: 'ApprovePayout', subject: run.caller.subject });
      const isApproved = events.some(({ type }) => type === 'PayoutApproved');
      return { payoutId, status: isApproved ? 'approved' : 'awaiting-approval' };
    });
  }

  @Post(':payoutId/hold')
  @Writes(200, 'finance')
  @ApiOperation({ summary: 'Send a payout that waits for approval back with a reason; it stays owed, and is approved anew' })
  hold(@Param('payoutId') payoutId: string, @Body() { reason }: PayoutReasonBody, @Once() write: Write) {
    return write(async (run) => {
      await this.parties.payout(run.caller, payoutId);
      await run.send(HoldPayout, payoutId, { type: 'HoldPayout', subject: run.caller.subject, reason });
      return { payoutId, status: 'held' };
    });
  }

  @Post(':payoutId/cancellation')
  @Writes(200, 'finance', 'operator')
  @ApiOperation({
    summary: "Ask that a merchant's settlement is not paid; if nothing was, he has the money back in his proceeds",
  })
  cancel(@Param('payoutId') id: string, @Body() { reason }: PayoutReasonBody, @Once() write: Write) {
    return write(async (run) => {
      const { payoutId, platform, purpose } = await this.parties.payout(run.caller, id);
      // Only a verdict that is overturned takes a refund back.
      if (purpose.kind === 'refund')
        throw new Problem(409, 'refund-is-owed', 'a refund is owed to its buyer; it can be held for approval, not cancelled');
      const { subject } = run.caller;
      const command = { type: 'CancelPayout', payoutId, platform, purpose, subject, reason } as const;
      const types = new Set((await run.send(CancelPayout, payoutId, command)).events.map(({ type }) => type));
      const answer = types.has('PayoutCancelled') ? 'cancelled' : types.has('PayoutCancelRefused') ? 'already-paid' : 'asked';
      return { payoutId, cancellation: answer };
    });
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
