import fc from 'fast-check';
import { percentEncoded, status, timeoutMs, trailersOf } from './grpc-status.js';

describe('the status of a call', () => {
  it('carries any message as visible ASCII that decodes to it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (message) => {
        const encoded = percentEncoded(message);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeURIComponent(encoded)).toBe(message);
      }),
    );
  });

  it('leaves plain text as it is', () => {
    expect(percentEncoded("Event stream 's' is deleted.")).toBe("Event stream 's' is deleted.");
  });

  it('is trailers: code, message, and what the failure adds', () => {
    const failure = { code: status.NOT_FOUND, message: '100 %', trailers: { exception: 'gone', 'stream-name': 'ü' } };
    expect(trailersOf(failure)).toEqual({
      'grpc-status': '5',
      'grpc-message': '100 %25',
      exception: 'gone',
      'stream-name': '%C3%BC',
    });
  });
});

describe('a timeout header', () => {
  it.each([
    ['2H', 7_200_000],
    ['3M', 180_000],
    ['10S', 10_000],
    ['250m', 250],
    ['5000u', 5],
    ['99999999n', 99.999999],
    ['0m', 0],
  ])('%s is %d ms', (header, ms) => {
    expect(timeoutMs(header)).toBeCloseTo(ms, 9);
  });

  it.each(['', '10', 'S', '-1S', '1.5S', '123456789S', '1s', '1S '])('"%s" is none', (header) => {
    expect(timeoutMs(header)).toBeUndefined();
  });
});
