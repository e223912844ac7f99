import { Body, Controller, Get, Inject, Injectable, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { fundProcessor } from '@recourse/compensation';
import type { Clock, Instant } from '@recourse/eventing';
import { type EventStore, processorReader, processReader, projectionReader } from '@recourse/eventstore';
import { Problem, TakesAtMost } from '@recourse/nest';
import { type Database, nextDeadline, openWork, readModels, setVirtualClock } from '@recourse/postgres';
import { processes } from '@recourse/processes';
import type { WakeUps } from '@recourse/queue';
import { sql } from 'kysely';
import { Moment } from './fields.js';
import { everyRole, Once, Reads, type Write, Writes } from './route.js';
import type { Settings } from './settings.js';
import { type House, travel } from './time-travel.js';
import { clockToken, databaseToken, eventStoreToken, queueToken, settingsToken } from './tokens.js';

export const advanceTimeoutMs = 60_000;
/** Any constant will do; this one spells "clock" in ASCII. */
const lockKey = 0x63_6c6f_636bn;
const maxWakes = 1_000;

const readers = [...readModels.map(projectionReader), ...processes.map(processReader), processorReader(fundProcessor.name)];

class AdvanceBody {
  @Moment({ description: 'where the clock is to stand', example: '2026-03-02T08:00:00.000Z' })
  to!: string;
}

/** Moves the virtual clock; one at a time. */
@Injectable()
export class VirtualClock {
  private readonly house: House;

  constructor(
    @Inject(clockToken) clock: Clock,
    @Inject(eventStoreToken) eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
    @Inject(queueToken) queue: WakeUps,
  ) {
    const { db } = database;
    this.house = {
      now: () => clock.now(),
      moveTo: (moment) => setVirtualClock(db, moment),
      nextDeadline: (from) => nextDeadline(db, from),
      head: () => eventStore.lastPosition(),
      readersAt: async () => {
        const { rows } = await sql<{ known: bigint; position: bigint }>`
          select count(*) as known, min(position) as position from recourse.checkpoint where reader = any(${readers}::text[])`.execute(
          db,
        );
        const [lowest] = rows;
        return lowest?.known === BigInt(readers.length) ? lowest.position : -1n;
      },
      runnableJobs: () => queue.runnable(),
      wakeOpenWork: async () => {
        const open = await openWork(db, await clock.now(), maxWakes);
        for (const { kind, key } of open) await queue.wake(kind, key);
        return open.length;
      },
    };
  }

  /** @throws Problem 409 when it is being moved already, 503 as `travel` */
  advance(to: Instant): Promise<{ readonly now: Instant; readonly position: bigint }> {
    return this.database.db.connection().execute(async (connection) => {
      const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_lock(${lockKey}::bigint) as held`.execute(connection);
      if (rows[0]?.held !== true)
        throw new Problem(409, 'clock-is-moving', 'somebody moves the clock at this moment; ask again when that has ended');
      try {
        return await travel(this.house, to, advanceTimeoutMs);
      } finally {
        await sql`select pg_advisory_unlock(${lockKey}::bigint)`.execute(connection);
      }
    });
  }
}

@ApiTags('clock')
@Controller('clock')
export class ClockResource {
  constructor(
    @Inject(clockToken) private readonly clock: Clock,
    @Inject(settingsToken) private readonly settings: Settings,
  ) {}

  @Get()
  @Reads(...everyRole)
  @ApiOperation({ summary: 'What time it is here' })
  async read() {
    return { now: await this.clock.now(), clock: this.settings.virtualClock ? 'virtual' : 'machine' };
  }
}

/** Registered only where the clock is virtual. */
@ApiTags('clock')
@Controller('clock')
export class ClockAdvance {
  constructor(@Inject(VirtualClock) private readonly virtual: VirtualClock) {}

  @Post('advance')
  @Writes(200, 'operator')
  @TakesAtMost(advanceTimeoutMs + 10_000)
  @ApiOperation({ summary: 'Let time pass: from deadline to deadline, with everything that follows from each' })
  advance(@Body() { to }: AdvanceBody, @Once() write: Write) {
    return write(async (run) => {
      const { now, position } = await this.virtual.advance(to);
      run.reached(position);
      return { now };
    });
  }
}
