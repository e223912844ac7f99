import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { DamagedFile } from './damage.js';

const pageBytes = 4_096;
const magic = 0xbeefc0de;

/**
 * Looks at LMDB's two meta pages before LMDB does: it maps the file into memory and trusts it, so that a wrong beginning or
 * a cut end would end the process without a word. Damage further in LMDB reports itself, and so it does zeros in place of
 * pages that were cut off; pages at the end that were never used may be missing without harm.
 */
export function checkIndexFile(file: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    if (size === 0) return;
    const bytes = Buffer.alloc(2 * pageBytes);
    readSync(descriptor, bytes, 0, bytes.length, 0);
    const [first, second] = [metaOf(bytes.subarray(0, pageBytes)), metaOf(bytes.subarray(pageBytes))];
    const newest = first && second ? (second.transaction > first.transaction ? second : first) : undefined;
    if (!newest) throw new DamagedFile(`${file} is damaged; the index can be made anew from the log`);
    if (newest.bytes > size) ftruncateSync(descriptor, newest.bytes);
  } finally {
    closeSync(descriptor);
  }
}

/** What a meta page says of itself: its transaction, and how much of the file is in use. */
function metaOf(page: Buffer): { transaction: bigint; bytes: number } | undefined {
  if (page.readUInt32LE(24) !== magic) return undefined;
  const lastPage = Number(page.readBigUInt64LE(144));
  return { transaction: page.readBigUInt64LE(152), bytes: (lastPage + 1) * page.readUInt32LE(48) };
}
