import { Body, Controller, Get, Inject, Injectable, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { eligibilityOf, losses } from '@recourse/disputes';
import { type Actor, type Instant, isAfter, plusDays } from '@recourse/eventing';
import { Caller, Problem } from '@recourse/nest';
import {
  clocksBetween,
  type ClockPlace,
  type Database,
  type KnownUnit,
  type KnownUpTo,
  knownUnits,
  type UnitOfOrder,
} from '@recourse/postgres';
import { Edge } from './edge.js';
import { wholeOf } from './eligibility-view.js';
import { Id, Limit, limitOf, Moment, Parts, PositionOrMoment, positionOrMomentOf, Shape, UnitNo } from './fields.js';
import { isPartyOf } from './parties.js';
import { maxTables, PolicyTables } from './policy-tables.js';
import { Asks, everyRole, Reads } from './route.js';
import { problemOfUnit, SharedAnswers } from './shared-answers.js';
import { maxUnitsOfQuery } from './settings.js';
import { databaseToken } from './tokens.js';

const usualRows = 100;
const maxRows = 1_000;
const usualDays = 1;
export const AsOf = () =>
  PositionOrMoment({
    description:
      'a past moment: what was on record then, with the windows as they stood; or a log position: right after the last event of ' +
      'the unit up to it. Default: now',
    optional: true,
  });

export class AsOfQuery {
  @AsOf()
  asOf?: string;
}

class UnitField {
  @Id({ description: "the shop's own number of the order", example: 'G20260301-001' })
  orderNo!: string;

  @UnitNo()
  unit!: number;
}

class UnitsBody {
  @Parts(() => UnitField, maxUnitsOfQuery, { description: 'answered in this order, each by itself' })
  units!: UnitField[];

  @AsOf()
  asOf?: string;
}

const placeShape = /^[^~]{20,30}~[^~]{1,200}~[1-9][0-9]{0,3}~[a-z-]{1,40}$/;

class ChangesQuery {
  @Moment({ description: 'clocks that run out at or after this moment. Default: now', optional: true })
  changesFrom?: Instant;

  @Moment({ description: 'and at or before this one. Default: a day later', optional: true })
  changesBefore?: Instant;

  @Id({ description: 'of this merchant only', optional: true })
  merchant?: string;

  @Shape(placeShape, { description: '`next` of the page before', optional: true })
  after?: string;

  @Limit(maxRows)
  limit?: string;
}

/** What is known of units, and what follows from it at a moment. */
@Injectable()
export class Eligibilities {
  constructor(
    @Inject(Edge) private readonly edge: Edge,
    @Inject(PolicyTables) private readonly tables: PolicyTables,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  /** The whole answer for one unit; undefined when it is not, or was not, there for the caller. @throws Problem 400 */
  async one(caller: Actor, unit: UnitOfOrder, asOf: string | undefined) {
    const { upTo, now } = await this.momentOf(asOf);
    const [known] = await knownUnits(this.database.db, [unit], upTo);
    if (known === undefined || !isPartyOf(caller, known.snapshot.terms)) return undefined;
    const { hash } = known.snapshot.terms.policy;
    const table = (await this.tables.of([hash])).get(hash);
    if (table === undefined) throw new Error('a policy was found or is an error');
    return wholeOf(known, eligibilityOf(known.snapshot, table, momentFor(known, upTo, now)), table);
  }

  /** Two statements, whatever the number of units: one for them, one for policies that are not at hand. @throws Problem 400 */
  async many(caller: Actor, units: readonly UnitField[], asOf: string | undefined) {
    const { upTo, now } = await this.momentOf(asOf);
    const asked = units.map(({ orderNo, unit }) => ({ orderId: `${caller.platform}.${orderNo}`, unitNo: unit }));
    const known = (await knownUnits(this.database.db, asked, upTo)).map((one) =>
      one !== undefined && isPartyOf(caller, one.snapshot.terms) ? one : undefined,
    );
    const shared = new SharedAnswers();
    const results: object[] = [];
    const hashes = [...new Set(known.flatMap((one) => one?.snapshot.terms.policy.hash ?? []))];
    // No more policies at a time than are kept.
    for (let first = 0; first < hashes.length; first += maxTables) {
      const tables = await this.tables.of(hashes.slice(first, first + maxTables));
      for (const [index, one] of known.entries()) {
        const table = one === undefined ? undefined : tables.get(one.snapshot.terms.policy.hash);
        if (one === undefined || table === undefined) continue;
        results[index] = shared.add(one, eligibilityOf(one.snapshot, table, momentFor(one, upTo, now)), table);
      }
    }
    return {
      at: upTo !== undefined && 'position' in upTo ? null : (upTo?.at ?? now),
      asOf: asOf ?? null,
      results: units.map(({ orderNo, unit }, index) => ({ orderNo, unit, ...(results[index] ?? unknownUnit) })),
      ...shared.shown(),
    };
  }

  private async momentOf(asOf: string | undefined): Promise<{ readonly upTo: KnownUpTo | undefined; readonly now: Instant }> {
    const now = await this.edge.now();
    if (asOf === undefined) return { upTo: undefined, now };
    const cut = positionOrMomentOf(asOf);
    if (typeof cut === 'bigint') return { upTo: { position: cut }, now };
    if (isAfter(cut, now)) throw new Problem(400, 'moment-to-come', 'asOf is a past moment; what is to come is in validUntil');
    return { upTo: { at: cut }, now };
  }
}

/** With a position the moment is that of the unit's last event up to it. */
const momentFor = (known: KnownUnit, upTo: KnownUpTo | undefined, now: Instant): Instant =>
  upTo === undefined ? now : 'at' in upTo ? upTo.at : known.since;

const unknownUnit = problemOfUnit('unit-unknown', 404, 'Not found', 'there is, or was, no such unit for you');

@ApiTags('eligibility')
@Controller('eligibility')
export class EligibilityResource {
  constructor(
    @Inject(Eligibilities) private readonly eligibilities: Eligibilities,
    @Inject(Edge) private readonly edge: Edge,
    @Inject(databaseToken) private readonly database: Database,
  ) {}

  @Post('query')
  @Asks(...everyRole)
  @ApiOperation({
    summary: `What the buyers of up to ${maxUnitsOfQuery} units could get, now or as of a past moment; each its own result or problem`,
    description:
      'Answers stand in the order of the units. `prospects`, `rules` and `clocks` hold once what many of them share: a unit names ' +
      'its prospects, a prospect its rules.',
  })
  query(@Body() { units, asOf }: UnitsBody, @Caller() caller: Actor) {
    return this.eligibilities.many(caller, units, asOf);
  }

  @Get()
  @Reads('finance', 'operator', 'arbitrator', 'merchant')
  @ApiOperation({
    summary: 'Whose answer changes by time alone in a span of time: the clocks that run out in it, the first one first',
  })
  async changes(@Query() query: ChangesQuery, @Caller() caller: Actor) {
    const { changesFrom: from = await this.edge.now() } = query;
    const { changesBefore: to = plusDays(from, usualDays) } = query;
    if (isAfter(from, to)) throw new Problem(400, 'span-invalid', 'changesFrom is not after changesBefore');
    const merchant = caller.role === 'merchant' ? caller.party : query.merchant;
    if (query.merchant !== undefined && query.merchant !== merchant)
      throw new Problem(404, 'merchant-unknown', 'there is no such merchant for you');
    const limit = limitOf(query.limit, usualRows, maxRows);
    const clocks = await clocksBetween(this.database.db, {
      platform: caller.platform,
      ...(merchant === undefined ? {} : { merchant }),
      from,
      to,
      limit,
      ...(query.after === undefined ? {} : { after: placeOf(query.after) }),
    });
    const last = clocks.length === limit ? clocks.at(-1) : undefined;
    return {
      from,
      to,
      clocks: clocks.map(({ orderId, unitNo, disputeId, name, until }) => ({
        orderId,
        unit: unitNo,
        dispute: disputeId,
        clock: name,
        until,
        loses: lossOf(name),
      })),
      ...(last === undefined ? {} : { next: nextOf(last.place) }),
    };
  }
}

const lossOf = (name: string) => (Object.hasOwn(losses, name) ? losses[name as keyof typeof losses].loses : 'nobody');
const nextOf = ({ until, stream, unitNo, name }: ClockPlace): string => [until, stream, unitNo, name].join('~');

/** @throws Problem 400 */
function placeOf(text: string): ClockPlace {
  const [until = '', stream = '', unitNo = '', name = ''] = text.split('~');
  if (Number.isNaN(Date.parse(until))) throw new Problem(400, 'invalid-input', 'after is `next` of the page before');
  return { until, stream, unitNo: Number(unitNo), name };
}
