import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { FileError } from './error.js';

/** Plaintext of one frame; the last one may have less. */
export const frameBytes = 65_536;
const tagBytes = 16;
const version = 'file v1';

export type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

interface Frame {
  readonly bytes: Buffer;
  readonly index: number;
  readonly isLast: boolean;
}

/** Only the last frame is shorter than `size`, and it is empty only where there is nothing at all. */
async function* framesOf(source: Bytes, size: number): AsyncGenerator<Frame> {
  let held: Uint8Array[] = [];
  let length = 0;
  let index = 0;
  for await (const chunk of source) {
    held.push(chunk);
    length += chunk.length;
    // A frame is let go when it is known that another follows.
    if (length <= size) continue;
    const all = Buffer.concat(held);
    let at = 0;
    for (; length - at > size; at += size) yield { bytes: all.subarray(at, at + size), index: index++, isLast: false };
    held = [all.subarray(at)];
    length -= at;
  }
  yield { bytes: Buffer.concat(held), index, isLast: true };
}

/** Where the frame stands and whether it is the last are in its nonce: frames cannot be cut off, left out or moved. */
function nonceOf({ index, isLast }: Frame): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

const boundTo = (context: readonly string[]): Buffer => Buffer.from(JSON.stringify([version, ...context]));

/**
 * AES-256-GCM in frames of 64 KiB, each followed by its tag.
 * @param key for this one content only, since nonces count from 0
 * @param context is authenticated, not stored; `decrypted` demands the same
 */
export async function* encrypted(key: KeyObject, context: readonly string[], source: Bytes): AsyncGenerator<Buffer> {
  const aad = boundTo(context);
  for await (const frame of framesOf(source, frameBytes)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(frame), { authTagLength: tagBytes });
    cipher.setAAD(aad);
    yield Buffer.concat([cipher.update(frame.bytes), cipher.final(), cipher.getAuthTag()]);
  }
}

/** Gives out what is proven only, frame by frame; a cut shows at its end. @throws FileError Tampered */
export async function* decrypted(key: KeyObject, context: readonly string[], source: Bytes): AsyncGenerator<Buffer> {
  const aad = boundTo(context);
  for await (const frame of framesOf(source, frameBytes + tagBytes)) yield open(key, aad, frame);
}

function open(key: KeyObject, aad: Buffer, frame: Frame): Buffer {
  const { bytes, index } = frame;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(frame), { authTagLength: tagBytes });
    decipher.setAAD(aad);
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]);
  } catch {
    throw new FileError('Tampered', `frame ${index} is not what was stored here`);
  }
}
