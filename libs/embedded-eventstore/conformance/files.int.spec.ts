import { rm } from 'node:fs/promises';
import { open } from 'lmdb';
import { startEventStoreNode } from '../src/index.js';
import { temporaryDirectory } from './target.js';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('a directory', () => {
  it('is free again when a lock names a living process that is another one by now', async () => {
    await (await startEventStoreNode({ directory })).stop();
    await writeMeta('owner', { pid: process.ppid, started: 'another-boot:1' });
    await (await startEventStoreNode({ directory })).stop();
  });

  it('written by a newer version is refused and left as it is', async () => {
    await (await startEventStoreNode({ directory })).stop();
    await writeMeta('format', 2);
    await expect(startEventStoreNode({ directory })).rejects.toThrow(
      `${directory} has file format 2; this version reads format 1`,
    );
    await writeMeta('format', 1);
    await (await startEventStoreNode({ directory })).stop();
  });

  async function writeMeta(key: string, value: unknown): Promise<void> {
    const root = open({ path: directory, noSubdir: false, encoding: 'binary', maxDbs: 8 });
    await root.openDB({ name: 'meta', encoding: 'json' }).put(key, value);
    await root.close();
  }
});
