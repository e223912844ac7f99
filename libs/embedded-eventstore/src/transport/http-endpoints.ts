import type { IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { firstRequestTimeoutMs, maxHttpBodyBytes } from '../limits.js';
import { hostOf, isLoopback } from './loopback.js';

export interface HttpRequest {
  query: URLSearchParams;
  /** The parsed body of a POST or DELETE; undefined if it has none. */
  json: unknown;
}

/** `json` is the body; without one there is none. */
export interface HttpAnswer {
  status: number;
  json?: unknown;
}

/** What people and probes ask over plain HTTP. A POST or DELETE must be `application/json`, which no web page sends unasked. */
export interface HttpRoute {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  answer(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
}

export interface HttpEndpointsOptions {
  routes: readonly HttpRoute[];
  /** Otherwise a request must name a loopback host, so that no web page reaches the node under a name of its own. */
  allowRemote: boolean;
  log: (line: string) => void;
}

interface RawRequest {
  method: string;
  url: string;
  authority: string;
  contentType: string;
  body: Readable;
}

interface RawAnswer {
  status: number;
  headers: Record<string, string | number>;
  body: string;
}

/** An error as a problem document (RFC 9457). */
export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
  }
}

/** The routes, over HTTP/1.1 and HTTP/2. */
export class HttpEndpoints {
  constructor(private readonly options: HttpEndpointsOptions) {}

  readonly http1 = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', headers } = request;
    const raw = { method, url, authority: headers.host ?? '', contentType: headers['content-type'] ?? '', body: request };
    void this.answer(raw).then(({ status, headers, body }) => {
      response.on('error', () => undefined);
      // One request per connection: nothing idles, and what was not read of a body is not taken for the next request.
      response.shouldKeepAlive = false;
      response.writeHead(status, headers).end(body);
    });
  };

  readonly http2 = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const { ':method': method = '', ':path': url = '', ':authority': authority } = headers;
    const raw = { method, url, authority: authority ?? '', contentType: headers['content-type'] ?? '', body: stream };
    void this.answer(raw).then(({ status, headers, body }) => {
      if (stream.closed) return;
      stream.respond({ ':status': status, ...headers });
      stream.resume();
      stream.end(body);
      if (!stream.readableEnded) stream.close();
    });
  };

  private async answer(request: RawRequest): Promise<RawAnswer> {
    try {
      const { status, json } = await this.routed(request);
      if (json === undefined) return { status, headers: {}, body: '' };
      return withBody(status, 'application/json', json);
    } catch (error) {
      const problem = error instanceof HttpProblem ? error : this.unexpected(error);
      const { status, title, message, headers } = problem;
      const answer = withBody(status, 'application/problem+json', { type: 'about:blank', title, status, detail: message });
      return { ...answer, headers: { ...answer.headers, ...headers } };
    }
  }

  private async routed(request: RawRequest): Promise<HttpAnswer> {
    const host = hostOf(request.authority);
    if (!this.options.allowRemote && !isLoopback(host))
      throw new HttpProblem(403, 'Forbidden', 'the request names a host that is not a loopback one');
    const [path = '', query = ''] = request.url.split('?', 2);
    const routes = this.options.routes.filter((route) => route.path === path);
    const route = routes.find(({ method }) => method === request.method);
    if (routes.length === 0) throw new HttpProblem(404, 'Not Found', 'the node has nothing at this path');
    if (!route) {
      const allow = routes.map(({ method }) => method).join(', ');
      throw new HttpProblem(405, 'Method Not Allowed', `the path takes ${allow}`, { allow });
    }
    const json = route.method === 'GET' ? undefined : await jsonOf(request);
    return route.answer({ query: new URLSearchParams(query), json });
  }

  private unexpected(error: unknown): HttpProblem {
    this.options.log(`unexpected error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return new HttpProblem(500, 'Internal Server Error', 'the node failed; its log says more');
  }
}

function withBody(status: number, type: string, json: unknown): RawAnswer {
  const body = JSON.stringify(json);
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' };
  return { status, headers, body };
}

async function jsonOf({ contentType, body }: RawRequest): Promise<unknown> {
  if (!/^application\/json(?:$|\s*;)/i.test(contentType))
    throw new HttpProblem(415, 'Unsupported Media Type', 'the request must be application/json');
  const bytes = await bodyOf(body);
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new HttpProblem(400, 'Bad Request', 'the body is not JSON');
  }
}

async function bodyOf(body: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(), firstRequestTimeoutMs);
  try {
    for await (const part of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > maxHttpBodyBytes) break;
      parts.push(part);
    }
  } catch {
    throw new HttpProblem(400, 'Bad Request', 'the request was cut off');
  } finally {
    clearTimeout(timer);
  }
  if (bytes > maxHttpBodyBytes)
    throw new HttpProblem(413, 'Content Too Large', `a request body may have ${maxHttpBodyBytes} bytes`);
  return Buffer.concat(parts);
}
