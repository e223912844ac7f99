/** Of an even number of values the mean of the two in the middle. @throws RangeError without values */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('nothing has no median');
  return (lower + upper) / 2;
}

/** Nearest rank: the smallest value that so much of all, 0 < share ≤ 1, does not exceed. @throws RangeError */
export function percentile(values: readonly number[], share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`${share} is not a share above 0 and up to 1`);
  const value = values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1];
  if (value === undefined) throw new RangeError('nothing has no percentile');
  return value;
}

/** To so many significant digits as a reader can use. */
export const rounded = (value: number): number => Number(value.toPrecision(4));
