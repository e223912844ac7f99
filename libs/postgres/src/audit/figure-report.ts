import { sql, type Kysely } from 'kysely';
import type { NoTables } from '../read-models/read-model.js';
import {
  casesOf,
  figureReports,
  speedNotes,
  speedSteps,
  within,
  type Bilingual,
  type FigureDefinition,
  type FigureReportName,
  type FigureScope,
  type LeftOut,
} from './figures.js';
import { asOneMoment, auditedUpTo } from './refund-totals.js';

/** A fraction; `display` alone is rounded, half up to a tenth of a percent. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly display: string;
}
export interface Figure extends Omit<FigureDefinition, 'counts' | 'atLeast'> {
  readonly formula: Bilingual;
  /** Null when there is nothing to say; `because` tells why. */
  readonly value: Fraction | null;
  readonly because?: Bilingual;
}
export interface FigureReport {
  readonly groups: Readonly<Record<string, readonly Figure[]>>;
  readonly leftOut: readonly LeftOut[];
  readonly position: bigint;
}

export function fraction(numerator: bigint, denominator: bigint): Fraction {
  const tenths = (numerator * 2_000n + denominator) / (denominator * 2n);
  return { numerator, denominator, display: `${tenths / 10n}.${tenths % 10n}%` };
}

const formulaOf = ({ numerator, denominator }: Pick<FigureDefinition, 'numerator' | 'denominator'>): Bilingual => ({
  zh: `（${numerator.zh}）÷（${denominator.zh}）`,
  en: `(${numerator.en}) ÷ (${denominator.en})`,
});

async function evaluate(db: Kysely<NoTables>, definition: FigureDefinition, scope: FigureScope): Promise<Figure> {
  const { counts, atLeast = 1n, ...described } = definition;
  const { rows } = await sql<{ numerator: bigint; denominator: bigint }>`${counts(scope)}`.execute(db);
  const { numerator = 0n, denominator = 0n } = rows[0] ?? {};
  const figure = { ...described, formula: formulaOf(definition) };
  if (denominator >= atLeast) return { ...figure, value: fraction(numerator, denominator) };
  const because = {
    zh: `分母为 ${denominator}，少于 ${atLeast} 时不计算`,
    en: `the denominator is ${denominator}, and there is no figure below ${atLeast}`,
  };
  return { ...figure, value: null, because };
}

/** S04's three axes, or the report on users, platform and merchants (S86), each figure with its formula. */
export function figureReport(db: Kysely<NoTables>, name: FigureReportName, scope: FigureScope): Promise<FigureReport> {
  return asOneMoment(db, async (trx) => {
    const { groups, leftOut } = figureReports[name];
    const told: Record<string, Figure[]> = {};
    for (const [group, definitions] of Object.entries(groups)) {
      const figures: Figure[] = [];
      for (const definition of definitions) figures.push(await evaluate(trx, definition, scope));
      told[group] = figures;
    }
    return { groups: told, leftOut, position: await auditedUpTo(trx) };
  });
}

/** How long one step took, in exact milliseconds between two events. */
export interface Speed {
  readonly id: string;
  readonly title: Bilingual;
  readonly formula: Bilingual;
  readonly events: readonly string[];
  readonly count: bigint;
  /** Of the sorted durations the one at half and at nine tenths, never between two; null without any. */
  readonly medianMs: bigint | null;
  readonly p90Ms: bigint | null;
  readonly within24h: Fraction | null;
  readonly within72h: Fraction | null;
}
export interface SpeedReport {
  readonly speeds: readonly Speed[];
  readonly notes: Bilingual;
  readonly position: bigint;
}

const hourMs = 3_600_000;

/** S87, from the moments in the events themselves. */
export function speedReport(db: Kysely<NoTables>, scope: FigureScope): Promise<SpeedReport> {
  return asOneMoment(db, async (trx) => {
    const speeds: Speed[] = [];
    for (const { from, begins, ends, ...described } of speedSteps) {
      type Row = Record<'count' | 'day' | 'three', bigint> & Record<'median' | 'p90', bigint | null>;
      const { rows } = await sql<Row>`select count(*) as count, count(*) filter (where ms <= ${24 * hourMs}) as day,
          count(*) filter (where ms <= ${72 * hourMs}) as three,
          percentile_disc(0.5) within group (order by ms) as median, percentile_disc(0.9) within group (order by ms) as p90
        from (select (extract(epoch from ${ends} - ${begins}) * 1000)::bigint as ms from ${from}
          where ${casesOf(scope)} and ${begins} is not null and ${within(ends, scope)}) as took`.execute(trx);
      const { count, day, three, median, p90 } = rows[0] ?? { count: 0n, day: 0n, three: 0n, median: null, p90: null };
      const share = (part: bigint) => (count === 0n ? null : fraction(part, count));
      speeds.push({ ...described, count, medianMs: median, p90Ms: p90, within24h: share(day), within72h: share(three) });
    }
    return { speeds, notes: speedNotes, position: await auditedUpTo(trx) };
  });
}
