import fc from 'fast-check';
import { WireReader } from '../wire.js';
import { readableStream, uuid } from './append-request.js';
import { sharedMessages } from './protocol.js';

const { UUID } = sharedMessages;
const read = (message: InstanceType<typeof UUID>) => uuid(new WireReader(Buffer.from(message.serializeBinary())));

describe('an id', () => {
  it('is the same as text, in any case and without dashes, and as two numbers', () => {
    fc.assert(
      fc.property(fc.uuid(), (text) => {
        const id = Buffer.from(text.replaceAll('-', ''), 'hex');
        const structured = new UUID.Structured()
          .setMostSignificantBits(String(id.readBigInt64BE(0)))
          .setLeastSignificantBits(String(id.readBigInt64BE(8)));
        const forms = [
          new UUID().setString(text),
          new UUID().setString(text.toUpperCase()),
          new UUID().setString(text.replaceAll('-', '')),
          new UUID().setStructured(structured),
        ];
        expect(forms.map(read)).toEqual([id, id, id, id]);
      }),
    );
  });

  it.each([
    '',
    'no id',
    '00000000-0000-0000-0000-00000000000',
    '00000000-0000-0000-0000-0000000000000',
    '00000000-0000-0000-0000-00000000000g',
    '0000000-00000-0000-0000-000000000000',
    '00000000--0000-0000-0000-000000000000',
    '00000000-0000-0000-0000-0000000000-00',
  ])('is not "%s"', (text) => {
    expect(read(new UUID().setString(text))).toBeUndefined();
  });
});

describe('a stream name', () => {
  it('is any UTF-8, kept as it is', () => {
    for (const name of ['s', 'müller', '\ufeffmark', '訂單']) expect(readableStream(Buffer.from(name))).toBe(name);
    expect(() => readableStream(Buffer.from([0x73, 0xff]))).toThrow('the stream name is not UTF-8');
  });
});
