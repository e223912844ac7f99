import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { RecentIds } from './recent-ids.js';

describe('the newest ids', () => {
  it('are known at their newest place, the oldest forgotten', () => {
    const id = (number: number) => Buffer.alloc(16, number);
    fc.assert(
      fc.property(fc.array(fc.nat(12), { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (given, most) => {
        const ids = new RecentIds(most);
        given.forEach((number, index) => ids.remember(id(number), number, index));
        for (let number = 0; number <= 12; number++) {
          const newest = given.lastIndexOf(number);
          const isKept = newest >= 0 && newest >= given.length - most;
          expect(ids.get(id(number))).toEqual(isKept ? { streamNumber: number, revision: newest } : undefined);
        }
      }),
    );
  });

  it('are found among many', () => {
    const most = 5_000;
    const ids = new RecentIds(most);
    const given = Array.from({ length: 3 * most }, () => randomBytes(16));
    given.forEach((id, index) => ids.remember(id, 1, index));
    expect(given.map((id) => ids.get(id)?.revision)).toEqual(given.map((_, index) => (index < 2 * most ? undefined : index)));
  });
});
