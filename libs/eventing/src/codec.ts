import { fromJson, type Money, type MoneyJson } from '@recourse/money';

/** Largest encoded data of one event; an append of the store may not exceed 1 MiB in total. */
export const maxEventBytes = 65_536;

const isMoney = (value: object): value is Money =>
  'asset' in value && 'minor' in value && typeof value.minor === 'bigint' && Object.keys(value).length === 2;
const isMoneyJson = (value: object): value is MoneyJson =>
  'asset' in value &&
  'minor' in value &&
  typeof value.asset === 'string' &&
  typeof value.minor === 'string' &&
  Object.keys(value).length === 2;

function encode(value: unknown): unknown {
  if (typeof value === 'bigint') throw new TypeError('a bare bigint is not event data; amounts are Money, positions are text');
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new TypeError(`the number ${value} is not event data: whole numbers only`);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(encode);
  if (isMoney(value)) return { asset: value.asset, minor: value.minor.toString() };
  const plain: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) if (inner !== undefined) plain[key] = encode(inner);
  return plain;
}

/** Event data as JSON text: Money as `{"asset":"CNY","minor":"1234"}`, no floats, no bare bigint. @throws TypeError, RangeError (too large) */
export function encodeData(data: unknown): string {
  const text = JSON.stringify(encode(data));
  if (text.length > maxEventBytes)
    throw new RangeError(`event data of ${text.length} characters is over the limit of ${maxEventBytes}`);
  return text;
}

/** The way back: every `{asset, minor}` pair becomes Money again. @throws SyntaxError, MoneyError */
export const decodeData = (text: string): unknown => decodeParsed(JSON.parse(text));

/**
 * The same for parsed JSON that nobody else holds: it is changed in place. A reviver, which is called for every value, would take
 * six times as long as the parsing. @throws MoneyError
 */
export function decodeParsed(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (isMoneyJson(value)) return fromJson(value);
  const members = value as Record<string, unknown>;
  for (const key of Object.keys(members)) {
    const member = members[key];
    if (member !== null && typeof member === 'object') members[key] = decodeParsed(member);
  }
  return members;
}
