import type { Event } from './event.js';
import type { Instant } from './time.js';

/**
 * How an account is kept in numbered periods, the streams `{category}-{account}.0001`, `….0002` and so on. Only the last one is
 * open; it begins with what the one before it ended with, so that nobody ever reads more than one.
 */
export interface Periods<State, E extends Event> {
  /** The event that closes the period, with all that goes on; undefined while it goes on. `length` counts its events. */
  closing(state: State, at: Instant, length: number): E | undefined;
  /** The first events of the next period; undefined while this one is open. */
  following(state: State): readonly E[] | undefined;
  /** Some of those are not there yet. Absent where they are always few enough for one append. */
  isOpening?(state: State): boolean;
}

/** 2 → `0002`. */
export const periodNo = (no: number): string => String(no).padStart(4, '0');
/** `demo.m1` and 2 → `demo.m1.0002`. */
export const periodId = (account: string, no: number): string => `${account}.${periodNo(no)}`;

/** A period is closed when it has so many events: no command loads more than 5,000, and one appends up to 1,000. */
export const fullPeriodEvents = 4_000;
