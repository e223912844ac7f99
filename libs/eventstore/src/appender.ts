import { randomUUID } from 'node:crypto';
import { status, type ClientDuplexStream } from '@grpc/grpc-js';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams, { type BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import { appendRequest, type ExpectedRevision, type ProposedEvent } from './append-request.js';
import type { CallBuilder } from './connection.js';
import { AppendOutcomeUnknown, AppendRefused, AppendTooLarge, StoreUnavailable } from './store-error.js';

/** `position` is missing when the store repeats an answer about a stream that was deleted since. */
export type AppendOutcome =
  | { readonly status: 'appended'; readonly revision: bigint; readonly position: bigint | undefined }
  | { readonly status: 'conflict' };

/** The store's own limit, on the data of one append. */
export const maxAppendBytes = 1_048_576;
export const maxAppendsInFlight = 256;
export const maxAppendsWaiting = 4_096;

const appendPath = '/event_store.client.streams.Streams/BatchAppend';
const asItIs = (request: Buffer): Buffer => request;
const answerIn = (bytes: Buffer): BatchAppendResp => streams.BatchAppendResp.deserializeBinary(bytes);

type Call = ClientDuplexStream<Buffer, BatchAppendResp>;
interface Pending {
  readonly stream: string;
  resolve(outcome: AppendOutcome): void;
  reject(error: Error): void;
}

/** Appends over one call, pipelined; answers are matched by correlation id, and a call that ends settles what it still owes. */
export function openAppender(calls: CallBuilder, timeoutMs: number) {
  const pendingOf = new WeakMap<Call, Map<string, Pending>>();
  const open = calls.GRPCStreamCreator(
    StreamsClient,
    'append',
    (client) => {
      const [metadata, options] = calls.callArguments({}, { deadline: Infinity });
      const call = client.makeBidiStreamRequest(appendPath, asItIs, answerIn, metadata, options);
      const pending = new Map<string, Pending>();
      pendingOf.set(call, pending);
      const settle = (cause?: unknown) => {
        for (const { stream, reject } of pending.values()) reject(new AppendOutcomeUnknown(stream, { cause }));
        pending.clear();
      };
      call.on('data', (response: BatchAppendResp) => answer(pending, response));
      call.on('error', settle);
      call.on('end', () => settle());
      call.on('close', () => settle());
      return call;
    },
    new WeakMap(),
  );

  const send = async (stream: string, expected: ExpectedRevision, events: readonly ProposedEvent[]): Promise<AppendOutcome> => {
    const call = await open().catch((cause: unknown) => {
      throw new StoreUnavailable('the event store cannot be reached', { cause });
    });
    const pending = pendingOf.get(call);
    if (!pending || call.destroyed) throw new StoreUnavailable('the connection to the event store has just ended');
    const correlationId = randomUUID();
    return new Promise<AppendOutcome>((resolve, reject) => {
      const late = setTimeout(() => {
        pending.delete(correlationId);
        reject(new AppendOutcomeUnknown(stream));
      }, timeoutMs);
      pending.set(correlationId, {
        stream,
        resolve: (outcome) => (clearTimeout(late), resolve(outcome)),
        reject: (error) => (clearTimeout(late), reject(error)),
      });
      call.write(appendRequest({ correlationId, stream, expected, events, deadlineMs: Date.now() + timeoutMs }));
    });
  };

  const waiting: (() => void)[] = [];
  let inFlight = 0;
  return async (stream: string, expected: ExpectedRevision, events: readonly ProposedEvent[]): Promise<AppendOutcome> => {
    if (inFlight >= maxAppendsInFlight) {
      if (waiting.length >= maxAppendsWaiting) throw new StoreUnavailable(`more than ${maxAppendsWaiting} appends are waiting`);
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      inFlight += 1;
    }
    try {
      return await send(stream, expected, events);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else inFlight -= 1;
    }
  };
}

function answer(pending: Map<string, Pending>, response: BatchAppendResp): void {
  const correlationId = uuidText(response);
  const owner = pending.get(correlationId);
  if (!owner) return; // it came after its time-out
  pending.delete(correlationId);
  const success = response.getSuccess();
  if (success) {
    const position = success.getPosition()?.getCommitPosition();
    owner.resolve({
      status: 'appended',
      revision: BigInt(success.getCurrentRevision()),
      position: position === undefined ? undefined : BigInt(position),
    });
    return;
  }
  const outcome = outcomeOf(owner.stream, response.getError());
  if (outcome instanceof Error) owner.reject(outcome);
  else owner.resolve(outcome);
}

function outcomeOf(stream: string, error: Status | undefined): AppendOutcome | Error {
  switch (error?.getDetails()?.getTypeName() ?? '') {
    case 'event_store.client.WrongExpectedVersion':
      return { status: 'conflict' };
    case 'event_store.client.MaximumAppendSizeExceeded':
      return new AppendTooLarge(stream, maxAppendBytes);
    case 'event_store.client.StreamDeleted':
      return new AppendRefused(`the stream ${stream} was ended for good`);
    case 'event_store.client.AccessDenied':
      return new AppendRefused(`these credentials may not append to ${stream}`);
    default:
      // A time-out of the store itself among them: the write may be on its way.
      return Number(error?.getCode()) === status.INVALID_ARGUMENT
        ? new AppendRefused(`the store refused an append to ${stream}: ${error?.getMessage() ?? ''}`)
        : new AppendOutcomeUnknown(stream, { cause: error?.getMessage() });
  }
}

function uuidText(response: BatchAppendResp): string {
  const id = response.getCorrelationId();
  if (!id?.hasStructured()) return id?.getString() ?? '';
  const { mostSignificantBits, leastSignificantBits } = id.getStructured()?.toObject() ?? {};
  const half = (bits: unknown) =>
    BigInt.asUintN(64, BigInt(String(bits ?? 0)))
      .toString(16)
      .padStart(16, '0');
  const hex = half(mostSignificantBits) + half(leastSignificantBits);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
