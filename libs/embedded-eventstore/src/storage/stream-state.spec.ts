import { randomBytes } from 'node:crypto';
import { EventRecord } from './record.js';
import {
  decodeState,
  encodeState,
  limitsFrom,
  noLimits,
  softDeleted,
  softDeletedMetadata,
  undeletedMetadata,
} from './stream-state.js';

const metadata = (data: Buffer | string, isJson = true) =>
  EventRecord.encode(
    { id: randomBytes(16), type: Buffer.from('$metadata'), isJson, data: Buffer.from(data), metadata: Buffer.alloc(0) },
    { groupPosition: 16, position: 16, createdMs: 0, streamNumber: 1, streamName: Buffer.from('$$a'), revision: 0 },
  );

describe('stream metadata', () => {
  it('limits what a reader sees', () => {
    expect(limitsFrom(metadata('{"$tb":3,"$maxCount":2,"$maxAge":60,"owner":"x"}'))).toEqual({
      truncateBefore: 3,
      maxCount: 2,
      maxAgeMs: 60_000,
    });
  });

  it('marks a soft-deleted stream by the largest int64', () => {
    expect(limitsFrom(metadata(softDeletedMetadata)).truncateBefore).toBe(softDeleted);
  });

  it.each([
    '',
    '{oops',
    '[]',
    'null',
    '{"$maxCount":"many"}',
    '{"$maxCount":0}',
    '{"$tb":-1}',
    '{"$tb":1.5}',
    '{"$maxAge":0}',
    '{"$maxCount":2,"$tb":"x"}',
    '{"$tb":1e30}',
  ])('of the form %j limits nothing', (data) => {
    expect(limitsFrom(metadata(data))).toEqual(noLimits);
  });

  it('that is not JSON limits nothing', () => {
    expect(limitsFrom(metadata('{"$tb":3}', false))).toEqual(noLimits);
  });

  it('keeps everything but $tb when the stream lives again, numbers to the digit', () => {
    const before = Buffer.from('{"owner":"x","serial":9007199254740993,"$tb":9223372036854775807}');
    expect(undeletedMetadata(before, 4).toString()).toBe('{"owner":"x","serial":9007199254740993,"$tb":4}');
  });
});

it('a stream state is read back from its bytes', () => {
  const state = {
    name: '订单-1',
    number: 7,
    lastRevision: 41,
    tombstonePosition: 0,
    limits: { ...noLimits, truncateBefore: softDeleted },
  };
  expect(decodeState(encodeState(state))).toEqual(state);
});
