import { createHmac, randomBytes } from 'node:crypto';

const prefix = 'whsec_';
const secretBytes = 32;

/** A secret of Standard Webhooks: `whsec_` and the base64 of 32 random bytes. */
export const newSecret = (): string => prefix + randomBytes(secretBytes).toString('base64');

export interface SignedHeaders {
  readonly 'webhook-id': string;
  /** Seconds since 1970. */
  readonly 'webhook-timestamp': string;
  /** `v1,` and the base64 of an HMAC-SHA256 over `id.timestamp.body`, one for each valid secret, parted by a space. */
  readonly 'webhook-signature': string;
}

/** @param secrets valid ones, the newest first */
export function signed(id: string, atMs: number, body: string, secrets: readonly string[]): SignedHeaders {
  const timestamp = String(Math.floor(atMs / 1_000));
  const signature = (secret: string): string => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  };
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': secrets.map(signature).join(' ') };
}
