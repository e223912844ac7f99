import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Writes as fast as the reader reads, and ends quietly when he has seen enough. */
export async function print(chunks: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(chunks), process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

/** The file appears when it is whole, readable by this user only; one of that name is replaced. */
export async function writeWhole(file: string, chunks: AsyncIterable<string>): Promise<void> {
  const target = resolve(file);
  const partial = join(dirname(target), `.${randomUUID()}.partial`);
  try {
    await pipeline(Readable.from(chunks), createWriteStream(partial, { mode: 0o600, flags: 'wx', flush: true }));
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
