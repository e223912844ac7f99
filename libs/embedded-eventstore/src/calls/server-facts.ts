import { randomBytes } from 'node:crypto';
import { bytesOf, featureMessages, featuresPath, gossipMessages, gossipPath, sharedMessages, streamsPaths } from './protocol.js';

/** What a client asks before it works: which methods there are, and which node leads. */
const offered: readonly { path: string; features: readonly string[] }[] = [
  { path: streamsPaths.read, features: ['events', 'position'] },
  { path: streamsPaths.append, features: [] },
  { path: streamsPaths.batchAppend, features: ['deadline_duration'] },
  { path: streamsPaths.softDelete, features: [] },
  { path: streamsPaths.tombstone, features: [] },
  { path: gossipPath, features: [] },
  { path: featuresPath, features: [] },
];

export function supportedMethods(version: string): Buffer {
  const methods = offered.map(({ path, features }) => {
    const [service = '', method = ''] = path.toLowerCase().slice(1).split('/');
    return new featureMessages.SupportedMethod()
      .setServiceName(service)
      .setMethodName(method)
      .setFeaturesList([...features]);
  });
  return bytesOf(new featureMessages.SupportedMethods().setEventStoreServerVersion(version).setMethodsList(methods));
}

/** A cluster of one, which leads itself. */
export function clusterOfOne(host: string): (port: number) => Buffer {
  const { ClusterInfo, EndPoint, MemberInfo } = gossipMessages;
  const id = randomBytes(16);
  const instance = new sharedMessages.UUID().setStructured(
    new sharedMessages.UUID.Structured()
      .setMostSignificantBits(String(id.readBigInt64BE(0)))
      .setLeastSignificantBits(String(id.readBigInt64BE(8))),
  );
  return (port) => {
    const self = new MemberInfo()
      .setInstanceId(instance)
      .setTimeStamp(`${String(Date.now())}0000`)
      .setState(MemberInfo.VNodeState.LEADER)
      .setIsAlive(true)
      .setHttpEndPoint(new EndPoint().setAddress(host).setPort(port));
    return bytesOf(new ClusterInfo().setMembersList([self]));
  };
}
