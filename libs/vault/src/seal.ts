import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { VaultError } from './error.js';

const version = 'v1';
const ivBytes = 12;
const tagBytes = 16;
const shape = /^v1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]*)$/;

/** AES-256-GCM as text: `v1.<keyId>.<iv>.<tag>.<data>`, the last three base64url. `context` is authenticated, not stored. */
export function seal(key: KeyObject, keyId: string, context: readonly string[], plaintext: Buffer): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes });
  cipher.setAAD(contextBytes(context));
  const data = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return [version, keyId, ...[iv, cipher.getAuthTag(), data].map((part) => part.toString('base64url'))].join('.');
}

/** Throws `VaultError` Malformed or Tampered. */
export function unseal(key: KeyObject, context: readonly string[], sealed: string): Buffer {
  const { iv, tag, data } = partsOf(sealed);
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), { authTagLength: tagBytes });
  decipher.setAAD(contextBytes(context));
  decipher.setAuthTag(Buffer.from(tag, 'base64url'));
  try {
    return Buffer.concat([decipher.update(Buffer.from(data, 'base64url')), decipher.final()]);
  } catch {
    throw new VaultError('Tampered', 'this is not the ciphertext that was stored for this subject and context');
  }
}

/** Id of the key that a sealed text needs. Throws `VaultError` Malformed. */
export function keyIdOf(sealed: string): string {
  return partsOf(sealed).keyId;
}

function partsOf(sealed: string): { keyId: string; iv: string; tag: string; data: string } {
  const [matched, keyId = '', iv = '', tag = '', data = ''] = shape.exec(sealed) ?? [];
  if (matched === undefined) throw new VaultError('Malformed', 'not a sealed text of version v1');
  return { keyId, iv, tag, data };
}

/** JSON keeps ['a', 'bc'] and ['ab', 'c'] apart. */
function contextBytes(context: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify([version, ...context]));
}
