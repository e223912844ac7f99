/** As much of gRPC's framing and of a batch request as the `node:http2` ceiling needs. */
const headBytes = 5;

/** Not compressed, length, message. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, headBytes);
  return frame;
}

/** Cuts what arrives in pieces into messages. */
export class Messages {
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** A message is complete when so much is there. */
  #needed = headBytes;

  take(chunk: Buffer): Buffer[] {
    this.#rest.push(chunk);
    this.#restBytes += chunk.length;
    if (this.#restBytes < this.#needed) return [];
    const bytes = this.#rest.length === 1 ? chunk : Buffer.concat(this.#rest, this.#restBytes);
    const messages: Buffer[] = [];
    let at = 0;
    this.#needed = headBytes;
    while (bytes.length - at >= headBytes) {
      this.#needed = headBytes + bytes.readUInt32BE(at + 1);
      if (bytes.length - at < this.#needed) break;
      messages.push(bytes.subarray(at + headBytes, at + this.#needed));
      at += this.#needed;
      this.#needed = headBytes;
    }
    this.#rest = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#restBytes = bytes.length - at;
    return messages;
  }
}

const correlationTag = 0x0a;
const isFinalTag = 0x20;

/** Of a BatchAppendReq: the field of its correlation id, tag and length included, and whether the append is complete. */
export function requestOf(message: Buffer): { readonly correlation: Buffer; readonly isFinal: boolean } {
  let correlation = message.subarray(0, 0);
  let isFinal = false;
  let at = 0;
  while (at < message.length) {
    const start = at;
    const tag = message[at++] ?? 0;
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    if (tag === isFinalTag) isFinal = value !== 0;
    else at += value;
    if (tag === correlationTag) correlation = message.subarray(start, at);
  }
  return { correlation, isFinal };
}

/** Fields of a message may come in any order, so the id goes before what is the same in all answers. */
export function batchAnswer(correlation: Buffer, success: Buffer): Buffer {
  const length = correlation.length + success.length;
  const frame = Buffer.allocUnsafe(headBytes + length);
  frame[0] = 0;
  frame.writeUInt32BE(length, 1);
  correlation.copy(frame, headBytes);
  success.copy(frame, headBytes + correlation.length);
  return frame;
}
