import type { Instant } from '@recourse/eventing';
import { sql, type RawBuilder } from 'kysely';
import type { RefundBearer, RefundSource } from '../read-models/refund-audit.js';

/** Which refunds, and of them which parts: one unit's money of one source, borne by one party. */
export interface RefundSelection {
  readonly platform: string;
  /** Which moment of a refund has to lie in the period: that of its approval or that of its payment. */
  readonly basis: 'approval' | 'payment';
  readonly from?: Instant;
  /** Not included. */
  readonly before?: Instant;
  readonly asset?: string;
  readonly merchant?: string;
  readonly buyer?: string;
  readonly rule?: string;
  readonly ground?: string;
  readonly rail?: string;
  readonly status?: string;
  readonly source?: RefundSource;
  readonly bearer?: RefundBearer;
  readonly liable?: string;
}

export type Condition = RawBuilder<unknown>;
const text = (column: RawBuilder<unknown>) => sql`${column}::text`;
export const moment = ({ basis }: Pick<RefundSelection, 'basis'>) => (basis === 'payment' ? sql`r.paid_at` : sql`r.approved_at`);
/** A fixed eight hours, as everywhere in this house: China has no daylight saving time. */
const shanghai = (of: Pick<RefundSelection, 'basis'>, form: string) =>
  sql`to_char(${moment(of)} at time zone interval '8 hours', ${form})`;

/** By what totals may be grouped: the text that all of a group have in common. */
export const refundGroupings = {
  day: (of: RefundSelection) => shanghai(of, 'YYYY-MM-DD'),
  month: (of: RefundSelection) => shanghai(of, 'YYYY-MM'),
  year: (of: RefundSelection) => shanghai(of, 'YYYY'),
  merchant: () => text(sql`r.merchant`),
  rule: () => text(sql`r.rule`),
  ground: () => text(sql`r.ground`),
  rail: () => text(sql`r.rail`),
  status: () => text(sql`r.status`),
  source: () => text(sql`m.source`),
  bearer: () => text(sql`m.bearer`),
  liable: () => text(sql`m.liable`),
} as const satisfies Record<string, (of: RefundSelection) => RawBuilder<unknown>>;
export type RefundGrouping = keyof typeof refundGroupings;
export const refundGroupingNames = Object.keys(refundGroupings) as readonly RefundGrouping[];

export const maxGroupings = 2;

/** `month,merchant`: one or two different groupings; undefined for anything else. */
export function parseGroupings(text: string): readonly RefundGrouping[] | undefined {
  const names = text.split(',');
  const known = names.filter((name): name is RefundGrouping => refundGroupingNames.some((one) => one === name));
  return known.length === names.length && new Set(known).size === known.length && known.length <= maxGroupings
    ? known
    : undefined;
}

/** Stands for a rule that a refund without a verdict does not have. */
export const noRule = '-';

const equal = (column: RawBuilder<unknown>, value: string | undefined): Condition[] =>
  value === undefined ? [] : [sql`${column} = ${value}`];
export const all = (conditions: readonly Condition[]) => sql.join(conditions, sql` and `);

/** About refunds as a whole; `r` is read.refund. */
export function refundConditions(of: RefundSelection): Condition[] {
  return [
    ...equal(sql`r.platform`, of.platform),
    ...(of.basis === 'payment' ? [sql`r.paid_at is not null`] : []),
    ...(of.from === undefined ? [] : [sql`${moment(of)} >= ${of.from}`]),
    ...(of.before === undefined ? [] : [sql`${moment(of)} < ${of.before}`]),
    ...equal(sql`r.asset`, of.asset),
    ...equal(sql`r.merchant`, of.merchant),
    ...equal(sql`r.buyer`, of.buyer),
    ...(of.rule === noRule ? [sql`r.rule is null`] : equal(sql`r.rule`, of.rule)),
    ...equal(sql`r.ground`, of.ground),
    ...equal(sql`r.rail`, of.rail),
    ...equal(sql`r.status`, of.status),
  ];
}

/** About parts of refunds; `m` is read.refund_movement. */
export const partConditions = (of: RefundSelection): Condition[] => [
  ...equal(sql`m.source`, of.source),
  ...equal(sql`m.bearer`, of.bearer),
  ...equal(sql`m.liable`, of.liable),
];

/** Whether it leaves out any refund of the platform. */
export const isSelective = (of: RefundSelection): boolean => refundConditions(of).length > 1;
