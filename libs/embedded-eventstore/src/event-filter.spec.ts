import { randomBytes } from 'node:crypto';
import { eventFilter, type FilterExpression } from './event-filter.js';
import { maxFilterPatternLength, maxFilterPrefixes } from './limits.js';
import { EventRecord } from './record.js';

const event = (streamName: string, type: string) =>
  EventRecord.encode(
    { id: randomBytes(16), type: Buffer.from(type), isJson: true, data: Buffer.from('{}'), metadata: Buffer.alloc(0) },
    { groupPosition: 16, position: 16, createdMs: 0, streamNumber: 1, streamName: Buffer.from(streamName), revision: 0 },
  );
const page = [
  event('order-1', 'OrderPlaced'),
  event('订单-2', 'OrderPaid'),
  event('fund-1', 'FundsReserved'),
  event('$x', '$metadata'),
];

function selected(expression: Partial<FilterExpression>): string[] {
  const filter = eventFilter({ on: 'stream', regex: '', prefixes: [], ...expression });
  return filter.select(page).map((record) => record.streamNameBytes.toString());
}

describe('a filter', () => {
  it('takes events whose stream or type begins with one of its prefixes', () => {
    expect(selected({ prefixes: ['order-', '订单'] })).toEqual(['order-1', '订单-2']);
    expect(selected({ on: 'type', prefixes: ['Funds'] })).toEqual(['fund-1']);
  });

  it('takes events whose stream or type matches its pattern', () => {
    expect(selected({ regex: '^[^$].*' })).toEqual(['order-1', '订单-2', 'fund-1']);
    expect(selected({ on: 'type', regex: '^Order(Placed|Paid)$' })).toEqual(['order-1', '订单-2']);
  });

  it('with neither takes nothing', () => {
    expect(selected({})).toEqual([]);
  });

  it('is refused if its pattern is none, or is too long, or it has too many prefixes', () => {
    expect(() => selected({ regex: '(' })).toThrow('Invalid regular expression');
    expect(() => selected({ regex: 'x'.repeat(maxFilterPatternLength + 1) })).toThrow('1024 characters');
    expect(() => selected({ prefixes: Array.from({ length: maxFilterPrefixes + 1 }, String) })).toThrow('1024 prefixes');
  });

  it('ends its call when its pattern would run for ever', () => {
    const filter = eventFilter({ on: 'type', regex: '^(a+)+$', prefixes: [] });
    expect(() => filter.select([event('s', `${'a'.repeat(60)}!`)])).toThrow('takes longer than 100 ms');
  });
});
