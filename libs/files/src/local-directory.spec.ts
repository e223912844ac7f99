import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openFileStore, type FileStore } from './file-store.js';

let directory: string;
let root: string;
let store: FileStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-files-'));
  root = join(directory, 'files');
  store = await openFileStore(pathToFileURL(root).href);
});
afterEach(() => rm(directory, { recursive: true }));

const address = 'ab'.repeat(32);
const contentAt = async (at: string): Promise<string> => {
  const held: Uint8Array[] = [];
  for await (const part of store.read(at)) held.push(part);
  return Buffer.concat(held).toString();
};
const everything = async () => (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
const bytes = (...parts: string[]) => parts.map((part) => Buffer.from(part));

it('shows a file only when it is whole, for its owner only', async () => {
  const draft = await store.draft(bytes('one ', 'two'));
  await expect(contentAt(address)).rejects.toMatchObject({ code: 'Missing' });
  await store.place(draft, address);
  expect(await contentAt(address)).toBe('one two');
  const [file] = await everything();
  expect(file?.name).toBe(address);
  expect((await stat(join(root, 'ab', address))).mode & 0o777).toBe(0o600);
  for (const folder of [root, join(root, 'ab'), join(root, 'drafts')]) expect((await stat(folder)).mode & 0o777).toBe(0o700);
});

it('keeps nothing of what breaks off', async () => {
  const broken = (async function* () {
    yield Buffer.from('half');
    await Promise.resolve();
    throw new Error('the line was cut');
  })();
  await expect(store.draft(broken)).rejects.toThrow('the line was cut');
  expect(await everything()).toEqual([]);
});

it('replaces what was at the address, and forgets harmlessly', async () => {
  for (const content of ['old', 'new']) await store.place(await store.draft(bytes(content)), address);
  expect(await contentAt(address)).toBe('new');
  const draft = await store.draft(bytes('never'));
  await store.discard(draft);
  await store.discard(draft);
  await store.remove(address);
  await store.remove(address);
  expect(await everything()).toEqual([]);
});

it('removes drafts of writers that died, a few at a time, and no others', async () => {
  const old = [await store.draft(bytes('a')), await store.draft(bytes('b')), await store.draft(bytes('c'))];
  for (const draft of old) await utimes(join(root, 'drafts', draft), 1_000, 1_000);
  const young = await store.draft(bytes('d'));
  expect(await store.removeDrafts(2_000_000, 2)).toBe(2);
  expect(await store.removeDrafts(2_000_000, 2)).toBe(1);
  expect((await everything()).map(({ name }) => name)).toEqual([young]);
});

it('makes no path of anything but an address', async () => {
  const draft = await store.draft(bytes('x'));
  for (const strange of ['../../etc/passwd', 'AB'.repeat(32), '', `${address}/..`]) {
    await expect(store.place(draft, strange)).rejects.toThrow('64 hex');
    await expect(contentAt(strange)).rejects.toThrow('64 hex');
  }
  await expect(store.discard('../files')).rejects.toThrow('UUID');
});

it('is not opened where others may look, nor by a URL of another kind', async () => {
  const open = join(directory, 'open');
  await mkdir(open, { mode: 0o755 });
  await expect(openFileStore(pathToFileURL(open).href)).rejects.toMatchObject({ code: 'StoreUnusable' });
  await expect(openFileStore('s3://bucket')).rejects.toMatchObject({ code: 'StoreUnusable' });
});
