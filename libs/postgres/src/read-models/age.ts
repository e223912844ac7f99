import type { Instant } from '@recourse/eventing';
import { sql, type RawBuilder } from 'kysely';

/** Shanghai calendar days: 0–7, 8–30, 31–90, more. */
export type AgeBucket = 'days0to7' | 'days8to30' | 'days31to90' | 'over90';

const day = (moment: RawBuilder<unknown>) => sql`(${moment} at time zone 'Asia/Shanghai')::date`;
/** From one moment to another. */
export const shanghaiDays = (from: RawBuilder<unknown>, to: Instant): RawBuilder<number> =>
  sql<number>`(${day(sql`${to}::timestamptz`)} - ${day(from)})`;
export const ageBucket = (days: RawBuilder<unknown>): RawBuilder<AgeBucket> =>
  sql<AgeBucket>`(case when ${days} <= 7 then 'days0to7' when ${days} <= 30 then 'days8to30'
    when ${days} <= 90 then 'days31to90' else 'over90' end)`;
