import type { OrderEvent } from '@recourse/orders/events';
import { sql, type Kysely } from 'kysely';
import { liveSchema, readModel, type NoTables, tablesOf } from './read-model.js';

interface FreezeRow {
  order_id: string;
  scope: 'order' | 'merchant';
  platform: string;
  merchant: string;
  reason: string;
  frozen_by: string;
  frozen_at: string;
}
interface Tables {
  order_freeze: FreezeRow;
}
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

/** Which orders release nothing now, why, and by whose word? */
export const orderFreezes = readModel<OrderEvent>({
  name: 'order-freezes',
  version: 1,
  tables: ['order_freeze'],
  create: async (tx) => {
    await sql`create table order_freeze (
      order_id text not null, scope text not null, platform text not null, merchant text not null, reason text not null,
      frozen_by text not null, frozen_at timestamptz not null, primary key (order_id, scope))`.execute(tx);
    await sql`create index on order_freeze (platform, merchant, scope)`.execute(tx);
  },
  on: {
    OrderFrozen: async ({ data, metadata }, tx) => {
      await of(tx)
        .insertInto('order_freeze')
        .values({
          order_id: data.orderId,
          scope: data.scope,
          platform: data.platform,
          merchant: data.merchant,
          reason: data.reason,
          frozen_by: metadata.actor.subject,
          frozen_at: data.frozenAt,
        })
        .execute();
    },
    OrderUnfrozen: async ({ data }, tx) => {
      await of(tx).deleteFrom('order_freeze').where('order_id', '=', data.orderId).where('scope', '=', data.scope).execute();
    },
    OrderCancelled: async ({ data }, tx) => {
      await of(tx).deleteFrom('order_freeze').where('order_id', '=', data.orderId).execute();
    },
  },
});

const live = (db: Kysely<NoTables>) => of(db).withSchema(liveSchema);

export const freezesOf = (db: Kysely<NoTables>, orderId: string): Promise<FreezeRow[]> =>
  live(db).selectFrom('order_freeze').selectAll().where('order_id', '=', orderId).orderBy('scope').execute();

/** Orders that are frozen with their merchant, by id. */
export async function ordersFrozenWith(
  db: Kysely<NoTables>,
  page: { readonly platform: string; readonly merchant: string; readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows = await live(db)
    .selectFrom('order_freeze')
    .select('order_id')
    .where('platform', '=', page.platform)
    .where('merchant', '=', page.merchant)
    .where('scope', '=', 'merchant')
    .where('order_id', '>', page.after)
    .orderBy('order_id')
    .limit(page.limit)
    .execute();
  return rows.map((row) => row.order_id);
}
