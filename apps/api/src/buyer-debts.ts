import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { buyerDebt } from '@recourse/compensation';
import type { BuyerDebtCommand, BuyerDebtEvent } from '@recourse/compensation/events';
import type { Actor, DataOf, Event, EventOf } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { type AgedDebtRow, buyerDebtAges, type Database, findBuyerDebt, listBuyerDebts } from '@recourse/postgres';
import { Edge } from './edge.js';
import { derivedIdShape, Id, Limit, limitOf, Reference, Text } from './fields.js';
import { Receipts } from './receipts.js';
import { byAge } from './recourse.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken } from './tokens.js';

class RepayBuyerDebt extends commandOf<BuyerDebtCommand, 'RepayBuyerDebt'>('buyerdebt', 'RepayBuyerDebt') {}
class ProposeDebtWriteOff extends commandOf<BuyerDebtCommand, 'ProposeDebtWriteOff'>('buyerdebt', 'ProposeDebtWriteOff') {}
class ApproveDebtWriteOff extends commandOf<BuyerDebtCommand, 'ApproveDebtWriteOff'>('buyerdebt', 'ApproveDebtWriteOff') {}

export const buyerDebtCommands = [RepayBuyerDebt, ProposeDebtWriteOff, ApproveDebtWriteOff] as const;

const usualRows = 50;
const maxRows = 200;

class RepaymentBody {
  @Reference({ description: "the rail's transaction that brought the money", example: 'REPAID-0001' })
  transaction!: string;

  @Id({ example: 'sandbox' })
  rail!: string;
}

class DebtWriteOffBody {
  @Text(500, {
    description: 'why nothing more is expected of the buyer; nothing about a person',
    example: 'the account is closed',
  })
  reason!: string;
}

class DebtQuery {
  @Limit(maxRows)
  limit?: string;
}

function viewOf(row: AgedDebtRow) {
  const money = (minor: bigint) => toJson({ asset: row.asset, minor });
  const { write_off_proposed_by: proposedBy, write_off_approved_by: approvedBy, write_off_reason: reason } = row;
  return {
    debtId: row.debt_id,
    kind: row.kind,
    buyer: row.buyer,
    merchant: row.merchant,
    refundId: row.refund_id,
    amount: money(row.amount),
    outstanding: money(row.outstanding),
    repaid: money(row.repaid),
    returned: money(row.returned),
    writtenOff: money(row.written_off),
    openedAt: row.opened_at,
    ...(row.outstanding === 0n ? {} : { days: row.days, age: row.bucket }),
    ...(proposedBy === null ? {} : { writeOff: { reason, proposedBy, approvedBy } }),
  };
}

function madeOf<Type extends BuyerDebtEvent['type']>(
  events: readonly Event[],
  type: Type,
): DataOf<BuyerDebtEvent, Type> | undefined {
  return events.find((event): event is EventOf<BuyerDebtEvent, Type> => event.type === type)?.data as
    DataOf<BuyerDebtEvent, Type> | undefined;
}

@ApiTags('buyer-debts')
@Controller('buyer-debts')
export class BuyerDebts {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(Receipts) private readonly receipts: Receipts,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get()
  @Reads('finance', 'operator')
  @ApiOperation({
    summary: 'What buyers owe for refunds got by deceit or paid twice, the oldest first, and by Shanghai calendar days in total',
  })
  async list(@Query() query: DebtQuery, @Caller() { platform }: Actor) {
    const at = await this.edge.now();
    const { db } = this.database;
    const ages = await buyerDebtAges(db, platform, at);
    const rows = await listBuyerDebts(db, platform, at, limitOf(query.limit, usualRows, maxRows));
    return {
      at,
      totals: [...Map.groupBy(ages, ({ asset }) => asset)].map(([asset, own]) => ({
        asset,
        debts: own.reduce((sum, { debts }) => sum + debts, 0),
        ...byAge(asset, own),
      })),
      debts: rows.map(viewOf),
    };
  }

  @Get(':debtId')
  @Reads('finance', 'operator')
  @ApiOperation({ summary: 'What a buyer owes, and what became of it' })
  async read(@Param('debtId') debtId: string, @Caller() { platform }: Actor) {
    const at = await this.edge.now();
    const row = derivedIdShape.test(debtId) ? await findBuyerDebt(this.database.db, platform, debtId, at) : undefined;
    if (row === undefined) throw unknown();
    return viewOf(row);
  }

  @Post(':debtId/repayments')
  @Writes(200, 'finance', 'operator')
  @ApiOperation({
    summary: 'Report that a buyer repaid; it counts once the rail confirms transaction and receiver, for what the rail says',
    description:
      'More than is outstanding is refused as a whole, and nothing of it is booked: the transaction stays free, and is sent back or stands as a difference of the rail.',
  })
  repay(@Param('debtId') debtId: string, @Body() { rail, transaction }: RepaymentBody, @Once() write: Write) {
    return write(async (run) => {
      await this.demandOwn(run.caller, debtId);
      const { amount } = await this.receipts.received(rail, transaction);
      const command = { type: 'RepayBuyerDebt', amount, rail, transaction } as const;
      await run.demand(buyerDebt, debtId, command);
      await this.receipts.own(run, rail, transaction, `buyerdebt-${debtId}/${run.commandId}`);
      const { events } = await run.send(RepayBuyerDebt, debtId, command);
      const repaid = madeOf(events, 'BuyerDebtRepaid');
      return { debtId, amount: toJson(amount), ...(repaid === undefined ? {} : { outstanding: toJson(repaid.outstanding) }) };
    });
  }

  @Post(':debtId/write-off')
  @Writes(201, 'finance')
  @ApiOperation({ summary: 'Propose to give up what a buyer owes; another person approves it' })
  propose(@Param('debtId') debtId: string, @Body() { reason }: DebtWriteOffBody, @Once() write: Write) {
    return write(async (run) => {
      await this.demandOwn(run.caller, debtId);
      const command = { type: 'ProposeDebtWriteOff', reason, subject: run.caller.subject } as const;
      const proposed = madeOf((await run.send(ProposeDebtWriteOff, debtId, command)).events, 'DebtWriteOffProposed');
      return { debtId, status: 'proposed', ...(proposed === undefined ? {} : { amount: toJson(proposed.amount) }) };
    });
  }

  @Post(':debtId/write-off/approval')
  @Writes(200, 'finance')
  @ApiOperation({ summary: 'Approve a write-off that another person proposed: of what is outstanding now' })
  approve(@Param('debtId') debtId: string, @Once() write: Write) {
    return write(async (run) => {
      await this.demandOwn(run.caller, debtId);
      const command = { type: 'ApproveDebtWriteOff', subject: run.caller.subject } as const;
      const approved = madeOf((await run.send(ApproveDebtWriteOff, debtId, command)).events, 'DebtWriteOffApproved');
      if (approved === undefined) throw new Error('a write-off was accepted without being approved');
      const { amount, proposedBy, approvedBy } = approved;
      return { debtId, status: 'written-off', amount: toJson(amount), proposedBy, approvedBy };
    });
  }

  /** @throws Problem 404 for a debt that is not there or of another platform */
  private async demandOwn(caller: Actor, debtId: string): Promise<void> {
    const opened = derivedIdShape.test(debtId)
      ? await this.edge.firstEvent<EventOf<BuyerDebtEvent, 'BuyerDebtOpened'>>(`buyerdebt-${debtId}`)
      : undefined;
    if (opened?.data.platform !== caller.platform) throw unknown();
  }
}

const unknown = () => new Problem(404, 'debt-unknown', 'there is no such debt for you');
