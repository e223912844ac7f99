const [second, minute, hour] = [1_000, 60_000, 3_600_000] as const;
/** Ten attempts in a little more than three days. */
const pausesMs = [5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour] as const;

/** How far a pause is off its length at most, so that many who wait do not come back together. */
const jitter = 0.1;

/** The pause after so many failed attempts; undefined: the message is given up. @param random 0 up to 1 */
export function pauseMs(tries: number, random = Math.random()): number | undefined {
  const pause = pausesMs[tries - 1];
  return pause === undefined ? undefined : Math.round(pause * (1 - jitter + 2 * jitter * random));
}

/** An endpoint that failed so often in a row is left alone for a while: a new message is no reason to wait for it again. */
const failuresBeforeRest = 5;
const longestRestMs = 15 * minute;

/** How long an endpoint rests after so many failures in a row. */
export const restMs = (failures: number): number =>
  failures < failuresBeforeRest ? 0 : Math.min(longestRestMs, 5 * second * 2 ** Math.min(failures - failuresBeforeRest, 20));
