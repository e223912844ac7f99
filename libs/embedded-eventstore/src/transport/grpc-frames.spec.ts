import fc from 'fast-check';
import { Refusal } from '../calls/refusal.js';
import { maxInboundBytes, maxRequestBytes } from '../limits.js';
import { FrameReader, packed } from './grpc-frames.js';
import { InboundBudget } from './inbound-budget.js';

const packOf = (messages: readonly Buffer[]) =>
  packed(
    messages,
    messages.reduce((sum, { length }) => sum + 5 + length, 0),
  );

function readAll(reader: FrameReader, piece: Buffer): Buffer[] {
  reader.push(piece);
  const messages: Buffer[] = [];
  for (let message = reader.next(); message; message = reader.next()) messages.push(Buffer.from(message));
  return messages;
}

const header = (flag: number, length: number) => {
  const bytes = Buffer.alloc(5, flag);
  bytes.writeUInt32BE(length, 1);
  return bytes;
};

describe('the framing of messages', () => {
  it('gives back what was packed, wherever it is cut', () => {
    const messages = fc.array(
      fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(messages, fc.array(fc.nat({ max: 3_000 }), { maxLength: 40 }), (sent, cuts) => {
        const budget = new InboundBudget();
        const reader = new FrameReader(budget);
        const bytes = packOf(sent);
        const received: Buffer[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          received.push(...readAll(reader, bytes.subarray(at, at + cut)));
          at = Math.min(at + cut, bytes.length);
        }
        expect(received).toEqual(sent);
        expect(reader.isMidMessage).toBe(false);
        expect(budget.held).toBe(0);
      }),
    );
  });

  it('gives a message that came whole without a copy', () => {
    const piece = packOf([Buffer.from('one'), Buffer.from('two')]);
    const reader = new FrameReader(new InboundBudget());
    reader.push(piece);
    reader.next();
    const second = reader.next();
    expect(second?.toString()).toBe('two');
    expect(second?.buffer).toBe(piece.buffer);
  });

  it('waits with what was not taken before the next piece', () => {
    const reader = new FrameReader(new InboundBudget());
    const bytes = packOf([Buffer.from('one'), Buffer.from('two'), Buffer.from('three')]);
    reader.push(bytes.subarray(0, 12));
    expect(reader.next()?.toString()).toBe('one');
    expect(readAll(reader, bytes.subarray(12)).map(String)).toEqual(['two', 'three']);
  });

  it('holds what has come of a message, not what was announced, and gives it back', () => {
    const budget = new InboundBudget();
    const reader = new FrameReader(budget);
    readAll(reader, Buffer.concat([header(0, maxRequestBytes), Buffer.alloc(10_000)]));
    expect(reader.isMidMessage).toBe(true);
    expect(budget.held).toBeGreaterThanOrEqual(10_000);
    expect(budget.held).toBeLessThan(50_000);
    reader.release();
    expect(budget.held).toBe(0);
  });

  it('refuses compressed messages, ones beyond the limit, and any beyond what all calls may hold', () => {
    const budget = new InboundBudget();
    expect(() => readAll(new FrameReader(budget), header(1, 4))).toThrow('the node takes no compressed messages');
    expect(() => readAll(new FrameReader(budget), header(0, maxRequestBytes + 1))).toThrow('Received message larger than max');
    budget.take(maxInboundBytes);
    expect(() => readAll(new FrameReader(budget), header(0, 1_000))).toThrow(Refusal);
  });
});
