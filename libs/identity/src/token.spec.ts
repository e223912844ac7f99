import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plusHours, plusMs } from '@recourse/eventing';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { TokenClaims } from './claims.js';
import { createDevelopmentKeys, developmentIssuer, type DevelopmentKeys, signToken } from './development-keys.js';
import { tokenVerifier, type VerifyToken } from './token.js';

const start = '2026-03-01T00:00:00.000Z';
const alice: TokenClaims = { sub: 'alice', role: 'finance', party: 'staff-7', platform: 'demo' };
const failure = (code: string) => expect.objectContaining({ name: 'AuthenticationError', code });
const seconds = (instant: string) => Date.parse(instant) / 1000;
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe("a person's token", () => {
  let directory: string;
  let keys: DevelopmentKeys;
  let privateKey: JWK;
  let verify: VerifyToken;
  let now = start;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'identity-'));
    keys = await createDevelopmentKeys(directory);
    privateKey = JSON.parse(await readFile(keys.privateKeyFile, 'utf8')) as JWK;
    verify = await tokenVerifier({ jwks: keys.jwksFile, issuer: developmentIssuer, now: () => now });
  });
  afterAll(() => rm(directory, { recursive: true }));
  beforeEach(() => {
    now = start;
  });

  const sound = {
    ...alice,
    iss: developmentIssuer,
    aud: 'recourse',
    iat: seconds(start),
    exp: seconds(start) + 3600,
  };
  /** Signed with the right key, whatever the payload says. */
  const signed = async (payload: object, header: object = {}) =>
    new SignJWT({ ...payload })
      .setProtectedHeader({ alg: 'EdDSA', kid: privateKey.kid!, ...header })
      .sign(await importJWK(privateKey, 'EdDSA'));

  it('says who acts, for whom and where', async () => {
    expect(await verify(await signToken(keys.privateKeyFile, alice, 3600, { at: start }))).toEqual({
      subject: 'alice',
      role: 'finance',
      party: 'staff-7',
      platform: 'demo',
    });
    expect(await verify(await signed(sound))).toEqual({ subject: 'alice', role: 'finance', party: 'staff-7', platform: 'demo' });
  });

  it('is refused without a signature', async () => {
    const [, payload] = (await signed(sound)).split('.');
    await expect(verify(`${encoded({ alg: 'none' })}.${payload}.`)).rejects.toThrow(failure('forged'));
    await expect(verify(`${encoded({ alg: 'EdDSA', kid: privateKey.kid })}.${payload}.`)).rejects.toThrow(failure('forged'));
    await expect(verify(`${encoded({ alg: 'EdDSA', kid: privateKey.kid })}.${payload}`)).rejects.toThrow(failure('malformed'));
  });

  it('is refused when the public key was used as an HMAC secret', async () => {
    const { keys: published } = JSON.parse(await readFile(keys.jwksFile, 'utf8')) as { keys: JWK[] };
    const content = `${encoded({ alg: 'HS256', kid: privateKey.kid })}.${encoded(sound)}`;
    for (const secret of [Buffer.from(published[0]!.x!, 'base64url'), published[0]!.x!, JSON.stringify(published[0])]) {
      const mac = createHmac('sha256', secret).update(content).digest('base64url');
      await expect(verify(`${content}.${mac}`)).rejects.toThrow(failure('forged'));
    }
  });

  it('is refused when its key came along in its own header', async () => {
    const { privateKey: foreign, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const header = { alg: 'EdDSA', kid: privateKey.kid!, jwk };
    const token = await new SignJWT(sound).setProtectedHeader(header).sign(foreign);
    await expect(verify(token)).rejects.toThrow(failure('forged'));
  });

  it('is refused when it is signed with an unknown key', async () => {
    const { privateKey: foreign } = await generateKeyPair('EdDSA');
    const token = await new SignJWT(sound).setProtectedHeader({ alg: 'EdDSA', kid: 'other' }).sign(foreign);
    await expect(verify(token)).rejects.toThrow(failure('unknown'));
  });

  it('is refused when any character of it was changed', async () => {
    const token = await signed(sound);
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'Aa0_-.'), async (index, character) => {
        const tampered = token.slice(0, index) + character + token.slice(index + 1);
        fc.pre(
          Buffer.from(tampered.split('.').at(-1)!, 'base64url').compare(Buffer.from(token.split('.').at(-1)!, 'base64url')) !==
            0 || index < token.lastIndexOf('.'),
        );
        fc.pre(tampered !== token);
        await expect(verify(tampered)).rejects.toThrow(expect.objectContaining({ name: 'AuthenticationError' }));
      }),
      { numRuns: 200 },
    );
  });

  it('is refused when its payload was replaced', async () => {
    const [header, , signature] = (await signed(sound)).split('.');
    await expect(verify(`${header}.${encoded({ ...sound, role: 'operator' })}.${signature}`)).rejects.toThrow(failure('forged'));
  });

  it('is refused when it is meant for another service or comes from another issuer', async () => {
    await expect(verify(await signed({ ...sound, aud: 'shop' }))).rejects.toThrow(failure('unknown'));
    await expect(verify(await signed({ ...sound, iss: 'somebody' }))).rejects.toThrow(failure('unknown'));
  });

  it('is refused without audience, issuer, subject or times', async () => {
    for (const claim of ['aud', 'iss', 'sub', 'iat', 'exp'] as const) {
      await expect(verify(await signed({ ...sound, [claim]: undefined }))).rejects.toThrow(failure('malformed'));
    }
  });

  it('ends at its time, give or take 30 s of the real clock', async () => {
    const token = await signed(sound);
    now = plusMs(start, 3_629_000);
    await expect(verify(token)).resolves.toBeDefined();
    now = plusMs(start, 3_631_000);
    await expect(verify(token)).rejects.toThrow(failure('expired'));
  });

  it('does not count before it begins', async () => {
    await expect(verify(await signed({ ...sound, nbf: sound.iat + 60 }))).rejects.toThrow(failure('expired'));
    now = plusHours(start, -1);
    await expect(verify(await signed(sound))).rejects.toThrow(failure('expired'));
  });

  it('lives 24 hours at most, whatever it says', async () => {
    await expect(verify(await signed({ ...sound, exp: sound.iat + 86_400 }))).resolves.toBeDefined();
    await expect(verify(await signed({ ...sound, exp: sound.iat + 86_401 }))).rejects.toThrow(failure('malformed'));
    const older = { ...sound, iat: sound.iat - 2 * 86_400, exp: sound.iat + 3600 };
    await expect(verify(await signed(older))).rejects.toThrow(failure('expired'));
    const ahead = { ...sound, iat: sound.iat + 365 * 86_400, exp: sound.iat + 366 * 86_400 };
    await expect(verify(await signed(ahead))).rejects.toThrow(failure('expired'));
  });

  it.each([
    ['platform', 7],
    ['platform', ['demo']],
    ['platform', ''],
    ['platform', '*'],
    ['platform', 'demo.m1'],
    ['platform', undefined],
    ['party', null],
    ['party', 'a.b'],
    ['party', 'a/../b'],
    ['party', 'x'.repeat(65)],
    ['role', 'shop'],
    ['role', 'system'],
    ['role', 'admin'],
    ['role', ['finance']],
    ['sub', ''],
    ['sub', 'system:worker'],
    ['sub', 'key:0011223344556677'],
    ['sub', 'KEY:0011223344556677'],
    ['sub', 'a b'],
    ['sub', 'x'.repeat(129)],
  ])('is refused when its %s is %j', async (claim, value) => {
    await expect(verify(await signed({ ...sound, [claim]: value }))).rejects.toThrow(failure('malformed'));
  });

  it('is refused when it demands an extension that nobody here knows', async () => {
    const content = `${encoded({ alg: 'EdDSA', kid: privateKey.kid, crit: ['exotic'], exotic: 1 })}.${encoded(sound)}`;
    await expect(verify(`${content}.${'A'.repeat(86)}`)).rejects.toThrow(failure('malformed'));
  });

  it('is refused as malformed whatever text is sent instead', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 300 }), async (text) => {
        await expect(verify(text)).rejects.toThrow(failure('malformed'));
      }),
    );
  });
});

describe('development keys', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'identity-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('keep the private key to the owner and publish nothing of it', async () => {
    const { privateKeyFile, jwksFile } = await createDevelopmentKeys(directory);
    const { d } = JSON.parse(await readFile(privateKeyFile, 'utf8')) as JWK;
    expect((await stat(privateKeyFile)).mode & 0o777).toBe(0o600);
    const published = await readFile(jwksFile, 'utf8');
    expect(published).not.toContain(d!);
    expect(Object.keys((JSON.parse(published) as { keys: JWK[] }).keys[0]!).toSorted()).toEqual([
      'alg',
      'crv',
      'kid',
      'kty',
      'use',
      'x',
    ]);
  });

  it('are made once, also by two that start together; tokens of before stay good', async () => {
    const [{ privateKeyFile, jwksFile }] = await Promise.all([
      createDevelopmentKeys(directory),
      createDevelopmentKeys(directory),
    ]);
    const token = await signToken(privateKeyFile, alice, 60, { at: start });
    await createDevelopmentKeys(directory);
    const verify = await tokenVerifier({ jwks: jwksFile, issuer: developmentIssuer, now: () => start });
    await expect(verify(token)).resolves.toBeDefined();
  });

  it('sign for no longer than a day and nothing that would be refused', async () => {
    const { privateKeyFile } = await createDevelopmentKeys(directory);
    for (const ttlS of [0, -1, 86_401, 1.5, Number.NaN])
      await expect(signToken(privateKeyFile, alice, ttlS)).rejects.toThrow(RangeError);
    await expect(signToken(privateKeyFile, { ...alice, platform: 'a.b' }, 60)).rejects.toThrow(failure('malformed'));
    await chmod(privateKeyFile, 0o644);
    await expect(signToken(privateKeyFile, alice, 60)).rejects.toThrow('chmod 600');
  });
});

describe('the key set', () => {
  let directory: string;
  let server: Server;
  let answer: () => { status: number; body: string };
  let url: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'identity-'));
    server = createServer((_, response) => {
      const { status, body } = answer();
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });
  const at = () => start;

  it('comes from a URL; while that does not answer, a good token is not called bad', async () => {
    const { privateKeyFile, jwksFile } = await createDevelopmentKeys(directory);
    const token = await signToken(privateKeyFile, alice, 60, { at: start });
    const verify = await tokenVerifier({ jwks: url, issuer: developmentIssuer, now: at });
    answer = () => ({ status: 500, body: '{}' });
    await expect(verify(token)).rejects.toThrow(failure('unavailable'));
    answer = () => ({ status: 200, body: 'not JSON' });
    await expect(verify(token)).rejects.toThrow(failure('unavailable'));
    const jwks = await readFile(jwksFile, 'utf8');
    answer = () => ({ status: 200, body: jwks });
    await expect(verify(token)).resolves.toMatchObject({ subject: 'alice' });
  });

  it('is not fetched in clear over the network', async () => {
    await expect(tokenVerifier({ jwks: 'http://keys.example.com/jwks', issuer: 'i', now: at })).rejects.toThrow('https');
  });

  it('is refused as a file when it holds a private key or is something else', async () => {
    const { privateKeyFile } = await createDevelopmentKeys(directory);
    const file = join(directory, 'wrong.json');
    await writeFile(file, `{"keys":[${await readFile(privateKeyFile, 'utf8')}]}`);
    await expect(tokenVerifier({ jwks: file, issuer: 'i', now: at })).rejects.toThrow('private key');
    await writeFile(file, '[]');
    await expect(tokenVerifier({ jwks: file, issuer: 'i', now: at })).rejects.toThrow('not a JWKS');
  });
});
