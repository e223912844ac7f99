import { money } from '@recourse/money';
import fc from 'fast-check';
import { decodeData, decodeParsed, encodeData } from './codec.js';

const amount = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }).map((minor) => money(minor));
const { data } = fc.letrec((tie) => ({
  data: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    amount,
    fc.array(tie('data'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('data'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

it('data comes back as it was, every amount as Money', () => {
  fc.assert(fc.property(data, (given) => expect(decodeData(encodeData(given))).toEqual(given)));
});

it('what only looks like money stays what it is', () => {
  const text =
    '{"a":{"asset":"CNY","minor":5},"b":{"asset":"CNY","minor":"5","note":""},"__proto__":{"asset":"CNY","minor":"7"}}';
  const decoded = decodeData(text) as Record<string, unknown>;
  expect(decoded['a']).toEqual({ asset: 'CNY', minor: 5 });
  expect(decoded['b']).toEqual({ asset: 'CNY', minor: '5', note: '' });
  expect(Object.getOwnPropertyDescriptor(decoded, '__proto__')?.value).toEqual(money(7n));
});

it('refuses an amount that is none', () => {
  expect(() => decodeParsed({ lines: [{ asset: 'CNY', minor: '1.5' }] })).toThrow('whole number');
});
