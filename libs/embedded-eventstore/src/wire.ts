/** What is needed of the protobuf wire format to read requests and to write stored events without a copy per field. */

export class MalformedMessage extends Error {
  override name = 'MalformedMessage';
}

/** Numbers from here on stand for int64's largest value, which a number cannot hold: the revision of a tombstone. */
export const int64Max = 2 ** 63;

export class WireReader {
  field = 0;
  private wireType = 0;

  /** Reads the message at `at` up to `end`. */
  constructor(
    private readonly bytes: Buffer,
    private at = 0,
    private readonly end = bytes.length,
  ) {}

  /** Moves to the next field; false at the end of the message. The caller reads or skips its value. */
  next(): boolean {
    if (this.at >= this.end) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0) throw new MalformedMessage('field number 0');
    return true;
  }

  uint64(): bigint {
    this.expect(0);
    const start = this.at;
    const value = this.varint();
    return this.at - start <= exactBytes ? BigInt(value) : this.bigVarint(start);
  }

  bool(): boolean {
    this.expect(0);
    return this.varint() !== 0;
  }

  /** A slice of the message, not a copy. */
  bytesValue(): Buffer {
    const start = this.skipValue();
    return this.bytes.subarray(start, this.at);
  }

  message(): WireReader {
    const start = this.skipValue();
    return new WireReader(this.bytes, start, this.at);
  }

  skip(): void {
    switch (this.wireType) {
      case 0:
        this.varint();
        return;
      case 1:
        return this.skipBytes(8);
      case 2:
        this.skipValue();
        return;
      case 5:
        return this.skipBytes(4);
      default:
        throw new MalformedMessage(`wire type ${this.wireType}`);
    }
  }

  /** Moves behind a length-delimited value; returns where it begins. */
  private skipValue(): number {
    this.expect(2);
    const length = this.varint();
    const start = this.at;
    if (length > this.end - start) throw new MalformedMessage('a length runs beyond the message');
    this.at = start + length;
    return start;
  }

  private skipBytes(count: number): void {
    if (count > this.end - this.at) throw new MalformedMessage('the message ends within a field');
    this.at += count;
  }

  private expect(wireType: number): void {
    if (this.wireType !== wireType) throw new MalformedMessage(`field ${this.field} has wire type ${this.wireType}`);
  }

  /** Exact in up to seven bytes, rounded beyond, which is enough for tags and for lengths that are too large anyway. */
  private varint(): number {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < mostBytes; index++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MalformedMessage('a varint is longer than ten bytes');
  }

  private bigVarint(start: number): bigint {
    let value = 0n;
    for (let index = start; index < this.at; index++)
      value |= BigInt((this.bytes[index] ?? 0) & 0x7f) << BigInt(7 * (index - start));
    return BigInt.asUintN(64, value);
  }

  private byte(): number {
    if (this.at >= this.end) throw new MalformedMessage('the message ends within a number');
    return this.bytes[this.at++] ?? 0;
  }
}

const exactBytes = 7;
const mostBytes = 10;

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
