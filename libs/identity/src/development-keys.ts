import { randomUUID } from 'node:crypto';
import { constants, link, mkdir, open, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { epochMsOf, type Instant, instantOf } from '@recourse/eventing';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { actorOf, type TokenClaims } from './claims.js';
import { algorithm, audience, maxLifetimeS } from './token.js';

export const developmentIssuer = 'recourse-development';

export interface DevelopmentKeys {
  /** Private JWK, mode 0600. Whoever reads it can be anybody. */
  readonly privateKeyFile: string;
  readonly jwksFile: string;
}

/** For one machine without an identity provider: makes a signing key and its JWKS in `directory`, or finds the ones of before. */
export async function createDevelopmentKeys(directory: string): Promise<DevelopmentKeys> {
  const files = { privateKeyFile: join(directory, 'signing-key.json'), jwksFile: join(directory, 'jwks.json') };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeOnce(files.privateKeyFile, JSON.stringify(await newPrivateKey()));
  const { kty, crv, x, kid, alg } = await readPrivateKey(files.privateKeyFile);
  const draft = await writeDraft(files.jwksFile, JSON.stringify({ keys: [{ kty, crv, x, kid, alg, use: 'sig' }] }), 0o644);
  await rename(draft, files.jwksFile);
  return files;
}

/** A token for `ttlS` seconds, 24 h at most, from `at` on. Throws RangeError, or `AuthenticationError` malformed for bad claims. */
export async function signToken(
  privateKeyFile: string,
  claims: TokenClaims,
  ttlS: number,
  { at = instantOf(Date.now()), issuer = developmentIssuer }: { readonly at?: Instant; readonly issuer?: string } = {},
): Promise<string> {
  if (!Number.isInteger(ttlS) || ttlS < 1 || ttlS > maxLifetimeS) throw new RangeError(`a token lives 1 to ${maxLifetimeS} s`);
  const { sub, role, party, platform } = claims;
  actorOf(claims);
  const key = await readPrivateKey(privateKeyFile);
  const issuedAtS = Math.floor(epochMsOf(at) / 1000);
  return new SignJWT({ role, party, platform })
    .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: 'JWT' })
    .setSubject(sub)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(issuedAtS)
    .setExpirationTime(issuedAtS + ttlS)
    .sign(await importJWK(key, algorithm));
}

async function newPrivateKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { crv: 'Ed25519', extractable: true });
  const key = await exportJWK(privateKey);
  return { ...key, alg: algorithm, kid: await calculateJwkThumbprint(key) };
}

/** A file of that name stays as it is, and one that appears is complete: link never replaces. */
async function writeOnce(path: string, text: string): Promise<void> {
  const draft = await writeDraft(path, text, 0o600);
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(draft);
  }
}

async function writeDraft(path: string, text: string, mode: number): Promise<string> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text, { flag: 'wx', mode });
  return draft;
}

async function readPrivateKey(path: string): Promise<JWK & { kid: string; d: string }> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    const { mode } = await handle.stat();
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw new Error(`${path} is open to group or others: chmod 600 it`);
    return JSON.parse(await handle.readFile('utf8')) as JWK & { kid: string; d: string };
  } finally {
    await handle.close();
  }
}
