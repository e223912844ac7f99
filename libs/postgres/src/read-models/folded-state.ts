import { decodeParsed, type Instant } from '@recourse/eventing';
import { toJson, type Money } from '@recourse/money';

/** What a decider's state is made of beside plain data, as JSON. */
interface Encoded {
  readonly $set?: readonly unknown[];
  readonly $map?: readonly (readonly [unknown, unknown])[];
}

const isMoney = (value: object): value is Money => 'asset' in value && 'minor' in value && typeof value.minor === 'bigint';

function encode(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(encode);
  if (value instanceof Set) return { $set: [...value].map(encode) };
  if (value instanceof Map) return { $map: [...value].map(([key, inner]) => [encode(key), encode(inner)]) };
  if (isMoney(value)) return toJson(value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, encode(inner)]));
}

function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(revive);
  const { $set, $map } = value as Encoded;
  if ($set !== undefined) return new Set($set.map(revive));
  if ($map !== undefined) return new Map($map.map(([key, inner]) => [revive(key), revive(inner)]));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

/** The state of a stream as JSON: sets and maps keep their order, amounts are as in events. */
export const encodeState = (state: unknown): string => JSON.stringify(encode(state));
/** The way back, from the parsed column, which is used up. */
export const decodeState = (column: unknown): unknown => revive(decodeParsed(column));
/** A column that holds event data, parsed. */
export const decodeColumn = <Data>(column: unknown): Data => decodeParsed(column) as Data;

/** A moment of one unit is not before the one before it, though two servers' clocks may be behind each other. */
export const notBefore = (at: Instant, before: Instant | undefined): Instant =>
  before !== undefined && before > at ? before : at;
