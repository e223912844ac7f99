import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { DepositCommand, DepositEvent } from '@recourse/deposits/events';
import type { Actor, EventOf } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { type AgeBucket, ageing, type AgeingRow, type Database } from '@recourse/postgres';
import { depositId } from '@recourse/processes';
import { Edge } from './edge.js';
import { Id, Moment, Text } from './fields.js';
import { Parties } from './parties.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken } from './tokens.js';

class ProposeWriteOff extends commandOf<DepositCommand, 'ProposeWriteOff'>('deposit', 'ProposeWriteOff') {}
class ApproveWriteOff extends commandOf<DepositCommand, 'ApproveWriteOff'>('deposit', 'ApproveWriteOff') {}

export const recourseCommands = [ProposeWriteOff, ApproveWriteOff] as const;

class WriteOffBody {
  @Text(500, { description: 'why nothing more is expected of the merchant', example: 'the merchant is gone' })
  reason!: string;
}

class AgeingQuery {
  @Moment({ description: 'as of this moment; now if left out', optional: true })
  at?: string;

  @Id({ description: 'one merchant; a merchant sees himself only', example: 'm1', optional: true })
  merchant?: string;
}

const buckets = ['days0to7', 'days8to30', 'days31to90', 'over90'] as const satisfies readonly AgeBucket[];

/** What is outstanding in an asset, and of that by age. */
export function byAge(asset: string, rows: readonly { readonly bucket: AgeBucket; readonly outstanding: bigint }[]) {
  const outstanding = (some: typeof rows) => toJson({ asset, minor: some.reduce((sum, row) => sum + row.outstanding, 0n) });
  return {
    outstanding: outstanding(rows),
    ...Object.fromEntries(buckets.map((bucket) => [bucket, outstanding(rows.filter((row) => row.bucket === bucket))])),
  };
}

const aged = (asset: string, rows: readonly AgeingRow[]) => ({
  asset,
  obligations: rows.reduce((sum, row) => sum + row.obligations, 0),
  ...byAge(asset, rows),
});

@ApiTags('recourse')
@Controller('recourse')
export class Recourse {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(Parties) private readonly parties: Parties,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get('ageing')
  @Reads('finance', 'merchant')
  @ApiOperation({
    summary: 'What merchants owe, by Shanghai calendar days since each obligation was opened: 0–7, 8–30, 31–90, more than 90',
  })
  async ageing(@Query() query: AgeingQuery, @Caller() caller: Actor) {
    const own = caller.role === 'merchant' ? caller.party : query.merchant;
    const merchant = own === undefined ? undefined : this.parties.merchant(caller, query.merchant ?? own);
    const at = query.at ?? (await this.edge.now());
    const rows = await ageing(this.database.db, caller.platform, { at, ...(merchant === undefined ? {} : { merchant }) });
    const assets = [...new Set(rows.map(({ asset }) => asset))];
    return {
      at,
      totals: assets.map((asset) =>
        aged(
          asset,
          rows.filter((row) => row.asset === asset),
        ),
      ),
      // An account has one asset.
      merchants: [...Map.groupBy(rows, (row) => row.merchant)].map(([name, own]) => ({
        merchant: name,
        ...aged(own[0]?.asset ?? '', own),
      })),
    };
  }

  @Post(':refundId/write-off')
  @Writes(201, 'finance')
  @ApiOperation({ summary: 'Propose to give up what a merchant owes for a refund; another person approves it' })
  propose(@Param('refundId') refundId: string, @Body() { reason }: WriteOffBody, @Once() write: Write) {
    return write(async (run) => {
      const { events } = await run.send(ProposeWriteOff, await this.account(run.caller, refundId), {
        type: 'ProposeWriteOff',
        obligationId: refundId,
        reason,
        subject: run.caller.subject,
      });
      const proposed = events.find(
        (event): event is EventOf<DepositEvent, 'WriteOffProposed'> => event.type === 'WriteOffProposed',
      );
      return { refundId, status: 'proposed', ...(proposed === undefined ? {} : { amount: toJson(proposed.data.amount) }) };
    });
  }

  @Post(':refundId/write-off/approval')
  @Writes(200, 'finance')
  @ApiOperation({ summary: 'Approve a write-off that another person proposed; what the merchant has is taken first' })
  approve(@Param('refundId') refundId: string, @Once() write: Write) {
    return write(async (run) => {
      const { events } = await run.send(ApproveWriteOff, await this.account(run.caller, refundId), {
        type: 'ApproveWriteOff',
        obligationId: refundId,
        subject: run.caller.subject,
      });
      const over = events.find(
        (event): event is EventOf<DepositEvent, 'RecourseWrittenOff'> => event.type === 'RecourseWrittenOff',
      );
      // What could still be collected left nothing to give up.
      if (over === undefined) return { refundId, status: 'recovered' };
      const { amount, proposedBy, approvedBy } = over.data;
      return { refundId, status: 'written-off', amount: toJson(amount), proposedBy, approvedBy };
    });
  }

  /** Of the merchant whose refund it is. @throws Problem 404 */
  private async account(caller: Actor, refundId: string): Promise<string> {
    const { platform, purpose } = await this.parties.payout(caller, refundId);
    if (purpose.kind !== 'refund') throw new Problem(404, 'refund-unknown', 'there is no such refund for you');
    return depositId(platform, purpose.merchant);
  }
}
