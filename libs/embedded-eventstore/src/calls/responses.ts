import { randomUUID } from 'node:crypto';
import { maxAppendDataBytes } from '../limits.js';
import { tombstoneRevision } from '../storage/record.js';
import { status, type Failure, type StatusCode } from '../transport/grpc-status.js';
import { fieldSize, lengthDelimited, varintSize, writeVarint } from '../wire.js';
import type { Expected } from '../writing/append-decision.js';
import type { AppendOutcome, WriteConflict } from '../writing/event-log.js';
import { AppendTooLarge } from './append-request.js';
import { Any, bytesOf, GoogleEmpty, sharedMessages, statusMessages, streamMessages, type Serializable } from './protocol.js';
import { Refusal, streamDeleted } from './refusal.js';

const { AppendResp, BatchAppendResp, DeleteResp, ReadResp, TombstoneResp } = streamMessages;
const { Empty, StreamIdentifier } = sharedMessages;

type Appended = Extract<AppendOutcome, { outcome: 'appended' }>;
type Wrong = Extract<WriteConflict, { outcome: 'wrong-expected-version' }>;

const identifier = (stream: Uint8Array) => new StreamIdentifier().setStreamName(stream);

/**
 * Every append is answered by one of the next two, so they are written by hand. Both messages have the same `Success`:
 * current_revision = 1 or no_stream = 2, position = 3 (commit = 1, prepare = 2) or no_position = 4.
 */
export function appended(outcome: Appended): Buffer {
  const bytes = Buffer.allocUnsafe(fieldSize(successSize(outcome)));
  writeSuccess(bytes, 0, 0x0a, outcome);
  return bytes;
}

/** BatchAppendResp: correlation_id = 1, success = 3, stream_identifier = 4 (stream_name = 3). */
export function batchAppended({ correlation, stream }: BatchAddress, outcome: Appended): Buffer {
  const streamSize = stream ? fieldSize(fieldSize(stream.length)) : 0;
  const bytes = Buffer.allocUnsafe(fieldSize(correlation.length) + fieldSize(successSize(outcome)) + streamSize);
  let at = writeField(bytes, 0, 0x0a, correlation);
  at = writeSuccess(bytes, at, 0x1a, outcome);
  if (stream) {
    bytes[at] = 0x22;
    writeField(bytes, writeVarint(bytes, at + 1, fieldSize(stream.length)), 0x1a, stream);
  }
  return bytes;
}

function successSize({ revision, position }: Appended): number {
  const revisionSize = revision < 0 ? 2 : 1 + varintSize(revision);
  return revisionSize + (position === undefined ? 2 : 2 + 2 * (1 + varintSize(position)));
}

function writeSuccess(bytes: Buffer, offset: number, tag: number, outcome: Appended): number {
  const { revision, position } = outcome;
  let at = offset;
  bytes[at++] = tag;
  at = writeVarint(bytes, at, successSize(outcome));
  bytes[at++] = revision < 0 ? 0x12 : 0x08;
  at = writeVarint(bytes, at, Math.max(revision, 0));
  bytes[at++] = position === undefined ? 0x22 : 0x1a;
  if (position === undefined) return writeVarint(bytes, at, 0);
  at = writeVarint(bytes, at, 2 * (1 + varintSize(position)));
  bytes[at++] = 0x08;
  at = writeVarint(bytes, at, position);
  bytes[at++] = 0x10;
  return writeVarint(bytes, at, position);
}

function writeField(bytes: Buffer, offset: number, tag: number, value: Buffer): number {
  bytes[offset] = tag;
  const at = writeVarint(bytes, offset + 1, value.length);
  bytes.set(value, at);
  return at + value.length;
}

/** `expected_revision_20_6_0` with uint64's −1, which the generated code cannot write: a number cannot hold it. */
const oldNoStream = Buffer.from([0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
const wrongExpectedVersionTag = 0x12;

/** The fields that end in 2060 are what clients before 20.6.1 read. */
export function appendConflict({ current }: Wrong, expected: Expected): Buffer {
  const wrong = new AppendResp.WrongExpectedVersion();
  if (current < 0) wrong.setCurrentNoStream(new Empty()).setNoStream2060(new Empty());
  else wrong.setCurrentRevision(String(current)).setCurrentRevision2060(current);
  switch (expected.kind) {
    case 'any':
      wrong.setExpectedAny(new Empty()).setAny2060(new Empty());
      break;
    case 'stream_exists':
      wrong.setExpectedStreamExists(new Empty()).setStreamExists2060(new Empty());
      break;
    case 'no_stream':
      wrong.setExpectedNoStream(new Empty());
      return lengthDelimited(wrongExpectedVersionTag, Buffer.concat([bytesOf(wrong), oldNoStream]));
    case 'revision':
      wrong.setExpectedRevision(String(expected.revision)).setExpectedRevision2060(Number(expected.revision));
  }
  return bytesOf(new AppendResp().setWrongExpectedVersion(wrong));
}

/** Deletes report a wrong expectation by trailers, with the numbers of the old TCP protocol. */
export function deleteConflict(conflict: WriteConflict, stream: string, expected: Expected): Refusal {
  if (conflict.outcome === 'stream-deleted') return streamDeleted(conflict.stream);
  const numbers = { any: '-2', no_stream: '-1', stream_exists: '-4' };
  const wanted = expected.kind === 'revision' ? String(expected.revision) : numbers[expected.kind];
  const actual = String(conflict.current);
  return new Refusal(
    status.FAILED_PRECONDITION,
    `Delete failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${wanted}, Actual version: ${actual}`,
    { exception: 'wrong-expected-version', 'stream-name': stream, 'expected-version': wanted, 'actual-version': actual },
  );
}

export function deleted(position: number): Buffer {
  const at = new DeleteResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position));
  return bytesOf(new DeleteResp().setPosition(at));
}

export function tombstoned(position: number): Buffer {
  const at = new TombstoneResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position));
  return bytesOf(new TombstoneResp().setPosition(at));
}

/** Whom a batch answer goes to: the correlation id as it came, a UUID message, and the stream if the request named one. */
export interface BatchAddress {
  correlation: Buffer;
  stream: Buffer | undefined;
}

/** Without a usable correlation id the answer goes to the id of zeros. */
export const noCorrelation: Buffer = Buffer.from([0x0a, 0x00]);

export function batchConflict(address: BatchAddress, conflict: WriteConflict, expected: Expected): Buffer {
  if (conflict.outcome === 'stream-deleted') {
    const details = new sharedMessages.StreamDeleted().setStreamIdentifier(identifier(Buffer.from(conflict.stream)));
    return batchError(address, status.NOT_FOUND, 'StreamDeleted', details);
  }
  const wrong = new sharedMessages.WrongExpectedVersion();
  if (conflict.current < 0) wrong.setCurrentNoStream(new GoogleEmpty());
  else wrong.setCurrentStreamRevision(String(conflict.current));
  switch (expected.kind) {
    case 'any':
      wrong.setExpectedAny(new GoogleEmpty());
      break;
    case 'stream_exists':
      wrong.setExpectedStreamExists(new GoogleEmpty());
      break;
    case 'no_stream':
      wrong.setExpectedNoStream(new GoogleEmpty());
      break;
    case 'revision':
      wrong.setExpectedStreamPosition(String(expected.revision));
  }
  return batchError(address, status.ALREADY_EXISTS, 'WrongExpectedVersion', wrong);
}

export function batchTimeout(address: BatchAddress): Buffer {
  return batchError(address, status.DEADLINE_EXCEEDED, 'Timeout', new sharedMessages.Timeout());
}

export function batchFailure(address: BatchAddress, error: unknown, failure: Failure): Buffer {
  if (error instanceof AppendTooLarge) {
    const details = new sharedMessages.MaximumAppendSizeExceeded().setMaxappendsize(maxAppendDataBytes);
    return batchError(address, status.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', details);
  }
  if (failure.code === status.INVALID_ARGUMENT) {
    const details = new sharedMessages.BadRequest().setMessage(failure.message);
    return batchError(address, failure.code, 'BadRequest', details);
  }
  return batchError(address, failure.code, failure.message, new sharedMessages.Unknown(), 'Unknown');
}

function batchError(address: BatchAddress, code: StatusCode, message: string, details: Serializable, type = message): Buffer {
  const packed = new Any();
  packed.setTypeUrl(`type.googleapis.com/event_store.client.${type}`);
  packed.setValue(details.serializeBinary());
  const answer = new BatchAppendResp().setError(
    new statusMessages.Status()
      .setCode(code as number)
      .setMessage(message)
      .setDetails(packed),
  );
  if (address.stream) answer.setStreamIdentifier(identifier(address.stream));
  return Buffer.concat([lengthDelimited(0x0a, address.correlation), answer.serializeBinary()]);
}

export function subscriptionConfirmed(): Buffer {
  return bytesOf(new ReadResp().setConfirmation(new ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID())));
}

export function checkpointReached(position: number): Buffer {
  const at = new ReadResp.Checkpoint().setCommitPosition(String(position)).setPreparePosition(String(position));
  return bytesOf(new ReadResp().setCheckpoint(at));
}

export const caughtUp = bytesOf(new ReadResp().setCaughtUp(new ReadResp.CaughtUp()));

export function streamNotFound(stream: string): Buffer {
  return bytesOf(
    new ReadResp().setStreamNotFound(new ReadResp.StreamNotFound().setStreamIdentifier(identifier(Buffer.from(stream)))),
  );
}

export const firstStreamPosition = (revision: number) => bytesOf(new ReadResp().setFirstStreamPosition(revisionText(revision)));
export const lastStreamPosition = (revision: number) => bytesOf(new ReadResp().setLastStreamPosition(revisionText(revision)));

const revisionText = (revision: number) => (revision >= tombstoneRevision ? '9223372036854775807' : String(revision));
