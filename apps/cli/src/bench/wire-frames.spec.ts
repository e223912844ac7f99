import { randomUUID } from 'node:crypto';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import * as fc from 'fast-check';
import { batchAppended } from './ceiling-answers.js';
import { batchAnswer, framed, Messages, requestOf } from './wire-frames.js';

const { BatchAppendReq, BatchAppendResp } = streams;
const { UUID } = shared;

describe('messages', () => {
  it('come out as they went in, wherever the pieces are cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(framed));
        const incoming = new Messages();
        const received: Buffer[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
          const length = cuts[cut % cuts.length] ?? 1;
          received.push(...incoming.take(bytes.subarray(at, at + length)));
          at += length;
        }
        expect(received.map((message) => message.toString('hex'))).toEqual(
          sent.map((message) => Buffer.from(message).toString('hex')),
        );
      }),
    );
  });
});

describe('a batch request', () => {
  const correlationId = randomUUID();
  const request = new BatchAppendReq().setCorrelationId(new UUID().setString(correlationId));
  request.addProposedMessages(new BatchAppendReq.ProposedMessage().setData(Buffer.alloc(300, 1)));
  const bytes = () => Buffer.from(request.serializeBinary());

  it('tells whether it is final', () => {
    expect(requestOf(bytes()).isFinal).toBe(false);
    request.setIsFinal(true);
    expect(requestOf(bytes()).isFinal).toBe(true);
  });

  it('is answered with its own correlation id', () => {
    const { correlation } = requestOf(bytes());
    const [answer = Buffer.alloc(0)] = new Messages().take(
      batchAnswer(correlation, Buffer.from(batchAppended().serializeBinary())),
    );
    const decoded = BatchAppendResp.deserializeBinary(answer);
    expect(decoded.getCorrelationId()?.getString()).toBe(correlationId);
    expect(decoded.getSuccess()?.getPosition()?.getCommitPosition()).toBe('1000000');
  });
});
