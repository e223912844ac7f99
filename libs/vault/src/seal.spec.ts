import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { keyIdOf, seal, unseal } from './seal.js';

const key = createSecretKey(randomBytes(32));
const tampered = expect.objectContaining({ code: 'Tampered' });
const malformed = expect.objectContaining({ code: 'Malformed' });

describe('a sealed text', () => {
  it('opens to what was sealed and names its version and key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), fc.array(fc.string(), { maxLength: 3 }), (bytes, context) => {
        const sealed = seal(key, 'k-1', context, Buffer.from(bytes));
        expect(sealed).toMatch(/^v1\.k-1\./);
        expect(keyIdOf(sealed)).toBe('k-1');
        expect(unseal(key, context, sealed)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('never looks the same twice', () => {
    const sealed = Array.from({ length: 100 }, () => seal(key, 'k', [], Buffer.from('same')));
    expect(new Set(sealed.map((text) => text.split('.')[2])).size).toBe(100);
  });

  it('does not open when one character of iv, tag or data was changed', () => {
    const parts = seal(key, 'k', ['order', '1'], Buffer.from('ABCD-1234')).split('.');
    for (const index of [2, 3, 4]) {
      const part = parts[index]!;
      const changed = (part.startsWith('A') ? 'B' : 'A') + part.slice(1);
      expect(() => unseal(key, ['order', '1'], parts.with(index, changed).join('.'))).toThrow(tampered);
    }
  });

  it('does not open in another context, however its parts are divided', () => {
    const sealed = seal(key, 'k', ['order', '12'], Buffer.from('ABCD-1234'));
    for (const context of [['order', '13'], ['order1', '2'], ['order', '12', ''], ['order12'], []]) {
      expect(() => unseal(key, context, sealed)).toThrow(tampered);
    }
  });

  it('does not open under another key', () => {
    expect(() => unseal(createSecretKey(randomBytes(32)), [], seal(key, 'k', [], Buffer.from('x')))).toThrow(tampered);
  });

  it.each([
    '',
    'v1',
    'v2.k.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.AA',
    'v1.k.AAAA.AAAAAAAAAAAAAAAAAAAAAA.AA',
    'v1.k.AAAAAAAAAAAAAAAA.AAAA.AA',
    'v1.k!.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.AA',
  ])('refuses %j as a sealed text; a shortened tag is not one', (text) => {
    expect(() => unseal(key, [], text)).toThrow(malformed);
  });
});
