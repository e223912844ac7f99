/** What a server without a store answers: ready-made, and as an event store node would say it. */
import { randomUUID } from 'node:crypto';
import featureServices from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamServices from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { dataOf, halfMatching, metadataOf, typeOf } from './workload.js';

const { AppendResp, BatchAppendResp, ReadResp } = streams;
const { AllStreamPosition, StreamIdentifier, UUID } = shared;
const { ReadEvent } = ReadResp;

export const { read, append, batchAppend } = streamServices.StreamsService;
export const { getSupportedMethods } = featureServices.ServerFeaturesService;

/** What makes the client use BatchAppend. */
export function supportedMethods(): InstanceType<typeof features.SupportedMethods> {
  const methods = [read, append, batchAppend].map(({ path }) => {
    const [service = '', method = ''] = path.toLowerCase().slice(1).split('/');
    return new features.SupportedMethod().setServiceName(service).setMethodName(method);
  });
  return new features.SupportedMethods().setEventStoreServerVersion('24.2.0').setMethodsList(methods);
}

const place = '1000000';

export const appended = (): InstanceType<typeof AppendResp> =>
  new AppendResp().setSuccess(
    new AppendResp.Success()
      .setCurrentRevision('0')
      .setPosition(new AppendResp.Position().setCommitPosition(place).setPreparePosition(place)),
  );

/** The correlation id is the asker's. */
export const batchAppended = (): InstanceType<typeof BatchAppendResp> =>
  new BatchAppendResp()
    .setStreamIdentifier(new StreamIdentifier().setStreamName(Buffer.from('bench')))
    .setSuccess(
      new BatchAppendResp.Success()
        .setCurrentRevision('0')
        .setPosition(new AllStreamPosition().setCommitPosition(place).setPreparePosition(place)),
    );

const bytesOf = (message: { serializeBinary(): Uint8Array }): Buffer => Buffer.from(message.serializeBinary());

/** A message per event of one stream, all different. */
export function eventMessages(count: number): Buffer[] {
  const stream = Buffer.from(`bench-read-${randomUUID()}`);
  return Array.from({ length: count }, (_, no) => {
    const position = String(1_000 + no * 700);
    const event = new ReadEvent.RecordedEvent()
      .setId(new UUID().setString(randomUUID()))
      .setStreamIdentifier(new StreamIdentifier().setStreamName(stream))
      .setStreamRevision(String(no))
      .setPreparePosition(position)
      .setCommitPosition(position)
      .setData(Buffer.from(JSON.stringify(dataOf(no))))
      .setCustomMetadata(Buffer.from(JSON.stringify(metadataOf(no))));
    event.getMetadataMap().set('type', typeOf(no)).set('content-type', 'application/json').set('created', '17698473301230000');
    return bytesOf(new ReadResp().setEvent(new ReadEvent().setEvent(event).setCommitPosition(position)));
  });
}

export const confirmation = (): Buffer =>
  bytesOf(new ReadResp().setConfirmation(new ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID())));
export const caughtUp = (): Buffer => bytesOf(new ReadResp().setCaughtUp(new ReadResp.CaughtUp()));

export interface Wanted {
  readonly isSubscription: boolean;
  /** So many of the ready-made events. */
  readonly events: number;
}

/** A filter is taken for the one that half of the events match. */
export function wantedBy(request: InstanceType<typeof streams.ReadReq>, stock: number): Wanted {
  const options = request.getOptions();
  const isSubscription = options?.hasSubscription() ?? false;
  const matching = options?.hasFilter() ? Math.ceil(stock * halfMatching.share) : stock;
  return { isSubscription, events: isSubscription ? matching : Math.min(matching, Number(options?.getCount() ?? 0)) };
}
