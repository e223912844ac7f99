import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Storage } from '../storage/storage.js';
import { verify, type VerificationReport } from './verification.js';

/**
 * Checks a directory that no node uses: see `verify`. What a crash left unfinished is cut first, as by a start, and `log` is
 * told. Rejects if another process uses it, or, as a DamagedFile, if it cannot even be opened as it is.
 */
export async function verifyFiles(
  directory: string,
  { progress, log }: { progress?: (bytesDone: number, bytes: number) => void; log?: (line: string) => void } = {},
): Promise<VerificationReport> {
  if (!existsSync(join(directory, 'log'))) throw new Error(`${directory} holds no event store`);
  const storage = await Storage.open(directory, log && { log });
  try {
    return await verify(storage, storage.index, progress);
  } finally {
    await storage.close();
  }
}
