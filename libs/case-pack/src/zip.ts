import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

/** A file of a pack; its bytes are asked for when it is its turn, so that one of them is in memory at a time. */
export interface PackFile {
  /** ASCII, with slashes between folders. */
  readonly path: string;
  load(): Promise<Uint8Array>;
}
export interface ReadFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Not an archive as `zipOf` writes them. */
export class NotAPack extends Error {
  override readonly name = 'NotAPack';
}

const pathShape = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/;
const localMark = 0x0403_4b50;
const centralMark = 0x0201_4b50;
const endMark = 0x0605_4b50;
const version = 20;
/** 1980-01-01, the first day that a ZIP can name: the same content is the same archive. */
const noDate = 0x0021;
const maxFiles = 0xffff;
/** Without the 64-bit form. */
const maxBytes = 0xffff_ffff;

interface Placed {
  readonly path: string;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

/** Method "stored": what is compressed depends on the library that does it, and its bytes would with it. */
function fieldsOf({ path, crc, size }: Omit<Placed, 'offset'>): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(version, 0);
  fields.writeUInt16LE(noDate, 8);
  fields.writeUInt32LE(crc, 10);
  fields.writeUInt32LE(size, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(path.length, 22);
  return fields;
}

function marked(mark: number, ...parts: readonly Buffer[]): Buffer {
  const start = Buffer.alloc(4);
  start.writeUInt32LE(mark);
  return Buffer.concat([start, ...parts]);
}

function centralOf(placed: Placed): Buffer {
  const madeBy = Buffer.alloc(2);
  madeBy.writeUInt16LE(version);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(placed.offset, 10);
  return marked(centralMark, madeBy, fieldsOf(placed), rest, Buffer.from(placed.path, 'latin1'));
}

/**
 * An archive of these files in the order of their paths, byte for byte the same for the same content.
 * @throws RangeError for a path that is not plain or there twice, and beyond 4 GiB or 65,535 files
 */
export async function* zipOf(files: readonly PackFile[]): AsyncGenerator<Buffer, void, void> {
  const sorted = files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  if (sorted.some(({ path }, index) => !pathShape.test(path) || path === sorted[index - 1]?.path))
    throw new RangeError('paths are plain, and each is there once');
  if (sorted.length > maxFiles) throw new RangeError(`a pack has ${maxFiles} files at most`);
  const placed: Placed[] = [];
  let offset = 0;
  const grown = (by: number) => {
    offset += by;
    if (offset > maxBytes) throw new RangeError('a pack has 4 GiB at most');
  };
  for (const { path, load } of sorted) {
    const bytes = await load();
    const entry = { path, crc: crc32(bytes), size: bytes.length, offset };
    placed.push(entry);
    const head = marked(localMark, fieldsOf(entry), Buffer.from(path, 'latin1'));
    grown(head.length + bytes.length);
    yield head;
    yield Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  const start = offset;
  for (const entry of placed) {
    const central = centralOf(entry);
    grown(central.length);
    yield central;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(placed.length, 4);
  end.writeUInt16LE(placed.length, 6);
  end.writeUInt32LE(offset - start, 8);
  end.writeUInt32LE(start, 12);
  yield marked(endMark, end);
}

/** The files of an archive that `zipOf` wrote, with the whole of it accounted for. @throws NotAPack */
export async function unzip(archive: Uint8Array): Promise<readonly ReadFile[]> {
  const buffer = Buffer.from(archive.buffer, archive.byteOffset, archive.length);
  const files: ReadFile[] = [];
  let at = 0;
  while (at + 30 <= buffer.length && buffer.readUInt32LE(at) === localMark) {
    const size = buffer.readUInt32LE(at + 22);
    const length = buffer.readUInt16LE(at + 26);
    const start = at + 30 + length;
    if (start + size > buffer.length) throw new NotAPack('a file ends behind the end of the archive');
    files.push({ path: buffer.toString('latin1', at + 30, start), bytes: buffer.subarray(start, start + size) });
    at = start + size;
  }
  // Written again it must be the very same: nothing hides in dates, comments or gaps.
  let same = 0;
  try {
    for await (const part of zipOf(files.map(({ path, bytes }) => ({ path, load: () => Promise.resolve(bytes) })))) {
      if (!part.equals(buffer.subarray(same, same + part.length)))
        throw new NotAPack(`the archive differs at byte ${same} or soon after`);
      same += part.length;
    }
  } catch (error) {
    throw error instanceof RangeError ? new NotAPack(error.message) : error;
  }
  if (same !== buffer.length) throw new NotAPack('there is something behind the end of the archive');
  return files;
}
