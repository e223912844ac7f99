/** A moment in UTC, ISO 8601 with milliseconds and Z (`2026-03-01T08:00:00.000Z`), so that text order is time order. */
export type Instant = string;

const pattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const shanghaiOffsetMs = 8 * 3_600_000; // China keeps one zone and no daylight saving time

export const isInstant = (text: string): boolean => pattern.test(text) && !Number.isNaN(Date.parse(text));

export const instantOf = (epochMs: number): Instant => new Date(epochMs).toISOString();
export const epochMsOf = (instant: Instant): number => Date.parse(instant);

export const plusMs = (instant: Instant, ms: number): Instant => instantOf(epochMsOf(instant) + ms);
export const plusHours = (instant: Instant, hours: number): Instant => plusMs(instant, hours * 3_600_000);
export const plusDays = (instant: Instant, days: number): Instant => plusHours(instant, days * 24);
export const msBetween = (from: Instant, to: Instant): number => epochMsOf(to) - epochMsOf(from);

export const isAfter = (one: Instant, other: Instant): boolean => one > other;
export const earliest = (...instants: Instant[]): Instant | undefined => instants.toSorted()[0];

/** The calendar day of finance (`2026-03-01`), in Asia/Shanghai. K12 */
export const shanghaiDay = (instant: Instant): string => instantOf(epochMsOf(instant) + shanghaiOffsetMs).slice(0, 10);

/** Its month (`2026-03`). */
export const shanghaiMonth = (instant: Instant): string => shanghaiDay(instant).slice(0, 7);

/** The last millisecond of a calendar day of Asia/Shanghai: what is due by the end of the day is inside it. */
export const lastMomentOf = (day: string): Instant => plusMs(`${day}T00:00:00.000Z`, 86_400_000 - 1 - shanghaiOffsetMs);

/** Where the server's time comes from: the machine, or the virtual clock of demo and tests. */
export interface Clock {
  now(): Promise<Instant>;
}
