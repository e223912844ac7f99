/** Makes what two servers answered comparable, and names where they differ. */

/** Plain data as it comes out of JSON. */
export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };

const isPosition = (key: string, value: string) => (key === 'commit' || key === 'prepare') && /^\d+$/.test(value);
const anyUuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/** Ids become their labels, positions their rank within the case, creation times their length, and the case's tag goes. */
export function comparable(seen: Json, tag: string, ids: ReadonlyMap<string, string>): Json {
  const labels = new Map(Array.from(ids, ([label, id]) => [id, label]));
  const positions = new Set<bigint>();
  const collect = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === 'string' && isPosition(key, inner)) positions.add(BigInt(inner));
      else collect(inner);
    }
  };
  collect(seen);
  const ranks = new Map([...positions].sort((a, b) => (a < b ? -1 : 1)).map((position, rank) => [position, `#${rank}`]));
  const text = (value: string) =>
    value
      .replaceAll(`${tag}:`, '')
      .replace(anyUuid, (id) => labels.get(id) ?? '<uuid>')
      .replace(/l{2000}/, '<2000 × l>');
  const walk = (value: Json, key: string): Json => {
    if (typeof value === 'string') {
      if (isPosition(key, value)) return ranks.get(BigInt(value));
      return key === 'created' && value.length > 5 ? `<${value.length} digits>` : text(value);
    }
    if (Array.isArray(value)) return value.map((inner) => walk(inner, key));
    if (typeof value !== 'object' || value === null) return value;
    const kept = Object.entries(value).filter(([, inner]) => inner !== undefined);
    return Object.fromEntries(kept.map(([name, inner]) => [text(name), walk(inner, name)]));
  };
  return walk(seen, '');
}

export interface Difference {
  path: string;
  recorded: Json;
  answered: Json;
}

type Freedom = [path: RegExp, accepted: (recorded: Json, answered: Json) => boolean];

/** Where a server may differ from the recorded one. */
const freedoms: Freedom[] = [
  // Wording is not part of the protocol.
  [/\.(message|reason)$/, () => true],
  // Every server has its own version, and offers what it offers: the calls a client of streams needs must be among it.
  [/^server features\.version$/, () => true],
  [/^server features\.methods$/, offersStreams],
  // One checkpoint more or less.
  [/\.checkpoints(InHistoryOfSix|For24Live)$/, (recorded, answered) => Math.abs(Number(recorded) - Number(answered)) <= 1],
  // EventStoreDB reads a missing expectation as revision 0 of a missing stream, and lets a client write into $all; refusing is as good.
  [/^append requests in a wrong order\.noExpectedRevision$/, () => true],
  [/^stream names\.all\.append$/, () => true],
];

function offersStreams(recorded: Json, answered: Json): boolean {
  const needed = /^event_store\.client\.(streams|server_features|gossip)\./;
  return (
    Array.isArray(recorded) &&
    Array.isArray(answered) &&
    recorded.every((method) => typeof method !== 'string' || !needed.test(method) || answered.includes(method))
  );
}

const isObject = (value: Json): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const failure = (value: Json) => (isObject(value) && isObject(value['error']) ? value['error'] : undefined);

export function differences(recorded: Json, answered: Json, path: string): Difference[] {
  if (freedoms.some(([pattern, accepted]) => pattern.test(path) && accepted(recorded, answered))) return [];
  // Where EventStoreDB ended in an unhandled exception any error will do.
  if (failure(recorded)?.['code'] === 'UNKNOWN') return failure(answered) ? [] : [{ path, recorded: 'an error', answered }];
  if (isObject(recorded) && isObject(answered)) {
    const keys = new Set([...Object.keys(recorded), ...Object.keys(answered)]);
    return [...keys].flatMap((key) => differences(recorded[key], answered[key], `${path}.${key}`));
  }
  if (Array.isArray(recorded) && Array.isArray(answered)) {
    const indexes = Array.from({ length: Math.max(recorded.length, answered.length) }, (_, index) => index);
    return indexes.flatMap((index) => differences(recorded[index], answered[index], `${path}.${index}`));
  }
  return recorded === answered ? [] : [{ path, recorded, answered }];
}
