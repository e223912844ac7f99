import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { readResponse } from './read-response.js';
import type { StoredEvent } from './stored-event.js';

interface Sent {
  readonly id: string;
  readonly stream: string;
  readonly type: string;
  readonly revision: bigint;
  readonly position: bigint;
  readonly data: string;
  readonly metadata: string;
  readonly contentType?: string;
}

/** As a server of the protocol writes it. */
function sent({ id, stream, type, revision, position, data, metadata, contentType = 'application/json' }: Sent): Buffer {
  const record = new streams.ReadResp.ReadEvent.RecordedEvent();
  record.setId(new shared.UUID().setString(id));
  record.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream)));
  record.setStreamRevision(revision.toString()).setCommitPosition(position.toString()).setPreparePosition(position.toString());
  record.getMetadataMap().set('type', type).set('content-type', contentType).set('created', '17000000000000000');
  record.setData(Buffer.from(data)).setCustomMetadata(Buffer.from(metadata));
  const resolved = new streams.ReadResp.ReadEvent().setEvent(record).setCommitPosition(position.toString());
  return Buffer.from(new streams.ReadResp().setEvent(resolved).serializeBinary());
}

function eventIn(bytes: Buffer): StoredEvent {
  const response = readResponse(bytes);
  if (response.kind !== 'event' || !response.event) throw new Error(`not an event but ${response.kind}`);
  return response.event;
}

const example: Sent = {
  id: '7f1c2a34-9b5d-4e6f-8a70-1b2c3d4e5f60',
  stream: 'order-demo.卡盟',
  type: 'OrderPlaced',
  revision: 3n,
  position: 812n,
  data: '{"product":"点卡"}',
  metadata: '{"commandId":"c"}',
};
const uint64 = fc.oneof(fc.nat().map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

it('reads every event as it was written', () => {
  fc.assert(
    fc.property(
      fc.record({
        id: fc.uuid(),
        stream: fc.string({ unit: 'grapheme', minLength: 1 }),
        type: fc.string({ minLength: 1 }),
        revision: uint64,
        position: uint64,
        data: fc.json(),
        metadata: fc.json(),
      }),
      (event) => {
        const { id, stream, type, revision, position, data, metadata } = eventIn(sent(event));
        expect({ id, stream, type, revision, position }).toEqual({
          id: event.id,
          stream: event.stream,
          type: event.type,
          revision: event.revision,
          position: event.position,
        });
        expect(data).toEqual(JSON.parse(event.data));
        expect(metadata).toEqual(JSON.parse(event.metadata));
      },
    ),
  );
});

it('reads an id in two halves as the same id', () => {
  const resp = streams.ReadResp.deserializeBinary(sent(example));
  const halves = new shared.UUID.Structured();
  halves.setMostSignificantBits(BigInt.asIntN(64, 0x7f1c2a349b5d4e6fn).toString());
  halves.setLeastSignificantBits(BigInt.asIntN(64, 0x8a701b2c3d4e5f60n).toString());
  resp.getEvent()!.getEvent()!.setId(new shared.UUID().setStructured(halves));
  expect(eventIn(Buffer.from(resp.serializeBinary())).id).toBe(example.id);
});

it('says where the server has looked and that there is nothing more', () => {
  const checkpoint = new streams.ReadResp.Checkpoint().setCommitPosition('900').setPreparePosition('900');
  expect(readResponse(Buffer.from(new streams.ReadResp().setCheckpoint(checkpoint).serializeBinary()))).toEqual({
    kind: 'checkpoint',
    position: 900n,
  });
  const caughtUp = new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());
  expect(readResponse(Buffer.from(caughtUp.serializeBinary()))).toEqual({ kind: 'caughtUp' });
});

it('takes what nobody asked for, and a link to nothing, for what they are', () => {
  const confirmation = new streams.ReadResp().setConfirmation(new streams.ReadResp.SubscriptionConfirmation());
  expect(readResponse(Buffer.from(confirmation.serializeBinary()))).toEqual({ kind: 'other' });
  const gone = new streams.ReadResp().setEvent(new streams.ReadResp.ReadEvent().setCommitPosition('5'));
  expect(readResponse(Buffer.from(gone.serializeBinary()))).toEqual({ kind: 'event', event: undefined });
});

it('refuses content that is not JSON when it is looked at, and not before', () => {
  const event = eventIn(sent({ ...example, data: '{"half":', metadata: 'none' }));
  expect(event.type).toBe('OrderPlaced');
  expect(() => event.data).toThrow(SyntaxError);
  expect(event.metadata).toBeUndefined();
});

it('refuses a message that was cut, wherever it was', () => {
  const whole = sent(example);
  for (let length = 1; length < whole.length; length += 1)
    expect(() => readResponse(whole.subarray(0, length))).toThrow(RangeError);
});
