import type { FundEvent } from '@recourse/compensation/events';
import type { DepositEvent } from '@recourse/deposits/events';
import { type Instant, shanghaiDay } from '@recourse/eventing';
import type { OrderEvent } from '@recourse/orders/events';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { inSchema, liveSchema, readModel, type NoTables, type ReadModelTx, tablesOf } from './read-model.js';

/** One day of one fund, at its last moment; of the day that is not over yet, at the moment of asking. */
export interface CoverageRow {
  /** In Asia/Shanghai. */
  day: string;
  available: bigint;
  /** Approved out of the fund and not reserved yet, or claimed by a merchant and not paid to him yet. */
  waiting: bigint;
  /** Under an open claim. */
  claimed: bigint;
  /** Within the after-sale time, or unrevealed within its seven days. */
  claimable: bigint;
}
interface Tables {
  /** Prices net of what was refunded. Escrow pays for a unit that is not released. */
  coverage_unit: {
    order_id: string;
    unit_no: number;
    platform: string;
    asset: string;
    due: bigint;
    released: boolean;
    claimed: boolean;
    after_sale_ends_at: string | null;
    seven_day_ends_at: string | null;
  };
  /** A fund as it stands; `day` is the first that is not closed. */
  coverage_fund: { platform: string; asset: string; day: string; available: bigint; waiting: bigint };
  fund_coverage: CoverageRow & { platform: string; asset: string };
}
type Fund = Tables['coverage_fund'];
const of = (db: Kysely<NoTables>) => tablesOf<Tables>(db);

/** The formula, for each day from one to another: `until` is its last moment, or now. */
const sums = (
  { platform, asset, available, waiting }: Omit<Fund, 'day'>,
  from: string,
  to: string,
  now?: Instant,
): RawBuilder<CoverageRow> => sql`
  select to_char(d, 'YYYY-MM-DD') as day, ${available}::bigint as available, ${waiting}::bigint as waiting,
    coalesce(sum(u.due) filter (where u.claimed), 0)::bigint as claimed,
    coalesce(sum(u.due) filter (where not u.claimed), 0)::bigint as claimable
  from generate_series(${from}::timestamp, ${to}::timestamp, interval '1 day') d
  cross join lateral (select least((d + interval '15 hours 59 minutes 59.999 seconds') at time zone 'UTC', ${now ?? null}::timestamptz) as until) moment
  left join coverage_unit u on u.platform = ${platform} and u.asset = ${asset} and u.released
    and (u.claimed or greatest(u.after_sale_ends_at, u.seven_day_ends_at) >= moment.until)
  group by d`;

/** Days that are over are closed before anything of a later day changes what they are computed from. */
async function closeDays(tx: ReadModelTx, fund: Fund, today: string): Promise<void> {
  if (fund.day >= today) return;
  const { platform, asset } = fund;
  await sql`insert into fund_coverage (platform, asset, day, available, waiting, claimed, claimable)
    select ${platform}, ${asset}, closed.* from (${sums(fund, fund.day, today)}) closed where closed.day < ${today}`.execute(tx);
  await of(tx)
    .updateTable('coverage_fund')
    .set({ day: today })
    .where('platform', '=', platform)
    .where('asset', '=', asset)
    .execute();
}

async function move(
  tx: ReadModelTx,
  at: Instant,
  platform: string,
  asset: string,
  change: { readonly available?: bigint; readonly waiting?: bigint } = {},
): Promise<void> {
  const today = shanghaiDay(at);
  const { available = 0n, waiting = 0n } = change;
  const ofFund = of(tx).selectFrom('coverage_fund').selectAll().where('platform', '=', platform).where('asset', '=', asset);
  const fund = await ofFund.executeTakeFirst();
  if (fund === undefined) {
    await of(tx).insertInto('coverage_fund').values({ platform, asset, day: today, available, waiting }).execute();
    return;
  }
  await closeDays(tx, fund, today);
  if (available === 0n && waiting === 0n) return;
  await of(tx)
    .updateTable('coverage_fund')
    .set((eb) => ({ available: eb('available', '+', available), waiting: eb('waiting', '+', waiting) }))
    .where('platform', '=', platform)
    .where('asset', '=', asset)
    .execute();
}

/** Before a released unit of the order changes; nothing for an order that has none left. */
async function closeDaysOf(tx: ReadModelTx, at: Instant, orderId: string): Promise<void> {
  const unit = await of(tx)
    .selectFrom('coverage_unit')
    .select(['platform', 'asset'])
    .where('order_id', '=', orderId)
    .executeTakeFirst();
  if (unit) await move(tx, at, unit.platform, unit.asset);
}
const setUnits = (tx: ReadModelTx, orderId: string, units: readonly number[], values: Partial<Tables['coverage_unit']>) =>
  of(tx)
    .updateTable('coverage_unit')
    .set(values)
    .where('order_id', '=', orderId)
    .where('unit_no', 'in', [...units])
    .execute();

/**
 * Could the fund pay what may come? Per platform, asset and day of Asia/Shanghai, at the day's last moment:
 *
 *     coverage = available ÷ exposure;  exposure = waiting + claimed + claimable
 *
 * `waiting`: what approved refunds and claims of merchants want of the fund and it has not reserved or paid. `claimed` and `claimable`: of every unit whose
 * escrow is released, so that the fund would pay, the price net of what was refunded, if it is under an open claim, or else if
 * its after-sale time (or an unrevealed key's seven days) is not over. A bound from above: what comes back out of the
 * platform's fees is not taken off, and no claim is thought to be refused.
 */
export const fundCoverage = readModel<FundEvent | OrderEvent | DepositEvent>({
  name: 'fund-coverage',
  version: 2,
  tables: ['coverage_unit', 'coverage_fund', 'fund_coverage'],
  create: async (tx) => {
    await sql`create table coverage_unit (
      order_id text not null, unit_no integer not null, platform text not null, asset text not null, due bigint not null,
      released boolean not null, claimed boolean not null, after_sale_ends_at timestamptz, seven_day_ends_at timestamptz,
      primary key (order_id, unit_no))`.execute(tx);
    await sql`create index on coverage_unit (platform, asset, greatest(after_sale_ends_at, seven_day_ends_at)) where released`.execute(
      tx,
    );
    await sql`create index on coverage_unit (platform, asset) where released and claimed`.execute(tx);
    await sql`create table coverage_fund (
      platform text not null, asset text not null, day text not null, available bigint not null, waiting bigint not null,
      primary key (platform, asset))`.execute(tx);
    await sql`create table fund_coverage (
      platform text not null, asset text not null, day text not null, available bigint not null, waiting bigint not null,
      claimed bigint not null, claimable bigint not null, primary key (platform, asset, day))`.execute(tx);
  },
  on: {
    OrderPlaced: async ({ data }, tx) => {
      await of(tx)
        .insertInto('coverage_unit')
        .values(
          data.units.map(({ unitNo, price }) => ({
            order_id: data.orderId,
            unit_no: unitNo,
            platform: data.platform,
            asset: price.asset,
            due: price.minor,
            released: false,
            claimed: false,
            after_sale_ends_at: null,
            seven_day_ends_at: null,
          })),
        )
        .execute();
    },
    OrderCancelled: async ({ data }, tx) => {
      await of(tx)
        .deleteFrom('coverage_unit')
        .where('order_id', '=', data.orderId)
        .where('unit_no', 'in', [...data.units])
        .where('released', '=', false)
        .execute();
    },
    UnitDelivered: async ({ data }, tx) => {
      const ends = { after_sale_ends_at: data.afterSaleEndsAt, seven_day_ends_at: data.sevenDayEndsAt ?? null };
      await setUnits(tx, data.orderId, [data.unitNo], ends);
    },
    KeyRevealed: async ({ data, metadata }, tx) => {
      await closeDaysOf(tx, metadata.recordedAt, data.orderId);
      await setUnits(tx, data.orderId, [data.unitNo], { seven_day_ends_at: null });
    },
    EscrowReleased: async ({ data, metadata }, tx) => {
      await move(tx, metadata.recordedAt, data.platform, data.amount.asset);
      await setUnits(tx, data.orderId, [data.unitNo], { released: true });
    },
    ClaimOpened: async ({ data, metadata }, tx) => {
      await closeDaysOf(tx, metadata.recordedAt, data.orderId);
      const units = data.units.map(({ unitNo }) => unitNo);
      await setUnits(tx, data.orderId, units, { claimed: true });
    },
    ClaimClosed: async ({ data, metadata }, tx) => {
      await closeDaysOf(tx, metadata.recordedAt, data.orderId);
      for (const { unitNo, afterSaleEndsAt } of data.units)
        await setUnits(tx, data.orderId, [unitNo], {
          claimed: false,
          ...(afterSaleEndsAt === undefined ? {} : { after_sale_ends_at: afterSaleEndsAt }),
        });
    },
    RefundApproved: async ({ data, metadata }, tx) => {
      await move(tx, metadata.recordedAt, data.platform, data.total.asset, { waiting: data.fromFund.minor });
      for (const { unitNo, amount } of data.lines) {
        await of(tx)
          .updateTable('coverage_unit')
          .set((eb) => ({ due: eb('due', '-', amount.minor) }))
          .where('order_id', '=', data.orderId)
          .where('unit_no', '=', unitNo)
          .execute();
      }
    },
    // What was refunded in full may be claimed again.
    RefundRevoked: async ({ data, metadata }, tx) => {
      await move(tx, metadata.recordedAt, data.platform, data.total.asset);
      for (const { unitNo, amount } of data.lines) {
        await of(tx)
          .updateTable('coverage_unit')
          .set((eb) => ({ due: eb('due', '+', amount.minor) }))
          .where('order_id', '=', data.orderId)
          .where('unit_no', '=', unitNo)
          .execute();
      }
    },
    FundPeriodOpened: ({ data, metadata }, tx) => move(tx, metadata.recordedAt, data.platform, data.available.asset),
    FundContributed: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.amount.asset, { available: data.amount.minor }),
    FundReimbursed: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.amount.asset, { available: data.amount.minor }),
    CompensationClaimed: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.amount.asset, { waiting: data.amount.minor }),
    MerchantCompensated: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.amount.asset, {
        available: -data.amount.minor,
        waiting: -data.amount.minor,
      }),
    RefundReturned: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.amount.asset, { available: data.amount.minor }),
    // The fund will not pay it: the deposit did, or nobody does any more.
    ReservationTakenOver: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.asset, { waiting: -data.fromFund.minor }),
    ReservationWithdrawn: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.asset, { waiting: -data.fromFund.minor }),
    ReservationRevoked: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.asset, { available: data.fromFund.minor }),
    FraudRepaid: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.amount.asset, { available: data.amount.minor }),
    FundsReserved: ({ data, metadata }, tx) =>
      move(tx, metadata.recordedAt, data.platform, data.fromFund.asset, {
        available: -data.fromFund.minor,
        waiting: -data.fromFund.minor,
      }),
  },
});

/** The days of a fund, the newest first and today among them; at most `limit`. */
export async function listCoverage(
  db: Kysely<NoTables>,
  platform: string,
  asset: string,
  now: Instant,
  limit: number,
): Promise<CoverageRow[]> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      await inSchema(tx, liveSchema);
      const fund = await of(tx)
        .selectFrom('coverage_fund')
        .selectAll()
        .where('platform', '=', platform)
        .where('asset', '=', asset)
        .executeTakeFirst();
      if (fund === undefined) return [];
      const today = shanghaiDay(now);
      const { rows } = await sql<CoverageRow>`
      select * from (
        select day, available, waiting, claimed, claimable from fund_coverage where platform = ${platform} and asset = ${asset}
        union all (${sums(fund, fund.day, today > fund.day ? today : fund.day, now)})) days
      order by day desc limit ${limit}`.execute(tx);
      return rows;
    });
}
