import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { instantOf } from '@recourse/eventing';
import { headerNames, distrust, maxAgeMs, type Signed, signedHeaders, type SigningKey } from './signature.js';
import { type Behaviour, Behaviours, contradiction, type Fault, faults, type Scope } from './simulated-faults.js';
import { recordSources } from './verifier-of-kind.js';
import type { SourceName, VerifierKeys } from './verifier-keys.js';

export { type Behaviour, type Fault, faults, type Scope } from './simulated-faults.js';
export { createVerifierKeys, readVerifierKeys, type SourceName, type VerifierKeys } from './verifier-keys.js';

/**
 * Card issuer, carrier and membership service on one loopback port, over the same signed protocol as the real ones. Its records live as
 * long as it does. It can be told to fail, in this process or over `/control/…`, which only this machine reaches.
 */
export interface VerifierSimulator {
  readonly url: string;
  readonly port: number;
  /** What the source has on a reference, in place of what it had. */
  record(source: SourceName, reference: string, records: readonly object[]): void;
  /** In place of what it was told of the same scope. */
  behave(behaviour: Behaviour, scope?: Scope): void;
  /** Well signed questions so far, also those it left without an answer. */
  asked(scope?: Scope): number;
  close(): Promise<void>;
}

export interface SimulatorOptions {
  readonly keys: VerifierKeys;
  /** Default 0, a free one. */
  readonly port?: number;
}

const maxBodyBytes = 65_536;
const maxRemembered = 100_000;
const oversizedBytes = 1_048_576;
const hourMs = 3_600_000;
const simulatorUrl = 'http://simulator.invalid';

class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

interface Question {
  readonly source: SourceName;
  readonly reference: string;
  readonly key: SigningKey;
  readonly nonce: string;
}

/** @throws Error when the port cannot be had */
export async function startVerifierSimulator({ keys, port = 0 }: SimulatorOptions): Promise<VerifierSimulator> {
  const records = new Map<string, readonly object[]>();
  const behaviours = new Behaviours();
  const asked: { readonly source: SourceName; readonly reference: string }[] = [];
  const nonces = new Set<string>();
  const closing = new AbortController();
  const recordOf = (source: SourceName, reference: string) => records.get(`${source} ${reference}`);

  const record: VerifierSimulator['record'] = (source, reference, list) => {
    if (records.size >= maxRemembered) throw new Refusal(507, `a simulator remembers ${maxRemembered} references`);
    records.set(`${source} ${reference}`, list);
  };
  const behave: VerifierSimulator['behave'] = (behaviour, scope = {}) => behaviours.tell(behaviour, scope);
  const countAsked: VerifierSimulator['asked'] = ({ source, reference } = {}) =>
    asked.filter((one) => (source ?? one.source) === one.source && (reference ?? one.reference) === one.reference).length;

  const questionOf = (source: SourceName, request: IncomingMessage, body: Buffer): Question => {
    const header = (name: string) => [request.headers[name]].flat()[0];
    const key = keys.get(source);
    const claimed = { is: 'request', method: request.method ?? '', path: request.url ?? '' } as const;
    const why = key === undefined ? 'there is no key' : distrust(key, claimed, { header, body, nowMs: Date.now() });
    const nonce = header(headerNames.nonce) ?? '';
    if (key === undefined || why !== undefined) throw new Refusal(401, why ?? '');
    // A request that somebody overheard is not answered again.
    if (nonces.has(nonce)) throw new Refusal(401, 'it was asked before');
    if (nonces.size >= maxRemembered) nonces.clear();
    nonces.add(nonce);
    const { reference } = objectIn(body);
    if (typeof reference !== 'string') throw new Refusal(400, 'which reference?');
    return { source, reference, key, nonce };
  };

  const answer = async (question: Question, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { source, reference } = question;
    if (asked.length >= maxRemembered) asked.shift();
    asked.push({ source, reference });
    const { fault, delayMs, retryAfterS } = behaviours.next(source, reference);
    if (delayMs > 0) await pause(delayMs, undefined, { signal: closing.signal });
    const known = recordOf(source, reference);
    switch (fault) {
      case 'reset':
        request.socket.destroy();
        return;
      case 'silent':
        return;
      case 'unavailable':
        response.writeHead(503).end('down for maintenance');
        return;
      case 'throttled':
        response.writeHead(429, { 'retry-after': String(retryAfterS) }).end();
        return;
      case 'refused':
        response.writeHead(401).end();
        return;
      case 'redirect':
        response.writeHead(307, { location: request.url ?? '/' }).end();
        return;
      case 'none':
      case 'unsigned':
      case 'bad-signature':
      case 'wrong-nonce':
      case 'stale':
      case 'garbage':
      case 'oversized':
      case 'wrong':
      case 'contradictory':
        send(response, question, fault, known);
    }
  };

  const control = (request: IncomingMessage, path: readonly string[], body: Buffer): unknown => {
    const [what, name, reference] = path;
    if (request.method === 'GET' && what === 'questions') return { asked: countAsked() };
    if (request.method !== 'PUT' || request.headers['content-type'] !== 'application/json') throw new Refusal(405, 'PUT JSON');
    if (what === 'records' && name !== undefined && reference !== undefined) {
      const { records: list } = objectIn(body);
      if (!Array.isArray(list)) throw new Refusal(400, 'records is a list');
      record(sourceNamed(name), decodeURIComponent(reference), list as object[]);
      return { recorded: list.length };
    }
    if (what === 'behaviour') {
      const { scope, ...behaviour } = behaviourIn(objectIn(body));
      behave(behaviour, scope);
      return behaviour;
    }
    throw new Refusal(404, 'records/{source}/{reference}, behaviour or questions');
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const { pathname } = new URL(request.url ?? '/', simulatorUrl);
    if (pathname.startsWith('/control/')) {
      const result = control(request, pathname.split('/').slice(2), body);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
      return;
    }
    const source = recordSources.find(({ path }) => path === pathname);
    if (source === undefined || request.method !== 'POST') throw new Refusal(404, 'nothing is here');
    await answer(questionOf(source.name, request, body), request, response);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (closing.signal.aborted) request.socket.destroy();
      else response.writeHead(error instanceof Refusal ? error.status : 500).end(error instanceof Refusal ? error.message : '');
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    record,
    behave,
    asked: countAsked,
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A signed answer, as far as the fault lets it be one. */
function send(
  response: ServerResponse,
  { source, reference, key, nonce }: Question,
  fault: Fault,
  known: readonly object[] | undefined,
): void {
  const records = fault === 'contradictory' ? contradiction(source, known) : known;
  const content = JSON.stringify({ reference: fault === 'wrong' ? `not-${reference}` : reference, records: records ?? [] });
  const isNoise = fault === 'garbage' || fault === 'oversized';
  const noise = fault === 'garbage' ? '<html>{"records":' : `"${'x'.repeat(oversizedBytes)}"`;
  const body = Buffer.from(isNoise ? noise : content);
  const status = records === undefined && !isNoise ? 404 : 200;
  const signed: Signed = {
    is: 'response',
    status,
    at: instantOf(Date.now() - (fault === 'stale' ? hourMs + maxAgeMs : 0)),
    nonce: fault === 'wrong-nonce' ? `${nonce}-of-another` : nonce,
  };
  const headers = fault === 'unsigned' ? {} : signedHeaders(key, signed, fault === 'bad-signature' ? Buffer.of(0) : body);
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(body);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    received += chunk.length;
    if (received > maxBodyBytes) throw new Refusal(413, `at most ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function objectIn(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const content: unknown = JSON.parse(body.toString('utf8'));
    if (typeof content === 'object' && content !== null) return content as Readonly<Record<string, unknown>>;
  } catch {
    // said below
  }
  throw new Refusal(400, 'the body is no JSON object');
}

function sourceNamed(name: unknown): SourceName {
  const source = recordSources.find((one) => one.name === name);
  if (source === undefined) throw new Refusal(400, `a source is one of ${recordSources.map((one) => one.name).join(', ')}`);
  return source.name;
}

function behaviourIn({ fault, delayMs, times, retryAfterS, source, reference }: Readonly<Record<string, unknown>>): Behaviour & {
  readonly scope: Scope;
} {
  const known = faults.find((candidate) => candidate === (fault ?? 'none'));
  if (known === undefined) throw new Refusal(400, `a fault is one of ${faults.join(', ')}`);
  const whole = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
  return {
    fault: known,
    ...(whole(delayMs) ? { delayMs } : {}),
    ...(whole(times) ? { times } : {}),
    ...(whole(retryAfterS) ? { retryAfterS } : {}),
    scope: {
      ...(source === undefined ? {} : { source: sourceNamed(source) }),
      ...(typeof reference === 'string' ? { reference } : {}),
    },
  };
}
