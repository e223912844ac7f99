import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { outsideRefusal, payout, reconciliationOf } from '@recourse/compensation';
import type { PayoutCommand, ReconciliationCommand } from '@recourse/compensation/events';
import { type Actor, epochMsOf, type Instant, shanghaiDay } from '@recourse/eventing';
import { type EventStore, stateOf } from '@recourse/eventstore';
import { type Money, money, toJson } from '@recourse/money';
import { BillNotReadable, Caller, commandOf, Problem, reconcilePage } from '@recourse/nest';
import {
  type Database,
  type DifferenceRow,
  differenceStatuses,
  type DifferenceStatus,
  findDifference,
  listDifferences,
  refundsOfOrder,
} from '@recourse/postgres';
import { RailError } from '@recourse/rails';
import { Edge } from './edge.js';
import { derivedIdShape, Id, idShape, Limit, limitOf, OneOf, Shape, Text } from './fields.js';
import { Parties } from './parties.js';
import { Receipts } from './receipts.js';
import { problemOfRejection } from './rejections.js';
import { Once, Reads, type Write, Writes } from './route.js';
import type { Settings } from './settings.js';
import { databaseToken, eventStoreToken, settingsToken } from './tokens.js';

class RecordRailWord extends commandOf<PayoutCommand, 'RecordRailWord'>('payout', 'RecordRailWord') {}

class BookDifferences extends commandOf<ReconciliationCommand, 'BookDifferences'>('reconciliation', 'BookDifferences') {}
class AssignDifference extends commandOf<ReconciliationCommand, 'AssignDifference'>('reconciliation', 'AssignDifference') {}
class ProposeDifferenceWriteOff extends commandOf<ReconciliationCommand, 'ProposeDifferenceWriteOff'>(
  'reconciliation',
  'ProposeDifferenceWriteOff',
) {}
class ApproveDifferenceWriteOff extends commandOf<ReconciliationCommand, 'ApproveDifferenceWriteOff'>(
  'reconciliation',
  'ApproveDifferenceWriteOff',
) {}

export const billCommands = [RecordRailWord] as const;
export const reconciliationCommands = [
  BookDifferences,
  AssignDifference,
  ProposeDifferenceWriteOff,
  ApproveDifferenceWriteOff,
] as const;

const usualRows = 50;
const maxRows = 200;
const dayMs = 86_400_000;

class PageBody {
  @Shape(/^[A-Za-z0-9_-]{1,64}$/, { description: '`next` of the page before; left out for the first one', optional: true })
  after?: string;
}

class DifferenceQuery {
  @OneOf(differenceStatuses, { description: 'open: nobody has said what it is', optional: true })
  status?: DifferenceStatus;

  @Id({ example: 'sandbox', optional: true })
  rail?: string;

  @Shape(derivedIdShape, { description: 'the last one already seen', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

class OutsideRefundBody {
  @Shape(derivedIdShape, { description: 'the refund that somebody made past the house', example: 'demo.G001.1.v1' })
  refundId!: string;
}

class WriteOffReasonBody {
  @Text(500, { description: 'for whoever reads the books later; nothing about a person', example: '渠道也查不到来源' })
  reason!: string;
}

/** In calendar days of Shanghai. */
const ageOf = (from: Instant, now: Instant): number =>
  Math.max(
    0,
    Math.round((epochMsOf(`${shanghaiDay(now)}T00:00:00.000Z`) - epochMsOf(`${shanghaiDay(from)}T00:00:00.000Z`)) / dayMs),
  );

const viewOf = (row: DifferenceRow, now: Instant) => ({
  differenceId: row.difference_id,
  rail: row.rail,
  day: row.day,
  line: row.line_id,
  kind: row.kind,
  direction: row.direction,
  amount: toJson({ asset: row.asset, minor: row.amount }),
  reference: row.reference,
  orderId: row.order_id,
  status: row.status,
  refundId: row.refund_id,
  detail: row.detail,
  occurredAt: row.occurred_at,
  bookedAt: row.booked_at,
  /** Since the rail moved it; of one that is settled, until then. */
  ageDays: ageOf(row.occurred_at, row.settled_at ?? now),
  proposedBy: row.proposed_by,
  settledBy: row.settled_by,
  settledAt: row.settled_at,
});

@ApiTags('reconciliation')
@Controller('reconciliation')
export class Reconciliations {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(Parties) private readonly parties: Parties,
    @Inject(Receipts) private readonly receipts: Receipts,
    @Inject(settingsToken) private readonly settings: Settings,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Post(':rail/:day')
  @Writes(200, 'finance', 'operator')
  @ApiOperation({
    summary: "Compare a page of the rail's bill of a day with our books and book what differs; go on while there is a `next`",
    description: 'The day is one of Asia/Shanghai and over. Reading a page again books nothing twice.',
  })
  reconcile(@Param('rail') railName: string, @Param('day') day: string, @Body() { after }: PageBody, @Once() write: Write) {
    return write(async (run) => {
      if (!idShape.test(railName)) throw new Problem(404, 'rail-unknown', 'there is no such rail');
      const rail = this.receipts.rail(railName);
      const { platform, subject } = run.caller;
      const report = await reconcilePage(
        {
          database: this.database,
          eventStore: this.eventStore,
          rail,
          account: this.settings.railReceiver,
          hear: async (payoutId, command, part) => {
            await run.send(RecordRailWord, payoutId, command, part);
          },
          book: async (id, command) => (await run.send(BookDifferences, id, command)).events,
        },
        { platform, day, subject, now: run.at, ...(after === undefined ? {} : { after }) },
      ).catch((error: unknown) => {
        throw problemOfBill(error);
      });
      return { rail: railName, day, ...report };
    });
  }

  @Get('differences')
  @Reads('finance', 'operator')
  @ApiOperation({ summary: "What the rails' bills have and our books do not, the oldest first, with its age" })
  async list(@Query() { status, rail, after, limit }: DifferenceQuery, @Caller() { platform }: Actor) {
    const rows = await listDifferences(this.database.db, {
      platform,
      ...(status === undefined ? {} : { status }),
      ...(rail === undefined ? {} : { rail }),
      ...(after === undefined ? {} : { after }),
      limit: limitOf(limit, usualRows, maxRows),
    });
    const now = await this.edge.now();
    return { differences: rows.map((row) => viewOf(row, now)) };
  }

  @Get('differences/:differenceId')
  @Reads('finance', 'operator')
  @ApiOperation({ summary: 'A difference, and the refunds of its order that it may be' })
  async read(@Param('differenceId') differenceId: string, @Caller() caller: Actor) {
    const row = await this.difference(caller, differenceId);
    const refunds = row.order_id === null ? [] : await refundsOfOrder(this.database.db, row.order_id);
    const total = ({ asset, total: minor }: (typeof refunds)[number]): Money => money(minor, asset);
    return {
      ...viewOf(row, await this.edge.now()),
      refunds: refunds.map((refund) => ({
        refundId: refund.refund_id,
        amount: toJson(total(refund)),
        status: refund.status,
      })),
      /** Money went back to a buyer without anybody's approval: whoever claims it opens a case, and its refund may take this. */
      needsCase: row.status === 'open' && row.kind === 'refund' && row.direction === 'out' && refunds.length === 0,
    };
  }

  @Post('differences/:differenceId/refund')
  @Writes(200, 'finance')
  @ApiOperation({
    summary: 'Say which refund it is that somebody made past the house',
    description:
      'Its payout is asked: what is not paid yet is paid by it, what was paid already the buyer owes. Only then the difference is cleared. ' +
      'A refund that may be on its way, or that was cancelled, does not take it.',
  })
  refund(@Param('differenceId') differenceId: string, @Body() { refundId }: OutsideRefundBody, @Once() write: Write) {
    return write(async (run) => {
      const { asset, amount, order_id: orderId } = await this.difference(run.caller, differenceId);
      const { purpose } = await this.parties.payout(run.caller, refundId);
      if (orderId !== null && purpose.kind === 'refund' && purpose.orderId !== orderId)
        throw new Problem(422, 'other-order', `the rail says that this gave back what was paid for ${orderId}`);
      const why = outsideRefusal(money(amount, asset), await stateOf(this.eventStore, payout, refundId));
      if (why !== undefined) throw problemOfRejection({ rejected: why, detail: refusals[why] });
      const { subject } = run.caller;
      await run.send(AssignDifference, this.streamOf(differenceId), {
        type: 'AssignDifference',
        differenceId,
        refundId,
        subject,
      });
      return { differenceId, refundId, status: 'clearing' };
    });
  }

  @Post('differences/:differenceId/write-off')
  @Writes(201, 'finance')
  @ApiOperation({ summary: 'Propose that nobody can explain it; another person approves it' })
  propose(@Param('differenceId') differenceId: string, @Body() { reason }: WriteOffReasonBody, @Once() write: Write) {
    return write(async (run) => {
      const { asset, amount } = await this.difference(run.caller, differenceId);
      const { subject } = run.caller;
      const command = { type: 'ProposeDifferenceWriteOff', differenceId, reason, subject } as const;
      await run.send(ProposeDifferenceWriteOff, this.streamOf(differenceId), command);
      return { differenceId, amount: toJson({ asset, minor: amount }), status: 'proposed' };
    });
  }

  @Post('differences/:differenceId/write-off/approval')
  @Writes(200, 'finance')
  @ApiOperation({ summary: "Approve what another person proposed: it is the platform's loss, or its gain" })
  approve(@Param('differenceId') differenceId: string, @Once() write: Write) {
    return write(async (run) => {
      const { asset, amount } = await this.difference(run.caller, differenceId);
      const { subject } = run.caller;
      const command = { type: 'ApproveDifferenceWriteOff', differenceId, subject } as const;
      await run.send(ApproveDifferenceWriteOff, this.streamOf(differenceId), command);
      return { differenceId, amount: toJson({ asset, minor: amount }), status: 'written-off' };
    });
  }

  private async difference({ platform }: Actor, differenceId: string): Promise<DifferenceRow> {
    const isOne = derivedIdShape.test(differenceId) && reconciliationOf(differenceId) !== undefined;
    const row = isOne ? await findDifference(this.database.db, differenceId) : undefined;
    if (row?.platform !== platform) throw unknown();
    return row;
  }

  private streamOf(differenceId: string): string {
    const id = reconciliationOf(differenceId);
    if (id === undefined) throw unknown();
    return id;
  }
}

const unknown = () => new Problem(404, 'difference-unknown', 'there is no such difference for you');

const refusals = {
  NotARefund: 'this payout is no refund',
  AssetMismatch: 'the refund is in another asset than this money',
  TransferLive: 'a transfer of this refund may be on its way; wait for the word of its rail',
  PayoutIsCancelled: 'this refund was cancelled and is owed to nobody; open a case for it, or write the difference off',
} as const;

function problemOfBill(error: unknown): unknown {
  const later = { headers: { 'Retry-After': '2' } };
  if (error instanceof RailError)
    return new Problem(503, 'rail-unavailable', 'the rail does not answer; send this again with the same Idempotency-Key', later);
  if (!(error instanceof BillNotReadable)) return error;
  switch (error.code) {
    case 'DayUnknown':
      return new Problem(404, 'day-unknown', error.message);
    case 'DayNotOver':
      return new Problem(409, 'day-not-over', error.message);
    case 'NotCaughtUp':
      return new Problem(503, 'not-caught-up', error.message, later);
  }
}
