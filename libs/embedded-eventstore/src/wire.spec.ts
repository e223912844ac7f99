import fc from 'fast-check';
import jspb from 'google-protobuf';
import { int64Max, lengthDelimited, MalformedMessage, varintSize, WireReader, writeVarint } from './wire.js';

describe('the wire format', () => {
  it('reads every uint64 that protobuf writes', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const writer = new jspb.BinaryWriter();
        writer.writeUint64String(5, String(value));
        const reader = new WireReader(Buffer.from(writer.getResultBuffer()));
        expect(reader.next() && reader.field).toBe(5);
        expect(reader.uint64()).toBe(value);
        expect(reader.next()).toBe(false);
      }),
    );
  });

  it('writes every number so that it is read back, in the size it announced', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes = Buffer.concat([Buffer.from([0x08]), Buffer.alloc(varintSize(value))]);
        expect(writeVarint(bytes, 1, value)).toBe(bytes.length);
        const reader = new WireReader(bytes);
        reader.next();
        expect(reader.uint64()).toBe(BigInt(value));
      }),
    );
  });

  it('writes the revision of a tombstone as the largest int64', () => {
    const bytes = Buffer.alloc(1 + varintSize(int64Max), 0x08);
    writeVarint(bytes, 1, int64Max);
    const reader = new WireReader(bytes);
    reader.next();
    expect(reader.uint64()).toBe(2n ** 63n - 1n);
  });

  it('skips fields it does not know', () => {
    const writer = new jspb.BinaryWriter();
    writer.writeFixed64(1, 7);
    writer.writeString(2, 'unknown');
    writer.writeFixed32(3, 7);
    writer.writeUint64(4, 7);
    writer.writeBytes(9, Buffer.from('known'));
    const reader = new WireReader(Buffer.from(writer.getResultBuffer()));
    while (reader.next() && reader.field !== 9) reader.skip();
    expect(reader.bytesValue().toString()).toBe('known');
  });

  it('answers any bytes with fields or with a malformed message, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const reader = new WireReader(Buffer.from(bytes));
        try {
          while (reader.next()) reader.skip();
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage);
        }
      }),
    );
  });

  it('refuses a length beyond the message and a field of another wire type', () => {
    const long = new WireReader(Buffer.from([0x0a, 5, 1, 2]));
    long.next();
    expect(() => long.bytesValue()).toThrow(MalformedMessage);
    const number = new WireReader(lengthDelimited(0x0a, Buffer.from('text')));
    number.next();
    expect(() => number.uint64()).toThrow(MalformedMessage);
  });
});
