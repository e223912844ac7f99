import type { IncomingMessage } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { Problem } from './problem.js';

const maxDepth = 32;

/** body-parser marks its refusals with a type; its own messages quote the body. */
const refusals: Readonly<Record<string, readonly [number, string, string]>> = {
  'entity.parse.failed': [400, 'broken-json', 'the body is not JSON'],
  'entity.too.large': [413, 'body-too-large', 'the body is over the limit of this service'],
  'encoding.unsupported': [415, 'encoding-unsupported', 'the content encoding is not supported'],
  'charset.unsupported': [415, 'charset-unsupported', 'send UTF-8'],
  'request.size.invalid': [400, 'length-mismatch', 'the body is not as long as announced'],
  'request.aborted': [400, 'request-aborted', 'the request ended before its body'],
};

/** Paths that take a larger body than the others. */
export type LargerBodies = Readonly<Record<string, number>>;
const pathOf = ({ url = '' }: Pick<IncomingMessage, 'url'>): string => url.split('?')[0] ?? '';

const announcedBytes = ({ headers }: Request): number => Number(headers['content-length'] ?? 0);

/** Requests whose body their route reads itself, as it arrives. */
export interface Streams {
  readonly maxBytes: number;
  readonly isOne: (request: Request) => boolean;
}

/** What says beforehand that it cannot be taken is not read. */
const refuseUnread =
  (limitOf: (request: Request) => number, streams: Streams | undefined) =>
  (request: Request, _: Response, next: NextFunction): void => {
    const bytes = announcedBytes(request);
    const isStream = streams?.isOne(request) === true;
    const maxBytes = isStream ? streams.maxBytes : limitOf(request);
    if (bytes > maxBytes)
      return next(
        new Problem(413, 'body-too-large', `a body has ${maxBytes} bytes at most`, { headers: { Connection: 'close' } }),
      );
    const hasBody = bytes > 0 || request.headers['transfer-encoding'] !== undefined;
    if (hasBody && !isStream && request.is('application/json') === false)
      return next(new Problem(415, 'not-json', 'send Content-Type: application/json'));
    next();
  };

function translateRefusal(error: unknown, _: Request, __: Response, next: NextFunction): void {
  if (!(error instanceof Error) || error instanceof Problem) return next(error);
  const type = 'type' in error && typeof error.type === 'string' ? error.type : '';
  const known = Object.hasOwn(refusals, type) ? refusals[type] : undefined;
  const isRefusal = 'status' in error && typeof error.status === 'number' && error.status < 500;
  if (known === undefined && !isRefusal) return next(error);
  const [status, code, detail] = known ?? [400, 'bad-request', 'the body could not be read'];
  next(new Problem(status, code, detail));
}

/** Neither the log nor the database can hold such text, and nobody types it. */
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** Not recursive: what it guards against is depth. */
function faultIn(body: unknown): Problem | undefined {
  const left: { readonly value: unknown; readonly depth: number }[] = [{ value: body, depth: 0 }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { value, depth } = next;
    if (typeof value === 'string' && !isStorable(value))
      return new Problem(400, 'broken-text', 'a text in the body has a NUL or half a character');
    if (typeof value !== 'object' || value === null) continue;
    if (depth === maxDepth) return new Problem(400, 'body-too-deep', `the body is nested deeper than ${maxDepth} levels`);
    for (const [name, inner] of Object.entries(value)) {
      if (!isStorable(name)) return new Problem(400, 'broken-text', 'a name in the body has a NUL or half a character');
      left.push({ value: inner, depth: depth + 1 });
    }
  }
  return undefined;
}

function demandPlainObject(request: Request, _: Response, next: NextFunction): void {
  const body: unknown = request.body;
  if (Array.isArray(body)) return next(new Problem(400, 'body-not-object', 'the body is a JSON object'));
  next(faultIn(body));
}

const usualArrivalMs = 15_000;

/** A body that dribbles in is not waited for; what is streamed has the server's time. */
const limitArrival =
  (arrivalMs: number, streams: Streams | undefined) =>
  (request: Request, response: Response, next: NextFunction): void => {
    if (streams?.isOne(request) === true) return next();
    const timer = setTimeout(() => {
      if (!request.complete && !response.headersSent) response.writeHead(408, { Connection: 'close' }).end();
    }, arrivalMs);
    response.once('close', () => clearTimeout(timer));
    next();
  };

export interface BodyRules {
  readonly streams?: Streams;
  readonly larger?: LargerBodies;
  /** How long a body may take that is not streamed; default 15 s. */
  readonly arrivalMs?: number;
}

/** JSON objects up to a size and depth, of text that can be stored; the app is made with `bodyParser: false`. */
export function acceptJson(
  app: NestExpressApplication,
  maxBytes: number,
  { streams, arrivalMs = usualArrivalMs, larger = {} }: BodyRules = {},
): void {
  app.use(limitArrival(arrivalMs, streams));
  app.use(refuseUnread((request) => larger[pathOf(request)] ?? maxBytes, streams));
  // The first one that reads the body leaves nothing for the next; which type it has was looked at before.
  for (const [path, limit] of Object.entries(larger))
    app.useBodyParser('json', { limit, type: (request: IncomingMessage) => pathOf(request) === path });
  app.useBodyParser('json', { limit: maxBytes });
  app.use(translateRefusal);
  app.use(demandPlainObject);
}
