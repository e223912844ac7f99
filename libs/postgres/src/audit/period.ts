import { earliest, epochMsOf, instantOf, type Instant } from '@recourse/eventing';

/** From a moment until just before another. */
export interface Period {
  readonly from: Instant;
  readonly before: Instant;
}

export const periodShape = /^2\d{3}(-\d\d(-\d\d)?)?$/;
const shanghaiOffsetMs = 8 * 3_600_000;

/** A calendar day, month or year of Asia/Shanghai (`2026-03-01`, `2026-03`, `2026`); undefined for what is none. K12 */
export function shanghaiPeriod(text: string): Period | undefined {
  if (!periodShape.test(text)) return undefined;
  const [year = 0, month, day] = text.split('-').map(Number);
  const first = `${text}${'-01'.repeat(3 - text.split('-').length)}T00:00:00.000Z`;
  if (Number.isNaN(Date.parse(first)) || instantOf(epochMsOf(first)) !== first) return undefined;
  const after =
    month === undefined ? Date.UTC(year + 1, 0) : day === undefined ? Date.UTC(year, month) : Date.UTC(year, month - 1, day + 1);
  return { from: instantOf(epochMsOf(first) - shanghaiOffsetMs), before: instantOf(after - shanghaiOffsetMs) };
}

/** Days, months and years as somebody wrote them. */
export interface WrittenPeriod {
  readonly from?: string | undefined;
  /** Included. */
  readonly to?: string | undefined;
  /** Narrows the two. */
  readonly within?: string | undefined;
}
export class PeriodError extends Error {
  override readonly name = 'PeriodError';
  constructor(
    readonly code: 'period-invalid' | 'period-empty',
    message: string,
  ) {
    super(message);
  }
}

/** From the beginning of `from` to the end of `to`, and inside `within`. @throws PeriodError */
export function periodBetween({ from, to, within }: WrittenPeriod): Partial<Period> {
  const [first, last, only] = [from, to, within].map((text) => (text === undefined ? undefined : calendar(text)));
  const begin = [first?.from, only?.from]
    .filter((moment) => moment !== undefined)
    .toSorted()
    .at(-1);
  const end = earliest(...[last?.before, only?.before].filter((moment) => moment !== undefined));
  if (begin !== undefined && end !== undefined && begin >= end)
    throw new PeriodError('period-empty', 'the period ends before it begins');
  return { ...(begin === undefined ? {} : { from: begin }), ...(end === undefined ? {} : { before: end }) };
}

function calendar(text: string): Period {
  const period = shanghaiPeriod(text);
  if (period === undefined)
    throw new PeriodError('period-invalid', `${text.slice(0, 20)} is no day, month or year of the calendar`);
  return period;
}
