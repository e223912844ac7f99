import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Actor, Recorded } from '@recourse/eventing';
import type { EventStore } from '@recourse/eventstore';
import { toJson } from '@recourse/money';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { feesInForce } from '@recourse/orders';
import type { FeeCommand, FeeEvent, FeeRate } from '@recourse/orders/events';
import { Edge, maxStreamEvents } from './edge.js';
import { Moment, MoneyField, moneyOf, Part, Whole } from './fields.js';
import { everyRole, Once, Reads, type Write, Writes } from './route.js';
import { eventStoreToken } from './tokens.js';

class PublishFeeSchedule extends commandOf<FeeCommand, 'PublishFeeSchedule'>('fees', 'PublishFeeSchedule') {}

export const feeCommands = [PublishFeeSchedule] as const;

class RateField {
  @Whole(0, 10_000, { description: 'of the price of a unit after discount, half up; 500 is 5 %', example: 500 })
  basisPoints!: number;

  @Part(() => MoneyField, { description: 'least fee per unit, though never more than its price' })
  minimum!: MoneyField;

  @Part(() => MoneyField, { description: 'greatest fee per unit' })
  maximum!: MoneyField;
}

class RatesField {
  @Part(() => RateField)
  'game-card'!: RateField;

  @Part(() => RateField)
  'phone-top-up'!: RateField;

  @Part(() => RateField)
  membership!: RateField;
}

class ScheduleBody {
  @Whole(1, 1_000_000, { description: 'the next version', example: 1 })
  version!: number;

  @Moment({ description: 'now if left out; never in the past', optional: true })
  effectiveFrom?: string;

  @Part(() => RatesField)
  rates!: RatesField;
}

const rateOf = ({ basisPoints, minimum, maximum }: RateField): FeeRate => ({
  basisPoints,
  minimum: moneyOf(minimum),
  maximum: moneyOf(maximum),
});
const viewOf = ({ basisPoints, minimum, maximum }: FeeRate) => ({
  basisPoints,
  minimum: toJson(minimum),
  maximum: toJson(maximum),
});

/** What the platform keeps of a sale, as finance has published it; an order is under the version in force when it is placed. */
@ApiTags('fees')
@Controller('fees')
export class Fees {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
  ) {}

  @Post()
  @Writes(201, 'finance')
  @ApiOperation({ summary: 'Publish the next version of the fee schedule; from its moment on shops name no fee of their own' })
  publish(@Body() { version, effectiveFrom, rates }: ScheduleBody, @Once() write: Write) {
    return write(async (run) => {
      const { platform } = run.caller;
      const from = effectiveFrom ?? run.at;
      await run.send(PublishFeeSchedule, platform, {
        type: 'PublishFeeSchedule',
        platform,
        version,
        effectiveFrom: from,
        rates: {
          'game-card': rateOf(rates['game-card']),
          'phone-top-up': rateOf(rates['phone-top-up']),
          membership: rateOf(rates.membership),
        },
      });
      return { version, effectiveFrom: from };
    });
  }

  @Get()
  @Reads(...everyRole)
  @ApiOperation({ summary: 'The versions of the fee schedule, and which one an order placed now is under' })
  async list(@Caller() caller: Actor) {
    const versions = await this.versions(caller.platform);
    return {
      inForce: feesInForce(versions, await this.edge.now())?.version ?? null,
      versions: versions.map(({ data: { version, publishedAt, effectiveFrom }, metadata }) => ({
        version,
        publishedAt,
        effectiveFrom,
        publishedBy: metadata.actor.subject,
      })),
    };
  }

  @Get(':version')
  @Reads(...everyRole)
  @ApiOperation({ summary: 'One version with its rates' })
  async read(@Param('version') version: string, @Caller() caller: Actor) {
    const found = (await this.versions(caller.platform)).find(({ data }) => data.version.toString() === version);
    if (found === undefined) throw new Problem(404, 'fees-unknown', 'your platform has published no such version');
    const { publishedAt, effectiveFrom, rates } = found.data;
    return {
      version: found.data.version,
      publishedAt,
      effectiveFrom,
      rates: {
        'game-card': viewOf(rates['game-card']),
        'phone-top-up': viewOf(rates['phone-top-up']),
        membership: viewOf(rates.membership),
      },
    };
  }

  private versions(platform: string): Promise<readonly Recorded<FeeEvent>[]> {
    return this.eventStore.readStream<FeeEvent>(`fees-${platform}`, { limit: maxStreamEvents });
  }
}
