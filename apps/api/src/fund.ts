import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { ContributionCommand, ContributionEvent, FundControlCommand, FundControlEvent } from '@recourse/compensation/events';
import type { Actor, EventOf } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { assets, equals, type Money, toJson } from '@recourse/money';
import { Caller, commandOf, Problem } from '@recourse/nest';
import {
  countAside,
  type Database,
  findAside,
  findFund,
  findFundStanding,
  listAside,
  listCoverage,
  listHandedOver,
} from '@recourse/postgres';
import { derivedIdShape, Id, Limit, limitOf, MoneyField, moneyOf, OneOf, Part, Reference, Text, Whole } from './fields.js';
import { Edge } from './edge.js';
import { Receipts } from './receipts.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken, eventStoreToken } from './tokens.js';

class ProposeContribution extends commandOf<ContributionCommand, 'ProposeContribution'>('contribution', 'ProposeContribution') {}
class ApproveContribution extends commandOf<ContributionCommand, 'ApproveContribution'>('contribution', 'ApproveContribution') {}

class PauseFund extends commandOf<FundControlCommand, 'PauseFund'>('fundcontrol', 'PauseFund') {}
class ResumeFund extends commandOf<FundControlCommand, 'ResumeFund'>('fundcontrol', 'ResumeFund') {}
class ProposeFundLimits extends commandOf<FundControlCommand, 'ProposeFundLimits'>('fundcontrol', 'ProposeFundLimits') {}
class ApproveFundLimits extends commandOf<FundControlCommand, 'ApproveFundLimits'>('fundcontrol', 'ApproveFundLimits') {}
class LiftFundHold extends commandOf<FundControlCommand, 'LiftFundHold'>('fundcontrol', 'LiftFundHold') {}

export const contributionCommands = [ProposeContribution, ApproveContribution] as const;
export const fundControlCommands = [PauseFund, ResumeFund, ProposeFundLimits, ApproveFundLimits, LiftFundHold] as const;

const usualRows = 50;
const maxRows = 200;
const usualDays = 30;
const maxDays = 366;

class ContributionBody {
  @Reference({ description: "the rail's transaction that brought the money", example: 'FUND-0001' })
  transaction!: string;

  @Id({ example: 'sandbox' })
  rail!: string;

  @Part(() => MoneyField, { description: 'what the rail must confirm' })
  amount!: MoneyField;
}

const assetFacts = { description: 'which of your funds: there is one per asset', example: 'CNY' };
const reasonFacts = {
  description: 'why, in your words; nothing about a person',
  example: 'claims of one merchant tripled overnight',
};
const maxReasonLength = 200;

class WordBody {
  @OneOf(Object.keys(assets), assetFacts)
  asset!: string;

  @Text(maxReasonLength, reasonFacts)
  reason!: string;
}

class LimitsBody extends WordBody {
  @Part(() => MoneyField, { description: 'below it the fund raises an alarm; none if left out', optional: true })
  lowWaterMark?: MoneyField;

  @Part(() => MoneyField, {
    description: "the most for one merchant's refunds in one day of Asia/Shanghai; no limit if left out",
    optional: true,
  })
  dailyPerMerchant?: MoneyField;
}

class LimitsApprovalBody {
  @OneOf(Object.keys(assets), assetFacts)
  asset!: string;

  @Whole(1, 1_000_000, { description: 'the proposal that is approved', example: 1 })
  version!: number;
}

class LiftBody {
  @Text(maxReasonLength, reasonFacts)
  reason!: string;
}

class AsideQuery {
  @Limit(maxRows)
  limit?: string;
}

class HandedOverQuery {
  @Limit(maxRows)
  limit?: string;
}

class CoverageQuery {
  @OneOf(Object.keys(assets), { ...assetFacts, optional: true })
  asset?: string;

  @Limit(maxDays)
  days?: string;
}

/** available ÷ exposure, rounded down to four decimals; there is none of no exposure. */
const ratioOf = (available: bigint, exposure: bigint): string | null => {
  if (exposure <= 0n) return null;
  const scaled = ((available * 10_000n) / exposure).toString().padStart(5, '0');
  return `${scaled.slice(0, -4)}.${scaled.slice(-4)}`;
};

@ApiTags('fund')
@Controller('fund')
export class FundResource {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
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

  @Post('pause')
  @Writes(200, 'finance', 'operator')
  @ApiOperation({ summary: 'Let nothing be reserved until it is resumed; refunds wait in order, and money still comes in' })
  pause(@Body() body: WordBody, @Once() write: Write) {
    return this.stop('pause', body, write);
  }

  @Post('kill-switch')
  @Writes(200, 'finance', 'operator')
  @ApiOperation({ summary: 'A pause that only two people can end' })
  kill(@Body() body: WordBody, @Once() write: Write) {
    return this.stop('kill-switch', body, write);
  }

  private stop(kind: 'pause' | 'kill-switch', { asset, reason }: WordBody, write: Write) {
    return write(async (run) => {
      const { platform, subject } = run.caller;
      await run.send(PauseFund, `${platform}.${asset}`, { type: 'PauseFund', platform, asset, kind, reason, subject });
      return { asset, mode: kind };
    });
  }

  @Post('resume')
  @Writes(200, 'finance', 'operator')
  @ApiOperation({ summary: 'End a pause; after the kill switch the first call proposes it and another person confirms' })
  resume(@Body() { asset, reason }: WordBody, @Once() write: Write) {
    return write(async (run) => {
      const { platform, subject } = run.caller;
      const command = { type: 'ResumeFund', platform, asset, reason, subject } as const;
      const { events } = await run.send(ResumeFund, `${platform}.${asset}`, command);
      const isOver = events.some(({ type }) => type === 'FundResumeOrdered');
      return isOver ? { asset, mode: 'running' } : { asset, mode: 'kill-switch', resume: 'proposed' };
    });
  }

  @Post('limits')
  @Writes(201, 'finance')
  @ApiOperation({ summary: 'Propose limits in place of all that are in force; another person approves them' })
  proposeLimits(@Body() { asset, reason, lowWaterMark, dailyPerMerchant }: LimitsBody, @Once() write: Write) {
    return write(async (run) => {
      const { platform, subject } = run.caller;
      const { events } = await run.send(ProposeFundLimits, `${platform}.${asset}`, {
        type: 'ProposeFundLimits',
        platform,
        asset,
        reason,
        ...(lowWaterMark === undefined ? {} : { lowWaterMark: moneyOf(lowWaterMark) }),
        ...(dailyPerMerchant === undefined ? {} : { dailyPerMerchant: moneyOf(dailyPerMerchant) }),
        subject,
      });
      const proposed = events.find(
        (event): event is EventOf<FundControlEvent, 'FundLimitsProposed'> => event.type === 'FundLimitsProposed',
      );
      if (proposed === undefined) throw new Error('limits were accepted without being proposed');
      return { asset, version: proposed.data.version, status: 'proposed' };
    });
  }

  @Post('limits/approval')
  @Writes(200, 'finance')
  @ApiOperation({ summary: 'Approve limits that another person proposed' })
  approveLimits(@Body() { asset, version }: LimitsApprovalBody, @Once() write: Write) {
    return write(async (run) => {
      const { platform, subject } = run.caller;
      await run.send(ApproveFundLimits, `${platform}.${asset}`, { type: 'ApproveFundLimits', version, subject });
      return { asset, version, status: 'approved' };
    });
  }

  @Get('aside')
  @Reads('finance', 'operator')
  @ApiOperation({ summary: 'Refunds held aside by the daily limit of their merchants, the oldest first' })
  async listAside(@Query() query: AsideQuery, @Caller() { platform }: Actor) {
    const rows = await listAside(this.database.db, platform, limitOf(query.limit, usualRows, maxRows));
    return {
      refunds: rows.map(({ refund_id, order_id, merchant, asset, amount, counted_on, since }) => ({
        refundId: refund_id,
        orderId: order_id,
        merchant,
        amount: toJson({ asset, minor: amount }),
        day: counted_on,
        since,
      })),
    };
  }

  @Post('aside/:refundId/lift')
  @Writes(200, 'finance')
  @ApiOperation({ summary: 'Let a refund go on that waits beyond its merchant’s daily limit, with the reason' })
  lift(@Param('refundId') refundId: string, @Body() { reason }: LiftBody, @Once() write: Write) {
    return write(async (run) => {
      const { platform, subject } = run.caller;
      const held = derivedIdShape.test(refundId) ? await findAside(this.database.db, platform, refundId) : undefined;
      if (held === undefined) throw new Problem(404, 'not-held-aside', 'no refund of this id waits beyond a daily limit');
      const { asset } = held;
      const command = { type: 'LiftFundHold', platform, asset, refundId, reason, subject } as const;
      await run.send(LiftFundHold, `${platform}.${asset}`, command);
      return { refundId, status: 'lifted' };
    });
  }

  @Get('handed-over')
  @Reads('finance', 'operator')
  @ApiOperation({ summary: 'Refunds for which the fund is short and whose merchants’ deposits were asked, the oldest first' })
  async listHandedOver(@Query() query: HandedOverQuery, @Caller() { platform }: Actor) {
    const rows = await listHandedOver(this.database.db, platform, limitOf(query.limit, usualRows, maxRows));
    return {
      refunds: rows.map(({ refund_id, order_id, case_id, merchant, asset, amount, since }) => ({
        refundId: refund_id,
        orderId: order_id,
        dispute: case_id,
        merchant,
        amount: toJson({ asset, minor: amount }),
        since,
      })),
    };
  }

  @Get('coverage')
  @Reads('finance', 'operator')
  @ApiOperation({
    summary: 'Could the fund pay what may come? By day of Asia/Shanghai, the newest first',
    description:
      'coverage = available ÷ exposure, and exposure = waiting + claimed + claimable, each at the end of the day (today: now). ' +
      'waiting: approved refunds that the fund has not reserved. claimed and claimable: prices, net of what was refunded, of units ' +
      'whose escrow is released, under an open claim or within the time in which they may be claimed.',
  })
  async coverage(@Query() { asset = 'CNY', days }: CoverageQuery, @Caller() { platform }: Actor) {
    const limit = limitOf(days, usualDays, maxDays);
    const now = await this.edge.now();
    const rows = await listCoverage(this.database.db, platform, asset, now, limit);
    const money = (minor: bigint) => toJson({ asset, minor });
    return {
      asset,
      days: rows.map(({ day, available, waiting, claimed, claimable }) => {
        const exposure = waiting + claimed + claimable;
        return {
          day,
          available: money(available),
          exposure: money(exposure),
          waiting: money(waiting),
          claimed: money(claimed),
          claimable: money(claimable),
          coverage: ratioOf(available, exposure),
        };
      }),
    };
  }

  @Get()
  @Reads('finance', 'operator', 'arbitrator')
  @ApiOperation({ summary: 'What the fund holds, what it has advanced, who waits, and whether it may pay' })
  async read(@Caller() { platform }: Actor) {
    const { db } = this.database;
    const [funds, standings, aside] = await Promise.all([
      findFund(db, platform),
      findFundStanding(db, platform),
      countAside(db, platform),
    ]);
    return {
      funds: funds.map(({ asset, queue_length, handed_over, handed_over_refunds, ...fund }) => {
        const { available, advanced, contributed, reserved, reimbursed, compensated, returned, queued } = fund;
        const money = (minor: bigint) => toJson({ asset, minor });
        const standing = standings.find((one) => one.asset === asset);
        const amount = (minor: bigint | null | undefined) => (minor === null || minor === undefined ? null : money(minor));
        return {
          available: money(available),
          advanced: money(advanced),
          contributed: money(contributed),
          reserved: money(reserved),
          reimbursed: money(reimbursed),
          compensated: money(compensated),
          returned: money(returned),
          queued: money(queued),
          waiting: queue_length,
          handedOver: money(handed_over),
          handedOverRefunds: handed_over_refunds,
          aside: Number(aside.get(asset) ?? 0n),
          mode: standing?.mode ?? 'running',
          modeBy: standing?.mode_by ?? null,
          modeReason: standing?.mode_reason ?? null,
          modeSince: standing?.mode_since ?? null,
          lowSince: standing?.low_since ?? null,
          limits: {
            version: standing?.limits_version ?? 0,
            lowWaterMark: amount(standing?.low_water_mark),
            dailyPerMerchant: amount(standing?.daily_per_merchant),
            proposedBy: standing?.limits_proposed_by ?? null,
            approvedBy: standing?.limits_approved_by ?? null,
          },
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
