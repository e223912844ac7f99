import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { constants, type FileHandle, link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VaultError } from './error.js';

/** The keys of an installation. Losing them loses every card key and every payee; they belong in a backup of their own. */
export interface KeyRing {
  /** Master keys by id, oldest first; new data keys are wrapped under the last. */
  readonly masterKeys: ReadonlyMap<string, KeyObject>;
  readonly newestId: string;
  /** Never rotated: fingerprints stand for uniqueness in the log for ever. */
  readonly fingerprintKey: KeyObject;
}

interface KeyFile {
  readonly version: 1;
  readonly masterKeys: readonly { readonly id: string; readonly key: string }[];
  readonly fingerprintKey: string;
}

const keyBytes = 32;
const maxFileBytes = 64 * 1024;
const keyIdShape = /^[A-Za-z0-9_-]{1,64}$/;

/** Writes a new key file, mode 0600, with one master key. Throws `VaultError` KeyFileExists: keys are never overwritten. */
export async function createKeyFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = await writeDraft(path, { version: 1, masterKeys: [newMasterKey()], fingerprintKey: newKey() });
  try {
    await link(draft, path); // unlike rename, link never replaces
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? new VaultError('KeyFileExists', `${path} exists and is not overwritten`) : error;
  } finally {
    await unlink(draft);
  }
  await syncDirectory(path);
}

/** Appends a master key, which all new data keys use once the vault is opened again; returns its id. */
export async function addMasterKey(path: string): Promise<string> {
  const added = newMasterKey();
  await rewrite(path, (file) => ({ ...file, masterKeys: [...file.masterKeys, added] }));
  return added.id;
}

/** Takes out an older master key after `Vault.rewrapDataKeys`. Throws `VaultError` Unknown, for the newest one too. */
export async function removeMasterKey(path: string, id: string): Promise<void> {
  await rewrite(path, (file) => {
    if (!file.masterKeys.slice(0, -1).some((entry) => entry.id === id))
      throw new VaultError('Unknown', `no older master key ${id}`);
    return { ...file, masterKeys: file.masterKeys.filter((entry) => entry.id !== id) };
  });
}

/** Throws `VaultError` KeyFileMissing, KeyFileReadableByOthers or KeyFileMalformed. */
export async function readKeyFile(path: string): Promise<KeyRing> {
  const { masterKeys, fingerprintKey } = await readFile(path);
  return {
    masterKeys: new Map(masterKeys.map(({ id, key }) => [id, secretOf(key)])),
    newestId: masterKeys.at(-1)?.id ?? '',
    fingerprintKey: secretOf(fingerprintKey),
  };
}

/** Tells two keys apart without showing either. */
export function checkValueOf(key: KeyObject): string {
  return createHmac('sha256', key).update('recourse key check').digest('hex');
}

async function readFile(path: string): Promise<KeyFile> {
  const handle = await open(path, constants.O_RDONLY).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? new VaultError('KeyFileMissing', `no key file ${path}`) : error;
  });
  try {
    const { mode, size } = await handle.stat();
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new VaultError(
        'KeyFileReadableByOthers',
        `key file ${path} is open to group or others: chmod 600 it, and think about who has read it`,
      );
    }
    if (size > maxFileBytes) throw malformed(path);
    return parse(path, await handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

function parse(path: string, text: string): KeyFile {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw malformed(path);
  }
  if (!isKeyFile(content)) throw malformed(path);
  return content;
}

function isKeyFile(content: unknown): content is KeyFile {
  if (typeof content !== 'object' || content === null) return false;
  const { version, masterKeys, fingerprintKey } = content as Partial<Record<keyof KeyFile, unknown>>;
  if (version !== 1 || !isKey(fingerprintKey) || !Array.isArray(masterKeys) || masterKeys.length === 0) return false;
  const sound = masterKeys.every((entry: unknown) => {
    const { id, key } = (entry ?? {}) as { id?: unknown; key?: unknown };
    return typeof id === 'string' && keyIdShape.test(id) && isKey(key);
  });
  return sound && new Set(masterKeys.map((entry: { id: string }) => entry.id)).size === masterKeys.length;
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && Buffer.from(value, 'base64url').length === keyBytes;
}

async function rewrite(path: string, change: (file: KeyFile) => KeyFile): Promise<void> {
  const draft = await writeDraft(path, change(await readFile(path)));
  await rename(draft, path);
  await syncDirectory(path);
}

/** The draft is on disk before it takes its place, and its fixed name keeps two changes from losing each other's key. */
async function writeDraft(path: string, content: KeyFile): Promise<string> {
  const draft = `${path}.draft`;
  const handle = await open(draft, 'wx', 0o600).catch((error: unknown) => {
    throw codeOf(error) === 'EEXIST'
      ? new VaultError('KeyFileExists', `${draft} exists: a change is under way or was cut off; remove it when none is`)
      : error;
  });
  await fill(handle, `${JSON.stringify(content, undefined, 2)}\n`);
  return draft;
}

async function fill(handle: FileHandle, text: string): Promise<void> {
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(dirname(path), constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

const newKey = () => randomBytes(keyBytes).toString('base64url');
const newMasterKey = () => ({ id: randomBytes(8).toString('hex'), key: newKey() });
const secretOf = (text: string) => createSecretKey(Buffer.from(text, 'base64url'));
const malformed = (path: string) => new VaultError('KeyFileMalformed', `${path} is not a key file of version 1`);
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
