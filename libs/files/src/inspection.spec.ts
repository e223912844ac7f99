import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { Inspection } from './inspection.js';
import { headBytes, maxBytesOf } from './media-type.js';
import { samples } from './sample-files.js';

async function inspect(content: Uint8Array, declared?: string, piece = content.length || 1) {
  const inspection = new Inspection(declared);
  const passed: Uint8Array[] = [];
  const pieces = function* () {
    for (let at = 0; at < content.length; at += piece) yield content.subarray(at, at + piece);
  };
  for await (const part of inspection.pass(pieces())) passed.push(part);
  return { ...inspection.inspected, passed: Buffer.concat(passed) };
}
const text = (content: string) => Buffer.from(content, 'utf8');
const refused = { code: 'TypeRefused' };

it.each(Object.entries(samples))('tells %s by its content, wherever it is cut', async (mediaType, content) => {
  for (const piece of [1, 7, headBytes, content.length]) {
    const { passed, ...found } = await inspect(content, undefined, piece);
    expect(found).toEqual({ mediaType, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') });
    expect(passed.equals(content)).toBe(true);
  }
  expect(await inspect(content, mediaType)).toMatchObject({ mediaType });
});

it.each([
  ['a page', text('<!doctype html><script>alert(1)</script>')],
  ['a page after blanks', text('\n\t <html>')],
  ['a page after a byte order mark', text('\uFEFF<html>')],
  ['a drawing that can run scripts', text('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')],
  ['XML', text('<?xml version="1.0"?><x/>')],
  ['a shell script', text('#!/bin/sh\nrm -rf /\n')],
  ['a program', Buffer.from('7f454c46020101000000000000000000', 'hex')],
  ['an archive', Buffer.from('504b030414000000', 'hex')],
  ['a picture of another kind', Buffer.from('GIF89a\x01\x00\x01\x00', 'latin1')],
  ['HEIC, which shares its first box with MP4', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1')],
  ['a signature that does not stand first', Buffer.concat([text(' '), samples['image/png']])],
  ['text of another encoding', Buffer.from([0xb2, 0xe2, 0xca, 0xd4])],
  ['text with a NUL', text('a\0b')],
  ['text cut in the middle of a character', text('测试').subarray(0, 4)],
])('refuses %s', async (_, content) => {
  await expect(inspect(content)).rejects.toMatchObject(refused);
  await expect(inspect(content, 'image/png')).rejects.toMatchObject({ code: expect.stringMatching(/^Type(Refused|Mismatch)$/) });
});

it('never believes what the sender says against the content', async () => {
  const kinds = Object.entries(samples);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...kinds), fc.string({ minLength: 1 }), async ([mediaType, content], declared) => {
      fc.pre(declared !== mediaType);
      await expect(inspect(content, declared)).rejects.toMatchObject({ code: 'TypeMismatch' });
    }),
    { numRuns: 50 },
  );
});

it('takes a picture that goes on as a page for the picture it is', async () => {
  const polyglot = Buffer.concat([samples['image/png'], text('<script>alert(1)</script>')]);
  expect(await inspect(polyglot)).toMatchObject({ mediaType: 'image/png' });
});

it('finds late what is no text', async () => {
  await expect(inspect(Buffer.concat([text('好'.repeat(50_000)), Buffer.from([0])]), undefined, 1_000)).rejects.toMatchObject(
    refused,
  );
});

it('refuses nothing at all, and reads no more than a type may have', async () => {
  await expect(inspect(Buffer.alloc(0))).rejects.toMatchObject({ code: 'Empty' });
  const limit = maxBytesOf('text/plain');
  expect(await inspect(Buffer.alloc(limit, 'a'), undefined, 100_000)).toMatchObject({ bytes: limit });
  let read = 0;
  const endless = function* () {
    for (;;) {
      read += 65_536;
      yield Buffer.alloc(65_536, 'a');
    }
  };
  const passing = (async () => {
    for await (const part of new Inspection(undefined).pass(endless())) void part;
  })();
  await expect(passing).rejects.toMatchObject({ code: 'TooLarge' });
  expect(read).toBe(limit + 65_536);
});
