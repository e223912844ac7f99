import fc from 'fast-check';
import { PersistentMap } from './persistent-map.js';

const contents = (map: PersistentMap<number, number>) =>
  map
    .keys()
    .toSorted((a, b) => a - b)
    .map((key) => [key, map.get(key)]);

it('every version keeps what it said, in whatever order the versions are made and read', () => {
  const step = fc.record({ from: fc.nat(), key: fc.nat(5), value: fc.option(fc.nat(9), { nil: undefined }), read: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const versions = [PersistentMap.empty<number, number>()];
      const models = [new Map<number, number>()];
      for (const { from, key, value, read } of steps) {
        const at = from % versions.length;
        const model = new Map(models[at]);
        if (value === undefined) model.delete(key);
        else model.set(key, value);
        versions.push(value === undefined ? versions[at]!.without(key) : versions[at]!.with(key, value));
        models.push(model);
        const looked = read % versions.length;
        expect(contents(versions[looked]!)).toEqual([...models[looked]!].toSorted(([a], [b]) => a - b));
        expect(versions[looked]!.size).toBe(models[looked]!.size);
      }
      versions.forEach((version, i) => expect(contents(version)).toEqual([...models[i]!].toSorted(([a], [b]) => a - b)));
    }),
  );
});
