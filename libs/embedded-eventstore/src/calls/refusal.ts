import { DamagedFile } from '../storage/damage.js';
import { status, type Failure, type StatusCode } from '../transport/grpc-status.js';
import { MalformedMessage } from '../wire.js';

/** A call the node refuses, as a gRPC status; `exception` and the other trailers are what clients read. */
export class Refusal extends Error {
  override name = 'Refusal';
  constructor(
    readonly code: StatusCode,
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

/** The status a call ends with; an unexpected error keeps its text to the log. */
export function failureOf(error: unknown, log: (line: string) => void): Failure {
  const refusal = error instanceof MalformedMessage ? invalid(`malformed request: ${error.message}`) : error;
  if (refusal instanceof Refusal) return { code: refusal.code, message: refusal.message, trailers: refusal.trailers };
  if (error instanceof DamagedFile) {
    log(error.message);
    return {
      code: status.DATA_LOSS,
      message: 'An event asked for is damaged on disk; the log of the node says where.',
      trailers: {},
    };
  }
  log(`unexpected error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return { code: status.INTERNAL, message: 'The node failed; its log says more.', trailers: {} };
}
