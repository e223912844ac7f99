import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor } from '@recourse/eventing';
import { toJson } from '@recourse/money';
import { Caller, Problem } from '@recourse/nest';
import { type Bound, type Database, findAccount, readStatement, type Standing } from '@recourse/postgres';
import { linksOf } from '@recourse/webhooks';
import { unopened } from './deposits.js';
import { Limit, limitOf, PositionOrMoment, Position } from './fields.js';
import { Parties } from './parties.js';
import { Reads } from './route.js';
import { databaseToken } from './tokens.js';

const usualRows = 50;
const maxRows = 200;

class StatementQuery {
  @PositionOrMoment({
    description: 'movements at or behind this position, or that count from this moment or later',
    optional: true,
  })
  from?: string;

  @PositionOrMoment({ description: 'movements before this position, or that count from before this moment', optional: true })
  to?: string;

  @PositionOrMoment({
    description: 'what was known then: only movements recorded at or before this position or moment',
    optional: true,
  })
  asOf?: string;

  @Position({ description: 'the position of the last line already seen', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

const boundOf = (text: string): Bound => (/^\d+$/.test(text) ? { position: BigInt(text) } : { moment: text });
type Place = 'from' | 'to' | 'asOf';

@ApiTags('deposits')
@Controller('deposits')
export class Statement {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get(':merchant/statement')
  @Reads('merchant', 'finance')
  @ApiOperation({ summary: 'Why every cent of the account moved, over any range and as it was known at any moment' })
  async statement(@Param('merchant') name: string, @Query() query: StatementQuery, @Caller() caller: Actor) {
    const merchant = this.parties.merchant(caller, name);
    const account = await findAccount(this.database.db, caller.platform, merchant);
    if (account === undefined) throw unopened();
    const limit = limitOf(query.limit, usualRows, maxRows);
    const bounds: { readonly [Name in Place]?: Bound } = Object.fromEntries(
      (['from', 'to', 'asOf'] as const).flatMap((place) => {
        const text = query[place];
        return text === undefined ? [] : [[place, boundOf(text)]];
      }),
    );
    const { from, to } = bounds;
    if (from !== undefined && to !== undefined && 'moment' in from !== 'moment' in to)
      throw new Problem(400, 'range-mixed', 'from and to are two positions or two moments');
    const { opening, lines, closing } = await readStatement(this.database.db, {
      platform: caller.platform,
      merchant,
      limit,
      ...bounds,
      ...(query.after === undefined ? {} : { after: BigInt(query.after) }),
    });
    const money = (minor: bigint) => toJson({ asset: account.asset, minor });
    const standing = ({ available, held, owed, payable }: Standing) => ({
      available: money(available),
      held: money(held),
      owed: money(owed),
      payable: money(payable),
    });
    const last = lines.length === limit ? lines.at(-1) : undefined;
    return {
      merchant,
      from: query.from ?? null,
      to: query.to ?? null,
      asOf: query.asOf ?? null,
      opening: standing(opening),
      movements: lines.map((line) => ({
        position: line.position.toString(),
        recordedAt: line.recorded_at,
        effectiveAt: line.at,
        event: line.kind,
        change: standing({
          available: line.deposit_change,
          held: line.held_change,
          owed: line.owed_change,
          payable: line.payable_change,
        }),
        because: {
          dispute: line.case_id,
          rule: line.rule,
          refund: line.refund_id,
          order: line.order_id,
          reference: line.reference,
        },
        links: linksOf(line),
        balance: standing(line.balance),
      })),
      closing: standing(closing),
      ...(last === undefined ? {} : { next: last.position.toString() }),
    };
  }
}
