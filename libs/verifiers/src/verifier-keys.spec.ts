import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVerifierKeys, readVerifierKeys } from './verifier-keys.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recourse-keys-'));
});
afterAll(() => rm(directory, { recursive: true }));

const written = async (content: unknown, mode = 0o600): Promise<string> => {
  const path = join(directory, `${Math.random()}.json`);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  await chmod(path, mode);
  return path;
};

it('new keys are another for each source, readable by their owner only, and never overwritten', async () => {
  const path = join(directory, 'new.json');
  await createVerifierKeys(path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const keys = await readVerifierKeys(path);
  expect([...keys.keys()]).toEqual(['card-activation', 'carrier-record', 'membership-entitlement']);
  expect(new Set([...keys.values()].map(({ secret }) => secret.export().toString('hex'))).size).toBe(3);
  await expect(createVerifierKeys(path)).rejects.toThrow('EEXIST');
});

it('a file that others may read is refused', async () => {
  await expect(readVerifierKeys(await written({ version: 1, keys: {} }, 0o640))).rejects.toThrow('chmod 600');
});

it.each([
  ['no JSON', 'secret'],
  ['another version', { version: 2, keys: {} }],
  ['an unknown source', { version: 1, keys: { horoscope: { id: 'a', secret: 'b'.repeat(43) } } }],
  ['a short secret', { version: 1, keys: { 'card-activation': { id: 'a', secret: 'c2hvcnQ' } } }],
  ['an id that is none', { version: 1, keys: { 'card-activation': { id: 'a b', secret: 'b'.repeat(43) } } }],
])('%s is no file of keys, and nothing of it is repeated', async (_, content) => {
  const error = await readVerifierKeys(await written(content)).catch((caught: unknown) => caught as Error);
  expect(String(error)).toContain('is not a file of verifier keys');
  expect(String(error)).not.toMatch(/bbbb|c2hvcnQ|horoscope/);
});
