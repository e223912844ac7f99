import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { guardedLookup, type AddressPolicy } from './address.js';

/** What a receiver answered, or why it did not; nothing of its body. */
export type Answered = { readonly status: number } | { readonly error: string };

export interface PostOptions extends AddressPolicy {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** From the look-up of the name to the answer's headers and a small body. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const maxResponseBytes = 16_384;
const maxErrorCharacters = 200;

/** One POST: no redirect is followed, no connection is kept. @throws the signal's reason */
export async function post(url: URL, { headers, body, timeoutMs, signal, allowLoopback }: PostOptions): Promise<Answered> {
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(timeoutMs);
  const { promise, resolve } = Promise.withResolvers<Answered>();
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const request = send(url, {
    method: 'POST',
    agent: false,
    lookup: guardedLookup({ allowLoopback }),
    signal: AbortSignal.any([signal, timeout]),
    headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
  });
  request.once('response', (response) => {
    let received = 0;
    // The status is the answer; the body is let through for a while, so that a polite receiver can end its own.
    resolve({ status: response.statusCode ?? 0 });
    response.on('error', () => undefined);
    response.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > maxResponseBytes) response.destroy();
    });
  });
  request.on('error', (error: NodeJS.ErrnoException) => {
    const reason = timeout.aborted ? `no answer within ${timeoutMs} ms` : (error.code ?? error.message);
    resolve({ error: reason.slice(0, maxErrorCharacters) });
  });
  request.end(body);
  const answered = await promise;
  // Nobody knows what became of a message whose sender was stopped: it is sent again.
  if ('error' in answered) signal.throwIfAborted();
  return answered;
}
