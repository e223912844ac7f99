import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Storage } from '../storage/storage.js';
import { verify, type VerificationReport } from './verification.js';

/**
 * Checks a directory that no node uses: see `verify`. Rejects if another process uses it, or, as a DamagedFile, if it
 * cannot even be opened as it is.
 */
export async function verifyFiles(
  directory: string,
  progress: (bytesDone: number, bytes: number) => void = () => undefined,
): Promise<VerificationReport> {
  if (!existsSync(join(directory, 'log'))) throw new Error(`${directory} holds no event store`);
  const storage = await Storage.open(directory);
  try {
    return await verify(storage, storage.index, progress);
  } finally {
    await storage.close();
  }
}
