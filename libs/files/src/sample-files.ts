import type { MediaType } from './media-type.js';

const latin = (content: string): Buffer => Buffer.from(content, 'latin1');

/** The smallest thing of each type that begins as the type does. */
export const samples: Readonly<Record<MediaType, Buffer>> = {
  'image/png': Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
  'image/jpeg': latin(`\xff\xd8\xff\xe0\0\x10JFIF\0${'\x01'.repeat(80)}\xff\xd9`),
  'image/webp': latin(`RIFF\x40\0\0\0WEBPVP8 ${'\x02'.repeat(60)}`),
  'application/pdf': latin(`%PDF-1.7\n%\xe2\xe3\xcf\xd3\n${'1 0 obj\n'.repeat(10)}%%EOF\n`),
  'video/mp4': latin(`\0\0\0\x18ftypmp42\0\0\0\0mp42isom${'\x03'.repeat(60)}`),
  'video/webm': latin(`\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\x82\x84webm${'\x04'.repeat(60)}`),
  'text/plain': Buffer.from('商家：确认卡密无效，24小时内给您补发\n', 'utf8'),
};
