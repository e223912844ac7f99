import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { Expected } from './append-decision.js';
import { AppendTooLarge } from './append-request.js';
import type { AppendOutcome, WriteConflict } from './event-log.js';
import { maxAppendDataBytes } from './limits.js';
import { Any, bytesOf, GoogleEmpty, sharedMessages, statusMessages, streamMessages, type Serializable } from './protocol.js';
import { tombstoneRevision } from './record.js';
import { Refusal, streamDeleted, type Failure } from './refusal.js';
import { lengthDelimited } from './wire.js';

const { AppendResp, BatchAppendResp, DeleteResp, ReadResp, TombstoneResp } = streamMessages;
const { AllStreamPosition, Empty, StreamIdentifier } = sharedMessages;

type Appended = Extract<AppendOutcome, { outcome: 'appended' }>;
type Wrong = Extract<WriteConflict, { outcome: 'wrong-expected-version' }>;

const identifier = (stream: Uint8Array) => new StreamIdentifier().setStreamName(stream);

export function appended({ revision, position }: Appended): Buffer {
  const success = new AppendResp.Success();
  if (revision < 0) success.setNoStream(new Empty());
  else success.setCurrentRevision(String(revision));
  if (position === undefined) success.setNoPosition(new Empty());
  else success.setPosition(new AppendResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position)));
  return bytesOf(new AppendResp().setSuccess(success));
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

/** Whom a batch answer goes to: the correlation id as it came, and the stream if the request named one. */
export interface BatchAddress {
  correlation: InstanceType<typeof sharedMessages.UUID>;
  stream: Buffer | undefined;
}

/** Without a usable correlation id the answer goes to the id of zeros. */
export function batchAddress(correlation: Buffer | undefined, stream: Buffer | undefined): BatchAddress {
  const { UUID } = sharedMessages;
  return {
    correlation: correlation ? UUID.deserializeBinary(correlation) : new UUID().setStructured(new UUID.Structured()),
    stream,
  };
}

export function batchAppended(address: BatchAddress, { revision, position }: Appended): Buffer {
  const success = new BatchAppendResp.Success();
  if (revision < 0) success.setNoStream(new GoogleEmpty());
  else success.setCurrentRevision(String(revision));
  if (position === undefined) success.setNoPosition(new GoogleEmpty());
  else success.setPosition(new AllStreamPosition().setCommitPosition(String(position)).setPreparePosition(String(position)));
  return batchAnswer(address, new BatchAppendResp().setSuccess(success));
}

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
  const reason = failure.details ?? failure.message;
  if (failure.code === status.INVALID_ARGUMENT) {
    return batchError(address, failure.code, 'BadRequest', new sharedMessages.BadRequest().setMessage(reason));
  }
  return batchError(address, failure.code ?? status.INTERNAL, reason, new sharedMessages.Unknown(), 'Unknown');
}

function batchError(address: BatchAddress, code: status, message: string, details: Serializable, type = message): Buffer {
  const packed = new Any();
  packed.setTypeUrl(`type.googleapis.com/event_store.client.${type}`);
  packed.setValue(details.serializeBinary());
  const error = new statusMessages.Status()
    .setCode(code as number)
    .setMessage(message)
    .setDetails(packed);
  return batchAnswer(address, new BatchAppendResp().setError(error));
}

function batchAnswer({ correlation, stream }: BatchAddress, answer: InstanceType<typeof BatchAppendResp>): Buffer {
  answer.setCorrelationId(correlation);
  if (stream) answer.setStreamIdentifier(identifier(stream));
  return bytesOf(answer);
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
