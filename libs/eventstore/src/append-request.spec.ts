import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { appendRequest, type AppendRequest } from './append-request.js';

const request: AppendRequest = {
  correlationId: '7f1c2a34-9b5d-4e6f-8a70-1b2c3d4e5f60',
  stream: 'fund-demo.CNY.0001',
  expected: 17n,
  events: [],
  deadlineMs: 1_772_352_000_000,
};
const text = (bytes: Uint8Array | string): string => Buffer.from(bytes as Uint8Array).toString();

it('is read by the protocol as what was meant, whatever the events hold', () => {
  const event = fc.record({
    id: fc.uuid(),
    type: fc.string({ minLength: 1 }),
    data: fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 200, maxLength: 40_000 })),
    metadata: fc.string({ unit: 'grapheme' }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), (events) => {
      const read = streams.BatchAppendReq.deserializeBinary(appendRequest({ ...request, events }));
      const proposed = read.getProposedMessagesList().map((message) => ({
        id: message.getId()?.getString(),
        type: message.getMetadataMap().get('type'),
        contentType: message.getMetadataMap().get('content-type'),
        data: text(message.getData()),
        metadata: text(message.getCustomMetadata()),
      }));
      expect(proposed).toEqual(
        events.map((one) => ({ ...one, data: text(one.data), metadata: text(one.metadata), contentType: 'application/json' })),
      );
      expect(read.getIsFinal()).toBe(true);
      expect(read.getCorrelationId()?.getString()).toBe(request.correlationId);
    }),
    { numRuns: 50 },
  );
});

it('names the stream, the revision it expects and how long the answer is waited for', () => {
  const options = streams.BatchAppendReq.deserializeBinary(appendRequest(request)).getOptions();
  expect(text(options!.getStreamIdentifier()!.getStreamName())).toBe(request.stream);
  expect(options!.getStreamPosition()).toBe('17');
  expect(options!.getDeadline()!.toDate().getTime()).toBe(request.deadlineMs);
  const first = streams.BatchAppendReq.deserializeBinary(appendRequest({ ...request, expected: 'no_stream' }));
  expect(first.getOptions()!.hasNoStream()).toBe(true);
});
