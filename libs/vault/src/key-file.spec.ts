import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { addMasterKey, checkValueOf, createKeyFile, readKeyFile, removeMasterKey } from './key-file.js';

const failure = (code: string) => expect.objectContaining({ code });

describe('the key file', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vault-'));
    path = join(directory, 'keys', 'keys.json');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is made readable for its owner only, and nothing is left beside it', async () => {
    await createKeyFile(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'keys'))).toEqual(['keys.json']);
    expect((await readKeyFile(path)).masterKeys.size).toBe(1);
  });

  it('is never overwritten', async () => {
    await createKeyFile(path);
    const before = await readFile(path, 'utf8');
    await expect(createKeyFile(path)).rejects.toThrow(failure('KeyFileExists'));
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await readdir(join(directory, 'keys'))).toEqual(['keys.json']);
  });

  it('is made by one of two that start at the same time', async () => {
    const outcomes = await Promise.allSettled([createKeyFile(path), createKeyFile(path)]);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await readKeyFile(path)).masterKeys.size).toBe(1);
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o644, 0o660])('is refused when its mode is %o', async (mode) => {
    await createKeyFile(path);
    await chmod(path, mode);
    await expect(readKeyFile(path)).rejects.toThrow(failure('KeyFileReadableByOthers'));
  });

  it('is missed when it is not there', async () => {
    await expect(readKeyFile(path)).rejects.toThrow(failure('KeyFileMissing'));
  });

  it('is refused, without a word of its content, when it is not a key file', async () => {
    await createKeyFile(path);
    const sound = JSON.parse(await readFile(path, 'utf8')) as { masterKeys: object[]; fingerprintKey: string };
    const wrong: unknown[] = [
      'x',
      { ...sound, version: 2 },
      { ...sound, masterKeys: [] },
      { ...sound, masterKeys: [...sound.masterKeys, ...sound.masterKeys] },
      { ...sound, masterKeys: [{ id: 'a.b', key: sound.fingerprintKey }] },
      { ...sound, masterKeys: [null] },
      { ...sound, fingerprintKey: sound.fingerprintKey.slice(0, 20) },
    ];
    for (const content of [...wrong.map((value) => JSON.stringify(value)), '', `{"fingerprintKey":"${sound.fingerprintKey}"`]) {
      await writeFile(path, content);
      const error: unknown = await readKeyFile(path).catch((reason: unknown) => reason);
      expect(error).toEqual(failure('KeyFileMalformed'));
      expect(String(error)).not.toContain(sound.fingerprintKey.slice(0, 20));
    }
  });

  it('takes a new master key as the newest and keeps the old ones and the fingerprint key', async () => {
    await createKeyFile(path);
    const before = await readKeyFile(path);
    const added = await addMasterKey(path);
    const after = await readKeyFile(path);
    expect(after.newestId).toBe(added);
    expect([...after.masterKeys.keys()]).toEqual([before.newestId, added]);
    expect(checkValueOf(after.fingerprintKey)).toBe(checkValueOf(before.fingerprintKey));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('loses no key when two add one at the same time: one of them is told to wait', async () => {
    await createKeyFile(path);
    const outcomes = await Promise.allSettled([addMasterKey(path), addMasterKey(path)]);
    const added = outcomes.filter(({ status }) => status === 'fulfilled').length;
    expect((await readKeyFile(path)).masterKeys.size).toBe(1 + added);
  });

  it('gives up an older master key but never the newest', async () => {
    await createKeyFile(path);
    const old = (await readKeyFile(path)).newestId;
    const added = await addMasterKey(path);
    await expect(removeMasterKey(path, added)).rejects.toThrow(failure('Unknown'));
    await removeMasterKey(path, old);
    expect([...(await readKeyFile(path)).masterKeys.keys()]).toEqual([added]);
  });

  it('does not show keys when the ring is printed', async () => {
    await createKeyFile(path);
    const { fingerprintKey } = JSON.parse(await readFile(path, 'utf8')) as { fingerprintKey: string };
    const shown = inspect(await readKeyFile(path), { depth: 9, showHidden: true });
    expect(shown).not.toContain(fingerprintKey);
    expect(shown).not.toContain(Buffer.from(fingerprintKey, 'base64url').toString('hex'));
  });
});
