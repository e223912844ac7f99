import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { type Bytes, decrypted, encrypted, frameBytes } from './cipher.js';

const key = createSecretKey(Buffer.alloc(32, 7));
const context = ['demo.D1.1/buyer'];
const sealedFrameBytes = frameBytes + 16;

async function whole(parts: Bytes): Promise<Buffer> {
  const held: Uint8Array[] = [];
  for await (const part of parts) held.push(part);
  return Buffer.concat(held);
}
const seal = (content: Buffer) => whole(encrypted(key, context, [content]));
const unseal = (sealed: Buffer, as = context, by = key) => whole(decrypted(by, as, [sealed]));
const tampered = { code: 'Tampered' };

/** Around the ends of frames, where an off-by-one would sit. */
const anyLength = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(frameBytes - 1, frameBytes, frameBytes + 1, 2 * frameBytes, 2 * frameBytes + 1),
);
const contentOf = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

it('gives back what was stored, however it arrives', async () => {
  await fc.assert(
    fc.asyncProperty(anyLength, fc.integer({ min: 1, max: 50_000 }), async (length, piece) => {
      const content = contentOf(length);
      const pieces = (all: Buffer) =>
        Array.from({ length: Math.ceil(all.length / piece) }, (_, i) => all.subarray(i * piece, (i + 1) * piece));
      const sealed = await whole(encrypted(key, context, pieces(content)));
      expect(sealed.length).toBe(length + 16 * Math.max(1, Math.ceil(length / frameBytes)));
      expect((await whole(decrypted(key, context, pieces(sealed)))).equals(content)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

it('finds any flipped bit', async () => {
  await fc.assert(
    fc.asyncProperty(anyLength, fc.nat(), fc.integer({ min: 0, max: 7 }), async (length, where, bit) => {
      const sealed = await seal(contentOf(length));
      const at = where % sealed.length;
      sealed[at] = (sealed[at] ?? 0) ^ (1 << bit);
      await expect(unseal(sealed)).rejects.toMatchObject(tampered);
    }),
    { numRuns: 60 },
  );
});

it('finds any cut, also one between two frames', async () => {
  await fc.assert(
    fc.asyncProperty(anyLength, fc.nat(), async (length, where) => {
      const sealed = await seal(contentOf(length));
      await expect(unseal(sealed.subarray(0, where % sealed.length))).rejects.toMatchObject(tampered);
    }),
    { numRuns: 40 },
  );
  const sealed = await seal(contentOf(2 * frameBytes + 5));
  for (const frames of [0, 1, 2])
    await expect(unseal(sealed.subarray(0, frames * sealedFrameBytes))).rejects.toMatchObject(tampered);
});

it('finds frames that were moved, left out, doubled or put after the end', async () => {
  const sealed = await seal(contentOf(3 * frameBytes));
  const [first, second, last] = [0, 1, 2].map((i) => sealed.subarray(i * sealedFrameBytes, (i + 1) * sealedFrameBytes)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  for (const frames of [
    [second, first, last],
    [first, last],
    [first, first, second, last],
    [first, second, last, last],
  ])
    await expect(unseal(Buffer.concat(frames))).rejects.toMatchObject(tampered);
});

it('opens only with its own key and in its own place', async () => {
  const sealed = await seal(contentOf(100));
  await expect(unseal(sealed, ['demo.D1.1/merchant'])).rejects.toMatchObject(tampered);
  await expect(unseal(sealed, context, createSecretKey(randomBytes(32)))).rejects.toMatchObject(tampered);
});
