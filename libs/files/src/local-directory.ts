import { randomUUID } from 'node:crypto';
import { constants, mkdir, open, opendir, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes } from './cipher.js';
import { FileError } from './error.js';
import type { FileStore } from './file-store.js';

const directoryMode = 0o700;
const fileMode = 0o600;
const addressShape = /^[0-9a-f]{64}$/;
const draftShape = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `{root}/{first two digits}/{address}`, and `{root}/drafts/{uuid}` until a file is whole. */
export class LocalDirectory implements FileStore {
  private constructor(
    private readonly root: string,
    private readonly drafts: string,
  ) {}

  /** @throws FileError StoreUnusable for a directory that others may look into */
  static async open(root: string): Promise<LocalDirectory> {
    const drafts = join(root, 'drafts');
    await mkdir(drafts, { recursive: true, mode: directoryMode });
    const { mode } = await stat(root);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new FileError('StoreUnusable', `${root} is open to group or others: chmod 700 it`);
    return new LocalDirectory(root, drafts);
  }

  async draft(bytes: Bytes): Promise<string> {
    const draft = randomUUID();
    const handle = await open(this.draftPath(draft), 'wx', fileMode);
    try {
      await fill(handle, bytes);
    } catch (error) {
      await this.discard(draft);
      throw error;
    }
    return draft;
  }

  async place(draft: string, address: string): Promise<void> {
    const directory = this.directoryOf(address);
    if ((await mkdir(directory, { recursive: true, mode: directoryMode })) !== undefined) await sync(this.root);
    await rename(this.draftPath(draft), join(directory, address));
    await sync(directory);
  }

  async discard(draft: string): Promise<void> {
    await unlinked(this.draftPath(draft));
  }

  async *read(address: string): AsyncGenerator<Uint8Array> {
    const handle = await open(this.pathOf(address), constants.O_RDONLY).catch((error: unknown) => {
      throw isAbsent(error) ? new FileError('Missing', 'the file store does not hold this file') : error;
    });
    try {
      for await (const chunk of handle.createReadStream({ autoClose: false })) yield chunk as Uint8Array;
    } finally {
      await handle.close();
    }
  }

  async remove(address: string): Promise<void> {
    await unlinked(this.pathOf(address));
  }

  async removeDrafts(before: number, limit: number): Promise<number> {
    let removed = 0;
    for await (const { name } of await opendir(this.drafts)) {
      if (removed === limit) break;
      if (!draftShape.test(name)) continue;
      const made = await stat(join(this.drafts, name)).catch((error: unknown) => {
        if (!isAbsent(error)) throw error;
      });
      if (made === undefined || made.mtimeMs >= before) continue;
      await this.discard(name);
      removed += 1;
    }
    return removed;
  }

  /** What is not of this shape never becomes a path. */
  private directoryOf(address: string): string {
    if (!addressShape.test(address)) throw new Error('an address is 64 hex characters');
    return join(this.root, address.slice(0, 2));
  }

  private pathOf(address: string): string {
    return join(this.directoryOf(address), address);
  }

  private draftPath(draft: string): string {
    if (!draftShape.test(draft)) throw new Error('a draft is named by a UUID');
    return join(this.drafts, draft);
  }
}

async function fill(handle: FileHandle, bytes: Bytes): Promise<void> {
  try {
    for await (const chunk of bytes) await handle.writeFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sync(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function unlinked(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
