import { Controller, Get, Post } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { waitUntil } from '@recourse/eventstore';
import { sql } from 'kysely';
import { AtLeast, type Shown, shownToken } from './at-least.js';
import { createTestDatabase, type TestDatabase } from './test-database.js';
import { serve, type TestServer } from './testbed.js';

@Controller()
class Shelf {
  @Get()
  read() {
    return { read: true };
  }
  @Post()
  write() {
    return { written: true };
  }
}

const shelf = { name: 'shelf', version: 1 };
let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  await sql`insert into recourse.checkpoint (reader, position) values ('projection:shelf.v1', 100)`.execute(database.db);
  const shown: Shown = (position, timeoutMs) => waitUntil(database, [shelf], position, timeoutMs);
  server = await serve(
    [Shelf],
    [
      { provide: shownToken, useValue: shown },
      { provide: APP_INTERCEPTOR, useClass: AtLeast },
    ],
  );
});
afterAll(async () => {
  await server.close();
  await database.remove();
});

const read = (atLeast?: string, method = 'GET') =>
  server.call('/', { method, ...(atLeast === undefined ? {} : { headers: { 'Recourse-At-Least': atLeast } }) });

describe('Recourse-At-Least', () => {
  it('lets a read pass that asks for what is shown, or for nothing', async () => {
    for (const position of [undefined, '0', '99', '100']) expect((await read(position)).body).toEqual({ read: true });
  });

  it('makes a read wait for what is on its way', async () => {
    const waiting = read('101');
    await sql`update recourse.checkpoint set position = 101`.execute(database.db);
    expect((await waiting).body).toEqual({ read: true });
  });

  it('refuses in the end, and says when to ask again', async () => {
    const { status, headers, body } = await read('5000');
    expect({ status, type: body['type'] }).toEqual({ status: 503, type: 'urn:recourse:problem:not-shown-yet' });
    expect(headers.get('Retry-After')).toBe('1');
  });

  it.each(['', '-1', '1.0', '0x10', '01', 'soon', '9223372036854775808', '99999999999999999999'])(
    'refuses %j as a position',
    async (position) => {
      const { status, body } = await read(position);
      expect({ status, type: body['type'] }).toEqual({ status: 400, type: 'urn:recourse:problem:at-least-malformed' });
    },
  );

  it('is for reads only', async () => {
    expect((await read('5000', 'POST')).body).toEqual({ written: true });
  });
});
