import { fileURLToPath } from 'node:url';
import { FileError } from './error.js';
import { LocalDirectory } from './local-directory.js';
import type { Bytes } from './cipher.js';

/** Where ciphertext lies, by address. It knows neither keys nor names nor types. */
export interface FileStore {
  /** Streams into a draft that nobody else sees, as fast as the store takes it; of one that breaks off nothing stays. */
  draft(bytes: Bytes): Promise<string>;
  /** The draft is at the address from now on, whole and durable, in place of what was there. */
  place(draft: string, address: string): Promise<void>;
  /** Harmless when it is gone. */
  discard(draft: string): Promise<void>;
  /** @throws FileError Missing */
  read(address: string): AsyncIterable<Uint8Array>;
  /** Harmless twice. */
  remove(address: string): Promise<void>;
  /** Drafts of writers that died. @param before epoch milliseconds @returns how many were removed, `limit` at most */
  removeDrafts(before: number, limit: number): Promise<number>;
}

/** @param url `file:///…`, a directory that is made when it is not there @throws FileError StoreUnusable */
export async function openFileStore(url: string): Promise<FileStore> {
  if (!url.startsWith('file:///')) throw new FileError('StoreUnusable', 'the file store is a URL like file:///var/lib/recourse');
  return LocalDirectory.open(fileURLToPath(url));
}
