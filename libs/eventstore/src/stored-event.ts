import type { AllStreamResolvedEvent, Position, ResolvedEvent } from '@eventstore/db-client';
import { decodeParsed, upcast, UnknownEventType, type AnyCatalogue, type Metadata, type Recorded } from '@recourse/eventing';
import { UnreadableEvent } from './store-error.js';

/** An event as the client hands it over, its numbers normalised; data and metadata are still as stored. */
export interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly data: unknown;
  readonly metadata: unknown;
}

/** Commit and prepare are one number for every event that is written today; an old client hands some numbers over as numbers. */
export const positionOf = (position: Position): bigint => BigInt(position.commit);
export const logPosition = (position: bigint): Position => ({ commit: position, prepare: position });

/** undefined: a link, which none of our streams holds. @throws UnreadableEvent when the store gives no position: it is older than 22.6 */
export function storedEvent(resolved: ResolvedEvent | AllStreamResolvedEvent): StoredEvent | undefined {
  const { event } = resolved;
  if (!event) return undefined;
  const position = event.position ? positionOf(event.position) : resolved.commitPosition;
  const place = { stream: event.streamId, revision: BigInt(event.revision) };
  if (position === undefined) throw new UnreadableEvent(place, 'the store gave no position; it is older than version 22.6');
  return { ...place, id: event.id, type: event.type, position: BigInt(position), data: event.data, metadata: event.metadata };
}

export const isSystemEvent = (event: StoredEvent): boolean => event.type.startsWith('$') || event.stream.startsWith('$');

/** The event in its newest shape. @throws UnknownEventType, UnreadableEvent */
export function recordedEvent(stored: StoredEvent, catalogue: AnyCatalogue): Recorded {
  const { id, type, stream, revision, position, metadata } = stored;
  if (!isMetadata(metadata)) throw new UnreadableEvent(stored, 'its metadata is not what this program writes');
  try {
    const data = upcast(catalogue, type, decodeParsed(stored.data), metadata.schemaVersion);
    return { id, type, stream, revision, position, metadata, data };
  } catch (cause) {
    if (cause instanceof UnknownEventType) throw cause;
    throw new UnreadableEvent(stored, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

// Who writes to the store is authenticated there; this only tells our events from those of a stranger.
const isMetadata = (value: unknown): value is Metadata =>
  value !== null &&
  typeof value === 'object' &&
  'commandId' in value &&
  typeof value.commandId === 'string' &&
  'correlationId' in value &&
  'actor' in value &&
  'recordedAt' in value &&
  'schemaVersion' in value &&
  typeof value.schemaVersion === 'number';
