import { isDeepStrictEqual } from 'node:util';
import {
  caseAfter,
  changeBy,
  clocksOfCase,
  clocksOfUnit,
  disputeEventTypes,
  newStanding,
  orderOf,
  standingsIn,
  termsOf,
  type CaseHistory,
  type CaseStanding,
  type Clock,
  type DisputeEvent,
  type PolicyEvent,
  type PolicyTable,
  type UnitSnapshot,
  type UnitStanding,
  type UnitTerms,
} from '@recourse/disputes/events';
import { encodeData, idOf, type Instant, type Recorded } from '@recourse/eventing';
import { orderEventTypes, type OrderEvent } from '@recourse/orders/events';
import { sql, type Kysely } from 'kysely';
import { decodeColumn, decodeState, encodeState, notBefore } from './folded-state.js';
import { readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

interface ClockRow {
  /** Of the order or of the case: each follows its own stream only. */
  stream: string;
  unit_no: number;
  name: string;
  until: string;
  order_id: string;
  platform: string;
  merchant: string;
}
interface Tables {
  eligible_unit: { order_id: string; unit_no: number; platform: string; merchant: string; buyer: string; terms: string };
  eligible_standing: { order_id: string; unit_no: number; position: bigint; at: string; standing: string };
  eligible_case: { dispute_id: string; history: string };
  eligible_claim: {
    dispute_id: string;
    unit_no: number;
    position: bigint;
    at: string;
    order_id: string;
    /** Cases of an order are numbered as they are opened; an older one may still change when a newer one is there. */
    case_no: number;
    standing: string;
  };
  eligible_clock: ClockRow;
  eligible_policy: { hash: string; policy: string };
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

interface Owner {
  readonly order_id: string;
  readonly platform: string;
  readonly merchant: string;
}

/** Only what changes is written: most events leave the clocks as they are. */
async function setClocks(
  tx: ReadModelTx,
  { stream, unitNo, owner }: { readonly stream: string; readonly unitNo: number; readonly owner: Owner },
  before: readonly Clock[],
  now: readonly Clock[],
): Promise<void> {
  const gone = before.filter(({ name }) => !now.some((clock) => clock.name === name)).map(({ name }) => name as string);
  if (gone.length > 0)
    await of(tx)
      .deleteFrom('eligible_clock')
      .where('stream', '=', stream)
      .where('unit_no', '=', unitNo)
      .where('name', 'in', gone)
      .execute();
  const set = now.filter(({ name, until }) => !before.some((clock) => clock.name === name && clock.until === until));
  if (set.length > 0)
    await of(tx)
      .insertInto('eligible_clock')
      .values(set.map(({ name, until }) => ({ stream, unit_no: unitNo, name, until, ...owner })))
      .onConflict((conflict) =>
        conflict.columns(['stream', 'unit_no', 'name']).doUpdateSet((eb) => ({ until: eb.ref('excluded.until') })),
      )
      .execute();
}

async function place(tx: ReadModelTx, event: Extract<Recorded<OrderEvent>, { type: 'OrderPlaced' }>): Promise<void> {
  const { data, position, stream, metadata } = event;
  const { orderId: order_id, platform, merchant, buyer } = data;
  const units = termsOf(data);
  const rows = units.map((terms) => ({ order_id, unit_no: terms.unitNo, platform, merchant, buyer, terms: encodeData(terms) }));
  await of(tx).insertInto('eligible_unit').values(rows).execute();
  const at = metadata.recordedAt;
  const standings = units.map((terms) => ({ terms, standing: newStanding(terms) }));
  await of(tx)
    .insertInto('eligible_standing')
    .values(
      standings.map(({ terms, standing }) => ({
        order_id,
        unit_no: terms.unitNo,
        position,
        at,
        standing: encodeData(standing),
      })),
    )
    .execute();
  const owner = { order_id, platform, merchant };
  for (const { terms, standing } of standings)
    await setClocks(tx, { stream, unitNo: terms.unitNo, owner }, [], clocksOfUnit(terms, standing));
}

/** @param units undefined: all of the order */
async function latestStandings(tx: ReadModelTx, orderId: string, units: readonly number[] | undefined) {
  const named = units === undefined ? sql`true` : sql`u.unit_no = any(${units}::int[])`;
  const { rows } = await sql<{ terms: unknown; standing: unknown; at: string }>`
    select u.terms, s.standing, s.at from eligible_unit u
    join lateral (select standing, at from eligible_standing v where v.order_id = u.order_id and v.unit_no = u.unit_no
      order by position desc limit 1) s on true
    where u.order_id = ${orderId} and ${named}`.execute(tx);
  return rows.map(({ terms, standing, at }) => ({
    terms: decodeColumn<UnitTerms>(terms),
    standing: decodeColumn<UnitStanding>(standing),
    at,
  }));
}

async function follow(event: Recorded<OrderEvent>, tx: ReadModelTx): Promise<void> {
  if (event.type === 'OrderPlaced') return place(tx, event);
  const change = changeBy(event);
  if (change === undefined) return;
  const { stream, position } = event;
  const orderId = idOf(stream);
  for (const { terms, standing, at } of await latestStandings(tx, orderId, change.units)) {
    const { unitNo, platform, merchant } = terms;
    const now = change.to(standing, unitNo);
    const row = { order_id: orderId, unit_no: unitNo, position, at: notBefore(event.metadata.recordedAt, at) };
    await of(tx)
      .insertInto('eligible_standing')
      .values({ ...row, standing: encodeData(now) })
      .execute();
    const owner = { order_id: orderId, platform, merchant };
    await setClocks(tx, { stream, unitNo, owner }, clocksOfUnit(terms, standing), clocksOfUnit(terms, now));
  }
}

/** `{orderId}.{n}` */
const numberOf = (disputeId: string): number => Number(disputeId.slice(disputeId.lastIndexOf('.') + 1));

/** The case is folded whole, since one event may change all of its units; a row is written for each unit that it changed. */
async function followCase(event: Recorded<DisputeEvent>, tx: ReadModelTx): Promise<void> {
  const { stream, position, metadata } = event;
  const disputeId = idOf(stream);
  const known = await of(tx).selectFrom('eligible_case').select('history').where('dispute_id', '=', disputeId).executeTakeFirst();
  const before = known === undefined ? undefined : (decodeState(known.history) as CaseHistory & { readonly at: Instant });
  const history = caseAfter(before, event);
  const at = notBefore(metadata.recordedAt, before?.at);
  await of(tx)
    .insertInto('eligible_case')
    .values({ dispute_id: disputeId, history: encodeState({ ...history, at }) })
    .onConflict((conflict) => conflict.column('dispute_id').doUpdateSet((eb) => ({ history: eb.ref('excluded.history') })))
    .execute();
  const { dispute } = history;
  const orderId = orderOf(history);
  if (dispute.status === 'unknown' || orderId === undefined) return;
  const was = before === undefined ? new Map<number, CaseStanding>() : standingsIn(before);
  const { platform, merchant } = dispute.file;
  for (const [unitNo, standing] of standingsIn(history)) {
    const old = was.get(unitNo);
    // Whatever order the columns of JSON keep their members in.
    if (isDeepStrictEqual(old, standing)) continue;
    const row = { dispute_id: disputeId, unit_no: unitNo, position, at, order_id: orderId, case_no: numberOf(disputeId) };
    await of(tx)
      .insertInto('eligible_claim')
      .values({ ...row, standing: encodeData(standing) })
      .execute();
    const owner = { order_id: orderId, platform, merchant };
    await setClocks(tx, { stream, unitNo, owner }, old === undefined ? [] : clocksOfCase(old), clocksOfCase(standing));
  }
}

async function keepPolicy({ data: { hash, table } }: Extract<PolicyEvent, { type: 'PolicyPublished' }>, tx: ReadModelTx) {
  await of(tx)
    .insertInto('eligible_policy')
    .values({ hash, policy: JSON.stringify(table) })
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .execute();
}

const each = <Type extends string, Handler>(types: readonly Type[], handler: Handler): Readonly<Record<Type, Handler>> =>
  Object.fromEntries(types.map((type) => [type, handler])) as Record<Type, Handler>;

/**
 * What is known of every unit that can decide what its buyer could get, at every moment so far? Rows of standings and claims are
 * only added, one for each unit that an event changed, so that the row of a past moment is still there; windows are compared when
 * one asks. A unit has as many rows as its order and its cases have events that change it: a handful without a claim, some twenty
 * with one, and never more than an order and its claims can have events (5,000, and 4,000 for new claims).
 * Orders and cases are followed apart, so that a stream that is parked hinders no other.
 */
export const eligibility = readModel<OrderEvent | DisputeEvent | PolicyEvent>({
  name: 'eligibility',
  version: 1,
  tables: ['eligible_unit', 'eligible_standing', 'eligible_case', 'eligible_claim', 'eligible_clock', 'eligible_policy'],
  create: async (tx) => {
    await sql`create table eligible_unit (
      order_id text not null, unit_no integer not null, platform text not null, merchant text not null, buyer text not null,
      terms jsonb not null, primary key (order_id, unit_no))`.execute(tx);
    await sql`create table eligible_standing (
      order_id text not null, unit_no integer not null, position bigint not null, at timestamptz not null,
      standing jsonb not null, primary key (order_id, unit_no, position))`.execute(tx);
    await sql`create table eligible_case (dispute_id text primary key, history jsonb not null)`.execute(tx);
    await sql`create table eligible_claim (
      dispute_id text not null, unit_no integer not null, position bigint not null, at timestamptz not null,
      order_id text not null, case_no integer not null, standing jsonb not null,
      primary key (dispute_id, unit_no, position))`.execute(tx);
    await sql`create index on eligible_claim (order_id, unit_no, case_no, position)`.execute(tx);
    await sql`create table eligible_clock (
      stream text not null, unit_no integer not null, name text not null, until timestamptz not null,
      order_id text not null, platform text not null, merchant text not null, primary key (stream, unit_no, name))`.execute(tx);
    await sql`create index on eligible_clock (platform, until, stream, unit_no, name)`.execute(tx);
    await sql`create index on eligible_clock (platform, merchant, until, stream, unit_no, name)`.execute(tx);
    await sql`create table eligible_policy (hash text primary key, policy jsonb not null)`.execute(tx);
  },
  on: {
    ...each(orderEventTypes, follow),
    ...each(disputeEventTypes, followCase),
    PolicyPublished: keepPolicy,
  },
});

export interface UnitOfOrder {
  readonly orderId: string;
  readonly unitNo: number;
}
/** Up to when something counts as known: a moment of the record, or a position of the log. Absent: everything. */
export type KnownUpTo = { readonly at: Instant } | { readonly position: bigint };

export interface KnownUnit {
  readonly snapshot: UnitSnapshot;
  /** Of the last event that changed it, and its moment. */
  readonly position: bigint;
  readonly since: Instant;
}

interface KnownRow {
  readonly no: bigint;
  readonly terms: unknown;
  readonly standing: unknown;
  readonly position: bigint;
  readonly at: string;
  readonly claim: unknown;
  readonly claim_position: bigint | null;
  readonly claim_at: string | null;
}

/** What is or was known of these units, in their order, in one statement; undefined for one that is or was not there. */
export async function knownUnits(
  db: Kysely<NoTables>,
  units: readonly UnitOfOrder[],
  upTo?: KnownUpTo,
): Promise<readonly (KnownUnit | undefined)[]> {
  const isKnown = upTo === undefined ? sql`true` : 'at' in upTo ? sql`v.at <= ${upTo.at}` : sql`v.position <= ${upTo.position}`;
  const { rows } = await sql<KnownRow>`
    select asked.no, u.terms, s.standing, s.position, s.at, c.standing as claim, c.position as claim_position, c.at as claim_at
    from unnest(${units.map(({ orderId }) => orderId)}::text[], ${units.map(({ unitNo }) => unitNo)}::int[])
      with ordinality as asked (order_id, unit_no, no)
    join read.eligible_unit u on u.order_id = asked.order_id and u.unit_no = asked.unit_no
    join lateral (select standing, position, at from read.eligible_standing v
      where v.order_id = asked.order_id and v.unit_no = asked.unit_no and ${isKnown} order by v.position desc limit 1) s on true
    left join lateral (select standing, position, at from read.eligible_claim v
      where v.order_id = asked.order_id and v.unit_no = asked.unit_no and ${isKnown}
      order by v.case_no desc, v.position desc limit 1) c on true`.execute(db);
  const found: (KnownUnit | undefined)[] = units.map(() => undefined);
  for (const row of rows) {
    const { terms, standing, claim, claim_at: claimAt, claim_position: claimPosition } = row;
    found[Number(row.no) - 1] = {
      snapshot: {
        terms: decodeColumn<UnitTerms>(terms),
        standing: decodeColumn<UnitStanding>(standing),
        ...(claim === null ? {} : { latest: decodeColumn<CaseStanding>(claim) }),
      },
      position: claimPosition !== null && claimPosition > row.position ? claimPosition : row.position,
      since: claimAt !== null && claimAt > row.at ? claimAt : row.at,
    };
  }
  return found;
}

/** Policies as they were published, by hash; one that no order was ever placed under may be missing. */
export async function policiesOf(db: Kysely<NoTables>, hashes: readonly string[]): Promise<ReadonlyMap<string, PolicyTable>> {
  if (hashes.length === 0) return new Map();
  const { rows } = await sql<{ hash: string; policy: PolicyTable }>`
    select hash, policy from read.eligible_policy where hash = any(${[...hashes]}::text[])`.execute(db);
  return new Map(rows.map(({ hash, policy }) => [hash, policy]));
}

export interface RunningClock {
  readonly orderId: string;
  readonly unitNo: number;
  readonly disputeId: string | null;
  readonly name: string;
  readonly until: Instant;
  /** Where the next page begins. */
  readonly place: ClockPlace;
}
export interface ClockPlace {
  readonly until: Instant;
  readonly stream: string;
  readonly unitNo: number;
  readonly name: string;
}

/** Clocks that run out from one moment to another, both inside: what changes by time alone. The first to run out first. */
export async function clocksBetween(
  db: Kysely<NoTables>,
  span: {
    readonly platform: string;
    readonly merchant?: string;
    readonly from: Instant;
    readonly to: Instant;
    readonly after?: ClockPlace;
    readonly limit: number;
  },
): Promise<readonly RunningClock[]> {
  const { platform, merchant, from, to, after, limit } = span;
  const { rows } = await sql<ClockRow>`
    select stream, unit_no, name, until, order_id from read.eligible_clock
    where platform = ${platform} and ${merchant === undefined ? sql`true` : sql`merchant = ${merchant}`}
      and until >= ${from} and until <= ${to}
      and ${
        after === undefined
          ? sql`true`
          : sql`(until, stream, unit_no, name) > (${after.until}::timestamptz, ${after.stream}, ${after.unitNo}::int, ${after.name})`
      }
    order by until, stream, unit_no, name limit ${limit}`.execute(db);
  return rows.map(({ stream, unit_no: unitNo, name, until, order_id: orderId }) => ({
    orderId,
    unitNo,
    disputeId: stream.startsWith('dispute-') ? idOf(stream) : null,
    name,
    until,
    place: { until, stream, unitNo, name },
  }));
}
