import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** A simulator on this machine, which nobody else can put himself in the place of. */
export function isLoopback({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || (isIP(host) !== 0 && loopback.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4'));
}

/** Why a source is not asked at this address; undefined: it may be. Says nothing of the address. */
export function addressFault(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return 'is not a URL';
  if (url.username !== '' || url.password !== '') return 'has a name or password in it: requests are signed instead';
  if (url.search !== '' || url.hash !== '') return 'has a query or a fragment';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) return 'is neither https nor http on loopback';
  return undefined;
}
