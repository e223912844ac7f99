import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { epochMsOf, instantOf, isInstant, type Actor, type Clock } from '@recourse/eventing';
import { Caller, Problem } from '@recourse/nest';
import { type Database, type OpenReview, openReviews, type ReviewPlace } from '@recourse/postgres';
import { Limit, limitOf, Shape } from './fields.js';
import { Reads } from './route.js';
import { clockToken, databaseToken } from './tokens.js';

const usualRows = 50;
const maxRows = 200;
const placeShape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z~(review|appeal)~[A-Za-z0-9_.-]{1,200}$/;

class ReviewQuery {
  @Shape(placeShape, { description: 'the `next` of the page before', optional: true }, '$property is the next of the page before')
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

const nameOf = ({ due, kind, id }: ReviewPlace): string => `${due}~${kind}~${id}`;
/** @throws Problem 400 for a moment that never was */
function placeOf(text: string | undefined): { after?: ReviewPlace } {
  const [due, kind, id] = text?.split('~') ?? [];
  if (due === undefined || id === undefined) return {};
  if (!isInstant(due) || instantOf(epochMsOf(due)) !== due)
    throw new Problem(400, 'invalid-input', 'after is the next of the page before');
  return { after: { due, kind: kind === 'appeal' ? 'appeal' : 'review', id } };
}

const viewOf = ({ kind, due, until, escalated, disputeId, verdictId, merchant, units, parties }: OpenReview, now: string) => ({
  kind,
  disputeId,
  ...(kind === 'appeal' ? { verdictId, appealedBy: parties } : {}),
  merchant,
  units,
  due,
  overdue: due < now,
  escalated,
  /** When it is decided without anybody. */
  until,
});

@ApiTags('disputes')
@Controller('reviews')
export class Reviews {
  constructor(
    @Inject(databaseToken) private readonly database: Database,
    @Inject(clockToken) private readonly clock: Clock,
  ) {}

  @Get()
  @Reads('arbitrator', 'operator')
  @ApiOperation({ summary: 'Reviews and appeals that wait for a person, the most urgent first: overdue ones lead' }) // S18
  async list(@Query() query: ReviewQuery, @Caller() { platform }: Actor) {
    const limit = limitOf(query.limit, usualRows, maxRows);
    const rows = await openReviews(this.database.db, { platform, limit, ...placeOf(query.after) });
    const now = await this.clock.now();
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { reviews: rows.map((row) => viewOf(row, now)), ...(last === undefined ? {} : { next: nameOf(last) }) };
  }
}
