import type { Actor } from '@recourse/eventing';
import type { Kysely } from 'kysely';
import { type ApiKey, apiKeyPrefix, ApiKeys, type CreatedApiKey, type IdentityTables } from './api-key.js';
import { AuthenticationError } from './authentication-error.js';
import { type TokenOptions, tokenVerifier } from './token.js';

/** `now` is the real clock, never a virtual one: credentials live in the world outside. */
export interface IdentityOptions<Tables> extends TokenOptions {
  readonly db: Kysely<Tables>;
}

export interface Identity {
  /** Takes the Authorization header as it came: `Bearer` with an API key or a token. @throws AuthenticationError */
  authenticate(authorization: string | undefined): Promise<Actor>;
  /** @throws RangeError for a platform or label that is not of its shape */
  createApiKey(platform: string, label: string): Promise<CreatedApiKey>;
  /** For good; harmless twice. @throws RangeError for an unknown key id */
  revokeApiKey(keyId: string): Promise<void>;
  /** Newest first, revoked ones included, at most 1,000. */
  listApiKeys(platform: string): Promise<readonly ApiKey[]>;
}

const maxHeaderLength = 8192;
const bearer = /^Bearer +([A-Za-z0-9._-]+)$/i;

/** Throws an Error if the JWKS cannot be used. */
export async function openIdentity<Tables>({ db, ...tokens }: IdentityOptions<Tables>): Promise<Identity> {
  const verifyToken = await tokenVerifier(tokens);
  // the caller's type lists his tables; this library knows its own schema only
  const apiKeys = new ApiKeys((db as unknown as Kysely<IdentityTables>).withSchema('identity'), tokens.now);
  return {
    authenticate: async (authorization) => {
      const credential = credentialOf(authorization);
      return credential.startsWith(apiKeyPrefix) ? apiKeys.authenticate(credential) : verifyToken(credential);
    },
    createApiKey: (platform, label) => apiKeys.create(platform, label),
    revokeApiKey: (keyId) => apiKeys.revoke(keyId),
    listApiKeys: (platform) => apiKeys.list(platform),
  };
}

function credentialOf(authorization: string | undefined): string {
  if (authorization === undefined || authorization === '')
    throw new AuthenticationError('missing', 'send Authorization: Bearer <API key or token>');
  const [, credential] = (authorization.length > maxHeaderLength ? undefined : bearer.exec(authorization)) ?? [];
  if (credential === undefined) throw new AuthenticationError('malformed', 'Authorization is not Bearer <API key or token>');
  return credential;
}
