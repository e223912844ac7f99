import type { Delivery, OrderEvent } from '@recourse/orders/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, tablesOf } from './read-model.js';

interface OrderRow {
  order_id: string;
  platform: string;
  merchant: string;
  buyer: string;
  product_kind: string;
  settlement: string;
  status: 'placed' | 'paid' | 'cancelled';
  asset: string;
  total: bigint;
  rail: string;
  policy_version: number;
  policy_hash: string;
  placed_at: string;
  paid_at: string | null;
  deliver_before: string | null;
}
export interface UnitRow {
  order_id: string;
  unit_no: number;
  product: string;
  price: bigint;
  fee: bigint;
  delivery: 'ordered' | 'delivered' | 'revealed' | 'failed';
  money: 'unpaid' | 'held' | 'released' | 'refunded';
  refunded: bigint;
  masked: string | null;
  fingerprint: string | null;
  delivered_at: string | null;
  revealed_at: string | null;
  after_sale_ends_at: string | null;
  seven_day_ends_at: string | null;
  confirmed_at: string | null;
  claim_id: string | null;
}
interface Tables {
  order_book: OrderRow;
  order_unit: UnitRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

const reference = (delivery: Delivery) =>
  delivery.kind === 'key'
    ? { masked: delivery.masked, fingerprint: delivery.fingerprint }
    : { masked: null, fingerprint: delivery.receipt };

async function setUnits(
  tx: Kysely<NoTables>,
  orderId: string,
  units: readonly number[],
  values: Partial<UnitRow>,
): Promise<void> {
  if (units.length === 0) return;
  await of(tx)
    .updateTable('order_unit')
    .set(values)
    .where('order_id', '=', orderId)
    .where('unit_no', 'in', [...units])
    .execute();
}

/** Where does an order stand, unit by unit? */
export const orderBook = readModel<OrderEvent>({
  name: 'order-book',
  version: 1,
  tables: ['order_book', 'order_unit'],
  create: async (tx) => {
    await sql`create table order_book (
      order_id text primary key, platform text not null, merchant text not null, buyer text not null, product_kind text not null,
      settlement text not null, status text not null, asset text not null, total bigint not null, rail text not null,
      policy_version integer not null, policy_hash text not null,
      placed_at timestamptz not null, paid_at timestamptz, deliver_before timestamptz)`.execute(tx);
    await sql`create index on order_book (platform, merchant, placed_at)`.execute(tx);
    await sql`create table order_unit (
      order_id text not null, unit_no integer not null, product text not null, price bigint not null, fee bigint not null,
      delivery text not null, money text not null, refunded bigint not null, masked text, fingerprint text, delivered_at timestamptz,
      revealed_at timestamptz, after_sale_ends_at timestamptz, seven_day_ends_at timestamptz, confirmed_at timestamptz, claim_id text,
      primary key (order_id, unit_no))`.execute(tx);
  },
  on: {
    OrderPlaced: async ({ data }, tx) => {
      await of(tx)
        .insertInto('order_book')
        .values({
          order_id: data.orderId,
          platform: data.platform,
          merchant: data.merchant,
          buyer: data.buyer,
          product_kind: data.productKind,
          settlement: data.settlement,
          status: 'placed',
          asset: data.total.asset,
          total: data.total.minor,
          rail: data.rail,
          policy_version: data.policy.version,
          policy_hash: data.policy.hash,
          placed_at: data.placedAt,
          paid_at: null,
          deliver_before: null,
        })
        .execute();
      await of(tx)
        .insertInto('order_unit')
        .values(
          data.units.map((unit) => ({
            order_id: data.orderId,
            unit_no: unit.unitNo,
            product: unit.product,
            price: unit.price.minor,
            fee: unit.fee.minor,
            delivery: 'ordered' as const,
            money: 'unpaid' as const,
            refunded: 0n,
            masked: null,
            fingerprint: null,
            delivered_at: null,
            revealed_at: null,
            after_sale_ends_at: null,
            seven_day_ends_at: null,
            confirmed_at: null,
            claim_id: null,
          })),
        )
        .execute();
    },
    PaymentCaptured: async ({ data }, tx) => {
      await of(tx)
        .updateTable('order_book')
        .set({ status: 'paid', paid_at: data.capturedAt, deliver_before: data.deliverBefore })
        .where('order_id', '=', data.orderId)
        .execute();
      await of(tx).updateTable('order_unit').set({ money: 'held' }).where('order_id', '=', data.orderId).execute();
    },
    OrderCancelled: async ({ data }, tx) => {
      await of(tx).updateTable('order_book').set({ status: 'cancelled' }).where('order_id', '=', data.orderId).execute();
    },
    UnitDelivered: ({ data }, tx) =>
      setUnits(tx, data.orderId, [data.unitNo], {
        delivery: 'delivered',
        ...reference(data.delivery),
        delivered_at: data.deliveredAt,
        after_sale_ends_at: data.afterSaleEndsAt,
        seven_day_ends_at: data.sevenDayEndsAt ?? null,
      }),
    PlatformDeliveryFailed: ({ data }, tx) => setUnits(tx, data.orderId, [data.unitNo], { delivery: 'failed' }),
    KeyRevealed: ({ data }, tx) =>
      setUnits(tx, data.orderId, [data.unitNo], { delivery: 'revealed', revealed_at: data.revealedAt }),
    ReceiptConfirmed: ({ data }, tx) => setUnits(tx, data.orderId, data.units, { confirmed_at: data.confirmedAt }),
    EscrowReleased: ({ data }, tx) => setUnits(tx, data.orderId, [data.unitNo], { money: 'released' }),
    ClaimOpened: ({ data }, tx) =>
      setUnits(
        tx,
        data.orderId,
        data.units.map((unit) => unit.unitNo),
        { claim_id: data.claimId },
      ),
    ClaimClosed: async ({ data }, tx) => {
      for (const unit of data.units) {
        await setUnits(tx, data.orderId, [unit.unitNo], {
          claim_id: null,
          ...(unit.afterSaleEndsAt === undefined ? {} : { after_sale_ends_at: unit.afterSaleEndsAt }),
        });
      }
    },
    ReplacementDelivered: ({ data }, tx) =>
      setUnits(tx, data.orderId, [data.unitNo], { delivery: 'delivered', ...reference(data.delivery), revealed_at: null }),
    RefundApproved: async ({ data }, tx) => {
      for (const line of data.lines) {
        await of(tx)
          .updateTable('order_unit')
          .set((eb) => ({
            refunded: eb('refunded', '+', line.amount.minor),
            ...(line.source === 'escrow' && data.unitsWithRest?.includes(line.unitNo) !== true
              ? { money: 'refunded' as const }
              : {}),
          }))
          .where('order_id', '=', data.orderId)
          .where('unit_no', '=', line.unitNo)
          .execute();
      }
    },
    RefundRevoked: async ({ data }, tx) => {
      for (const line of data.lines) {
        await of(tx)
          .updateTable('order_unit')
          .set((eb) => ({
            refunded: eb('refunded', '-', line.amount.minor),
            ...(line.source === 'escrow' ? { money: 'held' as const } : {}),
          }))
          .where('order_id', '=', data.orderId)
          .where('unit_no', '=', line.unitNo)
          .execute();
      }
    },
  },
});

/** An order with its units in order, or undefined. */
export async function findOrder(db: Kysely<NoTables>, orderId: string): Promise<(OrderRow & { units: UnitRow[] }) | undefined> {
  const tables = of(db).withSchema(liveSchema);
  const order = await tables.selectFrom('order_book').selectAll().where('order_id', '=', orderId).executeTakeFirst();
  if (order === undefined) return undefined;
  const units = await tables.selectFrom('order_unit').selectAll().where('order_id', '=', orderId).orderBy('unit_no').execute();
  return { ...order, units };
}

/** Orders of a merchant whose money may yet be released: paid and not settled, or still to be paid; by id. */
export async function openOrders(
  db: Kysely<NoTables>,
  page: {
    readonly platform: string;
    readonly merchant: string;
    /** Who ordered before and has not paid will not pay any more. */
    readonly payableSince: string;
    readonly after: string;
    readonly limit: number;
  },
): Promise<string[]> {
  const { platform, merchant, payableSince, after, limit } = page;
  const { rows } = await sql<{ order_id: string }>`select order_id from read.order_book o
    where platform = ${platform} and merchant = ${merchant} and order_id > ${after}
      and ((status = 'placed' and placed_at >= ${payableSince})
        or exists (select 1 from read.order_unit u where u.order_id = o.order_id and u.money = 'held'))
    order by order_id limit ${limit}`.execute(db);
  return rows.map((row) => row.order_id);
}

/**
 * K16: what a merchant's deposit must cover now, in minor units: what is left of released units that may still be claimed or are
 * under a claim, and the undelivered units of his orders that are settled at delivery.
 * @param payableSince orders placed before it and not paid will not be paid any more
 */
export async function exposureOf(
  db: Kysely<NoTables>,
  {
    platform,
    merchant,
    asset,
    now,
    payableSince,
  }: { platform: string; merchant: string; asset: string; now: string; payableSince: string },
): Promise<bigint> {
  const { rows } = await sql<{ exposed: bigint }>`select coalesce(sum(u.price - u.refunded), 0)::bigint as exposed
    from read.order_book o join read.order_unit u on u.order_id = o.order_id
    where o.platform = ${platform} and o.merchant = ${merchant} and o.asset = ${asset} and (
      (u.money = 'released' and (u.claim_id is not null or u.after_sale_ends_at >= ${now}
        or (u.revealed_at is null and u.seven_day_ends_at >= ${now})))
      or (o.settlement = 'ON_DELIVERY' and u.delivery = 'ordered'
        and (u.money = 'held' or (o.status = 'placed' and o.placed_at >= ${payableSince}))))`.execute(db);
  return rows[0]?.exposed ?? 0n;
}

/** Which of these orders the book shows. */
export async function shownOrders(db: Kysely<NoTables>, orderIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (orderIds.length === 0) return new Set();
  const rows = await of(db)
    .withSchema(liveSchema)
    .selectFrom('order_book')
    .select('order_id')
    .where('order_id', 'in', [...orderIds])
    .execute();
  return new Set(rows.map((row) => row.order_id));
}
