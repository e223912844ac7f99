import { tombstoneRevision, type EventRecord } from './record.js';

/** What the node keeps per stream name, written in the same transaction as the events that change it. */
export interface StreamState {
  readonly name: string;
  /** Stands for the name in the index. */
  number: number;
  /** −1: no event yet. */
  lastRevision: number;
  /** Position of the `$streamDeleted` event; 0: not tombstoned. */
  tombstonePosition: number;
  limits: StreamLimits;
}

/** From the newest event of the stream's metadata stream; absent or malformed metadata limits nothing. */
export interface StreamLimits {
  /** First revision to be seen; `softDeleted` hides all. */
  truncateBefore: number;
  maxCount: number;
  maxAgeMs: number;
}

/** `$tb` of a soft-deleted stream: int64's largest value, as a number. */
export const softDeleted = 2 ** 63;
export const softDeletedMetadata = Buffer.from('{"$tb":9223372036854775807}');
export const noLimits: StreamLimits = { truncateBefore: 0, maxCount: Infinity, maxAgeMs: Infinity };

export const metadataPrefix = '$$';
export const metadataStreamOf = (stream: string) => metadataPrefix + stream;
/** The stream a metadata stream belongs to; undefined for any other stream. */
export const describedBy = (stream: string) =>
  stream.startsWith(metadataPrefix) && stream.length > metadataPrefix.length ? stream.slice(metadataPrefix.length) : undefined;

export const isSoftDeleted = (state: StreamState) => state.limits.truncateBefore === softDeleted;
export const isTombstoned = (state: StreamState | undefined) => state !== undefined && state.tombstonePosition > 0;

/** Limits a metadata event sets; one wrong value makes the whole of it void, as in EventStoreDB. */
export function limitsFrom(metadata: EventRecord): StreamLimits {
  if (!metadata.isJson) return noLimits;
  let value: unknown;
  try {
    value = JSON.parse(metadata.data.toString('utf8'));
  } catch {
    return noLimits;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return noLimits;
  const given = value as Record<string, unknown>;
  const truncateBefore = integer(given['$tb'], 0, softDeleted);
  const maxCount = integer(given['$maxCount'], 1, softDeleted);
  const maxAge = integer(given['$maxAge'], 1, softDeleted);
  if (truncateBefore === 'wrong' || maxCount === 'wrong' || maxAge === 'wrong') return noLimits;
  return {
    truncateBefore: truncateBefore ?? 0,
    maxCount: maxCount ?? Infinity,
    maxAgeMs: (maxAge ?? Infinity) * 1_000,
  };
}

function integer(value: unknown, least: number, most: number): number | undefined | 'wrong' {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : 'wrong';
}

/** Metadata of a stream that lives again: `$tb` is its new first revision, the rest stays to the letter. */
export function undeletedMetadata(metadata: Buffer, firstRevision: number): Buffer {
  const exact = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source !== undefined ? rawJson(context.source) : value;
  const given = JSON.parse(metadata.toString('utf8'), exact) as Record<string, unknown>;
  return Buffer.from(JSON.stringify({ ...given, $tb: firstRevision }));
}

/** Keeps numbers a double cannot hold; `JSON.rawJSON` is newer than the compiler's library. */
const rawJson = (JSON as unknown as { rawJSON: (source: string) => unknown }).rawJSON;

/** What is known of a name nothing was stored under. */
export const newState = (name: string): StreamState => ({
  name,
  number: unnumbered,
  lastRevision: -1,
  tombstonePosition: 0,
  limits: noLimits,
});

/** A stream gets its number with its first event: asking for a name costs nothing. */
export const unnumbered = 0xffffffff;

/** What a stored event changes: its own stream, and the one that its metadata is about. */
export function applyRecord(record: EventRecord, streamName: string, stateOf: (name: string) => StreamState): void {
  const state = stateOf(streamName);
  state.number = record.streamNumber;
  const described = describedBy(streamName);
  if (record.revision === tombstoneRevision) {
    state.tombstonePosition = record.position;
    if (described !== undefined) stateOf(described).limits = noLimits;
  } else {
    state.lastRevision = record.revision;
    if (described !== undefined) stateOf(described).limits = limitsFrom(record);
  }
}

const stateBytes = 48;

export function encodeState(state: StreamState): Buffer {
  const name = Buffer.from(state.name);
  const bytes = Buffer.alloc(stateBytes + name.length);
  bytes.writeUInt32LE(state.number, 0);
  bytes.writeDoubleLE(state.lastRevision, 8);
  bytes.writeDoubleLE(state.tombstonePosition, 16);
  bytes.writeDoubleLE(state.limits.truncateBefore, 24);
  bytes.writeDoubleLE(state.limits.maxCount, 32);
  bytes.writeDoubleLE(state.limits.maxAgeMs, 40);
  name.copy(bytes, stateBytes);
  return bytes;
}

export function decodeState(bytes: Buffer): StreamState {
  return {
    name: bytes.toString('utf8', stateBytes),
    number: bytes.readUInt32LE(0),
    lastRevision: bytes.readDoubleLE(8),
    tombstonePosition: bytes.readDoubleLE(16),
    limits: {
      truncateBefore: bytes.readDoubleLE(24),
      maxCount: bytes.readDoubleLE(32),
      maxAgeMs: bytes.readDoubleLE(40),
    },
  };
}
