import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Get } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { Actor } from '@recourse/eventing';
import {
  createDevelopmentKeys,
  developmentIssuer,
  migrations,
  openIdentity,
  signToken,
  type TokenClaims,
} from '@recourse/identity';
import { Allow, Caller, CallerGuard, identityToken, Open } from './caller.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import { serve, type TestServer } from './testbed.js';

@Controller()
class Doors {
  @Get('shops')
  @Allow('shop')
  shops(@Caller() caller: Actor) {
    return caller;
  }
  @Get('staff')
  @Allow('finance', 'operator')
  staff(@Caller() caller: Actor) {
    return caller;
  }
  @Get('open')
  @Open()
  open() {
    return { open: true };
  }
  @Get('forgotten')
  forgotten() {
    return { open: true };
  }
}

let directory: string;
let database: TestDatabase;
let server: TestServer;
let privateKeyFile: string;
let apiKey: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-caller-'));
  database = await createTestDatabase(migrations);
  const keys = await createDevelopmentKeys(directory);
  ({ privateKeyFile } = keys);
  const identity = await openIdentity({
    db: database.db,
    jwks: keys.jwksFile,
    issuer: developmentIssuer,
    now: () => new Date().toISOString(),
  });
  ({ apiKey } = await identity.createApiKey('demo', 'a shop'));
  server = await serve(
    [Doors],
    [
      { provide: identityToken, useValue: identity },
      { provide: APP_GUARD, useClass: CallerGuard },
    ],
  );
});
afterAll(async () => {
  await server.close();
  await database.remove();
  await rm(directory, { recursive: true });
});

const call = (path: string, credential?: string) =>
  server.call(path, credential === undefined ? {} : { headers: { Authorization: `Bearer ${credential}` } });
const token = (role: TokenClaims['role']) => signToken(privateKeyFile, { sub: 'wang', role, party: 'f1', platform: 'demo' }, 60);

describe('a route', () => {
  it('knows its caller from the credential alone', async () => {
    expect((await call('/shops', apiKey)).body).toMatchObject({ role: 'shop', platform: 'demo', party: 'demo' });
    expect((await call('/staff', await token('finance'))).body).toEqual({
      subject: 'wang',
      role: 'finance',
      party: 'f1',
      platform: 'demo',
    });
  });

  it('is closed to other roles, and to everybody when it names none', async () => {
    for (const [path, credential] of [
      ['/staff', apiKey],
      ['/shops', await token('finance')],
      ['/staff', await token('buyer')],
      ['/forgotten', apiKey],
      ['/forgotten', await token('operator')],
    ] as const) {
      const { status, body } = await call(path, credential);
      expect({ path, status, type: body['type'] }).toEqual({ path, status: 403, type: 'urn:recourse:problem:role-not-allowed' });
    }
  });

  it('asks for a credential, unless it is open', async () => {
    const { status, body } = await call('/shops');
    expect({ status, type: body['type'] }).toEqual({ status: 401, type: 'urn:recourse:problem:credentials-missing' });
    expect((await call('/open')).body).toEqual({ open: true });
  });

  it('tells how to authenticate, and nothing of the credential', async () => {
    const { status, headers, body } = await call('/shops', `${apiKey.slice(0, -1)}x`);
    expect(status).toBe(401);
    expect(headers.get('WWW-Authenticate')).toBe('Bearer');
    expect(JSON.stringify(body)).not.toContain(apiKey.slice(5, 20));
  });
});
