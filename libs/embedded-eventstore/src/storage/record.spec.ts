import { randomBytes } from 'node:crypto';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { EventRecord, readFrame, tombstoneRevision, uuidText, type EventPlace, type ProposedEvent } from './record.js';

const event = (more: Partial<ProposedEvent> = {}): ProposedEvent => ({
  id: randomBytes(16),
  type: Buffer.from('KeyDelivered'),
  isJson: true,
  data: Buffer.from('{"key":"k1"}'),
  metadata: Buffer.from('{"actor":"m1"}'),
  ...more,
});
const place = (more: Partial<EventPlace> = {}): EventPlace => ({
  position: 4_096,
  groupPosition: 4_096,
  createdMs: Date.UTC(2026, 10, 22),
  streamNumber: 7,
  streamName: Buffer.from('order-1'),
  revision: 3,
  ...more,
});
const decoded = (frame: Buffer) => {
  const read = streams.ReadResp.deserializeBinary(frame).getEvent();
  if (!read) throw new Error('the frame holds no event');
  return read;
};

describe('an event record', () => {
  it('is what the generated code reads, whatever the event holds', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
    const text = fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' });
    const revision = fc.oneof(fc.maxSafeNat(), fc.constant(tombstoneRevision));
    fc.assert(
      fc.property(
        text,
        text,
        bytes,
        bytes,
        fc.boolean(),
        revision,
        fc.maxSafeNat(),
        (stream, type, data, metadata, isJson, at, position) => {
          const proposed = event({ type: Buffer.from(type), data, metadata, isJson });
          const record = EventRecord.encode(proposed, place({ streamName: Buffer.from(stream), revision: at, position }));
          const read = decoded(record.frame);
          const recorded = read.getEvent();
          expect(read.getCommitPosition()).toBe(String(position));
          expect(recorded?.getId()?.getString()).toBe(uuidText(proposed.id));
          expect(Buffer.from(recorded?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(stream);
          expect(recorded?.getStreamRevision()).toBe(at === tombstoneRevision ? '9223372036854775807' : String(at));
          expect(recorded?.getPreparePosition()).toBe(String(position));
          expect(Object.fromEntries(recorded?.getMetadataMap().toArray() ?? [])).toEqual({
            type,
            'content-type': isJson ? 'application/json' : 'application/octet-stream',
            created: `${String(Date.UTC(2026, 10, 22))}0000`,
          });
          expect(Buffer.from(recorded?.getCustomMetadata_asU8() ?? []).equals(metadata)).toBe(true);
          expect(Buffer.from(recorded?.getData_asU8() ?? []).equals(data)).toBe(true);
        },
      ),
    );
  });

  it('is read back from its bytes', () => {
    const proposed = event();
    const record = new EventRecord(Buffer.from(EventRecord.encode(proposed, place()).bytes));
    expect({
      position: record.position,
      revision: record.revision,
      createdMs: record.createdMs,
      streamNumber: record.streamNumber,
      stream: record.streamNameBytes.toString(),
      type: record.typeBytes.toString(),
      data: record.data.toString(),
      isJson: record.isJson,
      isLink: record.isLink,
    }).toEqual({
      position: 4_096,
      revision: 3,
      createdMs: Date.UTC(2026, 10, 22),
      streamNumber: 7,
      stream: 'order-1',
      type: 'KeyDelivered',
      data: '{"key":"k1"}',
      isJson: true,
      isLink: false,
    });
    expect(record.id.equals(proposed.id)).toBe(true);
  });

  it('gives its id as two numbers to those who want it so', () => {
    const id = Buffer.from('80000000000000017fffffffffffffff', 'hex');
    const read = decoded(readFrame(EventRecord.encode(event({ id }), place()), true));
    const structured = read.getEvent()?.getId()?.getStructured();
    expect(structured?.getMostSignificantBits()).toBe(String(-(2n ** 63n) + 1n));
    expect(structured?.getLeastSignificantBits()).toBe(String(2n ** 63n - 1n));
    expect(read.getEvent()?.getStreamRevision()).toBe('3');
  });

  it('shows a link beside what it points at, at the position of the link', () => {
    const target = EventRecord.encode(event(), place({ position: 16 }));
    const link = EventRecord.encode(event({ type: Buffer.from('$>') }), place({ streamName: Buffer.from('links') }));
    const resolved = decoded(readFrame(link, false, { event: target }));
    expect(resolved.getEvent()?.getCommitPosition()).toBe('16');
    expect(resolved.getLink()?.getMetadataMap().get('type')).toBe('$>');
    expect(resolved.getCommitPosition()).toBe('4096');
    const dangling = decoded(readFrame(link, false, { event: undefined }));
    expect([dangling.hasEvent(), dangling.hasLink()]).toEqual([false, true]);
  });

  it('is whole or not there: any other byte, any cut and any other position is noticed', () => {
    const record = EventRecord.encode(event(), place());
    record.endAppend();
    record.seal();
    const { bytes } = record;
    expect(EventRecord.at(bytes, 0, 4_096)?.isLastOfAppend).toBe(true);
    expect(EventRecord.at(bytes, 0, 4_112)).toBeUndefined();
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(EventRecord.at(changed, 0, 4_096)).toBeUndefined();
        expect(EventRecord.at(bytes.subarray(0, at), 0, 4_096)).toBeUndefined();
      }),
    );
  });

  it('tells whoever comes from behind where it begins', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        const { bytes } = EventRecord.encode(event({ data: Buffer.from(data) }), place());
        expect(bytes.length % 16).toBe(0);
        expect(bytes.readUInt32LE(bytes.length - 4)).toBe(bytes.length);
      }),
    );
  });
});
