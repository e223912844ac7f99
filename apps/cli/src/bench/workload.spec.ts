import { dataOf, eventsFrom, halfMatching, metadataOf, rarelyMatching, typeOf } from './workload.js';

const types = Array.from({ length: 1_000 }, (_, no) => typeOf(no));

it.each([halfMatching, rarelyMatching])('the prefix $prefix matches its share of the events', ({ prefix, share }) => {
  expect(types.filter((type) => type.startsWith(prefix))).toHaveLength(1_000 * share);
});

it('the last event of each hundred is the rare one', () => {
  expect(types.indexOf(typeOf(99))).toBe(99);
  expect(typeOf(199)).toBe(typeOf(99));
});

it('events are as large as real ones', () => {
  for (const no of [0, 999_999]) {
    const sizes = [dataOf(no), metadataOf(no)].map((value) => JSON.stringify(value).length);
    for (const size of sizes) {
      expect(size).toBeGreaterThan(200);
      expect(size).toBeLessThanOrEqual(300);
    }
  }
});

it('each event has an id of its own', () => {
  expect(new Set(eventsFrom(0, 50).map(({ id }) => id)).size).toBe(50);
});
