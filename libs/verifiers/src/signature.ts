import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { epochMsOf, isInstant, type Instant } from '@recourse/eventing';

/** A secret that we share with one source. */
export interface SigningKey {
  /** Named in every message; no secret. */
  readonly id: string;
  readonly secret: KeyObject;
}

/** What a signature binds, beside the body: a request to its place, an answer to its request by the nonce. */
export type Signed =
  | { readonly is: 'request'; readonly method: string; readonly path: string; readonly at: Instant; readonly nonce: string }
  | { readonly is: 'response'; readonly status: number; readonly at: Instant; readonly nonce: string };

export const headerNames = {
  keyId: 'recourse-key-id',
  timestamp: 'recourse-timestamp',
  nonce: 'recourse-nonce',
  signature: 'recourse-signature',
} as const;

/** How far the two machines' clocks may be apart, the way included. */
export const maxAgeMs = 120_000;

const scheme = 'recourse-verification-v1';
const signatureShape = /^v1=([0-9a-f]{64})$/;

/** One line each, so that no part can pass for another. */
const canonical = (signed: Signed, body: Uint8Array): string =>
  [
    scheme,
    signed.is,
    ...(signed.is === 'request' ? [signed.method, signed.path] : [String(signed.status)]),
    signed.at,
    signed.nonce,
    createHash('sha256').update(body).digest('hex'),
  ].join('\n');
const macOf = (key: SigningKey, signed: Signed, body: Uint8Array): Buffer =>
  createHmac('sha256', key.secret).update(canonical(signed, body)).digest();

export const signedHeaders = (key: SigningKey, signed: Signed, body: Uint8Array): Readonly<Record<string, string>> => ({
  [headerNames.keyId]: key.id,
  [headerNames.timestamp]: signed.at,
  [headerNames.nonce]: signed.nonce,
  [headerNames.signature]: `v1=${macOf(key, signed, body).toString('hex')}`,
});

/** What a message says of itself beside what the receiver sees. */
export type Claimed =
  | { readonly is: 'request'; readonly method: string; readonly path: string }
  /** The nonce is that of the request it answers. */
  | { readonly is: 'response'; readonly status: number; readonly nonce: string };

/** Why a message is not to be trusted; undefined: it comes from who has the key, and is as old as it says. */
export function distrust(
  key: SigningKey,
  claimed: Claimed,
  {
    header,
    body,
    nowMs,
  }: { readonly header: (name: string) => string | undefined; readonly body: Uint8Array; readonly nowMs: number },
): string | undefined {
  const [keyId, at, nonce] = [header(headerNames.keyId), header(headerNames.timestamp), header(headerNames.nonce)];
  const stated = signatureShape.exec(header(headerNames.signature) ?? '')?.[1];
  if (keyId === undefined || at === undefined || nonce === undefined || stated === undefined) return 'it is not signed';
  if (keyId !== key.id) return 'it is signed with another key';
  if (claimed.is === 'response' && nonce !== claimed.nonce) return 'it answers another request';
  const mac = macOf(key, { ...claimed, at, nonce }, body);
  if (!timingSafeEqual(mac, Buffer.from(stated, 'hex'))) return 'its signature is wrong';
  if (!isInstant(at) || Math.abs(nowMs - epochMsOf(at)) > maxAgeMs) return 'it is too old, or from the future';
  return undefined;
}
