import { Body, Controller, Post } from '@nestjs/common';
import { maxBodyBytes, serve, type TestServer } from './testbed.js';

@Controller()
class Echo {
  @Post()
  echo(@Body() body: unknown) {
    return { body: body ?? null };
  }
}

let server: TestServer;
beforeAll(async () => {
  server = await serve([Echo]);
});
afterAll(() => server.close());

const send = (body: string | undefined, type = 'application/json', more: Record<string, string> = {}) =>
  server.call('/', { method: 'POST', headers: { 'Content-Type': type, ...more }, ...(body === undefined ? {} : { body }) });

describe('a body', () => {
  it('is a JSON object', async () => {
    expect((await send('{"a":[1,{"b":"文"}]}')).body).toEqual({ body: { a: [1, { b: '文' }] } });
    expect((await send('{}', 'application/json; charset=utf-8')).status).toBe(201);
  });

  it('may be missing', async () => {
    expect((await server.call('/', { method: 'POST' })).body).toEqual({ body: null });
  });

  it.each([
    ['{"a":', 400, 'broken-json'],
    ['7', 400, 'broken-json'],
    ['[1]', 400, 'body-not-object'],
    [`{"a":"${'x'.repeat(maxBodyBytes)}"}`, 413, 'body-too-large'],
    [`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`, 400, 'body-too-deep'],
    ['{"a":"\\u0000"}', 400, 'broken-text'],
    ['{"a\\u0000":1}', 400, 'broken-text'],
    ['{"a":["\\udc00"]}', 400, 'broken-text'],
  ])('like %.20s… is refused with %i %s', async (body, status, code) => {
    const answer = await send(body);
    expect(answer.body).toMatchObject({ status, type: `urn:recourse:problem:${code}` });
  });

  it('of another type, charset or encoding is refused', async () => {
    expect((await send('a=1', 'application/x-www-form-urlencoded')).body).toMatchObject({
      status: 415,
      type: 'urn:recourse:problem:not-json',
    });
    expect((await send('{}', 'application/json; charset=gbk')).body).toMatchObject({
      status: 415,
      type: 'urn:recourse:problem:charset-unsupported',
    });
    expect((await send('{}', 'application/json', { 'Content-Encoding': 'rot13' })).body).toMatchObject({
      status: 415,
      type: 'urn:recourse:problem:encoding-unsupported',
    });
  });

  it('is not quoted when it is broken', async () => {
    expect(JSON.stringify((await send('{"key":"SECRET-KEY",')).body)).not.toContain('SECRET');
  });
});
