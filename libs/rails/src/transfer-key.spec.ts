import fc from 'fast-check';
import { isTransferKey, transferKey } from './transfer-key.js';

describe('the rail key of a transfer', () => {
  it('is fixed for life: a change here pays twice', () => {
    expect(transferKey('refund-demo-1', 1)).toBe('baae572e0a0c2093be38218d3f061b79');
    expect(transferKey('refund-demo-1', 2)).toBe('983f13c156bbc15f576f145b3cadbfba');
  });

  it('fits every rail', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.nat(), (payoutId, transferNo) =>
        isTransferKey(transferKey(payoutId, transferNo)),
      ),
    );
  });

  it('is another one for another payout or transfer, however their names run together', () => {
    const pairs = fc.tuple(fc.stringMatching(/^[a-z0-9",[\]]{1,6}$/), fc.nat(30));
    fc.assert(
      fc.property(pairs, pairs, ([payoutA, numberA], [payoutB, numberB]) => {
        const same = payoutA === payoutB && numberA === numberB;
        expect(transferKey(payoutA, numberA) === transferKey(payoutB, numberB)).toBe(same);
      }),
    );
    expect(transferKey('p1', 11)).not.toBe(transferKey('p11', 1));
  });

  it('is refused to what is no payout and no number', () => {
    expect(() => transferKey('', 1)).toThrow(RangeError);
    for (const transferNo of [-1, 1.5, Number.NaN, 2 ** 53]) expect(() => transferKey('p', transferNo)).toThrow(RangeError);
  });

  it('is lower-case hex of 32 characters and nothing else', () => {
    for (const wrong of ['', 'a'.repeat(31), 'a'.repeat(33), 'A'.repeat(32), `${'a'.repeat(31)}g`, `${'a'.repeat(32)}\n`]) {
      expect(isTransferKey(wrong)).toBe(false);
    }
  });
});
