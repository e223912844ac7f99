import { Body, Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { maxUnitsPerNotice } from '@recourse/disputes';
import type { IncidentCommand, IncidentOrder } from '@recourse/disputes/events';
import type { Actor } from '@recourse/eventing';
import { Caller, commandOf, Problem } from '@recourse/nest';
import { type Database, listIncidents } from '@recourse/postgres';
import type { Run } from './edge.js';
import { Id, idShape, Moment, Part, Parts, Text, UnitNos } from './fields.js';
import { Parties } from './parties.js';
import { Once, Reads, type Write, Writes } from './route.js';
import { databaseToken } from './tokens.js';

class RecordIncident extends commandOf<IncidentCommand, 'RecordIncident'>('incident', 'RecordIncident') {}
class WidenIncident extends commandOf<IncidentCommand, 'WidenIncident'>('incident', 'WidenIncident') {}
class EndIncident extends commandOf<IncidentCommand, 'EndIncident'>('incident', 'EndIncident') {}
class RetractIncident extends commandOf<IncidentCommand, 'RetractIncident'>('incident', 'RetractIncident') {}

export const incidentCommands = [RecordIncident, WidenIncident, EndIncident, RetractIncident] as const;

/** Rows of the list. */
const maxIncidents = 200;

class IncidentOrderField {
  @Id({ example: 'G20260301-001' })
  orderNo!: string;

  @UnitNos()
  units!: number[];
}
class OrdersBody {
  @Parts(() => IncidentOrderField, maxUnitsPerNotice, {
    description: `${maxUnitsPerNotice} units at most; the rest by further requests`,
  })
  orders!: IncidentOrderField[];
}
class TitleField {
  @Text(200, { description: 'in Chinese', example: '激活网关中断' })
  zh!: string;

  @Text(200, { description: 'in English', example: 'the activation gateway was down' })
  en!: string;
}
class IncidentBody extends OrdersBody {
  @Id({ description: 'of your choice; it stays the name of the incident', example: 'INC-20260301-1' })
  no!: string;

  @Part(() => TitleField)
  title!: TitleField;

  @Id({ description: 'what of the platform failed', example: 'activation-gateway' })
  system!: string;

  @Moment({ description: 'when it began' })
  from!: string;

  @Moment({ description: 'when it ended; left out while it lasts', optional: true })
  until?: string;
}
class EndBody {
  @Moment({ description: 'when it ended' })
  until!: string;
}
class RetractionBody {
  @Text(500, { description: 'why it was recorded wrongly', example: 'the gateway of another platform' })
  reason!: string;
}

/** S11: failures of the platform itself, on record with whoever answers for them. What a buyer claims proves none. */
@ApiTags('incidents')
@Controller('incidents')
export class Incidents {
  constructor(
    @Inject(Parties) private readonly parties: Parties,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Post()
  @Writes(201, 'operator')
  @ApiOperation({ summary: 'Record a failure of the platform and the units it concerns; their open and later claims know of it' })
  record(@Body() body: IncidentBody, @Once() write: Write) {
    return write(async (run) => {
      const { no, title, system, from, until } = body;
      const { platform, subject } = run.caller;
      const incidentId = `${platform}.${no}`;
      const orders = await this.ordersOf(run, body);
      await run.send(RecordIncident, incidentId, {
        type: 'RecordIncident',
        incidentId,
        platform,
        title: { zh: title.zh, en: title.en },
        system,
        from,
        ...(until === undefined ? {} : { until }),
        orders,
        subject,
      });
      return { incidentId, orders: orders.length };
    });
  }

  @Post(':no/orders')
  @Writes(200, 'operator')
  @ApiOperation({ summary: 'Name more units that the incident concerns; those that are known are passed over' })
  widen(@Param('no') no: string, @Body() body: OrdersBody, @Once() write: Write) {
    return write(async (run) => {
      const incidentId = idOf(run, no);
      const orders = await this.ordersOf(run, body);
      await run.send(WidenIncident, incidentId, { type: 'WidenIncident', orders, subject: run.caller.subject });
      return { incidentId, orders: orders.length };
    });
  }

  @Post(':no/end')
  @Writes(200, 'operator')
  @ApiOperation({ summary: 'Say when the incident ended' })
  end(@Param('no') no: string, @Body() { until }: EndBody, @Once() write: Write) {
    return write(async (run) => {
      const incidentId = idOf(run, no);
      await run.send(EndIncident, incidentId, { type: 'EndIncident', until, subject: run.caller.subject });
      return { incidentId, until };
    });
  }

  @Post(':no/retraction')
  @Writes(200, 'operator')
  @ApiOperation({
    summary: 'Mark an incident as recorded wrongly; verdicts that rest on it stand until two people override them',
  })
  retract(@Param('no') no: string, @Body() { reason }: RetractionBody, @Once() write: Write) {
    return write(async (run) => {
      const incidentId = idOf(run, no);
      await run.send(RetractIncident, incidentId, { type: 'RetractIncident', reason, subject: run.caller.subject });
      return { incidentId, status: 'retracted' };
    });
  }

  @Get()
  @Reads('operator', 'finance', 'arbitrator')
  @ApiOperation({ summary: `The incidents of your platform, the latest first, ${maxIncidents} at most` })
  async list(@Caller() { platform }: Actor) {
    const rows = await listIncidents(this.database.db, platform, maxIncidents);
    return {
      incidents: rows.map((row) => ({
        incidentId: row.incident_id,
        title: { zh: row.title_zh, en: row.title_en },
        system: row.system,
        from: row.from_at,
        until: row.until_at,
        orders: Number(row.orders),
        units: Number(row.units),
        recordedBy: row.recorded_by,
        recordedAt: row.recorded_at,
        retraction: row.retracted_at === null ? null : { reason: row.retraction, by: row.retracted_by, at: row.retracted_at },
      })),
    };
  }

  /** Every order and unit must be there: an incident that reaches nobody would be silence. @throws Problem 404, 422 */
  private async ordersOf(run: Run, { orders }: OrdersBody): Promise<readonly IncidentOrder[]> {
    const named: IncidentOrder[] = [];
    for (const { orderNo, units } of orders) {
      const placed = await this.parties.order(run.caller, orderNo);
      const missing = units.find((unitNo) => !placed.units.some((unit) => unit.unitNo === unitNo));
      if (missing !== undefined) throw new Problem(404, 'unit-unknown', `order ${orderNo} has no unit ${missing}`);
      named.push({ orderId: placed.orderId, units });
    }
    return named;
  }
}

/** @throws Problem 404, as no incident has such a name */
function idOf({ caller }: Run, no: string): string {
  if (!idShape.test(no)) throw new Problem(404, 'incident-unknown', 'there is no such incident; record it first');
  return `${caller.platform}.${no}`;
}
