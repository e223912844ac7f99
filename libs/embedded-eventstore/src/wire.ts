/** What is needed of the protobuf wire format to read requests and to write stored events without a copy per field. */

export class MalformedMessage extends Error {
  override name = 'MalformedMessage';
}

/** Numbers from here on stand for int64's largest value, which a number cannot hold: the revision of a tombstone. */
export const int64Max = 2 ** 63;

export class WireReader {
  field = 0;
  private wireType = 0;
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** Moves to the next field; false at the end of the message. The caller reads or skips its value. */
  next(): boolean {
    if (this.at >= this.bytes.length) return false;
    const tag = Number(this.varint());
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0) throw new MalformedMessage('field number 0');
    return true;
  }

  uint64(): bigint {
    this.expect(0);
    return BigInt.asUintN(64, this.varint());
  }

  bool(): boolean {
    return this.uint64() !== 0n;
  }

  /** A slice of the message, not a copy. */
  bytesValue(): Buffer {
    this.expect(2);
    const length = Number(this.varint());
    if (length > this.bytes.length - this.at) throw new MalformedMessage('a length runs beyond the message');
    const value = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return value;
  }

  message(): WireReader {
    return new WireReader(this.bytesValue());
  }

  skip(): void {
    switch (this.wireType) {
      case 0:
        this.varint();
        return;
      case 1:
        return this.skipBytes(8);
      case 2:
        this.bytesValue();
        return;
      case 5:
        return this.skipBytes(4);
      default:
        throw new MalformedMessage(`wire type ${this.wireType}`);
    }
  }

  private skipBytes(count: number): void {
    if (count > this.bytes.length - this.at) throw new MalformedMessage('the message ends within a field');
    this.at += count;
  }

  private expect(wireType: number): void {
    if (this.wireType !== wireType) throw new MalformedMessage(`field ${this.field} has wire type ${this.wireType}`);
  }

  private varint(): bigint {
    let low = 0;
    let scale = 1;
    for (let index = 0; index < 7; index++) {
      const byte = this.byte();
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(low);
      scale *= 128;
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new MalformedMessage('a varint is longer than ten bytes');
  }

  private byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new MalformedMessage('the message ends within a number');
    return byte;
  }
}

export function varintSize(value: number): number {
  if (value >= int64Max) return 9;
  let size = 1;
  for (let rest = value; rest >= 128; rest /= 128) size++;
  return size;
}

/** Writes a non-negative integer and returns the offset after it. */
export function writeVarint(target: Buffer, offset: number, value: number): number {
  if (value >= int64Max) {
    target.fill(0xff, offset, offset + 8);
    target[offset + 8] = 0x7f;
    return offset + 9;
  }
  let rest = value;
  while (rest >= 128) {
    target[offset++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  target[offset++] = rest;
  return offset;
}

/** Size of a length-delimited field with a field number below 16. */
export function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** A whole length-delimited field; `tag` is its first byte. */
export function lengthDelimited(tag: number, value: Buffer): Buffer {
  const head = Buffer.alloc(1 + varintSize(value.length), tag);
  writeVarint(head, 1, value.length);
  return Buffer.concat([head, value]);
}
