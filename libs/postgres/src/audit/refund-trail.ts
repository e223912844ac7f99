import type { Money } from '@recourse/money';
import { sql, type Kysely } from 'kysely';
import { liveSchema, type NoTables, tablesOf } from '../read-models/read-model.js';
import type { RefundAuditTables } from '../read-models/refund-audit.js';
import { all, moment, partConditions, refundConditions, type RefundSelection } from './refund-selection.js';
import { amountColumns, amountsOf, asOneMoment, type AmountTexts, type RefundAmounts } from './refund-totals.js';

/** One refund of a total, with its part of the total's sums. */
export interface RefundOfTotal extends RefundAmounts {
  readonly refundId: string;
  readonly orderId: string;
  readonly merchant: string;
  readonly buyer: string;
  readonly rail: string;
  readonly ground: string;
  readonly rule: string | null;
  readonly status: string;
  readonly units: bigint;
  readonly approvedAt: string;
  readonly paidAt: string | null;
}

type Row = AmountTexts & {
  refund_id: string;
  order_id: string;
  merchant: string;
  buyer: string;
  rail: string;
  ground: string;
  rule: string | null;
  status: string;
  units: bigint;
  approved_at: string;
  paid_at: string | null;
};

/** Those a total is made of, in the order of the moment that counts. */
export async function refundsOfTotal(
  db: Kysely<NoTables>,
  selection: RefundSelection,
  { after, limit }: { readonly after?: string; readonly limit: number },
): Promise<RefundOfTotal[]> {
  const at = moment(selection);
  const parts = [sql`m.refund_id = r.refund_id`, ...partConditions(selection)];
  const conditions = [...refundConditions(selection), sql`exists (select 1 from read.refund_movement m where ${all(parts)})`];
  if (after !== undefined)
    conditions.push(sql`(${at}, r.refund_id) > (select ${at}, r.refund_id from read.refund r where r.refund_id = ${after})`);
  // The page first, by the index, and then the sums of its refunds alone.
  const { rows } = await sql<Row>`
    select r.refund_id, r.order_id, r.merchant, r.buyer, r.rail, r.ground, r.rule, r.status, r.asset, r.approved_at, r.paid_at, s.*
    from (select * from read.refund r where ${all(conditions)} order by ${at}, r.refund_id limit ${limit}) as r
      cross join lateral (select count(distinct m.unit_no) as units, ${amountColumns} from read.refund_movement m where ${all(parts)}) as s
    order by ${at}, r.refund_id`.execute(db);
  return rows.map((row) => ({
    refundId: row.refund_id,
    orderId: row.order_id,
    merchant: row.merchant,
    buyer: row.buyer,
    rail: row.rail,
    ground: row.ground,
    rule: row.rule,
    status: row.status,
    units: row.units,
    ...amountsOf(row),
    approvedAt: row.approved_at,
    paidAt: row.paid_at,
  }));
}

const pageRows = 1_000;

/** All of them, page by page: memory does not grow with their number. Refunds that come meanwhile may be among them. */
export async function* everyRefundOfTotal(db: Kysely<NoTables>, selection: RefundSelection): AsyncGenerator<RefundOfTotal> {
  let after: string | undefined;
  do {
    const page = await refundsOfTotal(db, selection, { ...(after === undefined ? {} : { after }), limit: pageRows });
    yield* page;
    after = page.length === pageRows ? page.at(-1)?.refundId : undefined;
  } while (after !== undefined);
}

export async function countRefunds(db: Kysely<NoTables>, selection: RefundSelection): Promise<bigint> {
  const { rows } = await sql<{ refunds: bigint }>`select count(*) as refunds from read.refund r
    where ${all(refundConditions(selection))}`.execute(db);
  return rows[0]?.refunds ?? 0n;
}

/** A line of the journal. */
export interface JournalLine {
  readonly line: number;
  readonly debit: string;
  readonly credit: string;
  readonly amount: Money;
}
/** What an event did to one part of a refund. */
export interface RefundMovement {
  readonly unit: number;
  readonly source: string;
  readonly bearer: string;
  readonly liable: string;
  readonly measure: string;
  readonly amount: Money;
}
export interface AuditedEvent {
  readonly position: bigint;
  readonly stream: string;
  readonly event: string;
  readonly at: string;
  readonly movements: readonly RefundMovement[];
  readonly postings: readonly JournalLine[];
}

const live = (db: Kysely<NoTables>) => tablesOf<RefundAuditTables>(db).withSchema(liveSchema);

/** A refund's events in the order of the log, `limit` at most. */
export function eventsOfRefund(
  db: Kysely<NoTables>,
  refund: { readonly refundId: string; readonly asset: string },
  after: bigint,
  limit: number,
): Promise<AuditedEvent[]> {
  return asOneMoment(db, async (trx) => {
    const events = await live(trx)
      .selectFrom('refund_event')
      .selectAll()
      .where('refund_id', '=', refund.refundId)
      .where('position', '>', after)
      .orderBy('position')
      .limit(limit)
      .execute();
    const positions = events.map(({ position }) => position);
    const [movements, postings] = [await movementsAt(trx, positions, refund.asset), await postingsAt(trx, positions)];
    return events.map(({ position, stream, event_type, at }) => ({
      position,
      stream,
      event: event_type,
      at,
      movements: movements.get(position) ?? [],
      postings: postings.get(position) ?? [],
    }));
  });
}

async function movementsAt(
  db: Kysely<NoTables>,
  positions: readonly bigint[],
  asset: string,
): Promise<Map<bigint, RefundMovement[]>> {
  if (positions.length === 0) return new Map();
  const rows = await live(db)
    .selectFrom('refund_movement')
    .selectAll()
    .where('position', 'in', [...positions])
    .orderBy('position')
    .orderBy('line')
    .execute();
  return byPosition(rows, ({ unit_no, source, bearer, liable, measure, amount }) => ({
    unit: unit_no,
    source,
    bearer,
    liable,
    measure,
    amount: { asset, minor: amount },
  }));
}

interface JournalRow {
  position: bigint;
  line: number;
  debit: string;
  credit: string;
  asset: string;
  amount: bigint;
}

async function postingsAt(db: Kysely<NoTables>, positions: readonly bigint[]): Promise<Map<bigint, JournalLine[]>> {
  if (positions.length === 0) return new Map();
  const { rows } = await sql<JournalRow>`select position, line, debit, credit, asset, amount from read.journal
    where position in (${sql.join(positions)}) order by position, line`.execute(db);
  return byPosition(rows, ({ line, debit, credit, asset, amount }) => ({
    line,
    debit,
    credit,
    amount: { asset, minor: amount },
  }));
}

function byPosition<Row extends { readonly position: bigint }, Item>(
  rows: readonly Row[],
  item: (row: Row) => Item,
): Map<bigint, Item[]> {
  const found = new Map<bigint, Item[]>();
  for (const row of rows) {
    const items = found.get(row.position);
    if (items === undefined) found.set(row.position, [item(row)]);
    else items.push(item(row));
  }
  return found;
}

/** An event of the log by its position: the refund it is about, if any, and its lines in the journal. */
export interface PlacedEvent {
  readonly position: bigint;
  readonly stream: string;
  readonly event: string;
  readonly at: string;
  readonly refundId: string | null;
  readonly postings: readonly JournalLine[];
}

interface PlaceRow {
  stream: string;
  event: string;
  at: string;
  refund_id: string | null;
}

/** The way back from an event or a line of the journal; undefined for what moved no money of this platform and no refund. */
export function eventAt(db: Kysely<NoTables>, platform: string, position: bigint): Promise<PlacedEvent | undefined> {
  return asOneMoment(db, async (trx) => {
    const { rows } = await sql<PlaceRow>`
      select e.stream, e.event_type as event, e.at, e.refund_id
      from read.refund_event e join read.refund r on r.refund_id = e.refund_id
      where e.position = ${position} and r.platform = ${platform}
      union all
      select j.stream, j.event_type, j.effective_at, null from read.journal j
      where j.position = ${position} and j.line = 0 and starts_with(j.debit, ${`${platform}/`})
      order by refund_id nulls last limit 1`.execute(trx);
    const [found] = rows;
    if (found === undefined) return undefined;
    const { refund_id: refundId, ...place } = found;
    return { position, ...place, refundId, postings: (await postingsAt(trx, [position])).get(position) ?? [] };
  });
}

/** Where the log tells of these refunds. */
export async function refundPlaces(
  db: Kysely<NoTables>,
  refundIds: readonly string[],
): Promise<readonly { readonly position: bigint; readonly stream: string }[]> {
  if (refundIds.length === 0) return [];
  return tablesOf<RefundAuditTables>(db)
    .withSchema(liveSchema)
    .selectFrom('refund_event')
    .select(['position', 'stream'])
    .where('refund_id', 'in', [...refundIds])
    .orderBy('position')
    .execute();
}
