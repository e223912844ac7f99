import fc from 'fast-check';
import { maxMinor, money } from './money.js';
import { format, parse } from './text.js';

/** Reads an amount digit by digit, as one would by hand. */
function byHand(text: string, scale: number): bigint {
  let [value, decimals, pointSeen] = [0n, 0, false];
  for (const character of text) {
    if (character === '-') continue;
    if (character === '.') {
      pointSeen = true;
      continue;
    }
    value = value * 10n + BigInt(character.charCodeAt(0) - 48);
    if (pointSeen) decimals += 1;
  }
  for (; decimals < scale; decimals += 1) value *= 10n;
  return text.startsWith('-') ? -value : value;
}
const scales = [
  ['CNY', 2],
  ['USD', 2],
  ['JPY', 0],
  ['KWD', 3],
] as const;

describe('money as text', () => {
  it.each([
    ['12.34', 'CNY', 1234n],
    ['12', 'CNY', 1200n],
    ['12.3', 'CNY', 1230n],
    ['0.05', 'CNY', 5n],
    ['-0.05', 'CNY', -5n],
    ['-0', 'CNY', 0n],
    ['500', 'JPY', 500n],
    ['1.234', 'KWD', 1234n],
    ['92233720368547758.07', 'CNY', maxMinor],
  ])('reads %s %s as %s minor units', (text, asset, minor) => {
    expect(parse(text, asset)).toEqual(money(minor, asset));
  });

  it.each(['', '.', '.5', '5.', '1.234', '01', '+1', '1e2', '1E2', '1,000', ' 1', '1 ', '1\n', '--1', '١', 'Infinity', '1.2.3'])(
    'refuses %j',
    (text) => {
      expect(() => parse(text, 'CNY')).toThrow(expect.objectContaining({ code: 'Malformed' }));
    },
  );

  it('refuses decimals where the asset has none', () => {
    expect(() => parse('1.0', 'JPY')).toThrow(expect.objectContaining({ code: 'Malformed' }));
  });

  it('refuses amounts out of range and text without end', () => {
    for (const text of ['92233720368547758.08', '-92233720368547758.08', '9'.repeat(1_000_000)]) {
      expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'OutOfRange' }));
    }
  });

  it('reads every amount as one reads it by hand', () => {
    const texts = fc.constantFrom(...scales).chain(([asset, scale]) =>
      fc
        .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 14n }), fc.stringMatching(/^\d{0,3}$/))
        .map(([minus, whole, digits]) => {
          const fraction = digits.slice(0, scale);
          return { asset, scale, text: `${minus ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}` };
        }),
    );
    fc.assert(fc.property(texts, ({ asset, scale, text }) => expect(parse(text, asset).minor).toBe(byHand(text, scale))));
  });

  it('writes what it can read back, with all decimals of the asset', () => {
    expect(format(money(-5n))).toBe('-0.05');
    expect(format(money(120n))).toBe('1.20');
    expect(format(money(0n, 'KWD'))).toBe('0.000');
    expect(format(money(-500n, 'JPY'))).toBe('-500');
    fc.assert(
      fc.property(fc.bigInt({ min: -maxMinor, max: maxMinor }), fc.constantFrom(...scales), (minor, [asset, scale]) => {
        const text = format(money(minor, asset));
        expect(byHand(text, scale)).toBe(minor);
        expect(parse(text, asset)).toEqual(money(minor, asset));
      }),
    );
  });
});
