import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HttpEndpoints, type HttpRequest } from './http-endpoints.js';
import { hostOf, isLoopback } from './loopback.js';

let server: Server;
let asked: HttpRequest[];
let log: string[];

async function serve(allowRemote = false): Promise<void> {
  const endpoints = new HttpEndpoints({
    routes: [
      { method: 'GET', path: '/seen', answer: ({ query }) => ({ status: 200, json: { name: query.get('name') } }) },
      {
        method: 'POST',
        path: '/do',
        answer: (request) => {
          asked.push(request);
          return { status: 202 };
        },
      },
      { method: 'GET', path: '/broken', answer: () => Promise.reject(new Error('secret path')) },
    ],
    allowRemote,
    log: (line) => log.push(line),
  });
  server = createServer(endpoints.http1).listen(0, '127.0.0.1');
  await once(server, 'listening');
}

beforeEach(() => {
  asked = [];
  log = [];
});
afterEach(() => server.close());

async function ask(method: string, path: string, headers: Record<string, string> = {}, body = '') {
  const request = httpRequest({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, method, path, headers });
  request.on('error', () => undefined);
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const text = (await response.setEncoding('utf8').toArray()).join('');
  return {
    status: response.statusCode,
    headers: response.headers,
    json: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
}

const json = { 'content-type': 'application/json' };

describe('an endpoint', () => {
  it('answers JSON', async () => {
    await serve();
    const answer = await ask('GET', '/seen?name=x%20y');
    expect(answer).toMatchObject({ status: 200, json: { name: 'x y' }, headers: { 'content-type': 'application/json' } });
  });

  it('takes a POST of JSON, or of nothing', async () => {
    await serve();
    expect((await ask('POST', '/do', { 'content-type': 'application/json; charset=utf-8' }, '{"a":1}')).status).toBe(202);
    expect((await ask('POST', '/do', json)).status).toBe(202);
    expect(asked.map(({ json }) => json)).toEqual([{ a: 1 }, undefined]);
  });

  it('says as a problem document what is wrong with a request', async () => {
    await serve();
    expect((await ask('POST', '/do', { 'content-type': 'text/plain' }, '{}')).status).toBe(415);
    expect((await ask('POST', '/do', {}, '{}')).status).toBe(415);
    expect((await ask('POST', '/do', json, '{')).status).toBe(400);
    expect((await ask('POST', '/do', json, `"${'x'.repeat(300_000)}"`)).status).toBe(413);
    expect(await ask('DELETE', '/do')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(await ask('GET', '/other')).toMatchObject({
      status: 404,
      headers: { 'content-type': 'application/problem+json' },
      json: { type: 'about:blank', title: 'Not Found', status: 404, detail: 'the node has nothing at this path' },
    });
    expect(asked).toEqual([]);
  });

  it('keeps an unexpected error to the log', async () => {
    await serve();
    const answer = await ask('GET', '/broken');
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.json)).not.toContain('secret');
    expect(log.join()).toContain('secret path');
  });

  it.each(['attacker.example', 'attacker.example:2113', '10.0.0.1', 'localhost.attacker.example'])(
    'refuses a request for the host "%s" unless remote callers are allowed',
    async (host) => {
      await serve();
      expect((await ask('GET', '/seen', { host })).status).toBe(403);
      server.close();
      await serve(true);
      expect((await ask('GET', '/seen', { host })).status).toBe(200);
    },
  );
});

describe('a loopback host', () => {
  it.each(['localhost', 'LOCALHOST:2113', '127.0.0.1:1', '127.9.9.9', '[::1]:2113', '[::1]'])('is %s', (authority) => {
    expect(isLoopback(hostOf(authority))).toBe(true);
  });

  it.each(['', 'localhost.', '::1', '1.127.0.0', '[::1', 'localhost:1:2', '127.0.0.1@x'])('is not %s', (authority) => {
    expect(isLoopback(hostOf(authority))).toBe(false);
  });
});
