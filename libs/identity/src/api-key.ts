import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Actor, Instant } from '@recourse/eventing';
import type { Kysely } from 'kysely';
import { AuthenticationError } from './authentication-error.js';
import { isId } from './claims.js';

export interface ApiKey {
  readonly keyId: string;
  readonly platform: string;
  readonly label: string;
  readonly createdAt: Instant;
  readonly revokedAt?: Instant;
}

/** The key itself is shown once, here; afterwards only its hash exists. */
export interface CreatedApiKey extends ApiKey {
  readonly apiKey: string;
}

export interface IdentityTables {
  api_key: {
    key_id: string;
    platform: string;
    label: string;
    secret_hash: string;
    created_at: Instant;
    revoked_at: Instant | null;
  };
}

export const apiKeyPrefix = 'rk_';
const apiKeyShape = /^rk_([0-9a-f]{16})_([0-9a-f]{64})$/;
const maxLabelLength = 100;
const maxListed = 1000;

/** Keys of shops: `rk_<keyId>_<secret>`, each for one platform. */
export class ApiKeys {
  constructor(
    private readonly db: Kysely<IdentityTables>,
    private readonly now: () => Instant,
  ) {}

  async create(platform: string, label: string): Promise<CreatedApiKey> {
    if (!isId(platform)) throw new RangeError('a platform id has 1 to 64 letters, digits, underscores and hyphens');
    if (label.length === 0 || label.length > maxLabelLength)
      throw new RangeError(`a label has 1 to ${maxLabelLength} characters`);
    const [keyId, secret, createdAt] = [randomBytes(8).toString('hex'), randomBytes(32).toString('hex'), this.now()];
    await this.db
      .insertInto('api_key')
      .values({
        key_id: keyId,
        platform,
        label,
        secret_hash: hashOf(secret).toString('hex'),
        created_at: createdAt,
        revoked_at: null,
      })
      .execute();
    return { keyId, platform, label, createdAt, apiKey: `${apiKeyPrefix}${keyId}_${secret}` };
  }

  async revoke(keyId: string): Promise<void> {
    const revoked = await this.db
      .updateTable('api_key')
      .set(({ fn, ref, val }) => ({ revoked_at: fn.coalesce(ref('revoked_at'), val(this.now())) }))
      .where('key_id', '=', keyId)
      .executeTakeFirst();
    if (revoked.numUpdatedRows === 0n) throw new RangeError(`no API key ${keyId}`);
  }

  async list(platform: string): Promise<readonly ApiKey[]> {
    const rows = await this.db
      .selectFrom('api_key')
      .select(['key_id', 'platform', 'label', 'created_at', 'revoked_at'])
      .where('platform', '=', platform)
      .orderBy('created_at', 'desc')
      .orderBy('key_id')
      .limit(maxListed)
      .execute();
    return rows.map(({ key_id: keyId, label, created_at: createdAt, revoked_at: revokedAt }) => ({
      keyId,
      platform,
      label,
      createdAt,
      ...(revokedAt === null ? {} : { revokedAt }),
    }));
  }

  async authenticate(apiKey: string): Promise<Actor> {
    const [, keyId, secret] = apiKeyShape.exec(apiKey) ?? [];
    if (keyId === undefined || secret === undefined)
      throw new AuthenticationError('malformed', 'not an API key, or not all of it');
    const row = await this.db
      .selectFrom('api_key')
      .select(['platform', 'secret_hash', 'revoked_at'])
      .where('key_id', '=', keyId)
      .executeTakeFirst();
    if (row === undefined) throw new AuthenticationError('unknown', 'there is no such API key');
    if (!timingSafeEqual(hashOf(secret), Buffer.from(row.secret_hash, 'hex'))) {
      throw new AuthenticationError('forged', 'the secret of the API key does not match');
    }
    if (row.revoked_at !== null) throw new AuthenticationError('revoked', 'the API key was revoked');
    return { subject: `key:${keyId}`, role: 'shop', party: row.platform, platform: row.platform };
  }
}

/** A plain hash is enough: the secret is 256 random bits, there is nothing to guess. */
function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
