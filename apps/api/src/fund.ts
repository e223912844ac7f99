import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { ContributionCommand, ContributionEvent } from '@recourse/compensation/events';
import type { Actor, EventOf } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { equals, type Money, toJson } from '@recourse/money';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { type Database, findFund } from '@recourse/postgres';
import { derivedIdShape, Id, MoneyField, moneyOf, Part, Reference } from './fields.js';
import { Receipts } from './receipts.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken, eventStoreToken } from './tokens.js';

class ProposeContribution extends commandOf<ContributionCommand, 'ProposeContribution'>('contribution', 'ProposeContribution') {}
class ApproveContribution extends commandOf<ContributionCommand, 'ApproveContribution'>('contribution', 'ApproveContribution') {}

export const contributionCommands = [ProposeContribution, ApproveContribution] as const;

class ContributionBody {
  @Reference({ description: "the rail's transaction that brought the money", example: 'FUND-0001' })
  transaction!: string;

  @Id({ example: 'sandbox' })
  rail!: string;

  @Part(() => MoneyField, { description: 'what the rail must confirm' })
  amount!: MoneyField;
}

@ApiTags('fund')
@Controller('fund')
export class FundResource {
  constructor(
    @Inject(Receipts) private readonly receipts: Receipts,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Post('contributions')
  @Writes(201, 'finance')
  @ApiOperation({ summary: 'Propose money for the fund; another person approves it' })
  propose(@Body() { transaction, rail, amount: stated }: ContributionBody, @Once() write: Write) {
    return write(async (run) => {
      const { platform, subject } = run.caller;
      const contributionId = `${platform}.c${run.commandId.replaceAll('-', '').slice(0, 12)}`;
      const amount = moneyOf(stated);
      await this.demandReceipt(rail, transaction, amount);
      await this.receipts.own(run, rail, transaction, `contribution-${contributionId}`);
      await run.send(ProposeContribution, contributionId, {
        type: 'ProposeContribution',
        contributionId,
        platform,
        amount,
        rail,
        transaction,
        subject,
      });
      return { contributionId, amount: toJson(amount), status: 'proposed' };
    });
  }

  @Post('contributions/:contributionId/approval')
  @Writes(200, 'finance')
  @ApiOperation({ summary: 'Approve a contribution that another person proposed; the rail confirms it once more' })
  approve(@Param('contributionId') contributionId: string, @Once() write: Write) {
    return write(async (run) => {
      const { proposed } = await this.contribution(run.caller, contributionId);
      await this.demandReceipt(proposed.rail, proposed.transaction, proposed.amount);
      await run.send(ApproveContribution, contributionId, { type: 'ApproveContribution', subject: run.caller.subject });
      return { contributionId, amount: toJson(proposed.amount), status: 'approved' };
    });
  }

  @Get('contributions/:contributionId')
  @Reads('finance')
  @ApiOperation({ summary: 'A contribution: who proposed it, and who approved it' })
  async readContribution(@Param('contributionId') contributionId: string, @Caller() caller: Actor) {
    const { proposed, approved } = await this.contribution(caller, contributionId);
    return {
      contributionId,
      amount: toJson(proposed.amount),
      rail: proposed.rail,
      transaction: proposed.transaction,
      status: approved === undefined ? 'proposed' : 'approved',
      proposedBy: proposed.proposedBy,
      proposedAt: proposed.proposedAt,
      ...(approved === undefined ? {} : { approvedBy: approved.approvedBy, approvedAt: approved.approvedAt }),
    };
  }

  @Get()
  @Reads('finance', 'operator', 'arbitrator')
  @ApiOperation({ summary: 'What the fund holds, what it has advanced, and who waits' })
  async read(@Caller() caller: Actor) {
    const funds = await findFund(this.database.db, caller.platform);
    return {
      funds: funds.map(({ asset, queue_length, available, advanced, contributed, reserved, reimbursed, queued }) => {
        const money = (minor: bigint) => toJson({ asset, minor });
        return {
          available: money(available),
          advanced: money(advanced),
          contributed: money(contributed),
          reserved: money(reserved),
          reimbursed: money(reimbursed),
          queued: money(queued),
          waiting: queue_length,
        };
      }),
    };
  }

  private async demandReceipt(rail: string, transaction: string, amount: Money): Promise<void> {
    const capture = await this.receipts.received(rail, transaction);
    if (!equals(capture.amount, amount))
      throw new Problem(422, 'capture-mismatch', 'the rail confirms another amount for this transaction');
  }

  private async contribution(caller: Actor, contributionId: string) {
    const unknown = new Problem(404, 'contribution-unknown', 'there is no such contribution for you');
    if (!derivedIdShape.test(contributionId)) throw unknown;
    const events = await this.eventStore.readStream<ContributionEvent>(`contribution-${contributionId}`, { limit: 2 });
    const proposed = events.find(
      (event): event is typeof event & EventOf<ContributionEvent, 'ContributionProposed'> =>
        event.type === 'ContributionProposed',
    );
    const approved = events.find(
      (event): event is typeof event & EventOf<ContributionEvent, 'ContributionApproved'> =>
        event.type === 'ContributionApproved',
    );
    if (proposed?.data.platform !== caller.platform) throw unknown;
    return { proposed: proposed.data, approved: approved?.data };
  }
}
