/**
 * The protocol's generated code, as the public client ships it. It is CommonJS, so each module is its default import.
 * Requests arrive as bytes and events leave as bytes: the handlers decode and answer malformed input themselves.
 */
import type { MethodDefinition, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import gossipServices from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import features from '@eventstore/db-client/generated/serverfeatures_pb.js';
import featuresServices from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import status from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import streamsServices from '@eventstore/db-client/generated/streams_grpc_pb.js';
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

/** A method whose messages are plain bytes on this side. */
export type BytesMethod = MethodDefinition<Buffer, Buffer>;

function asBytes(method: { path: string; requestStream: boolean; responseStream: boolean }): BytesMethod {
  const same = (bytes: Buffer) => bytes;
  return {
    path: method.path,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

const { read, append, batchAppend, delete: softDelete, tombstone } = streamsServices.StreamsService;
export const streamsService = {
  read: asBytes(read),
  append: asBytes(append),
  batchAppend: asBytes(batchAppend),
  delete: asBytes(softDelete),
  tombstone: asBytes(tombstone),
} satisfies ServiceDefinition<UntypedServiceImplementation>;

export const gossipService = { read: asBytes(gossipServices.GossipService.read) };
export const featuresService = { getSupportedMethods: asBytes(featuresServices.ServerFeaturesService.getSupportedMethods) };
