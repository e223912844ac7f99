import { createSecretKey, randomBytes } from 'node:crypto';
import { constants, open, writeFile } from 'node:fs/promises';
import type { RecordSource } from './record-source.js';
import type { SigningKey } from './signature.js';

export type SourceName = RecordSource['name'];
export type VerifierKeys = ReadonlyMap<SourceName, SigningKey>;

interface KeyFile {
  readonly version: 1;
  readonly keys: Readonly<Partial<Record<SourceName, { readonly id: string; readonly secret: string }>>>;
}

const sourceNames: readonly SourceName[] = ['card-activation', 'carrier-record', 'membership-entitlement'];
const secretBytes = 32;
const maxFileBytes = 64 * 1024;
const keyIdShape = /^[A-Za-z0-9_-]{1,64}$/;

/** Writes a file of new keys, mode 0600, one for each source. Never over an existing one. */
export async function createVerifierKeys(path: string): Promise<void> {
  const newKey = () => ({ id: randomBytes(8).toString('hex'), secret: randomBytes(secretBytes).toString('base64url') });
  const content: KeyFile = { version: 1, keys: Object.fromEntries(sourceNames.map((name) => [name, newKey()])) };
  await writeFile(path, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' });
}

/** @throws Error that says what is wrong with the file, and repeats nothing of it */
export async function readVerifierKeys(path: string): Promise<VerifierKeys> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    const { mode, size } = await handle.stat();
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new Error(`${path} is open to group or others: chmod 600 it, and think about who has read it`);
    if (size > maxFileBytes) throw malformed(path);
    return keysIn(path, await handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

function keysIn(path: string, text: string): VerifierKeys {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw malformed(path);
  }
  const { version, keys } = (content ?? {}) as { version?: unknown; keys?: unknown };
  if (version !== 1 || typeof keys !== 'object' || keys === null) throw malformed(path);
  return new Map(Object.entries(keys).map(([name, key]) => [sourceOf(path, name), keyOf(path, key)]));
}

function sourceOf(path: string, name: string): SourceName {
  const known = sourceNames.find((candidate) => candidate === name);
  if (known === undefined) throw malformed(path);
  return known;
}

function keyOf(path: string, key: unknown): SigningKey {
  const { id, secret } = (key ?? {}) as { id?: unknown; secret?: unknown };
  if (typeof id !== 'string' || !keyIdShape.test(id) || typeof secret !== 'string') throw malformed(path);
  const bytes = Buffer.from(secret, 'base64url');
  if (bytes.length < secretBytes) throw malformed(path);
  return { id, secret: createSecretKey(bytes) };
}

const malformed = (path: string) =>
  new Error(
    `${path} is not a file of verifier keys: version 1, and by source an id and a secret of ${secretBytes} bytes or more`,
  );
