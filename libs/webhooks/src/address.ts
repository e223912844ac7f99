import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Reaches everything in the public internet and nothing of ours; loopback only where every rail is a sandbox. */
export interface AddressPolicy {
  readonly allowLoopback: boolean;
}

export type UrlFault =
  /** Not an absolute URL of 2,048 characters at most, or with a fragment. */
  'UrlMalformed' | 'UrlNotHttps' | 'UrlHasCredentials' | 'AddressNotPublic';

export class EndpointUrlError extends Error {
  override readonly name = 'EndpointUrlError';
  constructor(
    readonly code: UrlFault,
    detail: string,
  ) {
    super(detail);
  }
}

const maxUrlCharacters = 2_048;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

const notPublic = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  notPublic.addSubnet(net, prefix, 'ipv4');
// Of the global unicast space: what wraps an IPv4 address, and what documents use.
for (const [net, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  notPublic.addSubnet(net, prefix, 'ipv6');

const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');

/** May a message go to this IP address? */
export function isAllowedAddress(address: string, { allowLoopback }: AddressPolicy): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(address) === 0) return false;
  if (loopback.check(address, family)) return allowLoopback;
  return family === 'ipv4'
    ? !notPublic.check(address, family)
    : globalUnicast.check(address, family) && !notPublic.check(address, family);
}

/** The host as it is looked up: an IPv6 address without its brackets. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');

/** @throws EndpointUrlError */
export function endpointUrl(text: string, policy: AddressPolicy): URL {
  const url = text.length <= maxUrlCharacters ? URL.parse(text) : null;
  if (url === null || url.hash !== '')
    throw new EndpointUrlError(
      'UrlMalformed',
      `an endpoint is an absolute URL of ${maxUrlCharacters} characters at most, without a fragment`,
    );
  const host = hostOf(url);
  const isLocal = host === 'localhost' || (isIP(host) !== 0 && loopback.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4'));
  if (url.protocol !== 'https:' && !(policy.allowLoopback && isLocal && url.protocol === 'http:'))
    throw new EndpointUrlError('UrlNotHttps', 'an endpoint is reached over https');
  if (url.username !== '' || url.password !== '')
    throw new EndpointUrlError(
      'UrlHasCredentials',
      'an endpoint has no name and password in its URL: verify the signature instead',
    );
  // What a name means is asked at each attempt; an address is known now.
  if ((isLocal && !policy.allowLoopback) || (isIP(host) !== 0 && !isAllowedAddress(host, policy)))
    throw new EndpointUrlError('AddressNotPublic', 'an endpoint is reached at a public address');
  return url;
}

export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'ADDRESS_NOT_PUBLIC';
  constructor() {
    super('the name leads to an address that is not public');
  }
}

/** The connection is made to the very addresses that were checked, so a name that changes its mind gains nothing. */
export const guardedLookup =
  (policy: AddressPolicy): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) callback(error ?? new AddressRefused(), '');
      else if (!addresses.every(({ address }) => isAllowedAddress(address, policy))) callback(new AddressRefused(), '');
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
