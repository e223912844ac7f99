import { randomUUID } from 'node:crypto';
import { instantOf } from '@recourse/eventing';
import { distrust, signedHeaders, type SigningKey } from './signature.js';

/** One question to a source, and what came back. */
export type Exchange =
  /** The source's own word: what it knows, or that it knows nothing of this reference. */
  | { readonly is: 'answered'; readonly isKnown: boolean; readonly body: Uint8Array }
  /** Somebody answered, and nobody knows who; or he did not stop. */
  | { readonly is: 'untrusted'; readonly why: string; readonly body: Uint8Array }
  /** No answer this time. */
  | { readonly is: 'failed'; readonly why: string; readonly retryAfterMs: number }
  /** The source does not talk to us; to ask at once again is of no use. */
  | { readonly is: 'refused'; readonly why: string };

export interface ExchangeOptions {
  readonly key: SigningKey;
  /** From the look-up of the name to the last byte. */
  readonly timeoutMs: number;
  /** An answer that is longer is not read to its end. */
  readonly maxBytes: number;
  /** The machine's clock, in milliseconds since 1970: signatures live in the world outside, whatever the clock of the house. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

const noBody = new Uint8Array(0);

/** Posts a signed question and reads the signed answer; no redirect is followed. @throws the signal's reason */
export async function exchange(url: URL, question: object, options: ExchangeOptions): Promise<Exchange> {
  const { key, timeoutMs, maxBytes, now, signal } = options;
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(timeoutMs);
  const body = Buffer.from(JSON.stringify(question));
  const nonce = randomUUID();
  const request = { is: 'request', method: 'POST', path: url.pathname, at: instantOf(now()), nonce } as const;
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        ...signedHeaders(key, request, body),
        'content-type': 'application/json',
        // What is signed is what is read, and it does not grow on the way.
        'accept-encoding': 'identity',
        'user-agent': 'Recourse-Verifiers/1',
      },
      body,
      signal: AbortSignal.any([signal, timeout]),
    });
    const { status } = response;
    if (status !== 200 && status !== 404) {
      await response.body?.cancel();
      return statusOf(response);
    }
    const read = await readUpTo(response, maxBytes);
    if (!read.isWhole) return { is: 'untrusted', why: `it is longer than ${maxBytes} bytes`, body: read.body };
    const header = (name: string) => response.headers.get(name) ?? undefined;
    const why = distrust(key, { is: 'response', status, nonce }, { header, body: read.body, nowMs: now() });
    return why === undefined
      ? { is: 'answered', isKnown: status === 200, body: read.body }
      : { is: 'untrusted', why, body: read.body };
  } catch (error) {
    signal.throwIfAborted();
    const why = timeout.aborted ? `nothing within ${timeoutMs} ms` : causeOf(error);
    return { is: 'failed', why, retryAfterMs: 0 };
  }
}

function statusOf({ status, headers }: Response): Exchange {
  if (status !== 429 && status < 500) return { is: 'refused', why: `status ${status}` };
  const seconds = headers.get('retry-after') ?? '';
  return { is: 'failed', why: `status ${status}`, retryAfterMs: /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : 0 };
}

async function readUpTo({ body }: Response, maxBytes: number): Promise<{ readonly body: Uint8Array; readonly isWhole: boolean }> {
  if (body === null) return { body: noBody, isWhole: true };
  const chunks: Uint8Array[] = [];
  let received = 0;
  // Leaving the loop early cancels the rest.
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    received += chunk.length;
    if (received > maxBytes) return { body: Buffer.concat(chunks).subarray(0, maxBytes), isWhole: false };
  }
  return { body: Buffer.concat(chunks), isWhole: true };
}

/** `fetch` hides the reason one level down. */
function causeOf(error: unknown): string {
  const { cause, name } = error as { cause?: { code?: unknown }; name?: unknown };
  return typeof cause?.code === 'string' ? cause.code : String(name);
}
