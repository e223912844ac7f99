import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { MalformedMessage } from './wire.js';

/** A call the node refuses, as a gRPC status; `exception` and the other trailers are what clients read. */
export class Refusal extends Error {
  override name = 'Refusal';
  constructor(
    readonly code: status,
    message: string,
    readonly trailers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

export const invalid = (message: string) => new Refusal(status.INVALID_ARGUMENT, message);
export const unavailable = (message: string) => new Refusal(status.UNAVAILABLE, message);

export function streamDeleted(stream: string): Refusal {
  return new Refusal(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });
}

export type Failure = Partial<StatusObject> & { name: string; message: string };

/** The status a call ends with; an unexpected error keeps its text to the log. */
export function failureOf(error: unknown, log: (line: string) => void): Failure {
  const refusal = error instanceof MalformedMessage ? invalid(`malformed request: ${error.message}`) : error;
  if (refusal instanceof Refusal) {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(refusal.trailers)) metadata.set(key, headerText(value));
    return { name: refusal.name, message: refusal.message, code: refusal.code, details: refusal.message, metadata };
  }
  log(`unexpected error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return { name: 'Error', message: 'internal error', code: status.INTERNAL, details: 'The node failed; its log says more.' };
}

/** HTTP/2 header values are visible ASCII; anything else would end the call with an error of its own. */
function headerText(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value);
}
