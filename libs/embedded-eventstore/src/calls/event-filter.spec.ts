import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { knownSubjects, maxFilterPatternLength, maxFilterPrefixes } from '../limits.js';
import { EventRecord } from '../storage/record.js';
import { eventFilter, runsStraight, type FilterExpression } from './event-filter.js';
import { PatternThread } from './pattern-thread.js';

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
const reader = { isClosed: false };
const filterOf = (expression: Partial<FilterExpression>) => eventFilter({ on: 'stream', regex: '', prefixes: [], ...expression });

let patterns: PatternThread;
beforeEach(() => {
  patterns = new PatternThread();
});
afterEach(() => patterns.close());

const names = (events: readonly EventRecord[]) => events.map((record) => record.streamNameBytes.toString());
async function selected(expression: Partial<FilterExpression>): Promise<string[]> {
  return names(await filterOf(expression).select(page, patterns, reader));
}

describe('a filter', () => {
  it('takes events whose stream or type begins with one of its prefixes', async () => {
    expect(await selected({ prefixes: ['order-', '订单'] })).toEqual(['order-1', '订单-2']);
    expect(await selected({ on: 'type', prefixes: ['Funds'] })).toEqual(['fund-1']);
    expect(await selected({ prefixes: [''] })).toHaveLength(page.length);
  });

  it('knows a prefix among any others, longer and shorter ones too', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '单'), maxLength: 5 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), fc.array(text, { maxLength: 8 }), (prefixes, streams) => {
        const expected = streams.filter((stream) => prefixes.some((prefix) => stream.startsWith(prefix)));
        const events = streams.map((stream) => event(stream, 'Tested'));
        expect(names(filterOf({ prefixes }).select(events, patterns, reader) as EventRecord[])).toEqual(expected);
      }),
    );
  });

  it('takes events whose stream or type matches its pattern', async () => {
    expect(await selected({ regex: '^[^$].*' })).toEqual(['order-1', '订单-2', 'fund-1']);
    expect(await selected({ on: 'type', regex: '^Order(Placed|Paid)$' })).toEqual(['order-1', '订单-2']);
    expect(await selected({ regex: '^(order|fund)-\\d{1,3}$' })).toEqual(['order-1', 'fund-1']);
  });

  it('with neither takes nothing', async () => {
    expect(await selected({})).toEqual([]);
  });

  it('is refused if its pattern is none, or is too long, or it has too many prefixes', () => {
    expect(() => filterOf({ regex: '(' })).toThrow('Invalid regular expression');
    expect(() => filterOf({ regex: 'x'.repeat(maxFilterPatternLength + 1) })).toThrow('1024 characters');
    expect(() => filterOf({ prefixes: Array.from({ length: maxFilterPrefixes + 1 }, String) })).toThrow('1024 prefixes');
  });

  it.each(['\\Aorder', 'order\\z', '^\\p{Lu}'])('is refused if its pattern is one of .NET only: %s', (regex) => {
    expect(() => filterOf({ regex })).toThrow('JavaScript does not know it');
  });

  it('may have an escaped backslash before any letter', async () => {
    expect(await selected({ regex: '^\\\\A' })).toEqual([]);
  });

  it('ends its call when its pattern would run for ever', async () => {
    const endless = [event('s', `${'a'.repeat(60)}!`)];
    await expect(filterOf({ on: 'type', regex: '^(a+)+$' }).select(endless, patterns, reader)).rejects.toThrow(
      'takes longer than 1000 ms',
    );
  });

  it('asks the pattern thread once for a subject it has seen before', async () => {
    const filter = filterOf({ on: 'type', regex: '^Order\\w{4}$' });
    expect(names(await filter.select(page, patterns, reader))).toEqual(['订单-2']);
    expect(filter.select(page, patterns, reader)).toEqual([page[1]]);
    expect(names(await filter.select([...page, event('order-3', 'OrderSent')], patterns, reader))).toEqual(['订单-2', 'order-3']);
  });

  it('answers for more subjects than it remembers', async () => {
    const filter = filterOf({ regex: '^order-\\d{1,9}[02468]$' });
    const many = Array.from({ length: 3 * knownSubjects }, (_, index) => event(`order-${index + 10}`, 'Tested'));
    for (let round = 0; round < 2; round++) expect(await filter.select(many, patterns, reader)).toHaveLength(many.length / 2);
  });

  it('leaves only patterns to the node’s own thread that cannot hold it up', () => {
    for (const pattern of ['^[^$].*', '^Refund(Paid|Approved)$', '^order-.*-paid$', 'Paid', '^$|^[^$]'])
      expect([pattern, runsStraight(pattern)]).toEqual([pattern, true]);
    for (const pattern of ['^(a+)+$', '.*a.*b', '^.*a.*b', '^(a|a)(a|a)(a|a)(a|a)*', 'x'.repeat(100)])
      expect([pattern, runsStraight(pattern)]).toEqual([pattern, false]);
  });
});
