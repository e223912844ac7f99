/**
 * The protocol's generated code, as the public client ships it. It is CommonJS, so each module is its default import.
 * Requests arrive as bytes and events leave as bytes: the handlers decode and answer malformed input themselves.
 */
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import status from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import any from 'google-protobuf/google/protobuf/any_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';

export const gossipMessages = gossip;
export const featureMessages = features;
export const sharedMessages = shared;
export const statusMessages = status;
export const streamMessages = streams;
export const { Any } = any;
export const { Empty: GoogleEmpty } = empty;

export interface Serializable {
  serializeBinary(): Uint8Array;
}

export const bytesOf = (message: Serializable): Buffer => Buffer.from(message.serializeBinary());

/** The paths of the methods the node offers, as they are called over HTTP/2; generated services would load a gRPC library. */
export const streamsPaths = {
  read: '/event_store.client.streams.Streams/Read',
  append: '/event_store.client.streams.Streams/Append',
  batchAppend: '/event_store.client.streams.Streams/BatchAppend',
  softDelete: '/event_store.client.streams.Streams/Delete',
  tombstone: '/event_store.client.streams.Streams/Tombstone',
};
export const gossipPath = '/event_store.client.gossip.Gossip/Read';
export const featuresPath = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods';
