import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, readFile, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { syncDirectory } from '../storage/directories.js';
import { chunkFileName } from '../storage/log-files.js';
import type { Storage } from '../storage/storage.js';

/** Beside the copied chunks; written last, so that a backup without it is known to be unfinished. */
export const manifestName = 'backup.json';
const manifestFormat = 1;

export interface BackupManifest {
  format: number;
  /** ISO 8601. */
  createdAt: string;
  /** Position of the newest event in it. */
  lastPosition: number;
  files: { name: string; bytes: number; sha256: string }[];
}

/**
 * Copies the log as it is at this moment, beside live traffic, into a new or empty directory. Events that are accepted
 * meanwhile are not in it. The index is not copied: it is made from the log.
 */
export async function backUp(
  storage: Storage,
  directory: string,
  signal: AbortSignal,
  progress: (filesDone: number, files: number) => void = () => undefined,
): Promise<BackupManifest> {
  const { lastPosition } = storage;
  // The newest chunk grows while it is copied: the copy is cut where it ended when this began.
  const chunks = storage.files.all.map((chunk) => ({ file: chunk.file, bytes: chunk.isCompacted ? undefined : chunk.fileBytes }));
  await makeEmpty(directory);
  const files: BackupManifest['files'] = [];
  for (const { file, bytes } of chunks) {
    signal.throwIfAborted();
    const name = basename(file);
    files.push(await copied(file, join(directory, name), bytes));
    progress(files.length, chunks.length);
  }
  const manifest = { format: manifestFormat, createdAt: new Date().toISOString(), lastPosition, files };
  await writeDurably(join(directory, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`);
  syncDirectory(directory);
  return manifest;
}

/** Makes a node's directory from a backup, after checking every file of it. The target must be new or empty. */
export async function restoreBackup(backup: string, directory: string): Promise<BackupManifest> {
  const manifest = await readManifest(backup);
  for (const { name, bytes, sha256 } of manifest.files) {
    const found = await digest(join(backup, name));
    if (found.bytes !== bytes || found.sha256 !== sha256)
      throw new Error(`${join(backup, name)} is not the file that was backed up`);
  }
  await makeEmpty(directory);
  const log = join(directory, 'log');
  await mkdir(log, { mode: 0o700 });
  for (const { name } of manifest.files) await copied(join(backup, name), join(log, name));
  syncDirectory(log);
  syncDirectory(directory);
  return manifest;
}

async function readManifest(backup: string): Promise<BackupManifest> {
  let text: string;
  try {
    text = await readFile(join(backup, manifestName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`${backup} holds no finished backup: ${manifestName} is missing`);
  }
  const manifest = JSON.parse(text) as BackupManifest;
  if (manifest.format !== manifestFormat)
    throw new Error(`${backup} is a backup of format ${String(manifest.format)}; this version reads format ${manifestFormat}`);
  for (const { name } of manifest.files) if (!chunkFileName.test(name)) throw new Error(`${backup} names a file ${name}`);
  return manifest;
}

async function makeEmpty(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if ((await readdir(directory)).length > 0) throw new Error(`${directory} is not empty`);
}

async function copied(from: string, to: string, bytes?: number): Promise<BackupManifest['files'][number]> {
  await copyFile(from, to);
  if (bytes !== undefined) await truncate(to, bytes);
  const handle = await open(to, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { name: basename(to), ...(await digest(to)) };
}

async function digest(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(file), async (parts: AsyncIterable<Buffer>) => {
    for await (const part of parts) {
      bytes += part.length;
      hash.update(part);
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
