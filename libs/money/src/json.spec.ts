import fc from 'fast-check';
import { assets } from './asset.js';
import { fromJson, toJson } from './json.js';
import { maxMinor, money } from './money.js';

describe('money as JSON', () => {
  it('writes minor units as text', () => {
    expect(JSON.stringify(toJson(money(1234n)))).toBe('{"asset":"CNY","minor":"1234"}');
  });

  it('reads back what it wrote, through real JSON', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -maxMinor, max: maxMinor }), fc.constantFrom(...Object.keys(assets)), (minor, asset) => {
        const amount = money(minor, asset);
        expect(fromJson(JSON.parse(JSON.stringify(toJson(amount))))).toEqual(amount);
      }),
    );
  });

  it.each(['', '-', '+1', '01', '-01', '1.0', '1e3', ' 1', '1 ', '1\n', '0x10', '１', '1_000', 'NaN'])(
    'refuses %j as minor units',
    (minor) => {
      expect(() => fromJson({ asset: 'CNY', minor })).toThrow(expect.objectContaining({ code: 'Malformed' }));
    },
  );

  it.each([
    null,
    undefined,
    'CNY 1',
    12,
    [],
    ['CNY', '1'],
    {},
    { asset: 'CNY' },
    { asset: 'CNY', minor: 1 },
    { asset: 1, minor: '1' },
    { asset: 'CNY', minor: '1', scale: 2 },
  ])('refuses %j as money', (value) => {
    expect(() => fromJson(value)).toThrow(expect.objectContaining({ code: 'Malformed' }));
  });

  it('refuses what a bigint column cannot hold, however long the text', () => {
    expect(fromJson({ asset: 'CNY', minor: maxMinor.toString() }).minor).toBe(maxMinor);
    for (const minor of ['9223372036854775808', '-9223372036854775808', '9'.repeat(1_000_000)]) {
      expect(() => fromJson({ asset: 'CNY', minor })).toThrow(expect.objectContaining({ code: 'OutOfRange' }));
    }
  });

  it('refuses an asset it does not know', () => {
    expect(() => fromJson({ asset: '__proto__', minor: '1' })).toThrow(expect.objectContaining({ code: 'UnknownAsset' }));
  });
});
