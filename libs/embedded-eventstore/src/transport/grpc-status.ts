/** gRPC's status codes, by the names the protocol gives them. */
export const status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusCode = (typeof status)[keyof typeof status];

/** How a call ends that does not end well. */
export interface Failure {
  code: StatusCode;
  message: string;
  trailers: Readonly<Record<string, string>>;
}

export type Trailers = Readonly<Record<string, string>>;

export const okTrailers: Trailers = { 'grpc-status': '0' };

export function trailersOf({ code, message, trailers }: Failure): Trailers {
  const custom = Object.entries(trailers).map(([key, value]) => [key, headerText(value)]);
  return { 'grpc-status': String(code), 'grpc-message': percentEncoded(message), ...Object.fromEntries(custom) };
}

/** A message may hold any text: bytes that are not visible ASCII are percent-encoded, and so is the percent sign. */
export function percentEncoded(message: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(message)) return message;
  return Array.from(Buffer.from(message), (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x25
      ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
      : String.fromCharCode(byte),
  ).join('');
}

/** HTTP/2 header values are visible ASCII; anything else would end the call with an error of its own. */
function headerText(value: string): string {
  return /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value.toWellFormed());
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** Milliseconds of a `grpc-timeout` header; undefined if it is none. */
export function timeoutMs(header: string): number | undefined {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  const scale = unit === undefined ? undefined : unitMs[unit];
  return scale === undefined ? undefined : Number(digits) * scale;
}
