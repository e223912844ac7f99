import fc from 'fast-check';
import { maskKey } from './mask.js';

describe('a masked card key', () => {
  it('shows its last four characters', () => {
    expect(maskKey('ABCD-1234-WXYZ')).toBe('****WXYZ');
    expect(maskKey('ABCDEFGHI')).toBe('****FGHI');
    expect(maskKey('ABCDEFGH-IJ-K')).toBe('****HIJK');
  });

  it('shows nothing of a key with fewer than nine letters and digits', () => {
    expect(maskKey('')).toBe('****');
    expect(maskKey('12345678')).toBe('****');
    expect(maskKey('1234-5678')).toBe('****');
    expect(maskKey('---------')).toBe('****');
  });

  it('never shows more than four characters, nor how long the key is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (key) => {
        const masked = maskKey(key);
        expect(masked.startsWith('****')).toBe(true);
        expect([4, 8]).toContain([...masked].length);
      }),
    );
  });
});
