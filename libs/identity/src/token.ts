import { readFile } from 'node:fs/promises';
import { type Actor, epochMsOf, type Instant } from '@recourse/eventing';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import { AuthenticationError } from './authentication-error.js';
import { actorOf } from './claims.js';

export const audience = 'recourse';
export const algorithm = 'EdDSA';
export const maxLifetimeS = 24 * 3600;
const clockToleranceS = 30;
const fetchTimeoutMs = 5_000;
const fetchCooldownMs = 30_000;
const keySetMaxAgeMs = 600_000;

export interface TokenOptions {
  /** Public keys: the path of a JWKS file, read once, or an https URL (http on loopback), read again when a key is unknown. */
  readonly jwks: string;
  readonly issuer: string;
  readonly now: () => Instant;
}

export type VerifyToken = (token: string) => Promise<Actor>;

/** Throws an Error if the JWKS file cannot be used; the returned function throws `AuthenticationError`. */
export async function tokenVerifier({ jwks, issuer, now }: TokenOptions): Promise<VerifyToken> {
  const keys = /^https?:\/\//.test(jwks) ? remoteKeys(new URL(jwks)) : await fileKeys(jwks);
  return async (token) => {
    const payload = await verified(token, keys, issuer, new Date(epochMsOf(now())));
    const { iat, exp } = payload;
    if (iat === undefined || exp === undefined || exp - iat > maxLifetimeS) {
      throw new AuthenticationError('malformed', `a token lives ${maxLifetimeS} s at most`);
    }
    return actorOf({ sub: payload.sub, role: payload['role'], party: payload['party'], platform: payload['platform'] });
  };
}

async function verified(token: string, keys: JWTVerifyGetKey, issuer: string, currentDate: Date): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [algorithm],
      issuer,
      audience,
      currentDate,
      clockTolerance: clockToleranceS,
      maxTokenAge: maxLifetimeS, // also refuses an iat in the future, which would stretch the lifetime
    });
    return payload;
  } catch (error) {
    throw error instanceof errors.JOSEError ? refusalOf(error) : error;
  }
}

function refusalOf(error: errors.JOSEError): AuthenticationError {
  if (error instanceof errors.JWTExpired) return new AuthenticationError('expired', 'the token has expired');
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new AuthenticationError('forged', 'the signature does not match');
  if (error instanceof errors.JOSEAlgNotAllowed)
    return new AuthenticationError('forged', `tokens are signed with ${algorithm} only`);
  if (error instanceof errors.JWKSNoMatchingKey)
    return new AuthenticationError('unknown', 'the token is signed with an unknown key');
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusalOf(error);
  return new AuthenticationError('malformed', 'not a signed token');
}

function claimRefusalOf({ claim, reason }: errors.JWTClaimValidationFailed): AuthenticationError {
  if (reason !== 'check_failed')
    return new AuthenticationError('malformed', `the token's claim "${claim}" is missing or ill-typed`);
  if (claim === 'nbf' || claim === 'iat') return new AuthenticationError('expired', 'the token is not valid yet');
  return new AuthenticationError('unknown', `the token's "${claim}" is not this service`);
}

function remoteKeys(url: URL): JWTVerifyGetKey {
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !isLoopback)
    throw new Error(`a JWKS is fetched over https, or http on loopback: ${url.origin}`);
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: fetchTimeoutMs,
    cooldownDuration: fetchCooldownMs,
    cacheMaxAge: keySetMaxAgeMs,
  });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw new AuthenticationError('unavailable', 'the key server gave no usable answer');
    }
  };
}

async function fileKeys(path: string): Promise<JWTVerifyGetKey> {
  const keySet = JSON.parse(await readFile(path, 'utf8')) as Partial<JSONWebKeySet>;
  if (!Array.isArray(keySet.keys)) throw new Error(`${path} is not a JWKS file`);
  if (keySet.keys.some((key) => 'd' in key || 'k' in key))
    throw new Error(`${path} holds a private key; a JWKS holds public keys only`);
  return createLocalJWKSet({ keys: keySet.keys });
}
