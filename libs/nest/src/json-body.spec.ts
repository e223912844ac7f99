import { request, type IncomingMessage } from 'node:http';
import { Body, Controller, Post, Req } from '@nestjs/common';
import { maxBodyBytes, serve, type TestServer } from './testbed.js';

@Controller()
class Echo {
  @Post()
  echo(@Body() body: unknown) {
    return { body: body ?? null };
  }
  @Post('stream')
  async stream(@Req() streamed: IncomingMessage) {
    let bytes = 0;
    for await (const chunk of streamed) bytes += (chunk as Buffer).length;
    return { bytes };
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

describe('a body that its route reads itself', () => {
  const streams = { maxBytes: 5_000, isOne: ({ path }: { path: string }) => path === '/stream' };

  it('is of any type, and has a limit of its own', async () => {
    const own = await serve([Echo], [], { streams });
    const post = (path: string, length: number) =>
      own.call(path, { method: 'POST', headers: { 'Content-Type': 'image/png' }, body: 'x'.repeat(length) });
    expect((await post('/stream', 5_000)).body).toEqual({ bytes: 5_000 });
    expect((await post('/stream', 5_001)).body).toMatchObject({ status: 413 });
    expect((await post('/', 10)).body).toMatchObject({ status: 415 });
    await own.close();
  });

  it('alone is waited for', async () => {
    const own = await serve([Echo], [], { streams, arrivalMs: 20 });
    const { port } = new URL(own.url);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': '100' };
      const sent = request({ port, host: '127.0.0.1', method: 'POST', path: '/', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
        sent.destroy();
      });
      sent.on('error', reject);
      sent.write('{"a":');
    });
    expect(status).toBe(408);
    await own.close();
  });
});
