import { hash } from 'node:crypto';

/** A UUID of version 8 (RFC 9562, name-based) from the SHA-256 of its parts. */
function uuidOf(...parts: readonly string[]): string {
  let text = '';
  for (const part of parts) text += `${Buffer.byteLength(part)}:${part}`;
  const bytes = hash('sha256', text, 'buffer').subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * The store answers a repeat of known ids at the same revision with success and looks at nothing else. So an id stands for
 * the content too: a second worker that decided the same command otherwise gets a conflict, not a false success.
 */
export const eventIdOf = (stream: string, commandId: string, index: number, content: string): string =>
  uuidOf('event', stream, commandId, String(index), content);

/** The id of the command that an action of a process or stream processor sends: one cause, one effect, however often it is sent. */
export const actionCommandId = (eventId: string, actionName: string): string => uuidOf('action', eventId, actionName);
