import type { ClientReadableStream } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams, { type ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { CallBuilder } from './connection.js';
import { readResponse, type ReadResponse } from './read-response.js';
import { StoreUnavailable } from './store-error.js';

export interface ReadingOptions {
  readonly onResponse: (response: ReadResponse) => void;
  /** It has ended or could not begin; also after `cancel`. */
  readonly onEnd: (error: Error) => void;
}

const readPath = '/event_store.client.streams.Streams/Read';

/** One call that follows the log behind `after`, without the store's own events, until it ends, fails or is cancelled. */
export function openReading(calls: CallBuilder, after: bigint, { onResponse, onEnd }: ReadingOptions) {
  let call: ClientReadableStream<ReadResponse> | undefined;
  let isCancelled = false;
  const opening = calls.GRPCStreamCreator(StreamsClient, 'subscribeToAll', (client) => {
    const [metadata, options] = calls.callArguments({}, { deadline: Infinity });
    const serialize = (request: ReadReq) => Buffer.from(request.serializeBinary());
    return client.makeServerStreamRequest(readPath, serialize, readResponse, requestOf(after), metadata, options);
  });
  opening().then(
    (opened) => {
      call = opened;
      // A call that is cancelled ends with an error, and somebody has to hear it.
      call.on('error', onEnd);
      call.on('end', () => onEnd(new StoreUnavailable('the store ended a subscription')));
      call.on('close', () => onEnd(new StoreUnavailable('the connection of a subscription was closed')));
      if (isCancelled) call.cancel();
      else call.on('data', onResponse);
    },
    (cause: unknown) => onEnd(new StoreUnavailable('the event store cannot be reached', { cause })),
  );
  return {
    pause: () => call?.pause(),
    resume: () => call?.resume(),
    cancel: () => {
      isCancelled = true;
      call?.removeListener('data', onResponse);
      // Never within a callback of the call itself, where the transport has been seen to fail.
      setImmediate(() => call?.cancel());
    },
  };
}

function requestOf(after: bigint): ReadReq {
  const { Options } = streams.ReadReq;
  const all = new Options.AllOptions();
  if (after === 0n) all.setStart(new shared.Empty());
  else all.setPosition(new Options.Position().setCommitPosition(after.toString()).setPreparePosition(after.toString()));
  const filter = new Options.FilterOptions();
  filter.setEventType(new Options.FilterOptions.Expression().setRegex('^[^$].*'));
  filter.setCount(new shared.Empty());
  filter.setCheckpointintervalmultiplier(1);
  const options = new Options();
  options.setAll(all);
  options.setSubscription(new Options.SubscriptionOptions());
  options.setUuidOption(new Options.UUIDOption().setString(new shared.Empty()));
  options.setFilter(filter);
  return new streams.ReadReq().setOptions(options);
}
