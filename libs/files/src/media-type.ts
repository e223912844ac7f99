/** What is taken. Nothing that a browser would run: no HTML, no SVG, no script. */
export const mediaTypes = [
  'image/png',
  'image/jpeg',
  'image/webp',
  'application/pdf',
  'video/mp4',
  'video/webm',
  'text/plain',
] as const;
export type MediaType = (typeof mediaTypes)[number];

const mebibyte = 1_048_576;
const maxMebibytes: Readonly<Record<MediaType, number>> = {
  'image/png': 10,
  'image/jpeg': 10,
  'image/webp': 10,
  'application/pdf': 10,
  'video/mp4': 50,
  'video/webm': 50,
  'text/plain': 1,
};
export const maxBytesOf = (type: MediaType): number => maxMebibytes[type] * mebibyte;
/** Of the largest type. */
export const maxFileBytes = Math.max(...mediaTypes.map(maxBytesOf));

const extensions: Readonly<Record<MediaType, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'application/pdf': 'pdf',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
  'text/plain': 'txt',
};
export const extensionOf = (type: MediaType): string => extensions[type];

/** How much of the beginning must be there before a content can be told from others. */
export const headBytes = 64;

const at = (head: Buffer, start: number, latin: string): boolean =>
  head.toString('latin1', start, start + latin.length) === latin;
/** Brands of MP4 files as cameras, phones and screen recorders write them; HEIC and QuickTime share the box and are others. */
const mp4Brands = ['isom', 'iso2', 'iso4', 'iso5', 'iso6', 'mp41', 'mp42', 'avc1', 'M4V ', 'MSNV', 'dash', '3gp4', '3gp5'];

const signatures: readonly (readonly [MediaType, (head: Buffer) => boolean])[] = [
  ['image/png', (head) => at(head, 0, '\x89PNG\r\n\x1a\n') && at(head, 12, 'IHDR')],
  ['image/jpeg', (head) => at(head, 0, '\xff\xd8\xff')],
  ['image/webp', (head) => at(head, 0, 'RIFF') && at(head, 8, 'WEBP')],
  ['application/pdf', (head) => at(head, 0, '%PDF-')],
  ['video/mp4', (head) => at(head, 4, 'ftyp') && mp4Brands.some((brand) => at(head, 8, brand))],
  ['video/webm', (head) => at(head, 0, '\x1a\x45\xdf\xa3') && head.includes('\x42\x82\x84webm', 0, 'latin1')],
];

const markup = /^\uFEFF?\s*(?:<|#!)/;

/**
 * What a content is, by itself: neither its name nor what its sender says counts. A signature must stand at the very
 * beginning; what has none and does not begin as markup or a script may be text, which `TextCheck` finds out.
 * @param head the first {@link headBytes} bytes, or all there are
 */
export function sniff(head: Buffer): MediaType | undefined {
  const [known] = signatures.find(([, matches]) => matches(head)) ?? [];
  if (known !== undefined) return known;
  return markup.test(head.toString('utf8')) ? undefined : 'text/plain';
}

/** Of control characters a text has tab, line feed and carriage return. */
const isStray = (code: number): boolean => (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) || code === 0x7f;

/** Whether bytes that arrive in pieces are UTF-8 text without control characters. */
export class TextCheck {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });

  /** @returns false as soon as it is no text; after that nothing more is asked */
  takes(bytes?: Uint8Array): boolean {
    let text: string;
    try {
      text = bytes === undefined ? this.decoder.decode() : this.decoder.decode(bytes, { stream: true });
    } catch {
      return false;
    }
    for (let i = 0; i < text.length; i += 1) if (isStray(text.charCodeAt(i))) return false;
    return true;
  }
}
