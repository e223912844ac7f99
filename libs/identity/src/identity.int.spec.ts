import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createDatabase, type Database, dropDatabase, migrate } from '@recourse/postgres';
import { sql } from 'kysely';
import { createDevelopmentKeys, developmentIssuer, type DevelopmentKeys, signToken } from './development-keys.js';
import { type Identity, openIdentity } from './identity.js';
import { migrations } from './migrations.js';

const adminUrl = process.env['TEST_POSTGRES_URL']!;
const failure = (code: string) => expect.objectContaining({ name: 'AuthenticationError', code });

describe('identity', () => {
  let database: Database;
  let name: string;
  let directory: string;
  let keys: DevelopmentKeys;
  let identity: Identity;
  let now = '2026-03-01T00:00:00.000Z';

  beforeAll(async () => {
    name = `identity_${randomBytes(6).toString('hex')}`;
    database = connect(await createDatabase(adminUrl, name));
    await migrate(database.db, [migrations]);
    directory = await mkdtemp(join(tmpdir(), 'identity-'));
    keys = await createDevelopmentKeys(directory);
    identity = await openIdentity({ db: database.db, jwks: keys.jwksFile, issuer: developmentIssuer, now: () => now });
  });
  afterAll(async () => {
    await database.close();
    await dropDatabase(adminUrl, name);
    await rm(directory, { recursive: true });
  });
  beforeEach(() => {
    now = '2026-03-01T00:00:00.000Z';
  });
  /** Another last character of the same shape. */
  const altered = (text: string) => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');

  it('knows a shop by its API key, for one platform', async () => {
    const { apiKey, keyId } = await identity.createApiKey('demo', 'web shop');
    expect(apiKey).toMatch(/^rk_[0-9a-f]{16}_[0-9a-f]{64}$/);
    const actor = { subject: `key:${keyId}`, role: 'shop', party: 'demo', platform: 'demo' };
    expect(await identity.authenticate(`Bearer ${apiKey}`)).toEqual(actor);
    expect(await identity.authenticate(`bearer   ${apiKey}`)).toEqual(actor);
  });

  it('stores no secret', async () => {
    const { apiKey } = await identity.createApiKey('demo', 'web shop');
    const { rows } = await sql<{ row: string }>`SELECT api_key::text AS row FROM identity.api_key`.execute(database.db);
    expect(rows.map(({ row }) => row).join()).not.toContain(apiKey.split('_')[2]);
  });

  it('refuses a key that is unknown, altered, cut short or revoked', async () => {
    const { apiKey, keyId } = await identity.createApiKey('demo', 'web shop');
    const unknown = `rk_${altered(keyId)}_${apiKey.split('_')[2]}`;
    await expect(identity.authenticate(`Bearer ${unknown}`)).rejects.toThrow(failure('unknown'));
    await expect(identity.authenticate(`Bearer ${altered(apiKey)}`)).rejects.toThrow(failure('forged'));
    for (const cut of [apiKey.slice(0, -1), apiKey.slice(0, 20), 'rk_', `${apiKey}0`, apiKey.toUpperCase()]) {
      await expect(identity.authenticate(`Bearer ${cut}`)).rejects.toThrow(failure('malformed'));
    }
    await identity.revokeApiKey(keyId);
    await expect(identity.authenticate(`Bearer ${apiKey}`)).rejects.toThrow(failure('revoked'));
    await expect(identity.authenticate(`Bearer ${altered(apiKey)}`)).rejects.toThrow(failure('forged'));
  });

  it('revokes one key, not the others, and keeps the time of the first revocation', async () => {
    const [first, second] = [await identity.createApiKey('rotation', 'old'), await identity.createApiKey('rotation', 'new')];
    now = '2026-03-02T00:00:00.000Z';
    await identity.revokeApiKey(first.keyId);
    now = '2026-03-03T00:00:00.000Z';
    await identity.revokeApiKey(first.keyId);
    await expect(identity.authenticate(`Bearer ${second.apiKey}`)).resolves.toMatchObject({ platform: 'rotation' });
    const listed = await identity.listApiKeys('rotation');
    expect(listed.find(({ keyId }) => keyId === first.keyId)).toEqual({
      keyId: first.keyId,
      platform: 'rotation',
      label: 'old',
      createdAt: '2026-03-01T00:00:00.000Z',
      revokedAt: '2026-03-02T00:00:00.000Z',
    });
    expect(listed.find(({ keyId }) => keyId === second.keyId)).not.toHaveProperty('revokedAt');
    await expect(identity.revokeApiKey('0000000000000000')).rejects.toThrow(RangeError);
  });

  it('lists the keys of one platform only, newest first, without secrets', async () => {
    const first = await identity.createApiKey('listing', 'first');
    now = '2026-03-01T00:00:01.000Z';
    const second = await identity.createApiKey('listing', 'second');
    await identity.createApiKey('elsewhere', 'third');
    const listed = await identity.listApiKeys('listing');
    expect(listed.map(({ keyId }) => keyId)).toEqual([second.keyId, first.keyId]);
    expect(JSON.stringify(listed)).not.toContain(first.apiKey.split('_')[2]);
  });

  it('makes no key for a platform or label out of shape', async () => {
    await expect(identity.createApiKey('a.b', 'x')).rejects.toThrow(RangeError);
    await expect(identity.createApiKey('*', 'x')).rejects.toThrow(RangeError);
    await expect(identity.createApiKey('demo', '')).rejects.toThrow(RangeError);
    await expect(identity.createApiKey('demo', 'x'.repeat(101))).rejects.toThrow(RangeError);
  });

  it('knows a person by a token, beside the keys of shops', async () => {
    const token = await signToken(keys.privateKeyFile, { sub: 'alice', role: 'buyer', party: 'b1', platform: 'demo' }, 60, {
      at: now,
    });
    expect(await identity.authenticate(`Bearer ${token}`)).toEqual({
      subject: 'alice',
      role: 'buyer',
      party: 'b1',
      platform: 'demo',
    });
  });

  it('asks for a credential when there is none, and says when it is not one', async () => {
    await expect(identity.authenticate(undefined)).rejects.toThrow(failure('missing'));
    await expect(identity.authenticate('')).rejects.toThrow(failure('missing'));
    for (const header of [
      'Bearer',
      'Bearer ',
      'Basic YTpi',
      'Bearer a b',
      'Bearer a, Bearer b',
      `Bearer ${'a'.repeat(10_000)}`,
      'Bearer \u0000',
    ]) {
      await expect(identity.authenticate(header)).rejects.toThrow(failure('malformed'));
    }
  });

  it('puts no part of a credential into its error', async () => {
    const { apiKey } = await identity.createApiKey('demo', 'web shop');
    const error: unknown = await identity.authenticate(`Bearer ${altered(apiKey)}`).catch((reason: unknown) => reason);
    expect(JSON.stringify([error, String(error)])).not.toContain(apiKey.slice(3, 19));
  });
});
