import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { EventStore } from '@recourse/eventstore';
import { Open, Problem } from '@recourse/nest';
import type { Database } from '@recourse/postgres';
import { sql } from 'kysely';
import { databaseToken, eventStoreToken } from './tokens.js';

const checkTimeoutMs = 2_000;

async function answers(check: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), checkTimeoutMs)));
  try {
    return await Promise.race([check.then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

@ApiTags('health')
@Controller('health')
export class Health {
  constructor(
    @Inject(eventStoreToken) private readonly eventStore: EventStore,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Get('live')
  @Open()
  @ApiOperation({ summary: 'This process serves requests' })
  live() {
    return { status: 'live' };
  }

  @Get('ready')
  @Open()
  @ApiOperation({ summary: 'Event store and database answer' })
  async ready() {
    const [eventStore, database] = await Promise.all([
      answers(this.eventStore.lastPosition()),
      answers(sql`select 1`.execute(this.database.db)),
    ]);
    if (eventStore && database) return { status: 'ready' };
    const missing = [eventStore ? [] : 'the event store', database ? [] : 'the database'].flat().join(' and ');
    throw new Problem(503, 'not-ready', `no answer from ${missing}`, { headers: { 'Retry-After': '2' } });
  }
}
